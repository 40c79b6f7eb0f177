//! Monitors: what is watched, what was seen, and what wasn't seen though it should have been.

use crate::{
    Name, Number, Subject,
    SubjectKind::{Endpoint, Model},
    Text, Timestamp, Title,
    shared::{Severity, Threshold, Window},
    story::{self, day},
};

choice! {
    /// What kind of thing a monitor watches.
    pub enum MonitorFamily {
        /// Distributions: drift of inputs and answers.
        Statistical,
        /// Whether groups are treated alike.
        Ethical,
        /// Whether answers are right, and fast.
        Performance,
        /// Attacks.
        Security,
        /// What it is worth.
        Business,
        /// What rules ask for.
        Compliance,
    }
}

family! {
    /// What an event of the family `monitor` says.
    pub enum MonitorEvent("monitor");

    /// Something is watched from now on. Configuring a monitor of the same name again replaces it.
    fact "configured" v 1 on &[Model, Endpoint];
    pub struct Configured {
        /// The monitor's name, one for each subject.
        monitor: Name,
        /// What it measures.
        metric: Title,
        /// What kind of thing that is.
        family: MonitorFamily,
        /// The unit of its values.
        unit: Option<Text>,
        /// What is normal.
        baseline: Option<Number>,
        /// From where on it is no longer good.
        threshold: Option<Threshold>,
        /// How often it reports, in seconds.
        interval_s: Option<u64>,
        /// The part of the population it watches; absent for all of it.
        slice: Option<Text>,
    }
    sample {
        "occurred": day(76),
        "subject": story::assistant_endpoint(),
        "about": [story::assistant_version()],
        "data": {
            "monitor": "probe-questions",
            "metric": "share of probe questions answered as before",
            "family": "statistical",
            "unit": "%",
            "baseline": 98.5,
            "threshold": { "comparison": "at-least", "value": 95.0 },
            "interval_s": 86_400,
        },
    },
    "scorecard" {
        "occurred": day(63),
        "subject": story::endpoint(),
        "about": [story::scorecard_version()],
        "data": {
            "monitor": "approval-rate-young",
            "metric": "approval rate ratio",
            "family": "ethical",
            "baseline": 0.86,
            "threshold": { "comparison": "at-least", "value": 0.8 },
            "interval_s": 604_800,
            "slice": "age 18-25",
        },
    }

    /// What was seen.
    fact "reported" v 1 on &[Model, Endpoint];
    pub struct Reported {
        /// The monitor.
        monitor: Name,
        /// The value.
        value: Number,
        /// Its unit.
        unit: Option<Text>,
        /// The time it is about.
        window: Option<Window>,
        /// How many cases it was computed from.
        sample_count: Option<u64>,
        /// The part of the population; absent for all of it.
        slice: Option<Text>,
        /// The version that served.
        version: Option<Subject>,
    }
    sample {
        "occurred": day(162),
        "subject": story::assistant_endpoint(),
        "regarding": story::id("monitor.configured"),
        "data": {
            "monitor": "probe-questions",
            "value": 98.0,
            "unit": "%",
            "window": { "from": day(161), "until": day(162) },
            "sample_count": 200,
            "version": story::assistant_version(),
        },
    }

    /// It is no longer good.
    fact "breached" v 1 on &[Model, Endpoint];
    pub struct Breached {
        /// The monitor.
        monitor: Name,
        /// The value.
        value: Option<Number>,
        /// Its unit.
        unit: Option<Text>,
        /// The bound it broke.
        threshold: Option<Threshold>,
        /// The time it is about.
        window: Option<Window>,
        /// The part of the population; absent for all of it.
        slice: Option<Text>,
        /// How bad it is.
        severity: Option<Severity>,
    }
    sample {
        "occurred": day(163),
        "subject": story::assistant_endpoint(),
        "about": [story::assistant_version()],
        "regarding": story::id("monitor.configured"),
        "data": {
            "monitor": "probe-questions",
            "value": 80.0,
            "unit": "%",
            "threshold": { "comparison": "at-least", "value": 95.0 },
            "window": { "from": day(162), "until": day(163) },
            "severity": "high",
        },
    }

    /// It is good again.
    fact "recovered" v 1 on &[Model, Endpoint];
    pub struct Recovered {
        /// The monitor.
        monitor: Name,
        /// The value.
        value: Option<Number>,
        /// Its unit.
        unit: Option<Text>,
        /// The time it is about.
        window: Option<Window>,
    }
    sample {
        "occurred": day(204),
        "subject": story::assistant_endpoint(),
        "regarding": story::id("monitor.breached"),
        "data": {
            "monitor": "probe-questions",
            "value": 97.5,
            "unit": "%",
            "window": { "from": day(203), "until": day(204) },
        },
    }

    /// It should have reported and didn't.
    fact "silent" v 1 on &[Model, Endpoint];
    pub struct Silent {
        /// The monitor.
        monitor: Name,
        /// How many reports there should have been.
        expected_reports: Option<u64>,
        /// How many of them are missing.
        missing_reports: Option<u64>,
        /// When the last one came.
        last_reported_at: Option<Timestamp>,
        /// The time it is about.
        window: Option<Window>,
    }
    sample {
        "occurred": day(105),
        "subject": story::endpoint(),
        "regarding": story::id_of("monitor.configured", "scorecard"),
        "data": {
            "monitor": "approval-rate-young",
            "expected_reports": 3,
            "missing_reports": 3,
            "last_reported_at": day(84),
            "window": { "from": day(84), "until": day(105) },
        },
    }
}
