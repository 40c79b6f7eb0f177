//! Every act, by every role, in every state of a small world: what is admitted, and for what reason the rest is refused.
//!
//! Who may record an act at all is held to the default policy, read here independently. What the rules then say stands in
//! the snapshot beside this file, one paragraph for each act: read it against the vocabulary when it changes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod scene;

use std::collections::BTreeMap;
use std::fmt::Write;

use probity_schemas::{RolesPolicy, catalogue};
use serde_json::{Value, json};

use scene::world::*;
use scene::{NOW, enrolled, granted, key, person, published, reason};

/// The states, each with how the world gets there.
fn states() -> Vec<(&'static str, World)> {
    let endpoint = || subject("endpoint", "eu");
    let after = |mut world: World, change: &dyn Fn(&mut World)| {
        change(&mut world);
        world
    };
    let use_case = || subject("usecase", "loans");
    vec![
        ("nothing", World::empty()),
        ("registered", World::registered()),
        ("requested", World::requested()),
        (
            "rejected",
            after(World::requested(), &|world| {
                let no = json!({ "gate": "production", "reason": "Austria is missing." });
                world.answer(APPROVER, "approval.rejected", version("1"), "approval.requested", no);
            }),
        ),
        ("approved", World::approved()),
        (
            "approval-revoked",
            after(World::approved(), &|world| {
                world.answer(
                    APPROVER,
                    "approval.revoked",
                    version("1"),
                    "approval.granted",
                    json!({ "reason": "No." }),
                );
            }),
        ),
        ("approval-expired", after(World::approved(), &|world| world.pass(300 * DAY))),
        (
            "evidence-withdrawn",
            after(World::approved(), &|world| {
                let gone = json!({ "reason": "It shows another version.", "digest": digest("report") });
                world.record(DEVELOPER, "evidence.withdrawn", version("1"), gone);
            }),
        ),
        (
            "data-withdrawn",
            after(World::approved(), &|world| {
                let gone = json!({ "reason": "No consent." });
                world.record(DEVELOPER, "data.withdrawn", subject("dataset", "loans"), gone);
            }),
        ),
        (
            "vendor-changed",
            after(World::approved(), &|world| {
                world.record(OWNER, "vendor.change_observed", model(), json!({ "how": "Answers differ." }));
            }),
        ),
        (
            "substantially-changed",
            after(World::approved(), &|world| {
                let change = json!({ "description": "A new feature.", "substantial": true });
                world.record(DEVELOPER, "change.declared", model(), change);
            }),
        ),
        (
            "use-widened",
            after(World::approved(), &|world| {
                let wider =
                    json!({ "purpose": "Estimates defaults.", "intended_uses": ["Small loans.", "Mortgages."] });
                world.record(DEVELOPER, "model.registered", model(), wider);
            }),
        ),
        (
            "approver-compromised",
            after(World::approved(), &|world| {
                world.door.compromise(APPROVER, ms(NOW - 10));
            }),
        ),
        (
            "condition-open",
            World::approved_as(|approval| {
                approval["conditions"] = json!([{ "id": "c", "text": "Do it.", "before": "deployment" }]);
            }),
        ),
        (
            "condition-met",
            after(
                World::approved_as(|approval| {
                    approval["conditions"] = json!([{ "id": "c", "text": "Do it.", "before": "deployment" }]);
                }),
                &|world| {
                    let met = json!({ "condition": "c", "statement": "Done." });
                    world.answer(APPROVER, "approval.condition_met", version("1"), "approval.granted", met);
                },
            ),
        ),
        ("suspended", World::suspended()),
        (
            "resumed",
            after(World::suspended(), &|world| {
                let go = json!({ "rationale": "Mended." });
                world.answer(DEPLOYER, "deployment.resumed", endpoint(), "deployment.suspended", go);
            }),
        ),
        (
            "retirement-proposed",
            after(World::approved(), &|world| {
                world.record(OWNER, "retirement.proposed", model(), json!({ "reason": "Replaced." }));
            }),
        ),
        (
            "retirement-approved",
            after(World::approved(), &|world| {
                world.record(OWNER, "retirement.proposed", model(), json!({ "reason": "Replaced." }));
                let yes = json!({ "rationale": "Nobody needs it." });
                world.answer(APPROVER, "retirement.approved", model(), "retirement.proposed", yes);
            }),
        ),
        ("retired", World::retired()),
        (
            "retirement-reversed",
            after(World::retired(), &|world| {
                let back = json!({ "reason": "Needed after all." });
                world.answer(APPROVER, "retirement.reversed", model(), "retirement.completed", back);
            }),
        ),
        (
            "plan-proposed",
            after(World::approved(), &|world| {
                let bound = json!({ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.75 } });
                let plan = json!({
                    "pipeline_digest": digest("pipeline"), "anchor": version("1"), "permitted_changes": ["data"],
                    "bounds": [bound], "max_versions": 2, "expires_at": ms(NOW + 200 * DAY),
                });
                world.record(DEVELOPER, "plan.proposed", model(), plan);
            }),
        ),
        ("plan-approved", World::plan_approved()),
        (
            "plan-revoked",
            after(World::plan_approved(), &|world| {
                world.answer(APPROVER, "plan.revoked", model(), "plan.proposed", json!({ "reason": "No more." }));
            }),
        ),
        (
            "finding-raised",
            after(World::registered(), &|world| {
                let finding = json!({
                    "title": "No monitoring", "severity": "high", "source": "validator", "owner": person(33),
                });
                world.record(VALIDATOR, "finding.raised", model(), finding);
            }),
        ),
        (
            "finding-closed",
            after(World::registered(), &|world| {
                let finding = json!({ "title": "No monitoring", "severity": "high", "source": "validator" });
                world.record(VALIDATOR, "finding.raised", model(), finding);
                world.answer(
                    APPROVER,
                    "finding.closed",
                    model(),
                    "finding.raised",
                    json!({ "rationale": "It is there." }),
                );
            }),
        ),
        (
            "risk-assessed",
            after(World::registered(), &|world| {
                world.record(RISK_OFFICER, "risk.assessed", model(), json!({ "kind": "model" }));
            }),
        ),
        (
            "exception-requested",
            after(World::registered(), &|world| {
                let wish = json!({ "control": "production", "reason": "The launch is on Monday." });
                world.record(APPROVER, "exception.requested", model(), wish);
            }),
        ),
        ("exception-granted", after(World::registered(), &excepted)),
        (
            "exception-revoked",
            after(World::registered(), &|world| {
                excepted(world);
                world.answer(
                    RISK_OFFICER,
                    "exception.revoked",
                    model(),
                    "exception.granted",
                    json!({ "reason": "No." }),
                );
            }),
        ),
        ("emergency", after(World::registered(), &emergency)),
        (
            "emergency-signed",
            after(World::registered(), &|world| {
                emergency(world);
                world.answer(RISK_OFFICER, "exception.granted", model(), "exception.invoked", exception());
            }),
        ),
        (
            "use-accepted",
            after(World::registered(), &|world| {
                world.answer(
                    APPROVER,
                    "usecase.accepted",
                    use_case(),
                    "usecase.proposed",
                    json!({ "rationale": "Yes." }),
                );
            }),
        ),
        (
            "use-retired",
            after(World::approved(), &|world| {
                world.record(OWNER, "usecase.retired", use_case(), json!({ "reason": "Sold." }));
            }),
        ),
        ("hold-set", after(World::registered(), &held)),
        (
            "hold-lifted",
            after(World::registered(), &|world| {
                held(world);
                world.answer(COMPLIANCE, "hold.lifted", model(), "hold.set", json!({ "reason": "The case is over." }));
            }),
        ),
        (
            "subscribed",
            after(World::registered(), &|world| {
                world.record(COMPLIANCE, "subscription.configured", ledger(), subscription());
            }),
        ),
        (
            "unsubscribed",
            after(World::registered(), &|world| {
                world.record(COMPLIANCE, "subscription.configured", ledger(), subscription());
                let gone = json!({ "name": "risk-feed" });
                world.answer(COMPLIANCE, "subscription.removed", ledger(), "subscription.configured", gone);
            }),
        ),
    ]
}

