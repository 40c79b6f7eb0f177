//! Datasets: what they are, and what follows when one may no longer be used.

use crate::{
    Digest, NonEmpty, Subject,
    SubjectKind::Dataset,
    Text, Timestamp,
    shared::{Metric, Window},
    story::{self, day, digest},
};

choice! {
    /// What a dataset holds.
    pub enum DatasetKind {
        /// Records as they were collected.
        Raw,
        /// Inputs made from records.
        Features,
        /// What is to be predicted.
        Labels,
        /// Text or media.
        Corpus,
        /// Something to look things up in.
        Index,
    }
}

choice! {
    /// What the dataset says about people.
    pub enum PersonalData {
        /// Nothing.
        None,
        /// Something, under other names.
        Pseudonymous,
        /// Something.
        Personal,
        /// Something of the kinds the law protects most, such as health.
        SpecialCategory,
    }
}

choice! {
    /// What has to happen to everything made from withdrawn data.
    pub enum RequiredAction {
        /// Its makers think about it.
        Assess,
        /// It is made again without the data.
        Retrain,
        /// It is no longer used.
        StopUse,
        /// It is deleted.
        Delete,
    }
}

choice! {
    /// How something made from withdrawn data was settled.
    pub enum Disposition {
        /// It didn't contain the data.
        Unaffected,
        /// It was made again.
        Retrained,
        /// It is no longer used.
        Retired,
        /// It was deleted.
        Deleted,
        /// It stays, for a reason.
        Retained,
    }
}

family! {
    /// What an event of the family `data` says.
    pub enum DataEvent("data");

    /// There is a dataset.
    fact "registered" v 1 on &[Dataset];
    pub struct Registered {
        /// What it holds.
        kind: Option<DatasetKind>,
        /// What it is, in words.
        description: Option<Text>,
        /// The digest of its bytes or of its manifest.
        digest: Option<Digest>,
        /// The time its records are from.
        window: Option<Window>,
        /// Where it came from.
        source: Option<Text>,
        /// Under which terms: an SPDX expression or the name of a contract.
        license: Option<Text>,
        /// What it says about people.
        personal_data: Option<PersonalData>,
        /// The datasets it was made from.
        derived_from: Vec<Subject>,
        /// How many records it has.
        record_count: Option<u64>,
        /// Results about its quality.
        quality: Vec<Metric>,
        /// Results about its bias.
        bias: Vec<Metric>,
    }
    sample {
        "occurred": day(18),
        "subject": story::applications(),
        "data": {
            "kind": "features",
            "description": "Applications with what was known at the time and whether the loan was repaid",
            "digest": digest("applications-2025"),
            "window": { "from": day(0) - 94_694_400_000, "until": day(0) },
            "source": "loan system, nightly extract",
            "license": "LicenseRef-internal",
            "personal_data": "pseudonymous",
            "derived_from": [story::subject("dataset", "credit", "loan-system-extract")],
            "record_count": 412_884,
            "quality": [{ "name": "missing values", "value": 0.8, "unit": "%", "threshold": { "comparison": "at-most", "value": 2.0 } }],
            "bias": [{ "name": "share of applications", "value": 31.5, "unit": "%", "slice": "age 18-25" }],
        },
    },
    "claims" {
        "occurred": day(40),
        "subject": story::wordings(),
        "data": {
            "kind": "index",
            "description": "All policy wordings in force since 2008, cut into clauses",
            "digest": digest("wordings-index"),
            "source": "document archive of the insurer",
            "license": "LicenseRef-internal",
            "personal_data": "none",
            "record_count": 18_204,
        },
    },
    "fraud" {
        "occurred": day(65),
        "subject": story::transactions(),
        "data": {
            "kind": "features",
            "description": "Card payments with what was known at the time, and whether they were disputed",
            "digest": digest("transactions 2025-w10"),
            "window": { "from": day(0) - 31_536_000_000, "until": day(63) },
            "source": "card processor, nightly",
            "license": "LicenseRef-internal",
            "personal_data": "pseudonymous",
            "record_count": 96_240_118,
        },
    },
    "fraud-retrained" {
        "occurred": day(133),
        "subject": story::later_transactions(),
        "initiators": [story::FRAUD_DEVELOPER],
        "data": {
            "kind": "features",
            "digest": digest("transactions 2025-w20"),
            "window": { "from": day(70) - 31_536_000_000, "until": day(133) },
            "source": "card processor, nightly",
            "personal_data": "pseudonymous",
            "record_count": 99_817_402,
        },
    }

    /// The data, or part of it, may no longer be used.
    fact "withdrawn" v 1 on &[Dataset];
    pub struct Withdrawn {
        /// Why.
        reason: Text,
        /// Which parts, by digest; with `window` absent too, all of it.
        digests: Vec<Digest>,
        /// Which part, by time.
        window: Option<Window>,
        /// Which law asks for it.
        legal_basis: Option<Text>,
        /// What has to happen to what was made from it.
        required_action: Option<RequiredAction>,
        /// From when on.
        effective: Option<Timestamp>,
    }
    sample {
        "occurred": day(400),
        "subject": story::applications(),
        "regarding": story::id("data.registered"),
        "data": {
            "reason": "A bureau delivered records it had no consent for.",
            "digests": [digest("applications-2025 part 7")],
            "legal_basis": "GDPR Art. 17 (1) (d)",
            "required_action": "retrain",
            "effective": day(430),
        },
    }

    /// Something made from withdrawn data was settled.
    fact "disposition_recorded" v 1 on &[Dataset];
    pub struct DispositionRecorded {
        /// What was made from it.
        descendants: NonEmpty<Subject>,
        /// How it was settled.
        disposition: Disposition,
        /// Why so.
        rationale: Option<Text>,
    }
    sample {
        "occurred": day(425),
        "subject": story::applications(),
        "regarding": story::id("data.withdrawn"),
        "data": {
            "descendants": [story::scorecard_version()],
            "disposition": "retrained",
            "rationale": "Version 3.2.0 was fitted without the part and replaced it.",
        },
    }
}
