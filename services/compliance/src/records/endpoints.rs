//! What serves at endpoints, and what was let through.

use probity_domain::served::{Reached, Served, Stretch};
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

/// Versions of which it is kept what they were let through for, at one endpoint: more than serve there at a time.
const AUTHORIZED: usize = 256;

/// What is known of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointState {
    pub(crate) followed: InOrder<Served>,
    /// What each version was let through for, the last time.
    pub(crate) authorized: Vec<Authorized>,
    /// What is known of the statements since which each version serves, or served.
    pub(crate) sources: Vec<Stated>,
    /// The versions that are noted as serving here.
    pub(crate) noted: Vec<String>,
    /// The versions that are noted as having served here.
    pub(crate) noted_before: Vec<String>,
    /// What is found here is found for those alone.
    pub(crate) reached: Reached,
    /// What is open about this endpoint is noted as concerning these.
    pub(crate) concerns: Vec<String>,
}

/// What a version was let through for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Authorized {
    pub(crate) version: String,
    pub(crate) use_case: Option<String>,
}

/// A version that answers at an endpoint, or did, and under which conditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay<'a> {
    pub(crate) share: &'a Share,
    /// Where it serves. An endpoint of which it was not said is taken to be in production: rather a
    /// question too many than one too few.
    pub(crate) environment: Environment,
    /// What for.
    pub(crate) use_case: Option<&'a String>,
    /// When it ended, in Unix milliseconds, and the statement that ended it.
    pub(crate) ended: Option<(u64, u64)>,
}

fn environment(word: Option<&String>) -> Environment {
    let stated = word.and_then(|word| serde_json::from_value(serde_json::Value::String(word.clone())).ok());
    stated.unwrap_or(Environment::Production)
}

impl EndpointState {
    /// What serves here, or is stopped in an emergency.
    pub(crate) fn serving(&self) -> &Serving {
        &self.followed.value.now
    }

    /// The versions that answer now.
    pub(crate) fn running(&self) -> impl Iterator<Item = Stay<'_>> {
        let serving = self.serving();
        serving.running().map(|share| Stay {
            share,
            environment: environment(serving.environment.as_ref()),
            use_case: serving.use_case.as_ref(),
            ended: None,
        })
    }

    /// A version that answered and does not any more.
    pub(crate) fn over<'a>(&self, stretch: &'a Stretch) -> Stay<'a> {
        Stay {
            share: &stretch.share,
            environment: environment(stretch.environment.as_ref()),
            use_case: stretch.use_case.as_ref(),
            ended: Some((stretch.until_ms, stretch.ended)),
        }
    }

    /// What a version is for: as was said when it started, or else as it was let through. `None` where no
    /// version is known.
    pub(crate) fn purpose(&self, stay: Stay<'_>) -> Option<Purpose> {
        let share = stay.share;
        let authorized = self.authorized.iter().find(|authorized| authorized.version == share.version);
        let use_case = stay.use_case.or_else(|| authorized?.use_case.as_ref());
        let use_case = use_case.and_then(|used| used.parse().ok());
        Some(Purpose {
            version: VersionId::parse(&share.version)?,
            namespace: namespace(&share.version)?,
            bytes: share.digest.as_ref().and_then(|digest| digest.parse().ok()).map_or(Bytes::Unstated, Bytes::Digest),
            use_case: use_case.map_or(Use::Unstated, Use::Case),
            environment: Some(stay.environment),
            jurisdiction: None,
        })
    }

    /// The versions that serve here, without repetition.
    pub(crate) fn versions(&self) -> Vec<String> {
        versions(self.serving().shares.iter())
    }

    /// The versions that served here, without repetition.
    pub(crate) fn former_versions(&self) -> Vec<String> {
        versions(self.followed.value.before.iter().map(|stretch| &stretch.share))
    }

    /// What a fact about this endpoint concerns besides: the versions that serve here, and the use.
    pub(crate) fn concerned(&self) -> Vec<String> {
        self.reached.concerned(self.serving())
    }

    /// What a fact about a version that answers here, or did, concerns besides the endpoint.
    pub(crate) fn concerned_by(&self, stay: Stay<'_>) -> Vec<String> {
        let named = [&stay.share.version].into_iter().chain(stay.use_case).cloned();
        named.filter(|subject| self.reached.contains(subject)).collect()
    }

    /// A version was let through. The last of them are kept.
    pub(crate) fn authorize(&mut self, authorized: Authorized) {
        self.authorized.retain(|other| other.version != authorized.version);
        self.authorized.push(authorized);
        let too_many = self.authorized.len().saturating_sub(AUTHORIZED);
        self.authorized.drain(..too_many);
    }
}

fn versions<'a>(shares: impl Iterator<Item = &'a Share>) -> Vec<String> {
    let mut versions: Vec<String> = shares.map(|share| share.version.clone()).collect();
    versions.retain(|version| !version.is_empty());
    versions.sort_unstable();
    versions.dedup();
    versions
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
