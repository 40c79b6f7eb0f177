//! Where versions run, and what is seen running.

use crate::{
    Digest, Identity, NonEmpty, Percent, Subject,
    SubjectKind::Endpoint,
    Text, Timestamp,
    shared::Environment,
    story::{self, day, digest},
};

choice! {
    /// Who sees the answers.
    pub enum Exposure {
        /// Everyone.
        Live,
        /// Some.
        Canary,
        /// Nobody.
        Shadow,
    }
}

choice! {
    /// How answers are made.
    pub enum Serving {
        /// On request.
        Online,
        /// Many at a time.
        Batch,
        /// As data flows by.
        Stream,
        /// On the user's device.
        Edge,
    }
}

record! {
    /// Where the inputs and answers are kept.
    pub struct LogSink {
        /// The place.
        uri: Text,
        /// For how many days.
        retention_days: Option<u32>,
    }
}

record! {
    /// A part of the traffic.
    pub struct Allocation {
        /// The version that gets it.
        version: Subject,
        /// How much it gets.
        percent: Percent,
        /// Of whom; absent for everyone.
        segment: Option<Text>,
    }
}

choice! {
    /// How far a stop reaches.
    pub enum StopScope {
        /// One version at the endpoint.
        Version,
        /// The endpoint.
        Endpoint,
        /// Every endpoint of the model.
        Model,
    }
}

