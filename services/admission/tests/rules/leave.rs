//! Leave given ahead: plans and exceptions.

use probity_admission::EMERGENCY_MAX_MS;
use serde_json::json;

use crate::scene::NOW;
use crate::scene::world::{
    APPROVER, DAY, DEPLOYER, DEVELOPER, PIPELINE, RISK_OFFICER, World, digest, model, ms, version,
};
use crate::{authorizing, tried};

#[test]
fn a_plan_lets_through_what_its_pipeline_made_within_its_bounds() {
    let authorize = |name: &str| {
        let name = name.to_owned();
        authorizing(move |data| {
            data["version"] = version(&name);
            data["digest"] = json!(digest(&name));
        })
    };
    let cases = [(0.80, "ok"), (0.76, "ok"), (0.85, "ok"), (0.74, "GATE_CLOSED"), (0.86, "GATE_CLOSED")];
    for (auc, expected) in cases {
        let mut world = World::plan_approved();
        world.version("2", auc);
        assert_eq!(tried(&world, PIPELINE, authorize("2")), expected, "{auc}");
    }
    let mut world = World::plan_approved();
    // Made by another pipeline, or never measured.
    let other =
        json!({ "artifacts": [{ "digest": digest("x"), "form": "file" }], "code": { "digest": digest("other") } });
    world.record(DEVELOPER, "model.version_registered", version("x"), other);
    assert_eq!(tried(&world, PIPELINE, authorize("x")), "GATE_CLOSED");
    let unmeasured =
        json!({ "artifacts": [{ "digest": digest("y"), "form": "file" }], "code": { "digest": digest("pipeline") } });
    world.record(DEVELOPER, "model.version_registered", version("y"), unmeasured);
    assert_eq!(tried(&world, PIPELINE, authorize("y")), "GATE_CLOSED");
    // Two versions and no more; again for the same ones.
    for name in ["2", "3", "4"] {
        world.version(name, 0.8);
    }
    world.door.say(PIPELINE, authorize("2")).unwrap();
    world.door.say(PIPELINE, authorize("3")).unwrap();
    assert_eq!(tried(&world, PIPELINE, authorize("4")), "GATE_CLOSED");
    assert_eq!(tried(&world, PIPELINE, authorize("2")), "ok");
    // Not when its anchor's approval fell, nor when it ended.
    let mut fallen = world.clone();
    fallen.answer(APPROVER, "approval.revoked", version("1"), "approval.granted", json!({ "reason": "No." }));
    assert_eq!(tried(&fallen, PIPELINE, authorize("2")), "GATE_CLOSED");
    world.pass(200 * DAY);
    assert_eq!(tried(&world, PIPELINE, authorize("2")), "GATE_CLOSED");
}

#[test]
fn a_plan_takes_another_person_and_covers_nothing_made_before_it() {
    let mut world = World::approved();
    world.version("2", 0.8);
    let bound = json!({ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.75 } });
    let plan = json!({
        "pipeline_digest": digest("pipeline"), "anchor": version("1"), "permitted_changes": ["data"],
        "bounds": [bound], "max_versions": 2, "expires_at": ms(NOW + 200 * DAY),
    });
    world.door.let_in(22, &["developer", "approver"]);
    world.record(22, "plan.proposed", model(), plan);
    let approve = json!({
        "type": "plan.approved", "subject": model(), "regarding": world.ids["plan.proposed"], "data": { "meaning": "Yes." },
    });
    assert_eq!(tried(&world, 22, approve.clone()), "FOUR_EYES");
    world.door.say(APPROVER, approve).unwrap();
    let early = authorizing(|data| {
        data["version"] = version("2");
        data["digest"] = json!(digest("2"));
    });
    assert_eq!(tried(&world, DEPLOYER, early), "GATE_CLOSED");
}

#[test]
fn an_emergency_lasts_a_day_and_waits_for_its_second_signature() {
    let mut world = World::registered();
    let invoked = |until: u64| {
        json!({
            "type": "exception.invoked", "subject": model(),
            "data": { "control": "production", "reason": "The old one is broken.", "expires_at": until },
        })
    };
    assert_eq!(tried(&world, APPROVER, invoked(ms(NOW) + EMERGENCY_MAX_MS + 1)), "EMERGENCY_TOO_LONG");
    assert_eq!(tried(&world, APPROVER, invoked(ms(NOW))), "IN_THE_PAST");
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    world.record_with(APPROVER, invoked(ms(NOW) + EMERGENCY_MAX_MS));
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    world.pass(DAY);
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    let again = ms(NOW + DAY) + EMERGENCY_MAX_MS;
    assert_eq!(tried(&world, APPROVER, invoked(again)), "EMERGENCY_UNSIGNED");
    let second = json!({
        "type": "exception.granted", "subject": model(), "regarding": world.ids["exception.invoked"],
        "data": {
            "control": "production", "reason": "Seen.", "compensating_controls": ["A person looks."],
            "expires_at": ms(NOW + 2 * DAY),
        },
    });
    assert_eq!(tried(&world, APPROVER, second.clone()), "FOUR_EYES");
    let mut other = second.clone();
    other["data"]["control"] = json!("staging");
    assert_eq!(tried(&world, RISK_OFFICER, other), "OPENER_DIFFERS");
    world.door.say(RISK_OFFICER, second).unwrap();
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "ok");
    assert_eq!(tried(&world, APPROVER, invoked(again)), "ok");
}

#[test]
fn an_exception_is_extended_only_to_a_later_end_and_only_excuses_its_own_control() {
    let mut world = World::registered();
    let wish = json!({ "control": "staging", "reason": "The launch is on Monday." });
    world.record(APPROVER, "exception.requested", model(), wish);
    let mut exception = json!({
        "control": "staging", "reason": "Monday.", "compensating_controls": ["A person looks."],
        "expires_at": ms(NOW + DAY),
    });
    world.answer(RISK_OFFICER, "exception.granted", model(), "exception.requested", exception.clone());
    assert_eq!(tried(&world, DEPLOYER, authorizing(|_| {})), "GATE_CLOSED");
    let extended = |until: u64| {
        json!({
            "type": "exception.extended", "subject": model(), "regarding": world.ids["exception.granted"],
            "data": { "expires_at": until, "reason": "A week more." },
        })
    };
    assert_eq!(tried(&world, RISK_OFFICER, extended(ms(NOW + DAY))), "NOT_LATER");
    assert_eq!(tried(&world, RISK_OFFICER, extended(ms(NOW + 2 * DAY))), "ok");
    exception["control"] = json!("production");
    let unasked = json!({ "type": "exception.granted", "subject": model(), "regarding": world.ids["exception.requested"], "data": exception });
    assert_eq!(tried(&world, RISK_OFFICER, unasked), "OPENER_CLOSED");
}
