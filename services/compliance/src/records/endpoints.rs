//! What serves at endpoints, and what was let through.

use probity_domain::serving::{Serving, Share, Step};
use probity_domain::{Bytes, Purpose, Use, VersionId};
use probity_projection::{InOrder, Key, Stated, Steps, Table};
use probity_schemas::shared::Environment;
use probity_schemas::{Digest, Namespace, Subject};
use serde::{Deserialize, Serialize};

use super::byte;

/// Endpoint → what serves there.
pub(crate) const ENDPOINTS: Table<EndpointState> = Table::new(byte::ENDPOINTS);
/// What happened at endpoints.
pub(crate) const STEPS: Steps<Step> = Steps::new(byte::STEPS);
/// Endpoint, index → where what it says comes from.
pub(crate) const SOURCES: Table<Vec<Stated>> = Table::new(byte::SOURCES);

/// What is known of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointState {
    pub(crate) followed: InOrder<Serving>,
    /// What each version was let through for, the last time.
    pub(crate) authorized: Vec<Authorized>,
    /// What is known of the statements since which each version serves.
    pub(crate) sources: Vec<Stated>,
    /// The versions that are noted as serving here.
    pub(crate) noted: Vec<String>,
}

/// What a version was let through for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Authorized {
    pub(crate) version: String,
    pub(crate) use_case: Option<String>,
}

impl EndpointState {
    /// What a share is for: as was said when it started, or else as it was let through. `None` where no
    /// version is known.
    pub(crate) fn purpose(&self, share: &Share) -> Option<Purpose> {
        let serving = &self.followed.value;
        let authorized = self.authorized.iter().find(|authorized| authorized.version == share.version);
        let use_case = serving.use_case.as_ref().or_else(|| authorized?.use_case.as_ref());
        let use_case = use_case.and_then(|used| used.parse().ok());
        Some(Purpose {
            version: VersionId::parse(&share.version)?,
            namespace: namespace(&share.version)?,
            bytes: share.digest.as_ref().and_then(|digest| digest.parse().ok()).map_or(Bytes::Unstated, Bytes::Digest),
            use_case: use_case.map_or(Use::Unstated, Use::Case),
            environment: Some(self.environment()),
        })
    }

    /// Where it serves. An endpoint of which it was not said is taken to be in production: rather a
    /// question too many than one too few.
    pub(crate) fn environment(&self) -> Environment {
        let stated = self.followed.value.environment.clone();
        let stated = stated.and_then(|word| serde_json::from_value(serde_json::Value::String(word)).ok());
        stated.unwrap_or(Environment::Production)
    }
}

/// The namespace of a subject.
pub(crate) fn namespace(subject: &str) -> Option<Namespace> {
    subject.parse::<Subject>().ok().map(|subject| subject.namespace)
}

/// The digest that is shown of what serves.
pub(crate) fn shown(bytes: &Bytes) -> Option<&Digest> {
    match bytes {
        Bytes::Digest(digest) => Some(digest),
        Bytes::Unstated => None,
    }
}

pub(crate) fn endpoint_key(endpoint: &str) -> Key {
    ENDPOINTS.key().text(endpoint)
}
