//! Policy documents this build understands.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{
    Name, NamespacePattern, NonEmpty, Text, Timestamp, TypeInfo, TypePattern, shared::Environment, validation::Scope,
};

/// The roles a ledger begins with, as the text of a [`RolesPolicy`].
pub const DEFAULT_ROLES: &str = include_str!("../policy/roles.json");

/// The gate `production` a ledger begins with, as the text of a [`GatePolicy`].
pub const DEFAULT_GATE: &str = include_str!("../policy/production.json");

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

record! {
    /// What it takes to pass a gate. The gate's name is the name of the policy's subject.
    pub struct GatePolicy {
        /// Models of these namespaces pass it.
        namespaces: NonEmpty<NamespacePattern>,
        /// To serve in one of these environments takes an approval of this gate.
        environments: Vec<Environment>,
        /// Who has to sign: all of them, and one person fills one place only.
        signatures: NonEmpty<GateSignatures>,
        /// For how many days an approval holds at most; one without an expiry, or with a later one, ends then.
        max_validity_days: Option<u32>,
        /// For each of these, a validation of the version that has not failed must be recorded.
        validation_scopes: Vec<Scope>,
        /// Until when `approval.recorded_elsewhere` is honoured; absent for not at all.
        elsewhere_until: Option<Timestamp>,
    }
}

record! {
    /// How many holders of a role have to sign.
    pub struct GateSignatures {
        /// The role, as the roles policy names it.
        role: Name,
        /// How many persons: 1 to 16.
        #[serde(deserialize_with = "persons")]
        #[schemars(range(min = 1, max = 16))]
        persons: u32,
    }
}

fn persons<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        persons @ 1..=16 => Ok(persons),
        other => Err(de::Error::invalid_value(de::Unexpected::Unsigned(other.into()), &"1 to 16 persons")),
    }
}

record! {
    /// What has to be there before an approval is granted.
    pub struct LifecyclePolicy {
        /// For models of these namespaces.
        namespaces: NonEmpty<NamespacePattern>,
        /// Whether every use in the approval's scope must have been accepted, and not be retired.
        use_case_accepted: bool,
        /// Whether somebody must have accepted the ownership of the model.
        owner_accepted: bool,
        /// Whether the model must have been classified, and the classification not have expired.
        classified: bool,
    }
}

record! {
    /// Which fields the users of some namespaces have under `attributes`; no other is let in there.
    pub struct AttributesPolicy {
        /// The namespaces.
        namespaces: NonEmpty<NamespacePattern>,
        /// The fields by their names.
        fields: BTreeMap<Name, AttributeField>,
    }
}

record! {
    /// A user's own field.
    pub struct AttributeField {
        /// What its values are.
        kind: AttributeKind,
        /// The texts it may hold; empty for any.
        values: Vec<Text>,
        /// What it is for.
        description: Option<Text>,
    }
}

choice! {
    /// What the values of a user's own field are.
    pub enum AttributeKind {
        /// A text.
        Text,
        /// A number.
        Number,
        /// True or false.
        Boolean,
        /// A day, written 2025-01-06.
        Date,
    }
}
