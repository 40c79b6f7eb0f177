//! Models: what they are, which versions of them exist, what class they are in.

use crate::{
    Digest, EventId, Identity, Subject,
    SubjectKind::Model,
    Text, Timestamp, Title,
    shared::Code,
    story::{self, day, digest},
};

choice! {
    /// What a model is made of.
    pub enum ModelKind {
        /// Learnt from data.
        Ml,
        /// Estimated by statistics.
        Statistical,
        /// Written down as rules.
        Rules,
        /// Generates text, images or other content.
        Genai,
        /// Acts by itself, with tools.
        Agent,
        /// Bought, its inside unknown.
        Vendor,
    }
}

choice! {
    /// How an artefact's digest is computed.
    pub enum ArtifactForm {
        /// The root of an OpenSSF model signing manifest.
        OmsRoot,
        /// An OCI image or artefact manifest.
        OciManifest,
        /// The bytes of one file.
        File,
    }
}

record! {
    /// Something a version consists of.
    pub struct Artifact {
        /// Its digest.
        digest: Digest,
        /// What the digest is of.
        form: ArtifactForm,
    }
}

choice! {
    /// What a component does in a version.
    pub enum ComponentRole {
        /// The model it was made from.
        BaseModel,
        /// Instructions.
        Prompt,
        /// A check on what goes in or comes out.
        Guardrail,
        /// What it looks things up in.
        RetrievalIndex,
        /// What it can call.
        Tool,
        /// Where its features come from.
        FeatureView,
        /// A small part that changes a base model.
        Adapter,
    }
}

record! {
    /// Something a version works with, made elsewhere.
    pub struct Component {
        /// What it does.
        role: ComponentRole,
        /// Its digest, where there is one.
        digest: Option<Digest>,
        /// Its name, where it is in the record.
        subject: Option<Subject>,
        /// Where to find it, where neither is known.
        reference: Option<Text>,
    }
}

record! {
    /// A version behind somebody else's interface, of which no digest exists.
    pub struct ProviderReference {
        /// Who serves it.
        provider: Title,
        /// What they call it.
        name: Title,
        /// Which state of it, in their words.
        snapshot: Option<Title>,
        /// Where it is called.
        endpoint: Option<Text>,
        /// Whether the provider promises that it doesn't change; absent where nobody knows.
        pinned: Option<bool>,
    }
}

choice! {
    /// The part one has under a regulation.
    pub enum RegulatoryRole {
        /// One makes it or puts it on the market.
        Provider,
        /// One uses it under one's own authority.
        Deployer,
        /// Both.
        ProviderAndDeployer,
    }
}

choice! {
    /// How two models relate.
    pub enum Relation {
        /// Two names of one thing.
        SameAs,
        /// The same thing, formerly called otherwise.
        RenamedFrom,
        /// A part that became a thing of its own.
        SplitFrom,
    }
}

choice! {
    /// What somebody answers for.
    pub enum OwnershipRole {
        /// The model as a whole.
        Owner,
        /// Its use in business.
        BusinessOwner,
        /// Its working.
        TechnicalOwner,
        /// Its data.
        DataOwner,
    }
}

choice! {
    /// Fields of a registration that may be amended. Owner, class, artefacts and uses aren't among
    /// them: they change by events of their own.
    pub enum AmendableField {
        /// The purpose.
        Purpose,
        /// The kind.
        Kind,
        /// The supplier.
        Supplier,
        /// The platform it came from.
        OriginPlatform,
        /// The title.
        Title,
        /// A field under `attributes`, named in `attribute`.
        Attribute,
    }
}

