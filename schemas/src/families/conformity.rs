//! Conformity: what one declares to the law, and which registers one is in.

use crate::{
    Digest,
    SubjectKind::Model,
    Text, Timestamp, Title,
    story::{self, day, digest},
};

choice! {
    /// Who assessed that a model conforms.
    pub enum ConformityProcedure {
        /// Oneself.
        InternalControl,
        /// A notified body.
        NotifiedBody,
    }
}

choice! {
    /// How far an entry in a register has come.
    pub enum RegistrationStatus {
        /// It is being written.
        Draft,
        /// It is sent.
        Submitted,
        /// It is in.
        Registered,
        /// It was not let in.
        Rejected,
        /// It was taken out.
        Withdrawn,
    }
}

family! {
    /// What an event of the family `conformity` says.
    pub enum ConformityEvent("conformity");

    /// Somebody declares that the model is as a law wants it.
    fact "declared" v 1 on &[Model];
    pub struct Declared {
        /// The law, such as `eu-ai-act`.
        regime: Title,
        /// Who assessed it.
        procedure: Option<ConformityProcedure>,
        /// The notified body, by its number.
        notified_body: Option<Title>,
        /// The certificate it gave.
        certificate: Option<Text>,
        /// The standards it was assessed by.
        standards: Vec<Text>,
        /// The digest of the declaration.
        declaration_digest: Option<Digest>,
        /// Until when it holds.
        expires_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(60),
        "subject": story::scorecard_version(),
        "causes": [story::id("approval.granted")],
        "data": {
            "regime": "eu-ai-act",
            "procedure": "internal-control",
            "standards": ["ISO/IEC 42001:2023"],
            "declaration_digest": digest("declaration of conformity"),
        },
    }

    /// An entry in a register was asked for, made or changed.
    fact "registration_filed" v 1 on &[Model];
    pub struct RegistrationFiled {
        /// The register.
        register: Title,
        /// How far it has come.
        status: RegistrationStatus,
        /// The section of the register.
        section: Option<Text>,
        /// The number of the entry.
        number: Option<Text>,
    }
    sample {
        "occurred": day(62),
        "subject": story::scorecard(),
        "regarding": story::id("conformity.declared"),
        "data": {
            "register": "EU database for high-risk AI systems",
            "status": "registered",
            "section": "Annex VIII, section A",
            "number": "EU-AI-2025-004711",
        },
    }
}
