//! Who is sent what.

use crate::{
    Name, NamespacePattern,
    SubjectKind::Ledger,
    Text, TypePattern,
    story::{self, day},
};

choice! {
    /// By which way events are sent.
    pub enum DeliveryKind {
        /// As CloudEvents on NATS.
        Nats,
        /// As CloudEvents to a URL.
        Webhook,
    }
}

choice! {
    /// How a webhook shows that it comes from here (Standard Webhooks).
    pub enum WebhookSignature {
        /// `v1a`: Ed25519.
        Ed25519,
        /// `v1`: HMAC with SHA-256.
        HmacSha256,
    }
}

record! {
    /// Where events are sent, and how.
    pub struct Delivery {
        /// By which way.
        kind: DeliveryKind,
        /// Where: a NATS subject or a URL. Never with a password or token in it.
        target: Text,
        /// How a webhook is signed.
        signature: Option<WebhookSignature>,
    }
}

family! {
    /// What an event of the family `subscription` says.
    pub enum SubscriptionEvent("subscription");

    /// Events like these are sent there from now on. Configuring it again replaces it.
    act "configured" v 1 on &[Ledger];
    pub struct Configured {
        /// Its name.
        name: Name,
        /// Where they are sent, and how.
        delivery: Delivery,
        /// Of which types; empty for all.
        types: Vec<TypePattern>,
        /// About subjects of which namespaces; empty for all.
        namespaces: Vec<NamespacePattern>,
    }
    sample {
        "occurred": day(10),
        "subject": story::ledger(),
        "data": {
            "name": "risk-engine",
            "delivery": { "kind": "webhook", "target": "https://risk.bank.example/hooks/models", "signature": "ed25519" },
            "types": ["incident.*", "deployment.*", "approval.revoked"],
            "namespaces": ["credit/*", "payments/*"],
        },
    }

    /// Nothing is sent there any more.
    act "removed" v 1 on &[Ledger];
    pub struct Removed {
        /// Its name.
        name: Name,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(720),
        "subject": story::ledger(),
        "regarding": story::id("subscription.configured"),
        "data": { "name": "risk-engine", "reason": "The risk engine reads the stream of the ledger itself." },
    }
}
