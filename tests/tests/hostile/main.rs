//! Ten thousand malformed or hostile submissions against the real server: each is refused for the right reason, and none
//! leaves a trace.
//!
//! They come in families. After each of them the ledger is as long as before, answers honest people and has not grown in
//! memory; at the end it verifies, and what stands in it is what honest people recorded. `PROBITY_SEED` repeats a run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod acts;
mod attempt;
mod bytes;
mod clock;
mod fields;
mod forge;
mod names;
mod power;
mod requests;
mod scene;
mod signers;

use rand::SeedableRng;
use rand::rngs::StdRng;

use attempt::Attempt;
use scene::Scene;

type Family = fn(&Scene, &mut StdRng) -> Vec<Attempt>;

/// Every family, with how many attempts it must have at least: a generator that runs dry would test nothing.
const FAMILIES: [(&str, usize, Family); 14] = [
    ("mutated bytes", 2_400, bytes::mutated),
    ("flawed encodings", 1_500, bytes::flawed),
    ("envelopes and headers", 150, bytes::envelopes),
    ("wrong fields", 4_000, fields::wrong),
    ("misspelt words", 800, fields::misspelt),
    ("numbers and times", 500, fields::numbers),
    ("names", 320, names::names),
    ("issuers", 100, names::issuers),
    ("keys", 200, signers::keys),
    ("signatures", 300, signers::signatures),
    ("clock tricks", 300, clock::tricks),
    ("acts that answer nothing", 300, acts::answering),
    ("acts of the wrong people", 100, acts::persons),
    ("grasps at power", 100, power::grasps),
];

fn seed() -> u64 {
    let seed = match std::env::var("PROBITY_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => rand::random(),
    };
    eprintln!("PROBITY_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_hostile_submissions_are_refused_for_the_right_reason_and_leave_no_trace() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut scene = Scene::new().await;
    let mut total = 0;
    for (name, least, family) in FAMILIES {
        let attempts = family(&scene, &mut random);
        assert!(attempts.len() >= least, "{name}: only {} attempts", attempts.len());
        total += attempts.len();
        scene.withstands(name, attempts, &mut random).await;
    }
    total += requests::replays(&mut scene, &mut random).await;
    total += requests::sizes(&mut scene).await;
    requests::raw(&mut scene, &mut random).await;
    requests::prepared(&mut scene).await;
    assert!(total >= 10_000, "{total} attempts");
    scene.ends_clean().await;
}
