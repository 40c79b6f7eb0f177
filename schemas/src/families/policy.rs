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
    },
    "gate" {
        "occurred": day(0),
        "subject": story::production_gate(),
        "title": "The gate this ledger begins with",
        "data": { "kind": "gate", "content": story::default_gate() },
    },
    "credit-gate" {
        "occurred": day(2),
        "subject": story::subject("policy", "credit", "production"),
        "title": "What it takes to decide loans",
        "data": {
            "kind": "gate",
            "content": {
                "namespaces": ["credit/*"],
                "environments": ["production"],
                "signatures": [{ "role": "validator", "persons": 1 }, { "role": "approver", "persons": 1 }],
                "max_validity_days": 365,
                "validation_scopes": ["soundness", "outcomes", "fairness"],
                "elsewhere_until": day(90),
            },
        },
    },
    "lifecycle" {
        "occurred": day(2),
        "subject": story::subject("policy", "credit", "lifecycle"),
        "title": "What has to be there before a credit model is approved",
        "data": {
            "kind": "lifecycle",
            "content": { "namespaces": ["credit/*"], "use_case_accepted": true, "owner_accepted": true, "classified": true },
        },
    },
    "attributes" {
        "occurred": day(2),
        "subject": story::subject("policy", "credit", "attributes"),
        "title": "The fields of the credit department",
        "data": {
            "kind": "attributes",
            "content": {
                "namespaces": ["credit/*"],
                "fields": {
                    "cost_centre": { "kind": "text", "description": "Who pays" },
                    "tier": { "kind": "text", "values": ["1", "2", "3"] },
                },
            },
        },
    }
}
