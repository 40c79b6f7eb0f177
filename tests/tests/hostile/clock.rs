//! Acts of another time: too old, not yet, between two moments, at no moment.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::attempt::Attempt;
use crate::forge::{Forged, now_ms, samples};
use crate::scene::Scene;

const DAY: u64 = 86_400_000;
const MINUTE: u64 = 60_000;

pub(crate) fn tricks(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let acts = |sample: &Value| probity_schemas::newest(sample["type"].as_str().unwrap()).unwrap().is_act();
    for sample in samples(random).into_iter().filter(acts) {
        let kind = sample["type"].as_str().unwrap().to_owned();
        let signer = if kind.starts_with("authority.") { "ada" } else { "jack" };
        let now = now_ms();
        let old: &[&str] = &["ACT_TOO_OLD"];
        let early: &[&str] = &["ACT_IN_THE_FUTURE"];
        let timeless: &[&str] = &["ACT_WITHOUT_TIME"];
        let times = [
            (json!(now - DAY - MINUTE), old),
            (json!(now - random.random_range(2..3_000) * DAY), old),
            (json!(0), old),
            (json!(now + 10 * MINUTE), early),
            (json!(now + random.random_range(1..3_000) * DAY), early),
            (json!(253_402_300_799_999_u64), early),
            (json!([now - 1, now]), timeless),
            (json!([now, now + 1]), timeless),
            (json!([0, 253_402_300_799_999_u64]), timeless),
            (Value::Null, timeless),
        ];
        for (occurred, reasons) in times {
            let mut changed = sample.clone();
            match &occurred {
                Value::Null => drop(changed.as_object_mut().unwrap().remove("occurred")),
                time => changed["occurred"] = time.clone(),
            }
            // Nobody is spoken for here: that would be refused before the clock is read.
            changed.as_object_mut().unwrap().remove("on_behalf_of");
            let statement = Forged::new(scene.who(signer), &changed).sealed();
            attempts.push(Attempt::new(format!("{kind} at {occurred}"), statement, reasons));
        }
    }
    attempts
}
