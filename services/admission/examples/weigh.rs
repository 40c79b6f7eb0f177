//! What admission costs: time for each statement, memory for all there is to remember, and the way to disk and back.
//!
//! `cargo run --release -p probity-admission --example weigh -- 100000` judges the lives of that many versions, ten
//! statements each, and prints what it took. Signatures are made beforehand and not verified: that is not admission's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement ends where something is wrong"
)]

#[path = "../tests/scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use probity_admission::{History, Position, State, Submitted, Verdict};
use probity_schemas::{Event, EventId};
use probity_statement::SignedStatement;
use serde_json::{Value, json};

use scene::world::{APPROVER, DEPLOYER, DEVELOPER, OPERATOR, VALIDATOR, World, digest, ms};
use scene::{NOW, key, who};

/// Versions of one model.
const VERSIONS: u64 = 20;

/// A past that is not asked: its ids and revisions are on disk in the real ledger.
struct NoPast;

impl History for NoPast {
    type Error = std::convert::Infallible;

    fn event_index(&self, _: u32, _: &EventId) -> Result<Option<u64>, Self::Error> {
        Ok(None)
    }

    fn revision(&self, _: &str) -> Result<u64, Self::Error> {
        Ok(u64::MAX - 1)
    }
}

fn life(number: u64) -> Vec<(u8, Event)> {
    let name = format!("model-{:04}", number / VERSIONS);
    let model = json!({ "kind": "model", "namespace": "lives/models", "name": name });
    let mut version = model.clone();
    version["version"] = format!("1.{}.0", number % VERSIONS).into();
    let endpoint = json!({ "kind": "endpoint", "namespace": "lives/endpoints", "name": name });
    let of = |what: &str| digest(&format!("{what}{number}"));
    let id = |step: u64| {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&(number * 10 + step).to_be_bytes());
        EventId::from_time(ms(NOW), random)
    };
    let evidence = json!([{ "digest": of("report"), "kind": "report", "media_type": "application/pdf" }]);
    let metrics = json!([{ "name": "auc", "value": 0.8125 }, { "name": "ks", "value": 0.47 }]);
    let place = json!({ "version": version, "digest": of("artifact"), "environment": "production" });
    let dataset = json!([{ "kind": "dataset", "namespace": "lives/data", "name": "applications" }]);
    let run = json!({ "produced_version": version, "datasets": dataset, "dataset_digests": [of("data")], "metrics": metrics });
    let made = json!({
        "artifacts": [{ "digest": of("artifact"), "form": "file" }], "code": { "digest": of("code") }, "training_run": id(0),
    });
    let grant = json!({
        "gate": "production", "digests": [of("artifact")], "scope": { "environments": ["production"] }, "meaning": "Yes.",
        "evidence_seen": [of("report")],
    });
    let report = json!({ "monitor": "psi", "value": 0.04 });
    let steps: [(u8, &str, &Value, Value); 10] = [
        (DEVELOPER, "training.completed", &model, run),
        (DEVELOPER, "model.version_registered", &version, made),
        (DEVELOPER, "evidence.attached", &version, json!({ "document_kind": "model-card", "digest": of("card") })),
        (VALIDATOR, "validation.completed", &version, json!({ "scopes": ["soundness"], "metrics": metrics })),
        (DEVELOPER, "approval.requested", &version, json!({ "gate": "production" })),
        (APPROVER, "approval.granted", &version, grant),
        (DEPLOYER, "deployment.authorized", &endpoint, place.clone()),
        (DEPLOYER, "deployment.started", &endpoint, place),
        (OPERATOR, "monitor.reported", &endpoint, report.clone()),
        (OPERATOR, "monitor.reported", &endpoint, report),
    ];
    let event = |(step, (seed, event_type, subject, data)): (u64, (u8, &str, &Value, Value))| {
        let mut tree = json!({
            "id": id(step), "type": event_type, "v": 1, "occurred": ms(NOW), "subject": subject, "data": data,
        });
        match event_type {
            "validation.completed" => tree["evidence"] = evidence.clone(),
            "approval.granted" => tree["regarding"] = json!(id(4)),
            _ => {}
        }
        (seed, Event::from_value(&tree).unwrap())
    };
    (0..).zip(steps).map(event).collect()
}

fn rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

/// Admission with a clock beside it.
struct Measured<'a> {
    state: &'a mut State,
    spent: BTreeMap<&'static str, (Duration, u64)>,
    index: u64,
}

impl Measured<'_> {
    /// Judges a block: the state before it is kept until it would be durable.
    fn block(&mut self, events: impl Iterator<Item = (u8, Event)>) {
        let sign = |(seed, event): (u8, Event)| {
            let kid = key(seed).public().id();
            let unsigned = probity_statement::Unsigned::new(&event, &who(seed), scene::ORIGIN, kid).unwrap();
            (unsigned.sign(&key(seed)).unwrap(), event)
        };
        let signed: Vec<(SignedStatement, Event)> = events.map(sign).collect();
        let kept = self.state.mark();
        for (statement, event) in &signed {
            let started = Instant::now();
            let submitted = Submitted { statement, event, expected_revision: None };
            let verdict = self.state.admit(submitted, Position { index: self.index, block_time: NOW }, &NoPast);
            let took = started.elapsed();
            assert!(matches!(verdict, Ok(Verdict::Admitted(_))), "{}: {verdict:?}", event.event_type());
            let (total, count) = self.spent.entry(event.event_type()).or_default();
            *total += took;
            *count += 1;
            self.index += 1;
        }
        self.state.forget(Some(&kept));
    }
}

fn main() {
    let lives: u64 = std::env::args().nth(1).map_or(10_000, |count| count.parse().unwrap());
    let mut state = World::empty().door.state;
    let before = rss_mib();
    let mut measured = Measured { state: &mut state, spent: BTreeMap::new(), index: 1_000 };
    for first in (0..lives).step_by(10) {
        measured.block((first..lives.min(first + 10)).flat_map(life));
    }
    let spent = std::mem::take(&mut measured.spent);
    // What costs most: every statement changes something else than the ones before it.
    for first in (0..lives).step_by(100) {
        let scattered = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % lives;
        let run = |number| life(scattered(number)).swap_remove(0);
        measured.block((first..first + 100).map(run));
    }
    let scattered = measured.spent["training.completed"];
    let after = rss_mib();
    println!("{:<28} {:>9} {:>10}", "TYPE", "COUNT", "NS EACH");
    for (event_type, (total, count)) in &spent {
        println!("{event_type:<28} {count:>9} {:>10.0}", total.as_secs_f64() * 1e9 / *count as f64);
    }
    let each = scattered.0.as_secs_f64() * 1e9 / scattered.1 as f64;
    println!("{:<28} {:>9} {each:>10.0}", "training.completed, scattered", scattered.1);
    let (total, count) = spent.values().fold((Duration::ZERO, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("{:<28} {count:>9} {:>10.0}", "all", total.as_secs_f64() * 1e9 / count as f64);
    for (what, count) in state.counts() {
        println!("{what}: {count}");
    }
    println!(
        "memory: {} MiB, {:.0} bytes a version",
        after - before,
        (after - before) as f64 * 1_048_576.0 / lives as f64
    );
    let started = Instant::now();
    let bytes = state.to_snapshot().unwrap();
    println!("snapshot: {} MiB in {:.2} s", bytes.len() >> 20, started.elapsed().as_secs_f64());
    let started = Instant::now();
    let restored = State::from_snapshot(&bytes).unwrap();
    println!("read back in {:.2} s", started.elapsed().as_secs_f64());
    assert_eq!(restored.counts(), state.counts());
}
