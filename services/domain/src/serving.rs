//! Which version serves at an endpoint, folded from what was recorded about the endpoint.
//!
//! Everything here is a fact that somebody stated, at times in another order than it happened: [`Step`]s are kept in the
//! order of their moments and folded from the first one. A *start* that is live takes over from earlier live versions of
//! the same model, since few people record the stop as well; canary and shadow versions serve beside it. Traffic that was
//! stated replaces whatever served before, except in the shadow.

use probity_schemas::deployment::{DeploymentEvent, Exposure};
use probity_schemas::{Data, Event, Subject, Timestamp, word};
use serde::{Deserialize, Serialize};

use crate::ids::model_of;

/// What one version serves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The version as text, or the model where nobody said which; empty if unknown.
    pub version: String,
    /// The digest that is said to run.
    pub digest: Option<String>,
    /// live, canary or shadow.
    pub exposure: String,
    /// Its part of the traffic.
    pub percent: Option<f64>,
    /// Of whom.
    pub segment: Option<String>,
    /// Whether it is stopped in an emergency.
    pub suspended: bool,
    /// The emergency stop that reaches it and that nobody lifted, though it was started, or seen to
    /// serve, after it.
    pub unresumed: Option<u64>,
    /// The statement since which it serves so.
    pub index: u64,
    /// The statement since which it answers without a break, whatever part of the traffic it got.
    pub began: u64,
    /// When that was, in Unix milliseconds: the latest that it can have been, and never later than it
    /// was recorded; `None` where nobody knows.
    pub began_ms: Option<u64>,
}

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

/// One statement about an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its position in the log.
    pub index: u64,
    /// The moment to sort it by, in Unix milliseconds.
    pub at_ms: u64,
    /// The earliest and the latest it can have happened; `None` where nobody knows.
    pub occurred: Option<(u64, u64)>,
    /// What it changes.
    pub change: Change,
}

/// What a statement changes about what serves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Nothing.
    #[default]
    Nothing,
    /// Somebody asks for a start.
    Requested,
    /// A version starts.
    Started {
        /// What starts.
        share: Box<Share>,
        /// development, test, staging or production.
        environment: Option<String>,
        /// Where.
        region: Option<String>,
        /// online, batch, stream or edge.
        serving: Option<String>,
        /// What for.
        use_case: Option<String>,
        /// Where answers are kept.
        log_sink: Option<String>,
    },
    /// The traffic is divided anew.
    Traffic {
        /// What each version gets.
        shares: Vec<Share>,
        /// The version the others have to beat.
        champion: Option<String>,
    },
    /// One version takes the place of another.
    Replaced {
        /// What goes; whatever is live if nobody said.
        from: Option<String>,
        /// What comes.
        to: String,
        /// Its digest.
        digest: Option<String>,
    },
    /// An emergency stop.
    Suspended {
        /// How far it reaches: version, endpoint or model.
        scope: String,
        /// The version, or one of the model.
        version: Option<String>,
    },
    /// It goes on.
    Resumed,
    /// A version stops; all of them if nobody said which.
    Stopped {
        /// The version.
        version: Option<String>,
    },
    /// Something was seen serving.
    Observed {
        /// Its digest.
        digest: Option<String>,
        /// Where.
        environment: Option<String>,
    },
    /// What was seen is this version, or nothing.
    Attributed {
        /// The version; `None` for a false alarm, or where it is still not known.
        version: Option<String>,
        /// Whether there was nothing to find.
        false_alarm: bool,
    },
}

impl Change {
    /// The versions and uses that it says serve, or are served, at its endpoint.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names: Vec<&String> = match self {
            Change::Started { share, use_case, .. } => [&share.version].into_iter().chain(use_case).collect(),
            Change::Traffic { shares, .. } => shares.iter().map(|share| &share.version).collect(),
            Change::Replaced { to, .. } => vec![to],
            Change::Attributed { version, .. } => version.iter().collect(),
            Change::Nothing
            | Change::Requested
            | Change::Suspended { .. }
            | Change::Resumed
            | Change::Stopped { .. }
            | Change::Observed { .. } => Vec::new(),
        };
        names.into_iter().map(String::as_str).filter(|name| !name.is_empty())
    }
}

fn text(subject: &Subject) -> String {
    subject.to_string()
}

impl Step {
    /// What a statement changes about its endpoint; `None` if nothing. `at_ms` is the moment to sort it by.
    #[must_use]
    pub fn of(event: &Event, index: u64, at_ms: u64) -> Option<Self> {
        let change = change(event, index)?;
        // What is said to lie ahead has happened by when it was recorded, or not at all.
        let by_then = |claimed: Timestamp| claimed.as_ms().min(at_ms);
        let occurred = event.occurred.map(|at| (by_then(at.earliest()), by_then(at.latest())));
        Some(Self { index, at_ms, occurred, change })
    }

