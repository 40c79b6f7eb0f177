//! How long folding and asking for the impact on ten thousand descendants take: `cargo bench -p probity-lineage`.

#![allow(clippy::unwrap_used, reason = "what is measured must work")]

#[path = "../tests/scenes/mod.rs"]
mod scenes;

use std::time::Instant;

use probity_proto::v1;
use scenes::{DEVELOPER, Life, digest};
use serde_json::json;

fn main() {
    const MODELS: u32 = 1_000;
    let mut life = Life::new();
    for number in 0..10 * MODELS {
        let (model, version) =
            (format!("model:m/m{}", number % MODELS), format!("model:m/m{}@{}", number % MODELS, number / MODELS));
        let run = life.train(&version, &["dataset:credit/loans"]);
        let artifact = json!({ "digest": digest(&format!("artifact {number}")), "form": "file" });
        let data = json!({ "artifacts": [artifact], "training_run": life.scene.id(run), "environment_digest": digest("image") });
        life.say(DEVELOPER, "model.version_registered", &version, data);
        if number % 10 == 0 {
            life.start(&format!("endpoint:m/e{number}"), &version);
        }
        if number < MODELS {
            life.say("service:owner", "model.ownership_accepted", &model, json!({ "role": "owner" }));
        }
    }
    let count = life.scene.recorded().len();
    for together in [4_096, 4_095, 4_094] {
        let begun = Instant::now();
        drop(life.scene.fold_again(together));
        let folded = begun.elapsed();
        println!("{count} statements folded in {folded:?}, {:?} each", folded / count as u32);
    }
    let request = v1::GetImpactRequest { node: "dataset:credit/loans".to_owned(), ..Default::default() };
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let impact = life.impact_as(request.clone()).unwrap();
        times.push(begun.elapsed());
        assert_eq!((impact.total, impact.live), (10_000, 1_000));
    }
    times.sort_unstable();
    println!("impact: median {:?}, worst {:?}", times[10], times[19]);
}
