//! What served at an endpoint and does not any more, beside what serves: a breach that is over was one none the less.

use probity_schemas::Subject;
use serde::{Deserialize, Serialize};

use crate::serving::{Serving, Share, Step};

/// Versions and uses that are kept as being somebody's to have a say over, at one endpoint.
const REACHED: usize = 64;

/// The versions, and the uses, of which somebody who has a say over them said that they serve at an endpoint. What is
/// found or open there concerns those alone: anybody can claim that somebody else's model serves at an endpoint of
/// theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached(Vec<String>);

impl Reached {
    /// Notes what a step names and its signer has a say over. The last of them are kept.
    pub fn note(&mut self, step: &Step, reaches: impl Fn(&Subject) -> bool) {
        for named in step.change.names() {
            if named.parse().is_ok_and(|subject| reaches(&subject)) {
                self.0.retain(|known| known != named);
                self.0.push(named.to_owned());
            }
        }
        let too_many = self.0.len().saturating_sub(REACHED);
        self.0.drain(..too_many);
    }

    /// Whether somebody who has a say over it said so.
    #[must_use]
    pub fn contains(&self, subject: &str) -> bool {
        self.0.iter().any(|known| known == subject)
    }

    /// What a fact about the endpoint concerns besides: the versions that serve there, or are stopped there in an
    /// emergency, and the use.
    #[must_use]
    pub fn concerned(&self, serving: &Serving) -> Vec<String> {
        let served = serving.shares.iter().map(|share| &share.version);
        let mut concerned: Vec<String> =
            served.chain(&serving.use_case).filter(|subject| self.contains(subject)).cloned().collect();
        concerned.sort_unstable();
        concerned.dedup();
        concerned
    }
}

/// How many stretches are kept of an endpoint.
pub const STRETCHES: usize = 8;

/// A stretch of time in which a version answered without a break.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// What answered, as it was when it ended.
    pub share: Share,
    /// development, test, staging or production.
    pub environment: Option<String>,
    /// What for.
    pub use_case: Option<String>,
    /// When it ended, in Unix milliseconds.
    pub until_ms: u64,
    /// The statement that ended it.
    pub ended: u64,
}

/// What serves at an endpoint, and what served before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// What serves now.
    pub now: Serving,
    /// What answered and does not any more: the last [`STRETCHES`], the oldest first.
    pub before: Vec<Stretch>,
}

impl Served {
    /// Takes in the next step.
    pub fn step(&mut self, step: &Step) {
        let before: Vec<Share> = self.now.running().cloned().collect();
        let (environment, use_case) = (self.now.environment.clone(), self.now.use_case.clone());
        self.now.step(step);
        for share in before {
            if self.now.running().any(|other| goes_on(&share, other)) {
                continue;
            }
            let (environment, use_case) = (environment.clone(), use_case.clone());
            self.before.push(Stretch { share, environment, use_case, until_ms: step.at_ms, ended: step.index });
        }
        let too_many = self.before.len().saturating_sub(STRETCHES);
        self.before.drain(..too_many);
    }
}

/// Whether a share is another one at a later moment: the same version that has answered since the same statement. What
/// was seen and has got a name since is the same as well.
fn goes_on(share: &Share, later: &Share) -> bool {
    share.began == later.began && (share.version == later.version || share.version.is_empty())
}
