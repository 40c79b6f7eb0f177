//! A judgement says until when it holds by itself: between two of these moments nothing changes unless something is
//! recorded. Shown on the dossiers of all examples of all shipped packs, and against plain evaluators on random ones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use probity_controls::dossier::{Dossier, Served, Signing};
use probity_controls::examples::Examples;
use probity_controls::shipped::{SHIPPED, shipped};
use probity_controls::{Fact, Moment, Pack, Verdict};
use proptest::prelude::*;

const DAY: u64 = 24 * 3_600_000;

#[test]
fn between_the_moments_that_it_names_a_verdict_stays_as_it_is() {
    let mut seen = 0;
    for file in SHIPPED {
        let pack = Pack::load(file.text).unwrap();
        let mut examples = Examples::load(file.examples).unwrap();
        for outcome in examples.run(&pack).unwrap() {
            let control = pack.control(&outcome.example.control).unwrap();
            let (dossier, end) = (outcome.example.dossier(), outcome.example.at_ms() + 4_000 * DAY);
            let history = pack.history(control, dossier, Moment::at(end));
            assert!(!history.cut);
            for (place, (from_ms, judgement)) in history.spans.iter().enumerate() {
                let until = history.spans.get(place + 1).map_or(end, |(next, _)| *next);
                for share in 0..16 {
                    let at_ms = from_ms + (until - from_ms) * share / 16;
                    let now = pack.judge(control, dossier, Moment::at(at_ms), false);
                    assert_eq!(
                        now.verdict, judgement.verdict,
                        "{} {} ({}) at {at_ms}, between {from_ms} and {until}",
                        pack.name, control.id, outcome.example.says
                    );
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 5_000, "{seen}");
}

/// What a random history holds: type, when, by whom, what, and which earlier event it answers.
#[derive(Debug, Clone)]
struct Said {
    event_type: &'static str,
    day: u64,
    by: u8,
    data: String,
    answers: Option<u64>,
    void: bool,
}

fn said() -> impl Strategy<Value = Said> {
    let kinds = prop_oneof![
        Just(("model.classified", r#"{"framework":"eu-ai-act","class":"high-risk","basis":"x"}"#.to_owned())),
        Just(("model.classified", r#"{"framework":"eu-ai-act","class":"limited-risk"}"#.to_owned())),
        Just(("model.classified", r#"{"framework":"sr-26-2","class":"tier-1","basis":"x"}"#.to_owned())),
        Just(("model.registered", r#"{"purpose":"x","kind":"ml"}"#.to_owned())),
        Just(("risk.assessed", r#"{"kind":"safety"}"#.to_owned())),
        Just(("change.declared", r#"{"description":"x","substantial":true}"#.to_owned())),
        Just(("change.declared", r#"{"description":"x"}"#.to_owned())),
        Just(("deployment.started", deployed("production"))),
        Just(("deployment.started", deployed("test"))),
        Just(("incident.declared", r#"{"summary":"x"}"#.to_owned())),
        Just(("incident.classified", r#"{"regime":"eu-ai-act-art-73","reportable":"yes"}"#.to_owned())),
        Just(("incident.classified", r#"{"regime":"dora","reportable":"yes","class":"death"}"#.to_owned())),
        Just(("incident.classified", r#"{"regime":"eu-ai-act","reportable":"yes","class":"death"}"#.to_owned())),
        Just(("incident.authority_notified", r#"{"authority":"x","stage":"initial"}"#.to_owned())),
        Just(("validation.completed", r#"{"outcome":"passed"}"#.to_owned())),
        Just(("training.completed", r#"{}"#.to_owned())),
        Just(("monitor.configured", r#"{"monitor":"drift","metric":"x","family":"statistical"}"#.to_owned())),
        Just(("monitor.reported", r#"{"monitor":"drift","value":1.0}"#.to_owned())),
    ];
    let stop = (any::<bool>(), 0_u64..400).prop_map(|(stop, until)| {
        format!(r#"{{"stop_authority":{stop},"training_evidence":["sha256:x"],"until":{}}}"#, until * DAY)
    });
    let kinds = prop_oneof![8 => kinds, 1 => stop.prop_map(|data| ("oversight.assigned", data))];
    (kinds, 0_u64..300, 0_u8..4, proptest::option::of(0_u64..24), proptest::bool::weighted(0.1))
        .prop_map(|((event_type, data), day, by, answers, void)| Said { event_type, day, by, data, answers, void })
}

fn deployed(environment: &str) -> String {
    let version = r#"{"kind":"model","namespace":"credit","name":"pd","version":"1"}"#;
    format!(r#"{{"version":{version},"environment":"{environment}"}}"#)
}

fn dossier(history: &[Said]) -> Dossier {
    let facts = history.iter().zip(0..).map(|(said, index)| {
        let signing = Signing {
            index,
            time_ms: said.day * DAY,
            recorded_ms: said.day * DAY,
            signer: format!("person:{}", said.by),
            persons: if said.by == 0 { Vec::new() } else { vec![format!("person:{}", said.by)] },
            answers: said.answers,
            ..Signing::default()
        };
        let mut fact = Fact::new(said.event_type, "model:credit/pd@1", said.data.clone().into_bytes(), signing);
        fact.taken_back = said.void.then_some(index);
        fact
    });
    let mut dossier = Dossier::new("model:credit/pd@1", facts.collect());
    // Where it serves, as the record of deployments says.
    for (said, index) in history.iter().zip(0..) {
        if said.event_type == "deployment.started" && said.data.contains("production") && !said.void {
            dossier.served.push(Served {
                endpoint: "endpoint:credit/scoring".to_owned(),
                environment: "production".to_owned(),
                from_ms: said.day * DAY,
                until_ms: None,
                indices: vec![index],
            });
        }
    }
    dossier
}

/// Evaluators that share nothing with the language: loops over the history.
struct Plain<'h> {
    history: &'h [Said],
    at: u64,
}

impl<'h> Plain<'h> {
    /// What happened by now and is not void, in order.
    fn of(&self, event_type: &str) -> Vec<(u64, u64, &'h Said)> {
        let mut found: Vec<_> = self
            .history
            .iter()
            .zip(0..)
            .filter(|(said, _)| said.event_type == event_type && said.day * DAY <= self.at && !said.void)
            .map(|(said, index)| (said.day * DAY, index, said))
            .collect();
        found.sort_by_key(|(time, index, _)| (*time, *index));
        found
    }

    fn high_risk(&self) -> Option<bool> {
        let classes = self.of("model.classified");
        let last = classes.iter().rev().find(|(.., said)| said.data.contains("eu-ai-act"))?;
        Some(last.2.data.contains("high-risk"))
    }

    fn live(&self) -> Vec<(u64, u64, &'h Said)> {
        let mut live = self.of("deployment.started");
        live.retain(|(.., said)| said.data.contains("production"));
        live
    }

    fn applying(&self, then: impl FnOnce() -> Verdict) -> Verdict {
        match self.high_risk() {
            None => Verdict::Indeterminate,
            Some(false) => Verdict::NotApplicable,
            Some(true) => then(),
        }
    }

    /// EU AI Act, Article 9.
    fn risk_management(&self) -> Verdict {
        self.applying(|| {
            let (risks, live) = (self.of("risk.assessed"), self.live());
            let mut changes = self.of("change.declared");
            changes.retain(|(.., said)| said.data.contains("substantial"));
            let Some(first) = risks.first() else {
                // Not recorded is not fresh, whether or not it is due before service yet.
                return Verdict::Fail;
            };
            let place = |it: &(u64, u64, &Said)| (it.0, it.1);
            let in_order = live.first().is_none_or(|live| place(first) < place(live));
            let last = risks.last().unwrap();
            let fresh = last.0 + 365 * DAY > self.at;
            let renewed = changes.last().is_none_or(|change| place(last) > place(change));
            if in_order && fresh && renewed { Verdict::Pass } else { Verdict::Fail }
        })
    }

    /// EU AI Act, Article 14.
    fn oversight(&self) -> Verdict {
        self.applying(|| {
            let assigned: Vec<_> =
                self.of("oversight.assigned").into_iter().filter(|(.., said)| said.data.contains("true")).collect();
            let until = |said: &Said| -> u64 {
                said.data.split("\"until\":").nth(1).unwrap().trim_end_matches('}').parse().unwrap()
            };
            let holds = assigned.iter().any(|(.., said)| until(said) > self.at);
            let live = self.live();
            let before = match (assigned.first(), live.first()) {
                (Some(one), Some(live)) => Some((one.0, one.1) < (live.0, live.1)),
                (Some(_), None) => Some(true),
                (None, Some(_)) => Some(false),
                (None, None) => None,
            };
            match (before, holds) {
                (Some(true), true) => Verdict::Pass,
                _ => Verdict::Fail,
            }
        })
    }

    /// EU AI Act, Article 73.
    fn incident_report(&self) -> Verdict {
        let answering = |event_type: &str, to: u64| -> Vec<(u64, u64, &Said)> {
            self.of(event_type).into_iter().filter(|(.., said)| said.answers == Some(to)).collect()
        };
        let mut verdict = None;
        for (time, index, _) in self.of("incident.declared") {
            let classes = answering("incident.classified", index);
            if !classes.iter().any(|(.., said)| said.data.contains("eu-ai-act")) {
                continue;
            }
            let days = if classes.iter().any(|(.., said)| said.data.contains("death")) { 10 } else { 15 };
            // To the end of the day.
            let due = (time / DAY + days + 1) * DAY;
            let told = !answering("incident.authority_notified", index).is_empty();
            let this = match (told, self.at >= due) {
                (true, _) => Verdict::Pass,
                (false, true) => Verdict::Fail,
                (false, false) => Verdict::Pending,
            };
            verdict = Some(match (verdict, this) {
                (Some(Verdict::Fail), _) | (_, Verdict::Fail) => Verdict::Fail,
                (Some(Verdict::Pending), _) | (_, Verdict::Pending) => Verdict::Pending,
                _ => Verdict::Pass,
            });
        }
        verdict.unwrap_or(Verdict::NotApplicable)
    }

    /// SR 26-2: effective challenge.
    fn challenge(&self) -> Verdict {
        let (validated, built) = (self.of("validation.completed"), self.of("training.completed"));
        if validated.is_empty() {
            return Verdict::NotApplicable;
        }
        if built.is_empty() {
            return Verdict::Fail;
        }
        if validated.iter().chain(&built).any(|(.., said)| said.by == 0) {
            return Verdict::Indeterminate;
        }
        let shared = validated.iter().any(|(.., one)| built.iter().any(|(.., other)| one.by == other.by));
        if shared { Verdict::Fail } else { Verdict::Pass }
    }

    /// SR 26-2: monitoring.
    fn monitoring(&self) -> Verdict {
        let Some(first) = self.live().first().map(|(time, ..)| *time) else { return Verdict::NotApplicable };
        let tiers: Vec<_> =
            self.of("model.classified").into_iter().filter(|(.., said)| said.data.contains("sr-26-2")).collect();
        if self.of("monitor.configured").is_empty() {
            return Verdict::Fail;
        }
        // Without a tier it cannot be told how often.
        if tiers.is_empty() {
            return Verdict::Indeterminate;
        }
        let newest = self.of("monitor.reported").last().map(|(time, ..)| *time).filter(|time| *time >= first);
        let due = newest.unwrap_or(first) + 31 * DAY;
        match (newest, self.at >= due) {
            (_, true) => Verdict::Fail,
            (Some(_), false) => Verdict::Pass,
            (None, false) => Verdict::Pending,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn a_plain_evaluator_of_five_controls_agrees_at_every_position_and_moment(
        history in proptest::collection::vec(said(), 0..24),
        later in proptest::collection::vec(0_u64..500, 4),
    ) {
        let eu = Pack::load(&in_force(shipped("eu-ai-act-high-risk").unwrap().text)).unwrap();
        let sr = Pack::load(shipped("sr-26-2").unwrap().text).unwrap();
        for position in 0..=history.len() {
            let known = &history[..position];
            let dossier = dossier(known);
            let moments = known.iter().map(|said| said.day * DAY).chain(later.iter().map(|day| day * DAY + 1));
            for at in moments {
                let plain = Plain { history: known, at };
                let says = |pack: &Pack, id: &str| {
                    pack.judge(pack.control(id).unwrap(), &dossier, Moment::at(at), false).verdict
                };
                for (control, expected, found) in [
                    ("art-9", plain.risk_management(), says(&eu, "art-9-risk-management")),
                    ("art-14", plain.oversight(), says(&eu, "art-14-oversight")),
                    ("art-73", plain.incident_report(), says(&eu, "art-73-incident-report")),
                    ("challenge", plain.challenge(), says(&sr, "effective-challenge")),
                    ("monitoring", plain.monitoring(), says(&sr, "monitoring")),
                ] {
                    prop_assert_eq!(expected, found, "{} at {} (day {}): {:?}", control, position, at / DAY, known);
                }
            }
        }
    }
}

fn cases() -> u32 {
    std::env::var("PROBITY_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(48)
}

/// The histories play in 1970: what is in force from a later day on is in force from the first one on here.
fn in_force(text: &str) -> String {
    text.replace("2027-12-02", "1970-01-01").replace("2028-08-02", "1970-01-01").replace("2026-08-02", "1970-01-01")
}
