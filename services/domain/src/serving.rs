//! Which version serves at an endpoint, folded from what was recorded about the endpoint.
//!
//! Everything here is a fact that somebody stated, at times in another order than it happened: [`Step`]s are kept in the
//! order of their moments and folded from the first one. A *start* that is live takes over from earlier live versions of
//! the same model, since few people record the stop as well; canary and shadow versions serve beside it. Traffic that was
//! stated replaces whatever served before, except in the shadow.

use serde::{Deserialize, Serialize};

use crate::gathering::MOST_SERVING;
use crate::ids::model_of;
pub use crate::steps::{Change, Share, Step};

/// An emergency stop that nobody lifted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// How far it reaches: version, endpoint or model.
    pub scope: String,
    /// The version, or one of the model.
    pub version: Option<String>,
    /// Where it was recorded.
    pub index: u64,
}

impl Stop {
    fn reaches(&self, share: &Share) -> bool {
        match (self.scope.as_str(), self.version.as_deref()) {
            ("version", Some(version)) => share.version == version,
            ("model", Some(version)) => model_of(&share.version) == model_of(version),
            // Of a version or a model that nobody named: whatever serves.
            _ => true,
        }
    }
}

/// What serves at an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// The versions.
    pub shares: Vec<Share>,
    /// development, test, staging or production.
    pub environment: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// online, batch, stream or edge.
    pub serving: Option<String>,
    /// What for.
    pub use_case: Option<String>,
    /// The version the others have to beat.
    pub champion: Option<String>,
    /// Where answers are kept.
    pub log_sink: Option<String>,
    /// Whether it was seen serving and nobody has said yet what it is.
    pub observed: Option<u64>,
    /// Whether a start was asked for and nothing has started yet.
    pub requested: bool,
    /// Emergency stops that nobody lifted.
    pub stops: Vec<Stop>,
    /// The statements this rests on, the last of each kind.
    pub indices: Vec<u64>,
}

impl Serving {
    /// running, suspended, stopped, observed or requested.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match () {
            () if self.observed.is_some() => "observed",
            () if self.shares.iter().any(|share| !share.suspended) => "running",
            () if !self.shares.is_empty() => "suspended",
            () if self.requested => "requested",
            () => "stopped",
        }
    }

    /// The versions that answer now: what serves and is not stopped in an emergency.
    pub fn running(&self) -> impl Iterator<Item = &Share> {
        self.shares.iter().filter(|share| !share.suspended)
    }
}

impl Serving {
    /// What serves after these steps, which must be in the order of their moments.
    #[must_use]
    pub fn after<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Self {
        let mut serving = Self::default();
        steps.into_iter().for_each(|step| serving.step(step));
        serving
    }

    /// Takes in the next step.
    pub fn step(&mut self, step: &Step) {
        match &step.change {
            Change::Nothing => return,
            Change::Requested => self.requested = self.shares.is_empty(),
            Change::Started { share, environment, region, serving, use_case, log_sink } => {
                self.start(self.as_it_comes((**share).clone(), step));
                for (kept, stated) in [
                    (&mut self.environment, environment),
                    (&mut self.region, region),
                    (&mut self.serving, serving),
                    (&mut self.use_case, use_case),
                    (&mut self.log_sink, log_sink),
                ] {
                    if stated.is_some() {
                        kept.clone_from(stated);
                    }
                }
                self.requested = false;
            }
            Change::Traffic { shares, champion } => self.divide(shares, champion, step),
            Change::Replaced { from, to, digest } => self.replace(from.as_deref(), to, digest, step),
            Change::Suspended { scope, version } => {
                self.suspend(Stop { scope: scope.clone(), version: version.clone(), index: step.index });
            }
            Change::Resumed => self.resume(step),
            Change::Stopped { version: Some(version) } => {
                self.shares.retain(|share| share.version != *version);
                self.stops.retain(|stop| stop.scope != "version" || stop.version.as_ref() != Some(version));
            }
            Change::Stopped { version: None } => {
                self.shares.clear();
                self.stops.clear();
                self.observed = None;
            }
            Change::Observed { digest, environment } => self.observe(digest, environment, step),
            Change::Attributed { version, false_alarm } => self.attribute(version, *false_alarm, step),
        }
        // Few people record the end of what serves in the shadow: of too many, the first are taken to have ended.
        let too_many = self.shares.len().saturating_sub(MOST_SERVING);
        self.shares.drain(..too_many);
        self.rest_on(step.index);
    }

