//! Approvals: what was asked, who said yes to exactly what, and what became of it.

use crate::{
    Digest, Name, Percent, Subject,
    SubjectKind::Model,
    Text, Timestamp, Title,
    shared::Environment,
    story::{self, day, digest},
};

record! {
    /// What an approval is for. An empty list doesn't restrict.
    pub struct ApprovalScope {
        /// For which uses.
        uses: Vec<Subject>,
        /// In which environments.
        environments: Vec<Environment>,
        /// In which jurisdictions.
        jurisdictions: Vec<Text>,
        /// Up to which share of traffic.
        max_traffic_percent: Option<Percent>,
    }
}

choice! {
    /// By when a condition has to be met.
    pub enum Before {
        /// Before the model serves at all.
        Deployment,
        /// Before it serves everyone.
        FullTraffic,
        /// Before the approval runs out.
        Expiry,
    }
}

record! {
    /// Something that has to be done for an approval to hold.
    pub struct Condition {
        /// Its name within the approval.
        id: Name,
        /// What has to be done.
        text: Text,
        /// By when.
        due: Option<Timestamp>,
        /// Before what.
        before: Option<Before>,
    }
}

family! {
    /// What an event of the family `approval` says.
    pub enum ApprovalEvent("approval");

    /// Someone asks for an approval.
    fact "requested" v 1 on &[Model];
    pub struct Requested {
        /// Of which gate.
        gate: Name,
        /// For what.
        scope: Option<ApprovalScope>,
        /// The artefacts that are to be approved.
        digests: Vec<Digest>,
    }
    sample {
        "occurred": day(59),
        "subject": story::scorecard_version(),
        "causes": [story::id("approval.rejected")],
        "data": {
            "gate": "production",
            "scope": { "uses": [story::origination()], "environments": ["production"] },
            "digests": [digest("pd-scorecard 3.1.0")],
        },
    },
    "first" {
        "occurred": day(57),
        "subject": story::scorecard_version(),
        "data": {
            "gate": "production",
            "scope": { "uses": [story::origination()], "environments": ["production"] },
            "digests": [digest("pd-scorecard 3.1.0")],
        },
    },
    "claims" {
        "occurred": day(60),
        "subject": story::assistant_version(),
        "data": {
            "gate": "production",
            "scope": { "uses": [story::claims()], "environments": ["production"] },
        },
    },
    "fraud" {
        "occurred": day(78),
        "subject": story::challenger(),
        "data": {
            "gate": "production",
            "scope": { "uses": [story::screening()], "environments": ["production"], "max_traffic_percent": 100.0 },
            "digests": [digest("card-fraud 6.0.0")],
        },
    }

    /// Yes, to exactly these artefacts, for exactly this, on this evidence.
    act "granted" v 1 on &[Model];
    pub struct Granted {
        /// The gate.
        gate: Name,
        /// The artefacts that are approved; empty only for a version that is known by reference alone.
        digests: Vec<Digest>,
        /// For what.
        scope: ApprovalScope,
        /// What the signature means, in words the signer saw.
        meaning: Text,
        /// What has to be done.
        conditions: Vec<Condition>,
        /// The digests of the documents the signer saw.
        evidence_seen: Vec<Digest>,
        /// When it ends.
        expires_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(60),
        "subject": story::scorecard_version(),
        "regarding": story::id("approval.requested"),
        "causes": [story::id("validation.completed")],
        "data": {
            "gate": "production",
            "digests": [digest("pd-scorecard 3.1.0")],
            "scope": {
                "uses": [story::origination()],
                "environments": ["production"],
                "jurisdictions": ["DE", "AT"],
                "max_traffic_percent": 100.0,
            },
            "meaning": "I have read the validation report and let this version decide loans within the scope.",
            "conditions": [{
                "id": "self-employed",
                "text": "Self-employed applicants go to a person.",
                "due": day(75),
                "before": "full-traffic",
            }],
            "evidence_seen": [digest("validation report")],
            "expires_at": day(425),
        },
    },
    "claims" {
        "occurred": day(63),
        "subject": story::assistant_version(),
        "regarding": story::id_of("approval.requested", "claims"),
        "causes": [story::id_of("validation.completed", "claims")],
        "data": {
            "gate": "production",
            "scope": { "uses": [story::claims()], "environments": ["production"], "jurisdictions": ["DE"] },
            "meaning": "I let this version, known by the vendor's name for it alone, draft answers that a clerk decides on.",
            "evidence_seen": [digest("assistant validation report")],
            "expires_at": day(247),
        },
    },
    "fraud" {
        "occurred": day(80),
        "subject": story::challenger(),
        "regarding": story::id_of("approval.requested", "fraud"),
        "causes": [story::id_of("validation.completed", "fraud-challenger")],
        "data": {
            "gate": "production",
            "digests": [digest("card-fraud 6.0.0")],
            "scope": { "uses": [story::screening()], "environments": ["production"], "max_traffic_percent": 100.0 },
            "meaning": "I have read the validation report and let this version score payments, beginning with a tenth of them.",
            "evidence_seen": [digest("challenger validation report")],
            "expires_at": day(445),
        },
    },
    "validator" {
        "occurred": day(59),
        "subject": story::scorecard_version(),
        "regarding": story::id("approval.requested"),
        "causes": [story::id("validation.completed")],
        "data": {
            "gate": "production",
            "digests": [digest("pd-scorecard 3.1.0")],
            "scope": { "uses": [story::origination()], "environments": ["production"], "jurisdictions": ["DE", "AT"] },
            "meaning": "I have validated this version and found it fit for the scope.",
            "evidence_seen": [digest("validation report")],
            "expires_at": day(425),
        },
    }

    /// No.
    act "rejected" v 1 on &[Model];
    pub struct Rejected {
        /// The gate.
        gate: Name,
        /// Why.
        reason: Text,
        /// The artefacts that aren't approved.
        digests: Vec<Digest>,
        /// The digests of the documents the signer saw.
        evidence_seen: Vec<Digest>,
    }
    sample {
        "occurred": day(58),
        "subject": story::scorecard_version(),
        "regarding": story::id_of("approval.requested", "first"),
        "data": {
            "gate": "production",
            "reason": "The report says nothing about applicants in Austria.",
            "digests": [digest("pd-scorecard 3.1.0")],
        },
    }

    /// A condition is met.
    act "condition_met" v 1 on &[Model];
    pub struct ConditionMet {
        /// Which one, by its name within the approval.
        condition: Name,
        /// How one knows.
        statement: Text,
    }
    sample {
        "occurred": day(72),
        "subject": story::scorecard_version(),
        "regarding": story::id("approval.granted"),
        "data": { "condition": "self-employed", "statement": "The rule is in service since Monday and was tried with 20 cases." },
    }

    /// The yes no longer holds.
    act "revoked" v 1 on &[Model];
    pub struct Revoked {
        /// Why.
        reason: Text,
        /// From when on; absent for at once.
        effective: Option<Timestamp>,
    }
    sample {
        "occurred": day(406),
        "subject": story::scorecard_version(),
        "regarding": story::id("approval.granted"),
        "causes": [story::id("data.withdrawn")],
        "data": { "reason": "Data it was fitted on has been withdrawn." },
    }

    /// Somebody approved it somewhere else.
    fact "recorded_elsewhere" v 1 on &[Model];
    pub struct RecordedElsewhere {
        /// Who.
        body: Title,
        /// When; absent where nobody knows.
        approved_at: Option<Timestamp>,
        /// The digest of the document that says so.
        document_digest: Option<Digest>,
        /// What the document calls itself.
        reference: Option<Text>,
    }
    sample {
        "occurred": day(3),
        "subject": story::previous_version(),
        "data": {
            "body": "Model risk committee",
            "approved_at": day(0) - 15_552_000_000,
            "document_digest": digest("minutes"),
            "reference": "Minutes 2024/07, item 4",
        },
    }
}
