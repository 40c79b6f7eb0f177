//! The subjects whose life binds acts and nothing else: uses and endpoints.

use probity_domain::Signed;
use probity_schemas::Identity;
use probity_schemas::shared::Environment;
use serde::{Deserialize, Serialize};

use super::Key;

/// A use that models are put to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct UseCase {
    pub(crate) proposed: Option<u64>,
    pub(crate) proposers: Vec<Identity>,
    pub(crate) accepted: Option<Signed>,
    pub(crate) retired: Option<Signed>,
}

/// How much there is of something of which there may be no end.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Heap {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// A place where versions serve.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    /// The version that was said to serve there last.
    pub(crate) serves: Option<Key>,
    /// For which environment a start said so last.
    pub(crate) environment: Option<Environment>,
    /// Emergency stops, resumed or not.
    pub(crate) stops: Vec<u64>,
    /// The newest moment at which something happened there, in Unix milliseconds.
    pub(crate) newest_ms: u64,
    /// How many statements said of an earlier moment than those before them that something happened there.
    pub(crate) late: usize,
}