    /// Its place among the steps of its endpoint: steps are folded in the order of their moments.
    #[must_use]
    pub fn place(&self) -> (u64, u64) {
        (self.at_ms, self.index)
    }

    /// Whether it is certain to have happened by then.
    #[must_use]
    pub fn certainly_by(&self, at_ms: u64) -> bool {
        self.occurred.is_some_and(|(_, latest)| latest <= at_ms)
    }

    /// Whether it can have happened by then.
    #[must_use]
    pub fn possibly_by(&self, at_ms: u64) -> bool {
        self.occurred.is_none_or(|(earliest, _)| earliest <= at_ms)
    }
}

fn change(event: &Event, index: u64) -> Option<Change> {
    let Data::Deployment(deployment) = &event.data else { return None };
    Some(match deployment {
        DeploymentEvent::Requested(_) => Change::Requested,
        DeploymentEvent::Started(started) => Change::Started {
            share: Box::new(Share {
                version: started.version.as_ref().map(text).unwrap_or_default(),
                digest: started.digest.map(|digest| digest.to_string()),
                exposure: word(&started.exposure.unwrap_or(Exposure::Live)),
                index,
                ..Share::default()
            }),
            environment: started.environment.as_ref().map(word),
            region: started.region.as_ref().map(ToString::to_string),
            serving: started.serving.as_ref().map(word),
            use_case: started.use_case.as_ref().map(text),
            log_sink: started.log_sink.as_ref().map(|sink| sink.uri.to_string()),
        },
        DeploymentEvent::TrafficChanged(changed) => Change::Traffic {
            shares: changed
                .allocations
                .iter()
                .map(|allocation| Share {
                    version: text(&allocation.version),
                    exposure: "live".to_owned(),
                    percent: Some(allocation.percent.get()),
                    segment: allocation.segment.as_ref().map(ToString::to_string),
                    index,
                    ..Share::default()
                })
                .collect(),
            champion: changed.champion.as_ref().map(text),
        },
        DeploymentEvent::Upgraded(upgraded) => replaced(&upgraded.from, &upgraded.to, &upgraded.to_digest),
        DeploymentEvent::Downgraded(downgraded) => replaced(&downgraded.from, &downgraded.to, &downgraded.to_digest),
        DeploymentEvent::RolledBack(rolled_back) => {
            replaced(&rolled_back.from, &rolled_back.to, &rolled_back.to_digest)
        }
        DeploymentEvent::Suspended(suspended) => {
            Change::Suspended { scope: word(&suspended.scope), version: suspended.version.as_ref().map(text) }
        }
        DeploymentEvent::Resumed(_) => Change::Resumed,
        DeploymentEvent::Stopped(stopped) => Change::Stopped { version: stopped.version.as_ref().map(text) },
        DeploymentEvent::Observed(observed) => Change::Observed {
            digest: observed.digest.map(|digest| digest.to_string()),
            environment: observed.environment.as_ref().map(word),
        },
        DeploymentEvent::Attributed(attributed) => {
            Change::Attributed { version: attributed.version.as_ref().map(text), false_alarm: attributed.false_alarm }
        }
        DeploymentEvent::Authorized(_) | DeploymentEvent::Failed(_) => return None,
    })
}

fn replaced(from: &Option<Subject>, to: &Subject, digest: &Option<probity_schemas::Digest>) -> Change {
    let digest = digest.map(|digest| digest.to_string());
    Change::Replaced { from: from.as_ref().map(text), to: text(to), digest }
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
        let began_ms = step.occurred.map(|(_, latest)| latest);
        Share { suspended: false, unresumed, index: step.index, began: step.index, began_ms, ..share }
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
        self.stops.push(stop);
    }

    fn resume(&mut self, step: &Step) {
        self.stops.clear();
        for share in &mut self.shares {
            if std::mem::take(&mut share.suspended) {
                (share.began, share.began_ms) = (step.index, step.occurred.map(|(_, latest)| latest));
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
                (share.began, share.began_ms) = (step.index, step.occurred.map(|(_, latest)| latest));
            }
        }
    }

    fn attribute(&mut self, version: &Option<String>, false_alarm: bool, step: &Step) {
        let index = step.index;
        let unknown = self.shares.iter().position(|share| share.version.is_empty());
        match (version, unknown) {
            _ if false_alarm => self.shares.retain(|share| !share.version.is_empty()),
            (Some(version), Some(position)) => {
                self.shares[position].version.clone_from(version);
                self.shares[position].index = index;
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
