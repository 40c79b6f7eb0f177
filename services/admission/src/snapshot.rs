//! The state as bytes, so that a restart need not fold the whole log. Whoever keeps them binds them to a size and a root.

use probity_domain::authority::Authority;
use probity_schemas::Origin;
use serde::{Deserialize, Serialize};

use crate::domain::DomainState;
use crate::policies::Policies;
use crate::state::State;

/// Changes with every change of what a snapshot holds; an older one is folded anew.
const VERSION: u32 = 8;

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u32,
    origin: Origin,
    rule_set: u32,
    authority: Authority,
    policies: Policies,
    domain: DomainState,
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
    Malformed(#[from] ciborium::de::Error<std::io::Error>),
    /// A state that cannot be written.
    #[error("the state cannot be encoded: {0}")]
    Encode(#[from] ciborium::ser::Error<std::io::Error>),
}

impl State {
    /// The state as bytes.
    pub fn to_snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let snapshot = Snapshot {
            version: VERSION,
            origin: self.origin.clone(),
            rule_set: self.rule_set,
            authority: self.authority.as_ref().clone(),
            policies: self.policies.as_ref().clone(),
            domain: self.domain.clone(),
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&snapshot, &mut bytes)?;
        Ok(bytes)
    }

    /// The state that was written by [`Self::to_snapshot`].
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let snapshot: Snapshot = ciborium::from_reader(bytes)?;
        match snapshot.version {
            VERSION => {
                let Snapshot { origin, rule_set, authority, policies, domain, .. } = snapshot;
                Ok(Self::new(origin, rule_set, authority, policies, domain))
            }
            found => Err(SnapshotError::Version { found }),
        }
    }
}