    /// What serves now rests on this statement, and on those since which each version serves.
    fn rest_on(&mut self, index: u64) {
        let since = |share: &Share| [Some(share.index), Some(share.began), share.unresumed];
        let mut indices: Vec<u64> = self.shares.iter().flat_map(since).flatten().collect();
        indices.extend(self.observed);
        indices.push(index);
        indices.sort_unstable();
        indices.dedup();
        self.indices = indices;
    }

    /// A share that begins with this step. What comes to serve although a stop that reaches it holds, serves: a
    /// fact is not undone by what should have been. That nobody resumed it is noted.
    fn as_it_comes(&self, share: Share, step: &Step) -> Share {
        let unresumed = self.stops.iter().find(|stop| stop.reaches(&share)).map(|stop| stop.index);
        let (began, began_ms) = (step.index, step.at_ms);
        Share { suspended: false, unresumed, index: step.index, began, began_ms, ..share }
    }

    fn start(&mut self, share: Share) {
        let model = model_of(&share.version).to_owned();
        let takes_over = share.exposure == "live";
        self.shares.retain(|other| {
            let same = other.version == share.version;
            let replaced = takes_over && other.exposure == "live" && model_of(&other.version) == model;
            !same && !replaced
        });
        self.shares.push(share);
    }

    fn divide(&mut self, shares: &[Share], champion: &Option<String>, step: &Step) {
        let before = std::mem::take(&mut self.shares);
        let find = |version: &str| before.iter().find(|share| share.version == version);
        for share in shares.iter().filter(|share| share.percent.is_none_or(|percent| percent > 0.0)) {
            let (exposure, percent, segment) = (share.exposure.clone(), share.percent, share.segment.clone());
            let divided = match find(&share.version) {
                Some(earlier) => Share { index: step.index, exposure, percent, segment, ..earlier.clone() },
                None => self.as_it_comes(share.clone(), step),
            };
            self.shares.push(divided);
        }
        // Nobody sees the answers of the shadow, so it has no part of the traffic and loses none.
        let named = |version: &str| shares.iter().any(|share| share.version == version);
        self.shares.extend(before.iter().filter(|share| share.exposure == "shadow" && !named(&share.version)).cloned());
        if champion.is_some() {
            self.champion.clone_from(champion);
        }
    }

    fn replace(&mut self, from: Option<&str>, to: &str, digest: &Option<String>, step: &Step) {
        let goes = |share: &Share| match from {
            Some(from) => share.version == from,
            None => share.exposure != "shadow",
        };
        let (gone, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.shares).into_iter().partition(goes);
        self.shares = stay;
        self.shares.retain(|share| share.version != to);
        let percent = match gone.as_slice() {
            [one] => one.percent,
            _ => None,
        };
        let suspended = !gone.is_empty() && gone.iter().all(|share| share.suspended);
        let comes = Share {
            version: to.to_owned(),
            digest: digest.clone(),
            exposure: gone.first().map_or_else(|| "live".to_owned(), |share| share.exposure.clone()),
            percent,
            ..Share::default()
        };
        let comes = self.as_it_comes(comes, step);
        // Replaced while it was stopped: what comes is stopped as well.
        self.shares.push(match suspended {
            true => Share { suspended, unresumed: None, ..comes },
            false => comes,
        });
        if self.champion.as_deref().is_some_and(|champion| Some(champion) == from) {
            self.champion = Some(to.to_owned());
        }
    }

