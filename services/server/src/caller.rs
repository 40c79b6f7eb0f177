//! From a client certificate to the caller's identity.

use std::collections::HashMap;
use std::sync::Arc;

use probity_query::Caller;
use probity_schemas::Identity;
use sha2::{Digest, Sha256};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::config::{Config, ConfigError};

/// Puts a [`Caller`] into every request to the read side.
#[derive(Debug, Clone)]
pub(crate) struct CallerInterceptor {
    /// `None` where callers cannot be told apart: on loopback without client certificates.
    identities: Option<Arc<HashMap<[u8; 32], Identity>>>,
}

impl CallerInterceptor {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let authenticated = config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if !authenticated {
            return Ok(Self { identities: None });
        }
        let entries = config.access.certificate.iter();
        let identities = entries.map(|entry| Ok((entry.fingerprint()?, entry.identity.clone())));
        Ok(Self { identities: Some(Arc::new(identities.collect::<Result<_, ConfigError>>()?)) })
    }

    fn caller(&self, request: &Request<()>) -> Caller {
        let Some(identities) = &self.identities else { return Caller::Local };
        let leaf = request.peer_certs().and_then(|certificates| certificates.first().cloned());
        let fingerprint = leaf.map(|certificate| <[u8; 32]>::from(Sha256::digest(&certificate)));
        let identity = fingerprint.and_then(|fingerprint| identities.get(&fingerprint));
        identity.map_or(Caller::Unmapped, |identity| Caller::Identified(identity.clone()))
    }
}

impl Interceptor for CallerInterceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let caller = self.caller(&request);
        request.extensions_mut().insert(caller);
        Ok(request)
    }
}
