//! Endpoints: what serves there.

use probity_domain::served::Reached;
use probity_domain::serving::{Serving, Step};
use probity_projection::{InOrder, Stated, Steps, Table};
use serde::{Deserialize, Serialize};

use crate::facets::{Indexed, namespace_of};

/// Endpoint → what serves there.
pub(crate) const ENDPOINTS: Table<EndpointRecord> = Table::new(5);
/// Endpoint, moment, index → what changed there.
pub(crate) const STEPS: Steps<Step> = Steps::new(6);
/// Model, endpoint, version → that it serves there.
pub(crate) const SERVED_AT: Table<ServedAt> = Table::new(7);
/// Endpoint, index → where what it says comes from.
pub(crate) const SOURCES: Table<Vec<Stated>> = Table::new(21);

/// What is known of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointRecord {
    pub(crate) followed: InOrder<Serving>,
    /// Where the statements come from on which what serves rests.
    pub(crate) sources: Vec<Stated>,
    /// How often each version (with its model) is counted as serving here, by whether it is stopped.
    pub(crate) counted: Vec<Counted>,
    pub(crate) indexed: Indexed,
    /// What is open here concerns those alone.
    pub(crate) reached: Reached,
    /// What is open here is noted as concerning these.
    pub(crate) concerns: Vec<String>,
}

/// A version that is counted as serving at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) version: String,
    pub(crate) environment: String,
    pub(crate) suspended: bool,
}

/// That a version serves at an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServedAt {
    pub(crate) suspended: bool,
}

impl EndpointRecord {
    /// What serves.
    pub(crate) fn serving(&self) -> &Serving {
        &self.followed.value
    }

    /// What a fact about this endpoint concerns besides: the versions that serve here, and the use.
    pub(crate) fn concerned(&self) -> Vec<String> {
        self.reached.concerned(self.serving())
    }

    pub(crate) fn properties(&self, subject: &str) -> Indexed {
        let mut indexed = Indexed::new();
        let (serving, unknown) = (self.serving(), String::new());
        indexed.facet("namespace", namespace_of(subject));
        indexed.facet("state", serving.state());
        indexed.facet("environment", serving.environment.as_ref().unwrap_or(&unknown));
        indexed.facet("region", serving.region.as_ref().unwrap_or(&unknown));
        indexed.facet("use_case", serving.use_case.as_ref().unwrap_or(&unknown));
        indexed
    }

    pub(crate) fn counts(&self) -> Vec<Counted> {
        let named = self.serving().shares.iter().filter(|share| !share.version.is_empty());
        let mut counts: Vec<Counted> = named
            .map(|share| Counted {
                version: share.version.clone(),
                environment: self.serving().environment.clone().unwrap_or_default(),
                suspended: share.suspended,
            })
            .collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    }
}
