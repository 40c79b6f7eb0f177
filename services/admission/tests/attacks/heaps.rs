//! Nothing that one subject gathers grows without a bound, and whoever fills a bound fills only their own.

use probity_schemas::EventId;
use serde_json::{Value, json};

use crate::scene::world::{
    APPROVER, COMPLIANCE, DAY, DEPLOYER, DEVELOPER, OPERATOR, OWNER, SECOND_APPROVER, VALIDATOR, World, digest, model,
    ms, subject, version,
};
use crate::scene::{NOW, person, who};
use crate::{ACCOMPLICE, INTRUDER, gate, invaded, outcome, publish, theirs, tried};

/// Says the same kind of thing until it is refused: how often it was taken, and why no more.
fn fill(world: &mut World, by: u8, said: impl Fn(usize) -> Value) -> (usize, String) {
    for count in 0..2_500 {
        if let Err(refusal) = world.door.say(by, said(count)) {
            return (count, format!("{}: {refusal}", crate::reason(&refusal)));
        }
    }
    (2_500, "never refused".to_owned())
}

/// The same in a copy of the world.
fn gathered(world: &World, by: u8, said: impl Fn(usize) -> Value) -> (usize, String) {
    fill(&mut world.clone(), by, said)
}

fn is_full(world: &World, by: u8, before: usize, most: usize, said: impl Fn(usize) -> Value) {
    let first = said(0);
    let (count, refused) = gathered(world, by, said);
    assert_eq!(count + before, most, "{first}: {refused}");
    assert!(refused.starts_with(&format!("TOO_MANY: there are {most} ")), "{first}: {refused}");
}

fn event(event_type: &str, on: Value, data: Value) -> Value {
    json!({ "type": event_type, "subject": on, "data": data })
}

#[test]
fn what_a_version_consists_of_comes_from_and_was_asked_about_has_bounds() {
    let world = World::registered();
    let made = |field: &'static str, one: fn(usize) -> Value| {
        move |n: usize| event("model.version_registered", version("1"), json!({ field: [one(n)] }))
    };
    let artifact = |n: usize| json!({ "digest": digest(&n.to_string()), "form": "file" });
    // World's own is one of them, by its name.
    is_full(
        &world,
        DEVELOPER,
        0,
        2_000,
        made("artifacts", |n| json!({ "digest": digest(&format!("{}", n + 1)), "form": "file" })),
    );
    let part = |n: usize| json!({ "role": "tool", "digest": digest(&n.to_string()) });
    is_full(&world, DEVELOPER, 0, 2_000, made("components", part));
    is_full(&world, DEVELOPER, 1, 2_000, |n| {
        event("training.completed", version("1"), json!({ "dataset_digests": [digest(&n.to_string())] }))
    });
    is_full(&world, DEVELOPER, 1, 2_000, |n| {
        event("training.completed", version("1"), json!({ "datasets": [subject("dataset", &format!("d{n}"))] }))
    });
    is_full(&world, DEVELOPER, 0, 250, |_| event("approval.requested", version("1"), json!({ "gate": "production" })));
    is_full(&world, VALIDATOR, 1, 2_000, |n| {
        event(
            "validation.completed",
            version("1"),
            json!({ "outcome": "passed", "scopes": ["load"], "model_digest": digest(&n.to_string()) }),
        )
    });
    is_full(&world, DEVELOPER, 0, 2_000, |_| {
        event("change.declared", version("1"), json!({ "description": "Weights.", "substantial": true }))
    });
    is_full(&world, OWNER, 0, 2_000, |_| {
        event("vendor.change_observed", version("1"), json!({ "how": "It answers otherwise." }))
    });
    is_full(&world, OWNER, 0, 2_000, |_| event("retirement.completed", version("1"), json!({})));
    // Of measured values fewer statements hold as many.
    let metrics: Vec<Value> = (0..500).map(|n| json!({ "name": format!("m{n}"), "value": 1 })).collect();
    let (count, refused) = gathered(&world, VALIDATOR, |n| {
        event(
            "validation.completed",
            version("1"),
            json!({ "outcome": "passed", "scopes": ["load"], "model_digest": digest(&n.to_string()), "metrics": metrics }),
        )
    });
    assert_eq!((count, &refused[..28]), (31, "TOO_MANY: there are 16000 mea"[..28].as_ref()), "{refused}");
    // What says nothing new is no more, however often it is said.
    let again = event("model.version_registered", version("1"), json!({ "artifacts": [artifact(1)] }));
    assert_eq!(gathered(&world, DEVELOPER, |_| again.clone()).0, 2_500);
}

