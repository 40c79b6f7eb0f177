//! Random histories through the real door: somebody does something that may be refused, again and again.

#![allow(dead_code, reason = "each suite uses what it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use probity_schemas::Data;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::scene::world::*;
use super::scene::{NOW, key, person, published, who};

/// Someone does something; the numbers mean what it makes of them.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) what: u8,
    pub(crate) who: usize,
    pub(crate) which: usize,
    pub(crate) one: usize,
    pub(crate) two: usize,
    pub(crate) later: u64,
    /// When it is said to have happened: see [`dated`].
    pub(crate) when: u8,
}

pub(crate) const SIGNERS: [u8; 5] = [APPROVER, SECOND_APPROVER, VALIDATOR, 33, BOTH];
/// A developer and an approver at once.
pub(crate) const BOTH: u8 = 22;
pub(crate) const GATES: [&str; 3] = ["production", "staging", "privacy"];
pub(crate) const VERSIONS: [&str; 3] = ["1", "2", "3"];
pub(crate) const ENVIRONMENTS: [&str; 2] = ["production", "staging"];
pub(crate) const ENDPOINT: &str = "eu";

pub(crate) fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = (0..46_u8, any::<usize>(), any::<usize>(), 0..6_usize, 0..6_usize, 0..12_u64)
        .prop_map(|(what, who, which, one, two, later)| Move { what, who, which, one, two, later, when: 0 });
    proptest::collection::vec(one, 1..40)
}

/// The same, with all that happens to what serves, is retired and is found, at whichever time that is said to have
/// been, and with what is taken back.
pub(crate) fn lives() -> impl Strategy<Value = Vec<Move>> {
    let what = prop_oneof![1 => 0..46_u8, 2 => 46..LIVES_END];
    let one = (what, any::<usize>(), any::<usize>(), 0..6_usize, 0..6_usize, 0..12_u64, 0..24_u8)
        .prop_map(|(what, who, which, one, two, later, when)| Move { what, who, which, one, two, later, when });
    proptest::collection::vec(one, 1..40)
}

/// Everyone is there, a model with three versions, and gates to production and staging.
pub(crate) static BEGINNING: LazyLock<World> = LazyLock::new(|| {
    let mut world = World::registered();
    world.door.let_in(BOTH, &["developer", "approver"]);
    world.record(
        DEVELOPER,
        "evidence.attached",
        version("1"),
        json!({ "document_kind": "report", "digest": digest("a") }),
    );
    world.version("2", 0.81);
    publish(&mut world, "staging", &["staging"], &[("approver", 1)], json!({}));
    world.door.let_in_where(OUTSIDER, &ROLES, &["sandbox", "sandbox/*"], &[]);
    world
});

fn publish(world: &mut World, name: &str, environments: &[&str], signatures: &[(&str, u32)], more: Value) {
    let signatures: Vec<Value> =
        signatures.iter().map(|(role, persons)| json!({ "role": role, "persons": persons })).collect();
    let mut content = json!({ "environments": environments, "namespaces": ["*"], "signatures": signatures });
    for (field, value) in more.as_object().unwrap() {
        content[field] = value.clone();
    }
    world.door.empower(COMPLIANCE, 37, published(name, "gate", content)).unwrap();
}

/// The id of an earlier event of one of these types, with its subject.
pub(crate) fn earlier(world: &World, types: &[&str], which: usize) -> Option<(Value, Value)> {
    let fitting: Vec<_> =
        world.door.log.iter().map(|(_, event, _)| event).filter(|event| types.contains(&event.event_type())).collect();
    let event = fitting.get(which.checked_rem(fitting.len())?)?;
    Some((json!(event.id), json!(event.subject)))
}

