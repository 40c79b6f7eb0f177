//! Documents about anything. They stay outside; the record holds their digests.

use crate::{
    Digest, Text, Timestamp, Title,
    shared::ANY,
    story::{self, day, digest},
};

family! {
    /// What an event of the family `evidence` says.
    pub enum EvidenceEvent("evidence");

    /// There is a document about the subject.
    fact "attached" v 1 on ANY;
    pub struct Attached {
        /// What it is, such as `technical-file`, `instructions-for-use`, `model-card` or
        /// `authority-to-operate`.
        document_kind: Title,
        /// The digest of its bytes; absent where only its existence is known.
        digest: Option<Digest>,
        /// Its media type.
        media_type: Option<Text>,
        /// Its title.
        title: Option<Title>,
        /// Where it was when this was signed.
        uri: Option<Text>,
        /// Who issued it.
        issuer: Option<Title>,
        /// Until when it holds.
        expires_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(45),
        "subject": story::scorecard_version(),
        "data": {
            "document_kind": "model-card",
            "digest": digest("model card"),
            "media_type": "text/markdown",
            "title": "Model card of pd-scorecard 3.1.0",
            "uri": "https://docs.bank.example/models/pd-scorecard/3.1.0",
        },
    }

    /// The document is no longer to be relied on.
    fact "withdrawn" v 1 on ANY;
    pub struct Withdrawn {
        /// Why.
        reason: Text,
        /// The digest of the document.
        digest: Option<Digest>,
    }
    sample {
        "occurred": day(47),
        "subject": story::scorecard_version(),
        "regarding": story::id("evidence.attached"),
        "data": { "reason": "It shows the metrics of version 3.0.2.", "digest": digest("model card") },
    }
}
