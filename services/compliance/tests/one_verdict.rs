//! The door and the view come to one verdict, over random histories and moments. They share the evaluator, so this
//! holds what each of them knows against what the other knows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "../../admission/tests/scene/history.rs"]
mod history;
#[path = "../../admission/tests/scene/mod.rs"]
mod scene;

use history::{BEGINNING, Move, act, authorization, moves};
use probity_admission::{Refusal, RuleViolation};
use probity_compliance::{ComplianceProjector, query};
use probity_domain::{EndpointId, Purpose};
use probity_projection::Recorded;
use probity_projection::testing::Scene;
use probity_schemas::Data;
use probity_schemas::deployment::DeploymentEvent;
use proptest::prelude::*;
use scene::world::*;

/// The view of everything that was admitted.
fn view(world: &World) -> Scene<ComplianceProjector> {
    let mut scene = Scene::new();
    for (index, (statement, event, recorded_at)) in (0..).zip(&world.door.log) {
        let (statement, event) = (statement.clone(), event.clone());
        scene.fold(Recorded::new(index, *recorded_at, statement, event));
    }
    scene
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_door_and_the_view_let_the_same_through(history in moves()) {
        let mut world = BEGINNING.clone();
        for it in &history {
            act(&mut world, it);
        }
        let scene = view(&world);
        let endpoint = EndpointId::parse("endpoint:credit/eu").unwrap();
        for later in [0, 1, 6, 15, 30, 90] {
            let mut door = world.door.clone();
            door.time += later * DAY;
            for (which, one, two) in (0..3).flat_map(|v| (0..2).flat_map(move |e| (0..2).map(move |u| (v, e, u)))) {
                let asked = authorization(&Move { what: 32, who: 0, which, one, two, later, when: 9 });
                let event = door.event(asked.clone());
                let Data::Deployment(DeploymentEvent::Authorized(authorized)) = &event.data else { unreachable!() };
                let expected = match door.clone().say(DEPLOYER, asked) {
                    Ok(_) => None,
                    Err(Refusal::RuleViolation(broken)) => match *broken {
                        RuleViolation::GateClosed { gate, lapse, .. } => Some((gate, lapse)),
                        // It does not come to a gate.
                        _ => continue,
                    },
                    Err(other) => panic!("{other}"),
                };
                let purpose = Purpose::of(authorized).unwrap();
                let verdict = query::check(scene.view(), &endpoint, &purpose, ms(door.time)).unwrap();
                let found = verdict.err().map(|(gate, denial)| (gate, denial.lapse));
                prop_assert_eq!(found, expected, "{:?}, {} days later", purpose, later);
            }
        }
    }
}