#[test]
fn what_a_model_and_a_dataset_gather_has_bounds() {
    let world = World::registered();
    is_full(&world, DEVELOPER, 1, 2_000, |n| {
        event("model.registered", model(), json!({ "purpose": "p", "intended_uses": [format!("use {n}")] }))
    });
    let (count, refused) = gathered(&world, DEVELOPER, |n| {
        let text = format!("{n} {}", "x".repeat(16_000));
        event("model.registered", model(), json!({ "purpose": "p", "intended_uses": [text] }))
    });
    assert_eq!(count, 65, "{refused}");
    assert!(refused.contains("bytes of intended uses"), "{refused}");
    is_full(&world, DEVELOPER, 0, 2_000, |n| {
        event("usecase.linked", subject("usecase", &format!("u{n}")), json!({ "model": model(), "role": "primary" }))
    });
    let plan = |_| {
        event(
            "plan.proposed",
            model(),
            json!({
                "pipeline_digest": digest("p"), "anchor": version("1"), "permitted_changes": ["data"],
                "bounds": [{ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.7 } }],
                "max_versions": 2, "expires_at": ms(NOW + 1_000),
            }),
        )
    };
    is_full(&world, DEVELOPER, 0, 250, plan);
    is_full(&world, DEVELOPER, 0, 2_000, |n| {
        event(
            "data.registered",
            subject("dataset", "joined"),
            json!({ "digest": digest("j"), "derived_from": [subject("dataset", &format!("d{n}"))] }),
        )
    });
    let run = world.ids["training.completed"];
    is_full(&world, DEVELOPER, 0, 2_000, |n| {
        event(
            "model.version_registered",
            version(&format!("r{n}")),
            json!({ "artifacts": [{ "digest": digest("r"), "form": "file" }], "training_run": run }),
        )
    });
}

#[test]
fn answers_corrections_and_stops_have_bounds() {
    let mut world = World::approved();
    let raised = world.record(
        VALIDATOR,
        "finding.raised",
        model(),
        json!({ "title": "t", "severity": "low", "source": "audit" }),
    );
    let responded = |text: String| json!({ "type": "finding.responded", "subject": model(), "regarding": raised, "data": { "response": text } });
    is_full(&world, VALIDATOR, 0, 2_000, |n| responded(format!("{n}")));
    let (count, refused) = gathered(&world, VALIDATOR, |_| responded("x".repeat(16_000)));
    assert!(count < 66 && refused.contains("bytes of answers"), "{count} {refused}");
    is_full(
        &world,
        DEVELOPER,
        0,
        2_000,
        |_| json!({ "type": "correction.recorded", "subject": model(), "regarding": EventId::from_time(1, [0; 10]), "data": { "kind": "amends", "reason": "r" } }),
    );
    let stop =
        |_| event("deployment.suspended", subject("endpoint", "eu"), json!({ "reason": "r", "scope": "endpoint" }));
    is_full(&world, OPERATOR, 0, 2_000, stop);
    // Those that were lifted make room: one more day of stopping and going on is always possible.
    for _ in 0..2_100 {
        world.record_with(OPERATOR, stop(0));
        world.answer(
            DEPLOYER,
            "deployment.resumed",
            subject("endpoint", "eu"),
            "deployment.suspended",
            json!({ "rationale": "r" }),
        );
    }
}

#[test]
fn what_is_told_late_of_an_endpoint_has_a_bound_and_what_comes_in_order_has_none() {
    let world = World::registered();
    let started = |at: u64| {
        let data = json!({ "version": version("1"), "environment": "production" });
        json!({ "type": "deployment.started", "subject": subject("endpoint", "eu"), "occurred": at, "data": data })
    };
    assert_eq!(gathered(&world, DEPLOYER, |n| started(ms(NOW - DAY) + n as u64)).0, 2_500);
    let mut world = world;
    world.record_with(DEPLOYER, started(ms(NOW)));
    is_full(&world, DEPLOYER, 0, 2_000, |n| started(ms(NOW) - 1 - n as u64));
}

