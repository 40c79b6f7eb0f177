//! What served at an endpoint and does not any more, beside what serves: a breach that is over was one none the less.

use serde::{Deserialize, Serialize};

use crate::serving::{Serving, Share, Step};

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
