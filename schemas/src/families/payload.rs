//! Erasure: content that nobody can read any more, while the record of it stays.

use crate::{
    Digest, Text,
    shared::ANY,
    story::{self, day, digest, hex},
};

choice! {
    /// What was destroyed.
    pub enum ErasedKind {
        /// A key that texts in events were sealed under.
        SealingKey,
        /// A salt, without which a digest says nothing about what it was made of.
        Salt,
        /// A document kept outside the record.
        Document,
    }
}

family! {
    /// What an event of the family `payload` says.
    pub enum PayloadEvent("payload");

    /// What this key or salt was for can't be read by anyone any more.
    act "erased" v 1 on ANY;
    pub struct Erased {
        /// The id of the destroyed sealing key, or what the salt or document belonged to.
        key: Text,
        /// What was destroyed.
        kind: ErasedKind,
        /// Which law asks for it, or allows it.
        legal_basis: Text,
        /// The digests that say nothing any more.
        digests: Vec<Digest>,
    }
    sample {
        "occurred": day(520),
        "subject": story::endpoint(),
        "data": {
            "key": hex("sealing key", 16),
            "kind": "sealing-key",
            "legal_basis": "GDPR Art. 17 (1) (a)",
            "digests": [digest("complaint of an applicant")],
        },
    }
}