family! {
    /// What an event of the family `deployment` says.
    pub enum DeploymentEvent("deployment");

    /// Someone wants a version to serve.
    fact "requested" v 1 on &[Endpoint];
    pub struct Requested {
        /// The version.
        version: Subject,
        /// Its artefact.
        digest: Option<Digest>,
        /// Where.
        environment: Option<Environment>,
        /// What for.
        use_case: Option<Subject>,
    }
    sample {
        "occurred": day(61),
        "subject": story::endpoint(),
        "causes": [story::id("approval.granted")],
        "data": {
            "version": story::scorecard_version(),
            "digest": digest("pd-scorecard 3.1.0"),
            "environment": "production",
            "use_case": story::origination(),
        },
    },
    "claims" {
        "occurred": day(70),
        "subject": story::assistant_endpoint(),
        "causes": [story::id_of("approval.granted", "claims")],
        "data": {
            "version": story::assistant_version(),
            "environment": "production",
            "use_case": story::claims(),
        },
    },
    "fraud" {
        "occurred": day(82),
        "subject": story::fraud_endpoint(),
        "causes": [story::id_of("approval.granted", "fraud")],
        "data": {
            "version": story::challenger(),
            "digest": digest("card-fraud 6.0.0"),
            "environment": "production",
            "use_case": story::screening(),
        },
    }

    /// This artefact may serve this use there.
    act "authorized" v 1 on &[Endpoint];
    pub struct Authorized {
        /// The version.
        version: Subject,
        /// Where.
        environment: Environment,
        /// Its artefact; absent only for a version that is known by reference alone.
        digest: Option<Digest>,
        /// What for.
        use_case: Option<Subject>,
        /// Until when it may start.
        expires_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(61),
        "subject": story::endpoint(),
        "regarding": story::id("deployment.requested"),
        "data": {
            "version": story::scorecard_version(),
            "digest": digest("pd-scorecard 3.1.0"),
            "use_case": story::origination(),
            "environment": "production",
            "expires_at": day(68),
        },
    },
    "claims" {
        "occurred": day(71),
        "subject": story::assistant_endpoint(),
        "regarding": story::id_of("deployment.requested", "claims"),
        "data": {
            "version": story::assistant_version(),
            "environment": "production",
            "use_case": story::claims(),
            "expires_at": day(78),
        },
    },
    "fraud" {
        "occurred": day(83),
        "subject": story::fraud_endpoint(),
        "regarding": story::id_of("deployment.requested", "fraud"),
        "data": {
            "version": story::challenger(),
            "environment": "production",
            "digest": digest("card-fraud 6.0.0"),
            "use_case": story::screening(),
            "expires_at": day(90),
        },
    }

    /// A version serves.
    fact "started" v 1 on &[Endpoint];
    pub struct Started {
        /// The version, or the model where nobody knows which version.
        version: Option<Subject>,
        /// Its artefact.
        digest: Option<Digest>,
        /// Where.
        environment: Option<Environment>,
        /// In which region.
        region: Option<Text>,
        /// Who sees its answers.
        exposure: Option<Exposure>,
        /// How they are made.
        serving: Option<Serving>,
        /// What for.
        use_case: Option<Subject>,
        /// Where inputs and answers are kept.
        log_sink: Option<LogSink>,
    }
    sample {
        "occurred": day(62),
        "subject": story::endpoint(),
        "about": [story::scorecard_version()],
        "regarding": story::id("deployment.authorized"),
        "data": {
            "version": story::scorecard_version(),
            "digest": digest("pd-scorecard 3.1.0"),
            "environment": "production",
            "region": "eu-central-1",
            "exposure": "canary",
            "serving": "online",
            "use_case": story::origination(),
            "log_sink": { "uri": "s3://decision-logs/origination-eu", "retention_days": 3650 },
        },
    },
    "claims" {
        "occurred": day(75),
        "subject": story::assistant_endpoint(),
        "about": [story::assistant_version()],
        "regarding": story::id_of("deployment.authorized", "claims"),
        "data": {
            "version": story::assistant_version(),
            "environment": "production",
            "region": "eu-central-1",
            "exposure": "live",
            "serving": "online",
            "use_case": story::claims(),
            "log_sink": { "uri": "s3://decision-logs/claims-desk", "retention_days": 1095 },
        },
    },
    "fraud" {
        "occurred": day(84),
        "subject": story::fraud_endpoint(),
        "about": [story::challenger()],
        "regarding": story::id_of("deployment.authorized", "fraud"),
        "data": {
            "version": story::challenger(),
            "digest": digest("card-fraud 6.0.0"),
            "environment": "production",
            "region": "eu-central-1",
            "exposure": "canary",
            "serving": "stream",
            "use_case": story::screening(),
        },
    }

    /// A version was to serve and doesn't.
    fact "failed" v 1 on &[Endpoint];
    pub struct Failed {
        /// Why.
        reason: Text,
        /// The version.
        version: Option<Subject>,
        /// Its artefact.
        digest: Option<Digest>,
    }
    sample {
        "occurred": day(61),
        "subject": story::endpoint(),
        "data": { "reason": "The image could not be pulled.", "version": story::scorecard_version() },
    }

    /// Who gets how much of the traffic changed.
    fact "traffic_changed" v 1 on &[Endpoint];
    pub struct TrafficChanged {
        /// The parts from now on.
        allocations: NonEmpty<Allocation>,
        /// The version the others are compared with.
        champion: Option<Subject>,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(84),
        "subject": story::fraud_endpoint(),
        "about": [story::champion(), story::challenger()],
        "causes": [story::id("experiment.opened")],
        "data": {
            "allocations": [
                { "version": story::champion(), "percent": 90.0 },
                { "version": story::challenger(), "percent": 10.0 },
            ],
            "champion": story::champion(),
            "reason": "The experiment begins.",
        },
    },
    "scorecard" {
        "occurred": day(69),
        "subject": story::endpoint(),
        "data": {
            "allocations": [
                { "version": story::previous_version(), "percent": 50.0 },
                { "version": story::scorecard_version(), "percent": 50.0 },
            ],
            "champion": story::previous_version(),
        },
    }

    /// A newer version took over.
    fact "upgraded" v 1 on &[Endpoint];
    pub struct Upgraded {
        /// The version that takes over.
        to: Subject,
        /// The one that served before.
        from: Option<Subject>,
        /// The artefact that takes over.
        to_digest: Option<Digest>,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(113),
        "subject": story::fraud_endpoint(),
        "about": [story::champion(), story::challenger()],
        "causes": [story::id("experiment.concluded")],
        "data": {
            "to": story::challenger(),
            "from": story::champion(),
            "to_digest": digest("card-fraud 6.0.0"),
            "reason": "It stopped 9 % more of the fraudulent amount in the experiment.",
        },
    },
    "scorecard" {
        "occurred": day(80),
        "subject": story::endpoint(),
        "data": {
            "to": story::scorecard_version(),
            "from": story::previous_version(),
            "to_digest": digest("pd-scorecard 3.1.0"),
            "reason": "It was better on every slice for ten days.",
        },
    },
    "fraud-retrained" {
        "occurred": day(134),
        "subject": story::fraud_endpoint(),
        "about": [story::challenger(), story::retrained()],
        "causes": [story::id_of("validation.completed", "fraud-retrained")],
        "initiators": [story::FRAUD_DEVELOPER],
        "data": {
            "to": story::retrained(),
            "from": story::challenger(),
            "to_digest": digest("card-fraud 6.1.0"),
            "reason": "Made by the plan and within its bounds.",
        },
    },
    "fraud-again" {
        "occurred": day(119),
        "subject": story::fraud_endpoint(),
        "about": [story::champion(), story::challenger()],
        "data": {
            "to": story::challenger(),
            "from": story::champion(),
            "to_digest": digest("card-fraud 6.0.0"),
            "reason": "The certification is done.",
        },
    }

    /// An older version took over as planned.
    fact "downgraded" v 1 on &[Endpoint];
    pub struct Downgraded {
        /// The version that takes over.
        to: Subject,
        /// The one that served before.
        from: Option<Subject>,
        /// The artefact that takes over.
        to_digest: Option<Digest>,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(115),
        "subject": story::fraud_endpoint(),
        "about": [story::champion(), story::challenger()],
        "data": {
            "to": story::champion(),
            "from": story::challenger(),
            "to_digest": digest("card-fraud 5.2.0"),
            "reason": "The card scheme certifies its interface over the holiday and wants the version it knows.",
        },
    }

    /// An older version took over because the newer one was bad.
    fact "rolled_back" v 1 on &[Endpoint];
    pub struct RolledBack {
        /// The version that takes over.
        to: Subject,
        /// Why.
        reason: Text,
        /// The one that served before.
        from: Option<Subject>,
        /// The artefact that takes over.
        to_digest: Option<Digest>,
    }
    sample {
        "occurred": day(131),
        "subject": story::endpoint(),
        "causes": [story::id("incident.declared")],
        "data": {
            "to": story::previous_version(),
            "reason": "Version 3.1.0 read the monthly income as yearly.",
            "from": story::scorecard_version(),
        },
    },
    "fraud" {
        "occurred": day(140),
        "subject": story::fraud_endpoint(),
        "about": [story::retrained(), story::champion()],
        "causes": [story::id("exception.invoked")],
        "data": {
            "to": story::champion(),
            "reason": "Version 6.1.0 lets a wave of stolen cards through, and 6.0.0 is no better at it.",
            "from": story::retrained(),
            "to_digest": digest("card-fraud 5.2.0"),
        },
    }

    /// The plug was pulled.
    fact "suspended" v 1 on &[Endpoint];
    pub struct Suspended {
        /// Why.
        reason: Text,
        /// How far it reaches.
        scope: StopScope,
        /// Which version, or which model, where the scope is one.
        version: Option<Subject>,
        /// Who decided it, when not the signer.
        decided_by: Option<Identity>,
    }
    sample {
        "occurred": day(130),
        "subject": story::endpoint(),
        "about": [story::scorecard_version()],
        "data": {
            "reason": "It refuses nine of ten applicants since midnight.",
            "scope": "version",
            "version": story::scorecard_version(),
            "decided_by": story::OWNER,
        },
    }

    /// It may serve again.
    act "resumed" v 1 on &[Endpoint];
    pub struct Resumed {
        /// Why it may.
        rationale: Text,
        /// What changed since it was stopped.
        changes: Vec<Text>,
    }
    sample {
        "occurred": day(133),
        "subject": story::endpoint(),
        "regarding": story::id("deployment.suspended"),
        "data": { "rationale": "The cause is found and gone.", "changes": ["Units of the income field are checked."] },
    }

    /// Nothing serves there any more.
    fact "stopped" v 1 on &[Endpoint];
    pub struct Stopped {
        /// The version that served last.
        version: Option<Subject>,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(705),
        "subject": story::endpoint(),
        "data": { "version": story::scorecard_version(), "reason": "The product was sold." },
    }

    /// Something was seen serving there.
    fact "observed" v 1 on &[Endpoint];
    pub struct Observed {
        /// How it was found, such as `network-scan` or `cloud-inventory`.
        how_found: Text,
        /// Its artefact, if it could be told.
        digest: Option<Digest>,
        /// Where.
        environment: Option<Environment>,
        /// What it looked like.
        description: Option<Text>,
    }
    sample {
        "occurred": day(140),
        "subject": story::subject("endpoint", "unassigned", "i-0a1b2c3d"),
        "data": {
            "how_found": "cloud-inventory",
            "digest": digest("pd-scorecard 2.9.0"),
            "environment": "production",
            "description": "A machine that answers on the port of the scorecard.",
        },
    }

    /// What was seen is known now.
    fact "attributed" v 1 on &[Endpoint];
    pub struct Attributed {
        /// Whether there was nothing to find.
        false_alarm: bool,
        /// The version it is.
        version: Option<Subject>,
        /// How one knows.
        rationale: Option<Text>,
    }
    sample {
        "occurred": day(142),
        "subject": story::subject("endpoint", "unassigned", "i-0a1b2c3d"),
        "regarding": story::id("deployment.observed"),
        "data": { "false_alarm": false, "version": story::previous_version(), "rationale": "Left over from a migration." },
    }
}