/// What a move says; `None` where there is nothing that it could answer.
pub(crate) fn said(world: &World, it: &Move) -> Option<(u8, Value)> {
    let now = world.door.time;
    let of = version(VERSIONS[it.which % 3]);
    let gate = GATES[it.one % 3];
    let signer = SIGNERS[it.who % SIGNERS.len()];
    let tree =
        |event_type: &str, subject: Value, data: Value| json!({ "type": event_type, "subject": subject, "data": data });
    let answer = |event_type: &str, to: &[&str], data: Value| {
        let (id, subject) = earlier(world, to, it.which)?;
        Some(json!({ "type": event_type, "subject": subject, "regarding": id, "data": data }))
    };
    let soon = ms(now + (1 + it.two as u64 * 5) * DAY);
    Some(match it.what {
        0..=3 => (DEVELOPER, tree("approval.requested", of, json!({ "gate": gate }))),
        4..=11 => {
            let (id, subject) = earlier(world, &["approval.requested"], it.which)?;
            let bytes = digest(subject["version"].as_str()?);
            // The gate that was asked for, so that most of these are let in.
            let asked = world.door.log.iter().find(|(_, event, _)| json!(event.id) == id)?;
            let Data::Approval(probity_schemas::approval::ApprovalEvent::Requested(requested)) = &asked.1.data else {
                return None;
            };
            let mut data = json!({ "gate": requested.gate, "digests": [bytes], "scope": {}, "meaning": "It may." });
            match it.one {
                0 => data["expires_at"] = json!(soon),
                1 => data["scope"] = json!({ "uses": [subject_of_use("loans")] }),
                2 => data["scope"] = json!({ "environments": [ENVIRONMENTS[it.two % 2]] }),
                3 => {
                    let mut condition = json!({ "id": "c1", "text": "Watch it." });
                    match it.two % 2 {
                        0 => condition["due"] = json!(soon),
                        _ => condition["before"] = json!("deployment"),
                    }
                    data["conditions"] = json!([condition]);
                }
                4 => data["evidence_seen"] = json!([digest(["report", "a"][it.two % 2])]),
                _ => {}
            }
            let granted = json!({ "type": "approval.granted", "subject": subject, "regarding": id, "data": data });
            (signer, granted)
        }
        12 => (signer, answer("approval.rejected", &["approval.requested"], json!({ "gate": gate, "reason": "No." }))?),
        13 => (signer, answer("approval.revoked", &["approval.granted"], json!({ "reason": "It drifts." }))?),
        14 => {
            let met = json!({ "condition": "c1", "statement": "Done." });
            (signer, answer("approval.condition_met", &["approval.granted"], met)?)
        }
        15 => {
            let subject = [of, model(), subject("endpoint", ENDPOINT)][it.two % 3].clone();
            (DEVELOPER, tree("exception.requested", subject, json!({ "control": gate, "reason": "Urgent." })))
        }
        16 | 17 => {
            let (id, _) = earlier(world, &["exception.requested"], it.which)?;
            let asked = world.door.log.iter().find(|(_, event, _)| json!(event.id) == id)?;
            let control = match &asked.1.data {
                Data::Exception(probity_schemas::exception::ExceptionEvent::Requested(it)) => it.control.clone(),
                _ => return None,
            };
            let data = json!({ "control": control, "reason": "Urgent.", "compensating_controls": ["A person."],
                "expires_at": soon });
            let signer = [APPROVER, APPROVER, SECOND_APPROVER, RISK_OFFICER, BOTH][it.one % 5];
            (signer, answer("exception.granted", &["exception.requested", "exception.invoked"], data)?)
        }
        18 => {
            let data = json!({ "control": gate, "reason": "Fire.", "expires_at": ms(now + DAY / 2) });
            (RISK_OFFICER, tree("exception.invoked", of, data))
        }
        19 => {
            let revoked = json!({ "reason": "Enough." });
            (APPROVER, answer("exception.revoked", &["exception.granted", "exception.invoked"], revoked)?)
        }
        20 => {
            let data = json!({ "reason": "Still.", "expires_at": ms(now + 60 * DAY) });
            ([APPROVER, SECOND_APPROVER][it.one % 2], answer("exception.extended", &["exception.granted"], data)?)
        }
        21 => {
            let observed = json!({ "how": "It answers otherwise." });
            (RISK_OFFICER, tree("vendor.change_observed", [model(), of][it.two % 2].clone(), observed))
        }
        22 => {
            let data = json!({ "description": "Other data.", "substantial": true });
            (DEVELOPER, tree("change.declared", [model(), of][it.two % 2].clone(), data))
        }
        23 => {
            let mut data = json!({ "reason": "Consent." });
            match it.two % 3 {
                0 => data["digests"] = json!([digest(["loans", "other"][it.who % 2])]),
                1 => data["window"] = json!({ "from": ms(NOW - DAY), "until": ms(NOW) }),
                _ => {}
            }
            (DEVELOPER, tree("data.withdrawn", subject("dataset", "loans"), data))
        }
        24 => {
            let named = json!({ "reason": "Wrong.", "digest": digest(["report", "a"][it.two % 2]) });
            (DEVELOPER, tree("evidence.withdrawn", of, named))
        }
        25 => (DEVELOPER, answer("evidence.withdrawn", &["evidence.attached"], json!({ "reason": "Wrong." }))?),
        26 => {
            let uses = [json!(["Small loans."]), json!(["Small loans.", "Cards."])][it.two % 2].clone();
            (DEVELOPER, tree("model.registered", model(), json!({ "purpose": "More.", "intended_uses": uses })))
        }
        27 => {
            let used = subject_of_use(["loans", "cards"][it.two % 2]);
            (OWNER, tree("usecase.linked", used, json!({ "model": model(), "role": "primary" })))
        }
        28 => (VALIDATOR, tree("approval.recorded_elsewhere", of, json!({ "body": "The board" }))),
        29 => {
            let bound =
                json!({ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.75 }, "max_drift": 0.05 });
            let plan = json!({ "pipeline_digest": digest("pipeline"), "anchor": version("1"),
                "permitted_changes": ["data"], "bounds": [bound], "max_versions": 1, "expires_at": soon });
            (DEVELOPER, tree("plan.proposed", model(), plan))
        }
        30 => (APPROVER, answer("plan.approved", &["plan.proposed"], json!({ "meaning": "Within these bounds." }))?),
        31 => (APPROVER, answer("plan.revoked", &["plan.proposed"], json!({ "reason": "It drifts." }))?),
        32 => (DEPLOYER, authorization(it)),
        // Hands that become known late, of somebody or of nobody in particular.
        40 => {
            let run = json!({ "produced_version": of, "datasets": [subject("dataset", "loans")] });
            ([BOTH, PIPELINE, DEVELOPER][it.one % 3], tree("training.completed", model(), run))
        }
        // Other bytes under the same name, and validations of these or those.
        41 => {
            let made = json!({ "artifacts": [{ "digest": digest("other"), "form": "file" }],
                "code": { "digest": digest("pipeline") } });
            (DEVELOPER, tree("model.version_registered", of, made))
        }
        42 => {
            let mut report = json!({ "scopes": ["outcomes"], "metrics": [{ "name": "auc", "value": 0.8 }] });
            match it.one {
                0 => report["outcome"] = json!("failed"),
                1 => {}
                _ => report["outcome"] = json!("passed"),
            }
            if it.two < 3 {
                report["model_digest"] = json!(digest(["other", "2", "3"][it.two]));
            }
            (VALIDATOR, tree("validation.completed", of, report))
        }
        33 => {
            let who = [APPROVER, SECOND_APPROVER, 33][it.who % 3];
            let since = ms(now.saturating_sub(it.two as u64 * 5 * DAY));
            let data = json!({ "kid": key(who).public().id().to_string(), "reason": "compromised",
                "compromised_since": since });
            (1, tree("authority.key_revoked", json!(person(who).subject()), data))
        }
        _ => return None,
    })
}

