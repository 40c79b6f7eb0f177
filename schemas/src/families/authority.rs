//! Who may sign, and for what.

use crate::{
    Digest, Identity, Kid, Name, NamespacePattern, NonEmpty, PublicKey, Signature,
    SubjectKind::{Identity as OfIdentity, Policy},
    Text, Timestamp, TypePattern,
    story::{self, day, digest, hex},
};

choice! {
    /// What signs.
    pub enum SignerKind {
        /// A human being.
        Person,
        /// A program.
        Service,
    }
}

choice! {
    /// Why a key is no longer to be trusted.
    pub enum RevocationReason {
        /// Someone else has it.
        Compromised,
        /// Nobody has it.
        Lost,
        /// Another one took its place.
        Superseded,
        /// Its holder left.
        Departed,
    }
}

family! {
    /// What an event of the family `authority` says.
    pub enum AuthorityEvent("authority");

    /// The subject may sign with this key.
    act "enrolled" v 1 on &[OfIdentity];
    pub struct Enrolled {
        /// Whether a person or a service signs.
        kind: SignerKind,
        /// The key's name.
        kid: Kid,
        /// The key.
        public_key: PublicKey,
        /// A signature by the key that shows its holder wants to be enrolled here, under this
        /// identity.
        possession: Signature,
        /// For a service, the persons who answer for what it does.
        responsible: Vec<Identity>,
    }
    sample {
        "occurred": day(1),
        "subject": story::identity(story::PIPELINE),
        "data": {
            "kind": "service",
            "kid": hex("pipeline kid", 32),
            "public_key": hex("pipeline key", 32),
            "possession": hex("pipeline possession", 64),
            "responsible": [story::DEVELOPER],
        },
    }

    /// The subject holds a role in these namespaces.
    act "role_granted" v 1 on &[OfIdentity];
    pub struct RoleGranted {
        /// The role, as the roles policy names it.
        role: Name,
        /// Where it holds.
        namespaces: NonEmpty<NamespacePattern>,
        /// The moment from which it no longer holds; absent for no end.
        until: Option<Timestamp>,
    }
    sample {
        "occurred": day(1),
        "subject": story::identity(story::DEVELOPER),
        "data": { "role": "developer", "namespaces": ["credit/*"], "until": day(365) },
    }

    /// The subject no longer holds the role in these namespaces.
    act "role_withdrawn" v 1 on &[OfIdentity];
    pub struct RoleWithdrawn {
        /// The role.
        role: Name,
        /// Where, in the patterns it was granted with; absent for wherever it holds.
        namespaces: Vec<NamespacePattern>,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(200),
        "subject": story::identity(story::DEVELOPER),
        "regarding": story::id("authority.role_granted"),
        "data": { "role": "developer", "namespaces": ["credit/*"], "reason": "Moved to another team." },
    }

    /// The second person's yes to an act that takes two.
    act "confirmed" v 1 on &[OfIdentity, Policy];
    pub struct Confirmed {
        /// The SHA-256 of the bytes of the signed statement that is confirmed.
        statement_digest: Digest,
    }
    sample {
        "occurred": day(1),
        "subject": story::identity(story::DEVELOPER),
        "regarding": story::id("authority.role_granted"),
        "data": { "statement_digest": digest("authority.role_granted") },
    }

    /// The subject lets another sign in its place.
    act "delegated" v 1 on &[OfIdentity];
    pub struct Delegated {
        /// Whom.
        to: Identity,
        /// For what.
        types: NonEmpty<TypePattern>,
        /// From when on; absent for from now on.
        from: Option<Timestamp>,
        /// Until when.
        until: Timestamp,
    }
    sample {
        "occurred": day(60),
        "subject": story::identity(story::APPROVER),
        "data": { "to": story::OWNER, "types": ["approval.granted", "approval.rejected"], "from": day(61), "until": day(75) },
    }

    /// A key of the subject no longer signs.
    act "key_revoked" v 1 on &[OfIdentity];
    pub struct KeyRevoked {
        /// The key's name.
        kid: Kid,
        /// Why.
        reason: RevocationReason,
        /// Since when someone else may have had it: acts it signed since then count no longer.
        compromised_since: Option<Timestamp>,
    }
    sample {
        "occurred": day(120),
        "subject": story::identity(story::PIPELINE),
        "data": { "kid": hex("pipeline kid", 32), "reason": "compromised", "compromised_since": day(118) },
    }

    /// The subject left.
    fact "departed" v 1 on &[OfIdentity];
    pub struct Departed {
        /// The last day, as its last moment.
        last_day: Option<Timestamp>,
    }
    sample {
        "occurred": day(300),
        "subject": story::identity(story::VALIDATOR),
        "data": { "last_day": day(310) },
    }
}
