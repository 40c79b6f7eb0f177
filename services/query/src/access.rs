//! Callers and their reading rights.

use std::fmt;

use probity_schemas::{Identity, Namespace, NamespacePattern};

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A process on this machine, over loopback without TLS: its operator, who can read the files
    /// anyway.
    Local,
    /// The identity that the caller's certificate is mapped to.
    Identified(Identity),
    /// A certificate of a trusted authority that is mapped to no identity.
    Unmapped,
}

/// What a caller sees of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Everything,
    /// Records about subjects in these namespaces.
    Namespaces(Vec<NamespacePattern>),
}

impl Scope {
    /// The scope of someone who holds roles in these namespaces.
    #[must_use]
    pub fn of(patterns: Vec<NamespacePattern>) -> Self {
        if patterns.contains(&NamespacePattern::All) { Self::Everything } else { Self::Namespaces(patterns) }
    }

    /// Whether it covers a namespace.
    #[must_use]
    pub fn covers(&self, namespace: &Namespace) -> bool {
        match self {
            Self::Everything => true,
            Self::Namespaces(patterns) => patterns.iter().any(|pattern| pattern.covers(namespace)),
        }
    }

    /// Whether it covers a subject, given as text such as `model:credit/pd@3`.
    #[must_use]
    pub fn covers_subject(&self, subject: &str) -> bool {
        let namespace =
            subject.split_once(':').and_then(|(_, path)| path.rsplit_once('/')).map(|(namespace, _)| namespace);
        match self {
            Self::Everything => true,
            Self::Namespaces(_) => {
                namespace.and_then(|namespace| namespace.parse().ok()).is_some_and(|namespace| self.covers(&namespace))
            }
        }
    }
}

/// The ledger's present state, as far as queries need it: the roles that the log gives to
/// identities, and the number of statements.
pub trait Access: fmt::Debug + Send + Sync {
    /// The namespaces in which `identity` holds a role at this time (Unix seconds).
    fn namespaces(&self, identity: &Identity, now: u64) -> Vec<NamespacePattern>;

    /// The roles that `identity` holds in a namespace at this time (Unix seconds).
    fn roles(&self, identity: &Identity, namespace: &Namespace, now: u64) -> Vec<String>;

    /// How many statements the ledger has, as far as this process knows.
    fn tree_size(&self) -> u64;
}

/// Why a caller sees nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// The caller's certificate is mapped to no identity.
    #[error("the client certificate is mapped to no identity; add it to [[access.certificate]]")]
    Unidentified,
    /// The identity holds no role.
    #[error("{identity} holds no role in any namespace, so there is nothing to see")]
    NoRole {
        /// The caller.
        identity: Identity,
    },
}

/// What `caller` may see at this time (Unix seconds).
///
/// # Errors
/// Nothing at all.
pub fn scope_of(access: &dyn Access, caller: &Caller, now: u64) -> Result<Scope, AccessDenied> {
    match caller {
        Caller::Local => Ok(Scope::Everything),
        Caller::Unmapped => Err(AccessDenied::Unidentified),
        Caller::Identified(identity) => match access.namespaces(identity, now) {
            patterns if patterns.is_empty() => Err(AccessDenied::NoRole { identity: identity.clone() }),
            patterns => Ok(Scope::of(patterns)),
        },
    }
}