family! {
    /// What an event of the family `model` says.
    pub enum ModelEvent("model");

    /// There is a model.
    fact "registered" v 1 on &[Model];
    pub struct Registered {
        /// What it is for.
        purpose: Text,
        /// What it is made of.
        kind: Option<ModelKind>,
        /// What it may be used for.
        intended_uses: Vec<Text>,
        /// What it must not be used for.
        excluded_uses: Vec<Text>,
        /// Who supplies it, when not oneself.
        supplier: Option<Subject>,
        /// The platform it was found on, such as `mlflow`.
        origin_platform: Option<Title>,
    }
    sample {
        "occurred": day(12),
        "subject": story::scorecard(),
        "causes": [story::id("usecase.accepted")],
        "title": "Probability of default, consumer loans",
        "attributes": { "cost_centre": "4711" },
        "data": {
            "purpose": "Estimates the probability that an applicant defaults within twelve months.",
            "kind": "statistical",
            "intended_uses": ["Deciding consumer loans up to 20,000 EUR."],
            "excluded_uses": ["Mortgages.", "Setting the terms of loans already given."],
            "origin_platform": "mlflow",
        },
    },
    "claims" {
        "occurred": day(32),
        "subject": story::assistant(),
        "causes": [story::id_of("usecase.accepted", "claims")],
        "title": "Claims assistant",
        "data": {
            "purpose": "Finds the clauses that matter for a claim and drafts an answer for the clerk.",
            "kind": "vendor",
            "intended_uses": ["Drafting answers to claims under household and liability policies, for a clerk to decide."],
            "excluded_uses": ["Answering customers directly.", "Claims about bodily injury."],
            "supplier": story::supplier(),
        },
    },
    "fraud" {
        "occurred": day(11),
        "subject": story::fraud(),
        "causes": [story::id_of("usecase.accepted", "fraud")],
        "title": "Card fraud",
        "data": {
            "purpose": "Scores card payments for fraud before they are authorised.",
            "kind": "ml",
            "intended_uses": ["Stopping card payments, or asking the holder to confirm them."],
            "excluded_uses": ["Blocking accounts.", "Reporting persons to authorities."],
            "origin_platform": "sagemaker",
        },
    }

    /// A version of the model exists: these artefacts, or what this reference leads to.
    fact "version_registered" v 1 on &[Model];
    pub struct VersionRegistered {
        /// What it consists of.
        artifacts: Vec<Artifact>,
        /// What it works with.
        components: Vec<Component>,
        /// Where it is called, when no digest exists.
        reference: Option<ProviderReference>,
        /// The code it was made with.
        code: Option<Code>,
        /// The digest of the environment it was made in, such as a container image.
        environment_digest: Option<Digest>,
        /// The versions it was made from.
        parents: Vec<Subject>,
        /// The `training.completed` it came out of.
        training_run: Option<EventId>,
    }
    sample {
        "occurred": day(40),
        "subject": story::scorecard_version(),
        "causes": [story::id("training.completed")],
        "data": {
            "artifacts": [{ "digest": digest("pd-scorecard 3.1.0"), "form": "oms-root" }],
            "components": [{ "role": "feature-view", "subject": story::subject("dataset", "credit", "bureau-features") }],
            "code": {
                "repository": "https://git.bank.example/credit/pd-scorecard",
                "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
                "digest": digest("pd-scorecard source"),
            },
            "environment_digest": digest("training image"),
            "parents": [story::previous_version()],
            "training_run": story::id("training.completed"),
        },
    },
    "claims" {
        "occurred": day(44),
        "subject": story::assistant_version(),
        "about": [story::supplier(), story::wordings()],
        "data": {
            "components": [
                { "role": "prompt", "digest": digest("claims-assistant prompts 2025-03") },
                { "role": "retrieval-index", "digest": digest("wordings-index"), "subject": story::wordings() },
                { "role": "guardrail", "digest": digest("no-health-data filter"), "reference": "no-health-data filter 1.4" },
            ],
            "reference": {
                "provider": "Parlance",
                "name": "parlance-large",
                "snapshot": "2025-02-15",
                "endpoint": "https://api.parlance.example/v1/answers",
                "pinned": false,
            },
            "code": { "repository": "https://git.bank.example/insurance/claims-assistant", "commit": "4b825dc642cb6eb9a060e54bf8d69288fbee4904" },
        },
    },
    "fraud-champion" {
        "occurred": day(11),
        "subject": story::champion(),
        "data": { "artifacts": [{ "digest": digest("card-fraud 5.2.0"), "form": "oci-manifest" }] },
    },
    "fraud-challenger" {
        "occurred": day(70),
        "subject": story::challenger(),
        "causes": [story::id_of("training.completed", "fraud-challenger")],
        "data": {
            "artifacts": [{ "digest": digest("card-fraud 6.0.0"), "form": "oci-manifest" }],
            "components": [{ "role": "feature-view", "subject": story::subject("dataset", "payments", "card-velocity") }],
            "code": { "repository": "https://git.bank.example/payments/card-fraud", "commit": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a" },
            "parents": [story::champion()],
            "training_run": story::id_of("training.completed", "fraud-challenger"),
        },
    },
    "fraud-retrained" {
        "occurred": day(133),
        "subject": story::retrained(),
        "causes": [story::id("plan.approved"), story::id_of("training.completed", "fraud-retrained")],
        "title": "Made by the plan",
        "data": {
            "artifacts": [{ "digest": digest("card-fraud 6.1.0"), "form": "oci-manifest" }],
            "components": [{ "role": "feature-view", "subject": story::subject("dataset", "payments", "card-velocity") }],
            "code": { "repository": "https://git.bank.example/payments/card-fraud", "commit": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a" },
            "parents": [story::challenger()],
            "training_run": story::id_of("training.completed", "fraud-retrained"),
        },
    }

    /// The model, in a use, falls into a class.
    fact "classified" v 1 on &[Model];
    pub struct Classified {
        /// By which scheme, such as `eu-ai-act` or `sr-11-7`.
        framework: Title,
        /// The class or tier, in the scheme's words.
        class: Title,
        /// The use that puts it there.
        use_case: Option<Subject>,
        /// The paragraph or reasoning it follows from.
        basis: Option<Text>,
        /// The part one has in it.
        regulatory_role: Option<RegulatoryRole>,
        /// The version of the method by which it was classified.
        method_version: Option<Text>,
        /// When it has to be done again.
        expires_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(14),
        "subject": story::scorecard(),
        "data": {
            "framework": "eu-ai-act",
            "class": "high-risk",
            "use_case": story::origination(),
            "basis": "Annex III, 5 (b): evaluates the creditworthiness of natural persons",
            "regulatory_role": "provider-and-deployer",
            "method_version": "2025-01",
            "expires_at": day(379),
        },
    },
    "claims" {
        "occurred": day(36),
        "subject": story::assistant(),
        "data": {
            "framework": "eu-ai-act",
            "class": "limited-risk",
            "use_case": story::claims(),
            "basis": "Art. 50: people are told that a machine drafts; property and liability insurance is not in Annex III",
            "regulatory_role": "deployer",
            "method_version": "2025-01",
            "expires_at": day(401),
        },
    }

    /// Something said at registration is different now. Also how a changed cell of an imported
    /// inventory is recorded.
    fact "amended" v 1 on &[Model];
    pub struct Amended {
        /// What changed.
        field: AmendableField,
        /// Which attribute, when `field` is `attribute`.
        attribute: Option<Text>,
        /// What it was; absent when there was nothing.
        old: Option<Text>,
        /// What it is; absent when there is nothing any more.
        new: Option<Text>,
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(90),
        "subject": story::scorecard(),
        "regarding": story::id("model.registered"),
        "data": {
            "field": "attribute",
            "attribute": "cost_centre",
            "old": "4711",
            "new": "4812",
            "reason": "The department moved.",
        },
    }

    /// Two names belong together.
    fact "linked" v 1 on &[Model];
    pub struct Linked {
        /// How.
        relation: Relation,
        /// The other one.
        other: Subject,
        /// Why one thinks so.
        rationale: Option<Text>,
    }
    sample {
        "occurred": day(13),
        "subject": story::scorecard(),
        "data": {
            "relation": "renamed-from",
            "other": story::subject("model", "credit", "scorecard-2019"),
            "rationale": "The same model under the name of the former platform.",
        },
    }

    /// Someone takes the model on. Signed by who takes it.
    act "ownership_accepted" v 1 on &[Model];
    pub struct OwnershipAccepted {
        /// What for.
        role: OwnershipRole,
        /// Who had it before.
        from: Option<Identity>,
    }
    sample {
        "occurred": day(13),
        "subject": story::scorecard(),
        "regarding": story::id("model.registered"),
        "data": { "role": "owner" },
    },
    "claims" {
        "occurred": day(36),
        "subject": story::assistant(),
        "regarding": story::id_of("model.registered", "claims"),
        "data": { "role": "owner" },
    },
    "fraud" {
        "occurred": day(12),
        "subject": story::fraud(),
        "regarding": story::id_of("model.registered", "fraud"),
        "data": { "role": "owner" },
    }
}