#[test]
fn exceptions_and_delegations_have_bounds() {
    let mut world = World::registered();
    let day = |world: &World, seconds: u64| ms(world.door.time + seconds);
    let leave = |world: &World| json!({ "control": "production", "reason": "r", "expires_at": day(world, 60) });
    for _ in 0..125 {
        world.record(APPROVER, "exception.invoked", model(), leave(&world));
        let mut granted = leave(&world);
        granted["compensating_controls"] = json!(["c"]);
        world.answer(SECOND_APPROVER, "exception.granted", model(), "exception.invoked", granted);
    }
    assert_eq!(tried(&world, APPROVER, event("exception.invoked", model(), leave(&world))), "TOO_MANY");
    let delegated = |_| {
        let data = json!({ "to": person(OWNER), "types": ["approval.granted"], "until": ms(NOW + 1_000) });
        json!({ "type": "authority.delegated", "subject": who(APPROVER).subject(), "data": data })
    };
    let mut world = World::registered();
    assert_eq!(fill(&mut world, APPROVER, delegated).0, 500);
    assert_eq!(tried(&world, APPROVER, delegated(0)), "TOO_MANY");
    // What is over makes room.
    world.pass(2_000);
    let data = json!({ "to": person(OWNER), "types": ["approval.granted"], "until": ms(NOW + 9_000) });
    let again = json!({ "type": "authority.delegated", "subject": who(APPROVER).subject(), "data": data });
    assert_eq!(tried(&world, APPROVER, again), "ok");
}

#[test]
fn what_waits_for_a_second_person_has_a_bound_for_each_who_asks() {
    let mut world = invaded(World::registered());
    let wide = |_| {
        let mut policy = gate(json!({ "namespaces": ["sandbox"] }));
        policy["subject"]["namespace"] = json!("sandbox");
        policy
    };
    assert_eq!(fill(&mut world, INTRUDER, wide).0, 500);
    // Everybody else goes on, and what waits is confirmed.
    world.door.let_in(42, &["approver"]);
    assert_eq!(publish(&mut world, ACCOMPLICE, INTRUDER, wide(0)), "ok");
    // After seven days there is room again.
    world.pass(8 * 24 * 60 * 60);
    assert_eq!(tried(&world, INTRUDER, wide(0)), "ok");
}

#[test]
fn a_namespace_publishes_so_many_policies() {
    let mut world = invaded(World::registered());
    let own = |n: usize| {
        let mut policy = gate(json!({ "namespaces": ["sandbox"] }));
        policy["subject"] = json!({ "kind": "policy", "namespace": "sandbox", "name": format!("g{}", n % 7) });
        policy
    };
    for count in 0..250 {
        assert_eq!(publish(&mut world, INTRUDER, ACCOMPLICE, own(count)), "ok", "{count}");
    }
    assert_eq!(publish(&mut world, INTRUDER, ACCOMPLICE, own(0)), "TOO_MANY");
    assert_eq!(
        publish(&mut world, COMPLIANCE, crate::scene::world::NEWCOMERS[7].1, gate(json!({ "namespaces": ["credit"] }))),
        "ok"
    );
}

#[test]
fn nobody_fills_what_somebody_else_gathers() {
    let mut world = invaded(World::approved());
    let withdrawn = |on: Value| event("data.withdrawn", on, json!({ "reason": "r", "digests": [digest("loans")] }));
    // The withdrawals of other people's data, under many names.
    assert_eq!(fill(&mut world, INTRUDER, |n| withdrawn(theirs("dataset", &format!("d{n}"), None))).0, 100);
    let evidence = |on: Value| event("evidence.withdrawn", on, json!({ "reason": "r", "digest": digest("report") }));
    assert_eq!(fill(&mut world, INTRUDER, |_| evidence(theirs("model", "toy", None))).0, 100);
    let started =
        |on: Value| event("deployment.started", on, json!({ "version": version("1"), "environment": "production" }));
    assert_eq!(fill(&mut world, INTRUDER, |n| started(theirs("endpoint", &format!("e{n}"), None))).0, 2_000);
    let answer = |on: Value, regarding: EventId| json!({ "type": "issue.routed", "subject": on, "regarding": regarding, "data": { "team": "data" } });
    let opened = world.record(OPERATOR, "issue.opened", model(), json!({ "title": "t" }));
    assert_eq!(fill(&mut world, INTRUDER, |_| answer(theirs("model", "toy", None), opened)).0, 2_000);
    assert_eq!(tried(&world, DEVELOPER, withdrawn(subject("dataset", "loans"))), "ok");
    assert_eq!(tried(&world, DEVELOPER, evidence(model())), "ok");
    assert_eq!(tried(&world, DEPLOYER, started(subject("endpoint", "us"))), "ok");
    assert_eq!(tried(&world, OPERATOR, answer(model(), opened)), "ok");
    // An endpoint at which it has stopped makes room.
    let stopped = event("deployment.stopped", theirs("endpoint", "e7", None), json!({ "version": version("1") }));
    assert_eq!(tried(&world, INTRUDER, started(theirs("endpoint", "new", None))), "TOO_MANY");
    world.door.say(INTRUDER, stopped).unwrap();
    assert_eq!(outcome(world.door.say(INTRUDER, started(theirs("endpoint", "new", None)))), "ok");
}
