//! What is said of an endpoint: one step for each statement, of what changes there.

use probity_schemas::deployment::{DeploymentEvent, Exposure};
use probity_schemas::{Data, Event, Subject, Timestamp, word};
use serde::{Deserialize, Serialize};

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
    /// was recorded. Of what nobody knows when it was, it is known that it had been by then.
    pub began_ms: u64,
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