fn ledger() -> Value {
    json!({ "kind": "ledger", "namespace": "probity", "name": "ledger" })
}

fn subscription() -> Value {
    let mut sample =
        serde_json::to_value(probity_schemas::newest("subscription.configured").unwrap().sample().unwrap()).unwrap();
    sample["data"]["name"] = json!("risk-feed");
    sample["data"].take()
}

fn exception() -> Value {
    json!({
        "control": "production", "reason": "The launch is on Monday.", "compensating_controls": ["A person looks."],
        "expires_at": ms(NOW + 10 * DAY),
    })
}

fn excepted(world: &mut World) {
    let wish = json!({ "control": "production", "reason": "The launch is on Monday." });
    world.record(APPROVER, "exception.requested", model(), wish);
    world.answer(RISK_OFFICER, "exception.granted", model(), "exception.requested", exception());
}

fn emergency(world: &mut World) {
    let now = json!({ "control": "production", "reason": "The old one is broken.", "expires_at": ms(NOW + DAY) });
    world.record(APPROVER, "exception.invoked", model(), now);
}

fn held(world: &mut World) {
    let hold = json!({ "scope": "Everything about it.", "legal_basis": "Court order 4711" });
    world.record(COMPLIANCE, "hold.set", model(), hold);
}

/// Each act as someone would try it: about which subject, in answer to what, saying what.
fn attempt(world: &World, event_type: &str) -> Value {
    let use_case = subject("usecase", "loans");
    let endpoint = subject("endpoint", "eu");
    let later = ms(world.door.time + 50 * DAY);
    let (subject, to, data): (Value, Option<&str>, Value) = match event_type {
        "usecase.accepted" => (use_case, Some("usecase.proposed"), json!({ "rationale": "Yes." })),
        "usecase.declined" => (use_case, Some("usecase.proposed"), json!({ "rationale": "No." })),
        "usecase.retired" => (use_case, None, json!({ "reason": "Sold." })),
        "model.ownership_accepted" => (model(), None, json!({ "role": "owner" })),
        "plan.approved" => (model(), Some("plan.proposed"), json!({ "meaning": "Yes." })),
        "plan.revoked" => (model(), Some("plan.proposed"), json!({ "reason": "No." })),
        "finding.closed" => (model(), Some("finding.raised"), json!({ "rationale": "Mended." })),
        "finding.extended" => (model(), Some("finding.raised"), json!({ "due": later, "reason": "Later." })),
        "risk.accepted" => (model(), Some("risk.assessed"), json!({ "rationale": "Small.", "expires_at": later })),
        "approval.granted" => {
            let mut approval = world.approval();
            approval["expires_at"] = json!(later);
            (version("1"), Some("approval.requested"), approval)
        }
        "approval.rejected" => {
            (version("1"), Some("approval.requested"), json!({ "gate": "production", "reason": "No." }))
        }
        "approval.condition_met" => {
            (version("1"), Some("approval.granted"), json!({ "condition": "c", "statement": "Done." }))
        }
        "approval.revoked" => (version("1"), Some("approval.granted"), json!({ "reason": "No." })),
        "attestation.given" => {
            let known = json!([{ "subject": model(), "revision": 1 }]);
            (model(), None, json!({ "subjects": known, "statement": "All of it is true." }))
        }
        "exception.granted" => {
            let mut data = exception();
            data["expires_at"] = json!(later);
            let to =
                if world.ids.contains_key("exception.invoked") { "exception.invoked" } else { "exception.requested" };
            (model(), Some(to), data)
        }
        "exception.extended" => {
            (model(), Some("exception.granted"), json!({ "expires_at": later, "reason": "Later." }))
        }
        "exception.revoked" => (model(), Some("exception.granted"), json!({ "reason": "No." })),
        "exception.invoked" => {
            let until = ms(world.door.time + DAY);
            (model(), None, json!({ "control": "production", "reason": "Now.", "expires_at": until }))
        }
        "deployment.authorized" => (endpoint, None, World::authorization()),
        "deployment.resumed" => (endpoint, Some("deployment.suspended"), json!({ "rationale": "Mended." })),
        "retirement.approved" => (model(), Some("retirement.proposed"), json!({ "rationale": "Yes." })),
        "retirement.reversed" => {
            let to = if world.ids.contains_key("retirement.completed") {
                "retirement.completed"
            } else {
                "retirement.approved"
            };
            (model(), Some(to), json!({ "reason": "Needed." }))
        }
        "policy.published" => {
            let content =
                json!({ "namespaces": ["*"], "use_case_accepted": true, "owner_accepted": false, "classified": false });
            return published("lifecycle", "lifecycle", content);
        }
        "authority.enrolled" => return enrolled(&person(50), 50, &[]),
        "authority.role_granted" => return granted(&person(OWNER), "auditor", &["*"]),
        "authority.role_withdrawn" => (json!(person(OWNER).subject()), None, json!({ "role": "owner" })),
        "authority.confirmed" => {
            (json!(person(OWNER).subject()), None, json!({ "statement_digest": digest("nothing") }))
        }
        "authority.delegated" => {
            let to = json!({ "to": person(SECOND_APPROVER), "types": ["approval.*"], "until": later });
            (json!(person(33).subject()), None, to)
        }
        "authority.key_revoked" => {
            let kid = key(OWNER).public().id().to_string();
            (json!(person(OWNER).subject()), None, json!({ "kid": kid, "reason": "lost" }))
        }
        "hold.set" => (model(), None, json!({ "scope": "All.", "legal_basis": "Court order" })),
        "hold.lifted" => (model(), Some("hold.set"), json!({ "reason": "Over." })),
        "payload.erased" => (model(), None, json!({ "key": "a salt", "kind": "salt", "legal_basis": "GDPR Art. 17" })),
        "subscription.configured" => (ledger(), None, subscription()),
        "subscription.removed" => (ledger(), Some("subscription.configured"), json!({ "name": "risk-feed" })),
        other => panic!("{other} is an act of which this suite knows nothing: add how someone would try it"),
    };
    let mut tree = json!({ "type": event_type, "subject": subject, "data": data });
    if let Some(id) = to.and_then(|to| world.ids.get(to)) {
        tree["regarding"] = json!(id);
    }
    tree
}