    fn suspend(&mut self, stop: Stop) {
        // What is not known to serve here is none the less stopped: rather everything than nothing.
        let everything = !self.shares.iter().any(|share| stop.reaches(share));
        for share in self.shares.iter_mut().filter(|share| everything || stop.reaches(share)) {
            (share.suspended, share.unresumed) = (true, None);
        }
        // A stop of what is not here stops what is.
        let stop = match everything && !self.shares.is_empty() {
            true => Stop { scope: "endpoint".to_owned(), version: None, ..stop },
            false => stop,
        };
        // Said again, it is the same stop.
        if self.stops.iter().any(|known| known.scope == stop.scope && known.version == stop.version) {
            return;
        }
        self.stops.push(stop);
        // Of too many, one of everything is left: rather everything than nothing.
        if self.stops.len() > MOST_SERVING {
            let index = self.stops[0].index;
            self.stops = vec![Stop { scope: "endpoint".to_owned(), version: None, index }];
            self.shares.iter_mut().for_each(|share| (share.suspended, share.unresumed) = (true, None));
        }
    }

    fn resume(&mut self, step: &Step) {
        self.stops.clear();
        for share in &mut self.shares {
            if std::mem::take(&mut share.suspended) {
                (share.began, share.began_ms) = (step.index, step.at_ms);
            }
            share.unresumed = None;
        }
    }

    fn observe(&mut self, digest: &Option<String>, environment: &Option<String>, step: &Step) {
        let index = step.index;
        let seen = |share: &Share| digest.is_none() || share.digest == *digest;
        let known = self.shares.iter().any(seen);
        // Without a digest nobody knows which of several was seen.
        let answers = self.shares.iter().any(|share| !share.suspended && seen(share));
        let lone = self.shares.len() == 1 || digest.is_some();
        if !answers && lone {
            self.still_serves(seen, step);
        }
        if self.environment.is_none() {
            self.environment.clone_from(environment);
        }
        if !known {
            self.observed = Some(index);
            let share = Share { digest: digest.clone(), exposure: "live".to_owned(), ..Share::default() };
            let share = self.as_it_comes(share, step);
            self.shares.retain(|share| !share.version.is_empty());
            self.shares.push(share);
        }
    }

    /// What was stopped in an emergency is seen to serve.
    fn still_serves(&mut self, seen: impl Fn(&Share) -> bool, step: &Step) {
        for share in &mut self.shares {
            if share.suspended && seen(share) {
                share.suspended = false;
                share.unresumed = self.stops.iter().find(|stop| stop.reaches(share)).map(|stop| stop.index);
                (share.began, share.began_ms) = (step.index, step.at_ms);
            }
        }
    }

    fn attribute(&mut self, version: &Option<String>, false_alarm: bool, step: &Step) {
        let index = step.index;
        let unknown = self.shares.iter().position(|share| share.version.is_empty());
        match (version, unknown) {
            _ if false_alarm => self.shares.retain(|share| !share.version.is_empty()),
            (Some(version), Some(position)) => {
                let seen = self.shares.remove(position);
                let seen = Share { version: version.clone(), index, ..seen };
                match self.shares.iter_mut().find(|share| share.version == *version) {
                    // It was known to serve, and is the same still, unless it was stopped and serves none the less.
                    Some(known) if known.suspended && !seen.suspended => *known = seen,
                    Some(known) => known.digest = known.digest.take().or(seen.digest),
                    None => self.shares.insert(position, seen),
                }
            }
            (Some(version), None) if !self.shares.iter().any(|share| share.version == *version) => {
                let share = Share { version: version.clone(), exposure: "live".to_owned(), ..Share::default() };
                self.shares.push(self.as_it_comes(share, step));
            }
            _ => return,
        }
        self.observed = None;
    }
}
