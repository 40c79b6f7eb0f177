//! The state as bytes, so that a restart need not fold the whole log. Whoever keeps them binds them to a size and a root.

use std::borrow::Cow;

use probity_domain::authority::Authority;
use probity_domain::named;
use probity_schemas::Origin;
use serde::{Deserialize, Serialize};

use crate::domain::DomainState;
use crate::policies::Policies;
use crate::state::State;

/// Changes with every change of what a snapshot holds; an older one is folded anew.
const VERSION: u32 = 10;

/// Encoded with postcard, which has no field names. Types of the vocabulary, which leave out what is empty, name their
/// fields: [`named`].
#[derive(Serialize, Deserialize)]
struct Snapshot<'a> {
    origin: Cow<'a, Origin>,
    rule_set: u32,
    #[serde(with = "named")]
    authority: Cow<'a, Authority>,
    #[serde(with = "named")]
    policies: Cow<'a, Policies>,
    domain: Cow<'a, DomainState>,
}

/// Why bytes are not a state. The state comes back from the log.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Written by another version.
    #[error("the snapshot has version {found}, this is {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Not a snapshot.
    #[error("not a snapshot: {0}")]
    Malformed(#[source] postcard::Error),
    /// A state that cannot be written.
    #[error("the state cannot be encoded: {0}")]
    Encode(#[source] postcard::Error),
}

impl State {
    /// The state as bytes.
    pub fn to_snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let snapshot = Snapshot {
            origin: Cow::Borrowed(&self.origin),
            rule_set: self.rule_set,
            authority: Cow::Borrowed(&self.authority),
            policies: Cow::Borrowed(&self.policies),
            domain: Cow::Borrowed(&self.domain),
        };
        postcard::to_extend(&snapshot, VERSION.to_be_bytes().to_vec()).map_err(SnapshotError::Encode)
    }

    /// The state that was written by [`Self::to_snapshot`].
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (version, rest) = bytes.split_first_chunk().unwrap_or((&[0; 4], &[]));
        match u32::from_be_bytes(*version) {
            VERSION => {
                let Snapshot { origin, rule_set, authority, policies, domain } =
                    postcard::from_bytes(rest).map_err(SnapshotError::Malformed)?;
                let (authority, policies) = (authority.into_owned(), policies.into_owned());
                Ok(Self::new(origin.into_owned(), rule_set, authority, policies, domain.into_owned()))
            }
            found => Err(SnapshotError::Version { found }),
        }
    }
}