fn outcome(world: &World, seed: u8, event_type: &str) -> String {
    let mut world = world.clone();
    match world.door.say(seed, attempt(&world, event_type)) {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => reason(&refusal),
    }
}

#[test]
fn every_act_is_admitted_or_refused_as_the_rules_say_whoever_tries_it_and_whatever_happened_before() {
    let policy: RolesPolicy = serde_json::from_str(probity_schemas::DEFAULT_ROLES).unwrap();
    let states = states();
    let mut table = String::new();
    for info in catalogue().filter(|info| info.is_act()) {
        writeln!(table, "{}", info.event_type).unwrap();
        // Outcomes by role, and the states in which it comes out like that.
        let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
        for (state, world) in &states {
            let mut by_role: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (role, seed) in NEWCOMERS {
                let outcome = outcome(world, seed, info.event_type);
                let may = policy.anyone_may_record(info) || policy.may_record(&role.parse().unwrap(), info);
                assert_eq!(outcome != "NOT_AUTHORISED", may, "{role} {} in {state}: {outcome}", info.event_type);
                if may {
                    by_role.entry(outcome).or_default().push(role);
                }
            }
            let service = outcome(world, PIPELINE, info.event_type);
            if !["NOT_AUTHORISED", "TAKES_A_PERSON"].contains(&service.as_str()) {
                by_role.entry(service).or_default().push("a service");
            }
            let parts: Vec<String> =
                by_role.into_iter().map(|(outcome, roles)| format!("{outcome}: {}", roles.join(" "))).collect();
            let line = parts.join("; ");
            match lines.iter_mut().find(|(known, _)| *known == line) {
                Some((_, states)) => states.push(state),
                None => lines.push((line, vec![state])),
            }
        }
        let most = lines.iter().map(|(_, states)| states.len()).max().unwrap();
        lines.sort_by_key(|(_, states)| states.len() == most);
        for (line, states) in &lines {
            let when = match states.len() {
                _ if lines.len() == 1 => "always".to_owned(),
                count if count == most => "otherwise".to_owned(),
                _ => states.join(" "),
            };
            writeln!(table, "  {when}\n    -> {line}").unwrap();
        }
    }
    insta::assert_snapshot!("every_act", table);
}