fn subject_of_use(name: &str) -> Value {
    subject("usecase", name)
}

pub(crate) fn authorization(it: &Move) -> Value {
    let name = VERSIONS[it.which % 3];
    let mut data = json!({ "version": version(name), "digest": digest(name), "environment": ENVIRONMENTS[it.one % 2] });
    if it.two.is_multiple_of(3) {
        data["use_case"] = subject_of_use("loans");
    }
    json!({ "type": "deployment.authorized", "subject": subject("endpoint", ENDPOINT), "data": data })
}

/// The number after the last kind of [`lives`].
const LIVES_END: u8 = 86;
/// Somebody who holds every role, in `sandbox` alone.
pub(crate) const OUTSIDER: u8 = 50;
pub(crate) const ENDPOINTS: [&str; 2] = ["eu", "us"];
const USES: [&str; 2] = ["loans", "cards"];

/// What is said of what serves, is retired and is found.
fn lived(world: &World, it: &Move) -> Option<(u8, Value)> {
    let of = version(VERSIONS[it.which % 3]);
    let at = subject("endpoint", ENDPOINTS[it.who % 2]);
    let bytes = digest(VERSIONS[it.which % 3]);
    let anything = [model(), of.clone(), at.clone(), subject_of_use(USES[it.two % 2])];
    let tree =
        |event_type: &str, subject: Value, data: Value| json!({ "type": event_type, "subject": subject, "data": data });
    let answer = |event_type: &str, to: &[&str], data: Value| {
        let (id, subject) = earlier(world, to, it.which)?;
        Some(json!({ "type": event_type, "subject": subject, "regarding": id, "data": data }))
    };
    let retired = [model(), of.clone(), of.clone()][it.two % 3].clone();
    Some(match it.what {
        46..=49 => {
            let mut data = json!({ "version": of, "environment": ENVIRONMENTS[it.one % 2] });
            match it.two {
                0 => {}
                1 => data["digest"] = json!(digest("other")),
                _ => data["digest"] = json!(bytes),
            }
            if it.one < 3 {
                data["use_case"] = subject_of_use(USES[it.two % 2]);
            }
            if it.one == 5 {
                data["exposure"] = json!(["shadow", "canary"][it.two % 2]);
            }
            if it.one == 4 && it.two == 4 {
                data["version"] = model();
            }
            (DEPLOYER, tree("deployment.started", at, data))
        }
        50 => {
            let mut data = json!({ "reason": "It is replaced." });
            if it.two < 3 {
                data["version"] = of;
            }
            (DEPLOYER, tree("deployment.stopped", at, data))
        }
        51 | 52 => {
            let scope = ["endpoint", "version", "model"][it.one % 3];
            let mut data = json!({ "reason": "It misjudges.", "scope": scope });
            if it.two < 4 {
                data["version"] = of;
            }
            (OPERATOR, tree("deployment.suspended", at, data))
        }
        53 | 54 => {
            (DEPLOYER, answer("deployment.resumed", &["deployment.suspended"], json!({ "rationale": "Mended." }))?)
        }
        55 => {
            let mut data = json!({ "how_found": "A scan." });
            if it.two < 4 {
                data["digest"] = json!(bytes);
            }
            (OPERATOR, tree("deployment.observed", at, data))
        }
        56 => (DEPLOYER, tree("deployment.attributed", at, json!({ "version": of, "false_alarm": false }))),
        57 => {
            let other = version(VERSIONS[(it.which + 1) % 3]);
            let shares = [json!({ "version": of, "percent": 90.0 }), json!({ "version": other, "percent": 10.0 })];
            let count = 1 + it.two % 2;
            (DEPLOYER, tree("deployment.traffic_changed", at, json!({ "allocations": shares[..count] })))
        }
        58 => {
            let data = json!({ "from": version(VERSIONS[(it.which + 1) % 3]), "to": of, "reason": "It is worse." });
            (DEPLOYER, tree(["deployment.rolled_back", "deployment.upgraded"][it.two % 2], at, data))
        }
        59 => (OWNER, tree("retirement.proposed", retired, json!({ "reason": "It is old." }))),
        60 => (APPROVER, answer("retirement.approved", &["retirement.proposed"], json!({ "rationale": "Yes." }))?),
        61 | 62 => (OWNER, tree("retirement.completed", retired, json!({}))),
        63 | 64 => {
            let to = ["retirement.completed", "retirement.approved"];
            (APPROVER, answer("retirement.reversed", &to, json!({ "reason": "It is needed." }))?)
        }
        65 | 66 => {
            let mut declared =
                tree("incident.declared", anything[it.one % 4].clone(), json!({ "summary": "It failed." }));
            if it.two > 2 {
                declared["about"] = json!([anything[it.two % 4]]);
            }
            ([OPERATOR, OPERATOR, OUTSIDER][it.who % 3], declared)
        }
        67 => (OPERATOR, answer("incident.closed", &["incident.declared"], json!({}))?),
        68 | 69 => {
            let data = json!({ "title": "No monitoring.", "severity": "high", "source": "validator" });
            let mut raised = tree("finding.raised", anything[it.one % 4].clone(), data);
            if it.two > 2 {
                raised["about"] = json!([anything[it.two % 4]]);
            }
            (VALIDATOR, raised)
        }
        70 => (VALIDATOR, answer("finding.closed", &["finding.raised"], json!({ "rationale": "Done." }))?),
        71 => {
            let data = json!({ "derived_from": [subject("dataset", "loans")], "digest": digest("cards") });
            (DEVELOPER, tree("data.registered", subject("dataset", ["loans", "cards"][it.two % 2]), data))
        }
        72 => {
            let decided = ["usecase.accepted", "usecase.declined", "usecase.retired"][it.two % 3];
            let data = match it.two % 3 {
                2 => json!({ "reason": "It is needed no more." }),
                _ => json!({ "rationale": "They thought about it." }),
            };
            ([31, APPROVER][it.one % 2], tree(decided, subject_of_use("loans"), data))
        }
        // Somebody without a say over it.
        73 => {
            let away = |kind: &str| json!({ "kind": kind, "namespace": "sandbox", "name": "x" });
            let data = json!({ "reason": "Mine.", "digests": [digest("loans")] });
            let claimed = match it.one {
                0 => {
                    tree("deployment.started", away("endpoint"), json!({ "version": of, "environment": "production" }))
                }
                1 => tree("usecase.linked", away("usecase"), json!({ "model": model(), "role": "primary" })),
                2 => tree("data.withdrawn", away("dataset"), data),
                3 => {
                    tree("evidence.withdrawn", away("model"), json!({ "reason": "Mine.", "digest": digest("report") }))
                }
                4 => {
                    let mut seen = tree("vendor.change_observed", away("model"), json!({ "how": "Seen." }));
                    seen["about"] = json!([model(), of]);
                    seen
                }
                _ => tree("training.completed", away("model"), json!({ "produced_version": of })),
            };
            (OUTSIDER, claimed)
        }
        // What serves and is allowed to.
        74 => (DEPLOYER, tree("deployment.requested", at, json!({ "version": of, "environment": "production" }))),
        // One's own is void; somebody else's is not.
        75..=85 => {
            let said = &world.door.log[BEGINNING.door.log.len()..];
            let (statement, event, _) = said.get(it.which.checked_rem(said.len())?)?;
            let mut about = event.subject.clone();
            if it.two == 5 {
                about = about.without_version();
            }
            let void = json!({ "type": "correction.recorded", "subject": about, "regarding": event.id,
                "data": { "kind": "voids", "reason": "It never happened." } });
            let own = (1..=70).find(|seed| who(*seed) == *statement.issuer())?;
            (if it.who.is_multiple_of(8) { RISK_OFFICER } else { own }, void)
        }
        _ => return None,
    })
}

