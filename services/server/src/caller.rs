//! From a connection to the caller's identity.

use std::collections::HashMap;
use std::sync::Arc;

use probity_query::Caller;
use probity_schemas::Identity;
use tonic::codegen::http::Extensions;

use crate::calls::CallerKey;
use crate::config::{Config, ConfigError};
use crate::listener::Peer;

/// Tells callers apart.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    /// `None` where callers cannot be told apart: without client certificates.
    identities: Option<Arc<HashMap<[u8; 32], Identity>>>,
    /// Whether whoever reaches the port without client certificates is the operator.
    trusts_loopback: bool,
}

impl Callers {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let trusts_loopback = config.listen.trust_loopback;
        let authenticated = config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if !authenticated {
            return Ok(Self { identities: None, trusts_loopback });
        }
        let entries = config.access.certificate.iter().enumerate();
        let identities = entries.map(|(place, entry)| Ok((config.access.fingerprint(place)?, entry.identity.clone())));
        let identities = Arc::new(identities.collect::<Result<_, ConfigError>>()?);
        Ok(Self { identities: Some(identities), trusts_loopback })
    }

    /// Whose call it is that came with these: for what they may read, and for how much they may
    /// have under way.
    pub(crate) fn of(&self, extensions: &Extensions) -> (Caller, CallerKey) {
        let Some(identities) = &self.identities else {
            return match self.trusts_loopback {
                true => (Caller::Local, CallerKey::Local),
                false => (Caller::Unmapped, CallerKey::Unknown),
            };
        };
        let Some(fingerprint) = extensions.get::<Peer>().and_then(|peer| peer.fingerprint) else {
            return (Caller::Unmapped, CallerKey::Unknown);
        };
        let identity = identities.get(&fingerprint).cloned();
        (identity.map_or(Caller::Unmapped, Caller::Identified), CallerKey::Certificate(fingerprint))
    }
}
