//! Harm: noticed, judged, reported, ended.

use crate::{
    Digest, Identity, NonEmpty, Text, Timestamp, Title,
    shared::{ANY, Severity},
    story::{self, day, digest},
};

choice! {
    /// Whether an authority has to be told.
    pub enum Reportable {
        /// It has.
        Yes,
        /// It hasn't.
        No,
        /// Not known yet.
        Undetermined,
    }
}

choice! {
    /// How surely the model caused the harm.
    pub enum CausalLink {
        /// It did.
        Established,
        /// It may have, directly or indirectly.
        ReasonablyLikely,
        /// Nobody can tell yet.
        Unknown,
        /// It did not.
        Excluded,
    }
}

choice! {
    /// Which report to an authority.
    pub enum NoticeStage {
        /// The first.
        Initial,
        /// One on the way.
        Intermediate,
        /// The last.
        Final,
        /// A change to an earlier one.
        Alteration,
    }
}

family! {
    /// What an event of the family `incident` says.
    pub enum IncidentEvent("incident");

    /// Something went wrong.
    fact "declared" v 1 on ANY;
    pub struct Declared {
        /// What.
        summary: Text,
        /// How bad it looks.
        severity: Option<Severity>,
        /// What it did to people, property or the environment.
        harm: Option<Text>,
        /// Whom it hit.
        affected_groups: Vec<Text>,
        /// When someone first knew. Deadlines run from here.
        aware_at: Option<Timestamp>,
        /// Who knew.
        aware: Option<Identity>,
    }
    sample {
        "occurred": [day(129), day(130)],
        "subject": story::endpoint(),
        "about": [story::scorecard_version()],
        "title": "Applicants refused by mistake",
        "data": {
            "summary": "Since midnight the scorecard refuses nine of ten applicants.",
            "severity": "high",
            "harm": "About 600 persons were refused a loan they should have been given.",
            "affected_groups": ["applicants paid by the month"],
            "aware_at": day(130),
            "aware": story::OWNER,
        },
    }

    /// A set of rules was applied to it.
    fact "classified" v 1 on ANY;
    pub struct Classified {
        /// The rules, such as `eu-ai-act-art-73` or `dora`.
        regime: Title,
        /// Whether they ask for a report.
        reportable: Reportable,
        /// The class it falls into, in the rules' words.
        class: Option<Title>,
        /// How surely the model caused it.
        causal_link: Option<CausalLink>,
        /// The states where it happened: ISO 3166 codes.
        member_states: Vec<Text>,
        /// Why so.
        rationale: Option<Text>,
    }
    sample {
        "occurred": day(131),
        "subject": story::endpoint(),
        "regarding": story::id("incident.declared"),
        "data": {
            "regime": "eu-ai-act-art-73",
            "reportable": "yes",
            "class": "infringement of obligations protecting fundamental rights",
            "causal_link": "established",
            "member_states": ["DE", "AT"],
        },
    }

    /// More is known.
    fact "updated" v 1 on ANY;
    pub struct Updated {
        /// What.
        summary: Text,
        /// How bad it looks now.
        severity: Option<Severity>,
        /// Whom it hit, as far as is known now.
        affected_groups: Vec<Text>,
    }
    sample {
        "occurred": day(132),
        "subject": story::endpoint(),
        "regarding": story::id("incident.declared"),
        "data": { "summary": "The income arrives per month since the form was changed.", "severity": "high" },
    },
    "complaint" {
        "occurred": day(133),
        "subject": story::endpoint(),
        "regarding": story::id("incident.declared"),
        "evidence": [{ "digest": digest("complaint of an applicant"), "kind": "complaint", "media_type": "application/pdf" }],
        "data": { "summary": story::sealed("sealing key", "complaint of an applicant") },
    }

    /// It no longer does harm.
    fact "mitigated" v 1 on ANY;
    pub struct Mitigated {
        /// What was done.
        measures: NonEmpty<Text>,
    }
    sample {
        "occurred": day(131),
        "subject": story::endpoint(),
        "regarding": story::id("incident.declared"),
        "causes": [story::id("deployment.rolled_back")],
        "data": { "measures": ["Version 3.0.2 serves again.", "The 600 applications are decided by persons."] },
    }

    /// What an investigation needs was put aside.
    fact "preserved" v 1 on ANY;
    pub struct Preserved {
        /// The digests of what was put aside.
        digests: NonEmpty<Digest>,
        /// Who keeps it.
        custodian: Option<Identity>,
        /// What it is.
        description: Option<Text>,
    }
    sample {
        "occurred": day(130),
        "subject": story::endpoint(),
        "regarding": story::id("incident.declared"),
        "data": {
            "digests": [digest("decision log"), digest("endpoint image")],
            "custodian": story::VALIDATOR,
            "description": "Decision log of two days and the image that served.",
        },
    }

    /// An authority was told.
    fact "authority_notified" v 1 on ANY;
    pub struct AuthorityNotified {
        /// Which.
        authority: Title,
        /// Which report it was.
        stage: NoticeStage,
        /// When it was sent.
        sent_at: Option<Timestamp>,
        /// What the authority calls the matter.
        reference: Option<Text>,
        /// The digest of the report.
        report_digest: Option<Digest>,
    }
    sample {
        "occurred": day(134),
        "subject": story::endpoint(),
        "regarding": story::id("incident.declared"),
        "data": {
            "authority": "Bundesnetzagentur",
            "stage": "initial",
            "sent_at": day(134),
            "reference": "KI-2025-0417",
            "report_digest": digest("initial report"),
        },
    }

    /// An authority answered.
    fact "authority_responded" v 1 on ANY;
    pub struct AuthorityResponded {
        /// Which.
        authority: Title,
        /// What it asks for.
        asks: Vec<Text>,
        /// By when.
        due: Option<Timestamp>,
        /// What it calls the matter.
        reference: Option<Text>,
    }
    sample {
        "occurred": day(144),
        "subject": story::endpoint(),
        "regarding": story::id("incident.authority_notified"),
        "data": {
            "authority": "Bundesnetzagentur",
            "asks": ["The number of affected persons by state."],
            "due": day(158),
            "reference": "KI-2025-0417",
        },
    }

    /// It is over.
    fact "closed" v 1 on ANY;
    pub struct Closed {
        /// What was changed so that it doesn't happen again.
        corrective_actions: Vec<Text>,
        /// What it came from.
        root_cause: Option<Text>,
    }
    sample {
        "occurred": day(170),
        "subject": story::endpoint(),
        "regarding": story::id("incident.declared"),
        "data": {
            "corrective_actions": ["Inputs carry their units.", "A change of the form needs the model owner's consent."],
            "root_cause": "The form and the model agreed on a number and not on what it counts.",
        },
    }
}