/// When something is said to have happened: most are said to happen now.
fn dated(world: &World, it: &Move, event_type: &str) -> Option<Value> {
    let now = world.door.time;
    let is_act = probity_schemas::newest(event_type).is_ok_and(|info| info.is_act());
    match it.when {
        _ if is_act => None,
        0 | 1 => Some(json!(ms(now - (1 + it.two as u64) * DAY))),
        2 => Some(json!(ms(now + 27_000 * DAY))),
        3 => Some(Value::Null),
        4 => Some(json!([ms(now - 3 * DAY), ms(now - DAY)])),
        5 => Some(json!(ms(now + 60))),
        _ => None,
    }
}

/// Does a move of [`lives`]; it may be refused.
pub(crate) fn live(world: &mut World, it: &Move) {
    if it.what < 46 {
        return act(world, it);
    }
    world.pass(it.later * DAY / 3);
    if let Some((who, mut tree)) = lived(world, it) {
        if let Some(dated) = dated(world, it, tree["type"].as_str().unwrap()) {
            tree["occurred"] = dated;
        }
        drop(world.door.say(who, tree));
    }
}

/// Does a move; it may be refused.
pub(crate) fn act(world: &mut World, it: &Move) {
    world.pass(it.later * DAY / 3);
    match it.what {
        // A policy, that a second person confirms or does not.
        34 => {
            let signatures = [
                json!([{ "role": "approver", "persons": 1 }]),
                json!([{ "role": "approver", "persons": 2 }]),
                json!([{ "role": "approver", "persons": 1 }, { "role": "validator", "persons": 1 }]),
            ];
            let environments: [&[&str]; 4] = [&["production"], &["staging"], &["production", "staging"], &[]];
            let mut content = json!({ "namespaces": ["*"], "signatures": signatures[it.one % 3],
                "environments": environments[it.which % 4] });
            if it.two == 1 {
                content["max_validity_days"] = json!(20);
            }
            if it.two == 2 {
                content["elsewhere_until"] = json!(ms(world.door.time + 20 * DAY));
            }
            let policy = published(GATES[it.who % 3], "gate", content);
            match it.two {
                5 => drop(world.door.say(COMPLIANCE, policy)),
                _ => drop(world.door.empower(COMPLIANCE, 37, policy)),
            }
        }
        33 if it.one > 1 => {
            if let Some((_, tree)) = said(world, it) {
                drop(world.door.empower(1, 2, tree));
            }
        }
        // An id that somebody else has used.
        43..=45 => {
            let types = ["approval.requested", "plan.proposed", "exception.granted", "exception.requested"];
            let Some((id, _)) = earlier(world, &types, it.two) else { return };
            let what = [0, 15, 18, 29][it.one % 4];
            let Some((_, tree)) = said(world, &Move { what, ..it.clone() }) else { return };
            let event = world.door.event_as(tree, serde_json::from_value(id).unwrap());
            let statement = world.door.sign([PIPELINE, BOTH, APPROVER][it.who % 3], &event);
            drop(world.door.submit(&statement, &event, None));
        }
        35 => world.version("3", [0.79, 0.7][it.two % 2]),
        // Version 1 is approved for good, as the anchor of a plan has to be.
        36 | 37 => {
            world.record(DEVELOPER, "approval.requested", version("1"), json!({ "gate": "production" }));
            let data = json!({ "gate": "production", "digests": [digest("1")], "scope": {}, "meaning": "It may." });
            let granted = json!({ "type": "approval.granted", "subject": version("1"),
                "regarding": world.ids["approval.requested"], "data": data });
            drop(world.door.say(SIGNERS[it.who % SIGNERS.len()], granted));
        }
        // A plan is proposed and approved.
        38 | 39 => {
            for what in [29, 30] {
                let which = usize::MAX - world.door.log.len();
                if let Some((who, tree)) = said(world, &Move { what, which, ..it.clone() }) {
                    drop(world.door.say(who, tree));
                }
            }
        }
        _ => {
            if let Some((who, tree)) = said(world, it) {
                drop(world.door.say(who, tree));
            }
        }
    }
}
