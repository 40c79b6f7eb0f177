//! Whatever happened, and whoever is asked, the answer is the same: the door, the inventory, lineage, compliance and audit
//! agree on how far a thing is, on whether an approval holds, and on what is wrong, at every position and moment.
//!
//! Random histories go through the real admission and into all four views. Each view knows something that another one
//! knows as well, and wherever that is so, both are asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod asking;
mod found;
#[path = "../../../services/admission/tests/scene/history.rs"]
mod history;
#[path = "../../../services/admission/tests/scene/mod.rs"]
mod scene;

use proptest::prelude::*;

use asking::{Disagreements, PLACES, Views, all_agree, audit, gates_agree};
use history::{BEGINNING, Move, live, lives};
use scene::world::{World, ms};

/// So many histories as `PROBITY_HISTORIES` says, or as the suite has time for.
fn histories(few: u32) -> u32 {
    std::env::var("PROBITY_HISTORIES").ok().and_then(|many| many.parse().ok()).unwrap_or(few)
}

fn said(world: &World) -> String {
    let said = world.door.log.iter().enumerate().skip(BEGINNING.door.log.len());
    let lines = said.map(|(index, (statement, event, at))| {
        let tree = serde_json::to_value(event).unwrap();
        format!(
            "{index} at {at} by {}: {} {} {} regarding {} about {} occurred {}",
            statement.issuer(),
            tree["type"],
            statement.subject(),
            tree["data"],
            tree["regarding"],
            tree["about"],
            tree["occurred"]
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Lives a history, and asks everybody at two positions.
fn lived(history: &[Move]) -> Result<(), String> {
    let mut world = BEGINNING.clone();
    let mut views = Views::default();
    let half = history.len() / 2;
    for (place, it) in history.iter().enumerate() {
        live(&mut world, it);
        if place + 1 == half || place + 1 == history.len() {
            views.follow(&world);
            let mut told = Disagreements::default();
            all_agree(&world, &views, &mut told);
            gates_agree(&world, &views, &mut told);
            let now = world.door.time;
            world.pass(1);
            for place in PLACES {
                views.said.push((place, ms(now), now, audit(views.audit.view(), place, ms(now), None)));
            }
            if !told.0.is_empty() {
                return Err(format!("{}\n\n{}", told.0.join("\n"), said(&world)));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(16), failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn all_views_and_the_door_agree_at_every_position(history in lives()) {
        lived(&history).map_err(TestCaseError::fail)?;
    }
}
