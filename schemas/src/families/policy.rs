//! The rules in force, embedded in the record they rule.

use crate::{
    AttributesPolicy, Document, GatePolicy, LifecyclePolicy, RolesPolicy,
    SubjectKind::Policy,
    story::{self, day},
};

family! {
    /// What an event of the family `policy` says.
    pub enum PolicyEvent("policy");

    /// These rules hold from this position of the log on. `kind` says which sort of rules,
    /// `content` holds them.
    act "published" v 1 on &[Policy];
    pub enum Published {
        /// Which role may record what.
        Roles(RolesPolicy),
        /// What has to be there before an approval is granted.
        Lifecycle(LifecyclePolicy),
        /// What it takes to pass a gate.
        Gate(GatePolicy),
        /// What a regulation asks for.
        ControlPack(Document),
        /// Which fields a namespace's users have under `attributes`.
        Attributes(AttributesPolicy),
    }
    sample {
        "occurred": day(0),
        "subject": story::roles_policy(),
        "title": "The roles this ledger begins with",
        "data": { "kind": "roles", "content": story::default_roles() },
    }
}
