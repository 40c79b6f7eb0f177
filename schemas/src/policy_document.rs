//! Policy documents this build understands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Name, TypeInfo, TypePattern};

/// The roles a ledger begins with, as the text of a [`RolesPolicy`].
pub const DEFAULT_ROLES: &str = include_str!("../policy/roles.json");

/// Which role may record what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesPolicy {
    /// Each role with the types its holders may record.
    pub roles: BTreeMap<Name, Vec<TypePattern>>,
    /// What anyone enrolled may record without a role.
    pub any_enrolled: Vec<TypePattern>,
    /// The roles whose holders may read the whole ledger when they hold them in all namespaces.
    pub readers: Vec<Name>,
}

impl RolesPolicy {
    /// Whether `role` may record events of this type.
    pub fn may_record(&self, role: &Name, info: &TypeInfo) -> bool {
        self.roles.get(role).is_some_and(|patterns| patterns.iter().any(|p| p.covers(info)))
    }

    /// Whether anyone enrolled may record events of this type.
    pub fn anyone_may_record(&self, info: &TypeInfo) -> bool {
        self.any_enrolled.iter().any(|pattern| pattern.covers(info))
    }
}
