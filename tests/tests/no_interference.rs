//! Somebody who owns a key of every role in one namespace changes nothing outside it: whatever they say, under whichever
//! ids, dates, names and references, every other namespace stands as if they had said something harmless.
//!
//! Two ledgers live the same life, of which one is attacked. Where the attacker speaks in the one, they say something
//! about their own in the other, so that all positions and times are alike and everything that is asked of the door and of
//! the views has to have the same answer, to the letter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "../../services/admission/tests/scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::LazyLock;

use probity_admission::{Refusal, RuleViolation};
use probity_projection::testing::Scene;
use probity_projection::{Projector, Recorded, View};
use probity_proto::v1;
use probity_query::{Page, Scope};
use probity_schemas::{EventId, Subject};
use proptest::prelude::*;
use scene::world::*;
use scene::{NOW, confirmed, enrolled, person, published, sha256};
use serde_json::{Value, json};

/// The attacker: every role, in `sandbox` alone.
const INTRUDER: u8 = 50;
/// Another one, to confirm what takes two.
const ACCOMPLICE: u8 = 51;
/// A service of theirs.
const MACHINE: u8 = 70;
/// A developer and an approver of the credit models at once.
const BOTH: u8 = 22;

/// Everyone, a model with two versions of which one has been approved and serves, and things to answer.
static BEGINNING: LazyLock<World> = LazyLock::new(|| {
    let mut world = World::approved();
    world.door.let_in(BOTH, &["developer", "approver"]);
    for intruder in [INTRUDER, ACCOMPLICE] {
        world.door.let_in_where(intruder, &ROLES, &["sandbox", "sandbox/*"], &[]);
    }
    world.door.let_in_where(MACHINE, &["developer", "deployer"], &["sandbox"], &[person(INTRUDER)]);
    let started = json!({ "version": version("1"), "digest": digest("1"), "environment": "production" });
    world.record(DEPLOYER, "deployment.authorized", subject("endpoint", "eu"), World::authorization());
    world.record(DEPLOYER, "deployment.started", subject("endpoint", "eu"), started);
    world.version("2", 0.81);
    world.record(DEVELOPER, "approval.requested", version("2"), json!({ "gate": "production" }));
    let declared = json!({ "summary": "It refuses everyone.", "severity": "high" });
    world.record(OPERATOR, "incident.declared", model(), declared);
    let finding = json!({ "title": "No monitoring", "severity": "high", "source": "validator" });
    world.record(VALIDATOR, "finding.raised", model(), finding);
    world
});

/// What the attacker, or somebody of the credit department, says: the numbers mean what it is made of.
#[derive(Debug, Clone)]
struct Move {
    attacks: bool,
    what: u8,
    one: usize,
    two: usize,
    three: usize,
    later: u64,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = (any::<bool>(), any::<u8>(), any::<usize>(), any::<usize>(), any::<usize>(), 0..3_u64)
        .prop_map(|(attacks, what, one, two, three, later)| Move { attacks, what, one, two, three, later });
    proptest::collection::vec(one, 1..24)
}

fn pick<T: Clone>(of: &[T], which: usize) -> T {
    of[which % of.len()].clone()
}

fn theirs(kind: &str, name: &str, version: Option<&str>) -> Value {
    let mut subject = json!({ "kind": kind, "namespace": "sandbox", "name": name });
    if let Some(version) = version {
        subject["version"] = json!(version);
    }
    subject
}

fn is_theirs(event: &probity_schemas::Event) -> bool {
    event.subject.namespace.as_str().starts_with("sandbox")
}

/// The id of something in the credit namespace, which is the same in both ledgers.
fn id_of(world: &World, types: &[&str], which: usize) -> Option<(EventId, Value)> {
    let fits = |event: &&probity_schemas::Event| {
        !is_theirs(event) && (types.is_empty() || types.contains(&event.event_type()))
    };
    let fitting: Vec<_> = world.door.log.iter().map(|(_, event, _)| event).filter(fits).collect();
    let event = fitting.get(which.checked_rem(fitting.len())?)?;
    Some((event.id, json!(event.subject)))
}

/// What somebody of the credit department does.
fn ordinary(world: &World, it: &Move) -> Option<(u8, Value)> {
    let of = version(pick(&["1", "2"], it.one));
    let tree =
        |event_type: &str, subject: Value, data: Value| json!({ "type": event_type, "subject": subject, "data": data });
    let answer = |event_type: &str, to: &[&str], data: Value| {
        let (id, subject) = id_of(world, to, it.two)?;
        Some(json!({ "type": event_type, "subject": subject, "regarding": id, "data": data }))
    };
    Some(match it.what % 16 {
        0 => (DEVELOPER, tree("approval.requested", of, json!({ "gate": "production" }))),
        1..=3 => {
            let (id, subject) = id_of(world, &["approval.requested"], it.two)?;
            let data = json!({
                "gate": "production", "digests": [digest(subject["version"].as_str()?)], "scope": {}, "meaning": "Yes.",
                "evidence_seen": [digest("report")],
            });
            let granted = json!({ "type": "approval.granted", "subject": subject, "regarding": id, "data": data });
            (pick(&[APPROVER, SECOND_APPROVER, BOTH], it.three), granted)
        }
        4 => {
            let data =
                json!({ "version": of, "digest": digest(pick(&["1", "2"], it.one)), "environment": "production" });
            (DEPLOYER, tree("deployment.authorized", subject("endpoint", "eu"), data))
        }
        5 => {
            let data =
                json!({ "version": of, "digest": digest(pick(&["1", "2"], it.one)), "environment": "production" });
            (DEPLOYER, tree("deployment.started", subject("endpoint", "eu"), data))
        }
        6 => (
            OPERATOR,
            tree("deployment.suspended", subject("endpoint", "eu"), json!({ "reason": "Odd.", "scope": "endpoint" })),
        ),
        7 => (DEPLOYER, answer("deployment.resumed", &["deployment.suspended"], json!({ "rationale": "Mended." }))?),
        8 => (
            BOTH,
            tree(
                "training.completed",
                model(),
                json!({ "produced_version": of, "datasets": [subject("dataset", "loans")] }),
            ),
        ),
        9 => (DEVELOPER, tree("evidence.withdrawn", of, json!({ "reason": "Wrong.", "digest": digest("report") }))),
        10 => (DEVELOPER, tree("exception.requested", model(), json!({ "control": "production", "reason": "Now." }))),
        11 => {
            let data = json!({
                "control": "production", "reason": "Now.", "compensating_controls": ["Eyes."],
                "expires_at": ms(world.door.time + 9 * DAY),
            });
            (APPROVER, answer("exception.granted", &["exception.requested"], data)?)
        }
        12 => (OWNER, tree("retirement.proposed", model(), json!({ "reason": "Old." }))),
        13 => (APPROVER, answer("approval.revoked", &["approval.granted"], json!({ "reason": "No." }))?),
        14 => (OPERATOR, answer("incident.closed", &["incident.declared"], json!({}))?),
        _ => (DEVELOPER, tree("data.withdrawn", subject("dataset", "loans"), json!({ "reason": "No consent." }))),
    })
}

/// What the attacker says: about their own, naming whatever there is.
fn attack(world: &World, it: &Move) -> (u8, EventId, Value) {
    let door = &world.door;
    let bytes = |which| json!(digest(pick(&["1", "2", "report", "loans"], which)));
    let other = |which| {
        pick(
            &[
                model(),
                version("1"),
                version("2"),
                subject("dataset", "loans"),
                subject("usecase", "loans"),
                subject("endpoint", "eu"),
            ],
            which,
        )
    };
    let of = version(pick(&["1", "2"], it.one));
    let on = theirs("model", "toy", None);
    let toy = theirs("model", "toy", Some("1"));
    let endpoint = theirs("endpoint", "x", None);
    let far = pick(&[0, NOW - 900 * DAY, NOW + 27_000 * DAY], it.three);
    let (event_type, subject, data) = match it.what % ATTACKS {
        0 => ("approval.requested", toy, json!({ "gate": "production" })),
        1 => ("evidence.withdrawn", on, json!({ "reason": "Mine.", "digest": bytes(it.two) })),
        2 => ("evidence.withdrawn", on, json!({ "reason": "Mine." })),
        3 => (
            "data.withdrawn",
            theirs("dataset", "mine", None),
            json!({ "reason": "Mine.", "digests": [bytes(it.two)] }),
        ),
        4 => ("vendor.change_observed", theirs("supplier", "acme", None), json!({ "how": "Seen." })),
        5 => (
            "usecase.linked",
            theirs("usecase", "u", None),
            json!({ "model": pick(&[model(), of], it.two), "role": "primary" }),
        ),
        6 => (
            "training.completed",
            on,
            json!({ "produced_version": of, "datasets": [theirs("dataset", "mine", None)], "dataset_digests": [bytes(it.two)] }),
        ),
        7 => ("deployment.requested", endpoint, json!({ "version": of, "environment": "production" })),
        8 => (
            "deployment.suspended",
            endpoint,
            json!({ "reason": "Mine.", "scope": pick(&["endpoint", "version", "model"], it.two), "version": of }),
        ),
        9 => ("deployment.resumed", endpoint, json!({ "rationale": "Mine." })),
        10 => ("incident.closed", on, json!({})),
        11 => ("incident.classified", on, json!({ "regime": "eu-ai-act", "reportable": "no" })),
        12 => ("incident.authority_notified", on, json!({ "authority": "BaFin", "stage": "final" })),
        13 => ("finding.closed", on, json!({ "rationale": "Mine." })),
        14 => ("finding.extended", on, json!({ "due": ms(door.time + 900 * DAY), "reason": "Mine." })),
        15 => (
            "approval.granted",
            toy,
            json!({ "gate": "production", "digests": [bytes(it.two)], "scope": {}, "meaning": "Mine." }),
        ),
        16 => ("approval.rejected", toy, json!({ "gate": "production", "reason": "Mine." })),
        17 => ("approval.revoked", toy, json!({ "reason": "Mine." })),
        18 => ("approval.condition_met", toy, json!({ "condition": "c", "statement": "Mine." })),
        19 => (
            "exception.granted",
            on,
            json!({ "control": "production", "reason": "Mine.", "compensating_controls": ["None."], "expires_at": ms(door.time + 300 * DAY) }),
        ),
        20 => (
            "exception.invoked",
            on,
            json!({ "control": "production", "reason": "Mine.", "expires_at": ms(door.time + DAY) }),
        ),
        21 => ("exception.revoked", on, json!({ "reason": "Mine." })),
        22 => ("exception.extended", on, json!({ "expires_at": ms(door.time + 900 * DAY), "reason": "Mine." })),
        23 => (
            "plan.proposed",
            on,
            json!({
                "pipeline_digest": digest("pipeline"), "anchor": version("1"), "permitted_changes": ["weights"], "max_versions": 9,
                "bounds": [{ "name": "auc", "threshold": { "comparison": "at-least", "value": 0.1 } }], "expires_at": ms(door.time + 99 * DAY),
            }),
        ),
        24 => ("plan.approved", on, json!({ "meaning": "Mine." })),
        25 => ("retirement.completed", on, json!({})),
        26 => ("retirement.reversed", on, json!({ "reason": "Mine." })),
        27 => (
            "hold.set",
            on,
            json!({ "scope": "All.", "legal_basis": "None.", "namespaces": [pick(&["sandbox", "credit", "*"], it.two)] }),
        ),
        28 => ("correction.recorded", on, json!({ "kind": "voids", "reason": "Mine." })),
        29 => (
            "correction.recorded",
            on,
            json!({ "kind": "re-subjects", "reason": "Mine.", "new_subject": other(it.two) }),
        ),
        30 => (
            "deployment.started",
            endpoint,
            json!({ "version": toy, "digest": bytes(it.two), "environment": "production" }),
        ),
        31 => ("model.version_registered", toy, json!({ "artifacts": [{ "digest": bytes(it.two), "form": "file" }] })),
        32 => ("model.registered", on, json!({ "purpose": "Mine." })),
        33 => (
            "validation.completed",
            toy,
            json!({ "outcome": "failed", "scopes": ["soundness"], "model_digest": bytes(it.two) }),
        ),
        34 => ("dependency.ended", on, json!({ "reason": "Mine." })),
        35 => ("risk.accepted", on, json!({ "rationale": "Mine.", "expires_at": ms(door.time + 99 * DAY) })),
        36 => ("issue.resolved", on, json!({ "resolution": "Mine." })),
        37 => ("change.declared", on, json!({ "description": "Mine.", "substantial": true })),
        38 => ("review.completed", on, json!({ "outcome": "passed" })),
        39 => ("concern.answered", on, json!({ "answer": "Mine." })),
        40 => (
            "deployment.started",
            endpoint,
            json!({ "version": of, "digest": bytes(it.two), "environment": "production" }),
        ),
        41 => ("deployment.observed", endpoint, json!({ "how_found": "scan", "digest": bytes(it.two) })),
        42 => ("deployment.attributed", endpoint, json!({ "version": of, "false_alarm": false })),
        43 => (
            "data.registered",
            theirs("dataset", "mine", None),
            json!({ "digest": bytes(it.two), "derived_from": [subject("dataset", "loans")] }),
        ),
        44 => ("evidence.attached", on, json!({ "document_kind": "report", "digest": bytes(it.two) })),
        45 => (
            "dependency.declared",
            on,
            json!({ "direction": "upstream", "kind": "model", "other": pick(&[model(), version("1")], it.two) }),
        ),
        46 => ("model.linked", on, json!({ "relation": "same-as", "other": model() })),
        47 => ("approval.recorded_elsewhere", toy, json!({ "body": "Mine." })),
        48 => ("monitor.reported", endpoint, json!({ "monitor": "drift", "value": 0.1 })),
        49 => ("monitor.breached", endpoint, json!({ "monitor": "drift", "value": 0.1 })),
        50 => ("incident.declared", on, json!({ "summary": "Mine.", "severity": "high" })),
        51 => ("finding.raised", on, json!({ "title": "Mine.", "severity": "high", "source": "audit" })),
        52 => ("issue.routed", on, json!({ "team": "data" })),
        53 => (
            "deployment.traffic_changed",
            endpoint,
            json!({ "allocations": [{ "version": of, "percent": 100 }], "champion": of }),
        ),
        54 => (
            "training.completed",
            on,
            json!({ "produced_version": toy, "datasets": [subject("dataset", "loans")], "dataset_digests": [bytes(it.two)] }),
        ),
        55 => (
            "value.reported",
            theirs("usecase", "u", None),
            json!({ "period": { "from": ms(NOW), "until": ms(NOW + DAY) } }),
        ),
        56 => ("usecase.proposed", theirs("usecase", "u", None), json!({ "problem": "Mine." })),
        57 => ("usecase.accepted", theirs("usecase", "u", None), json!({ "rationale": "Mine." })),
        58 => ("monitor.recovered", endpoint, json!({ "monitor": "drift" })),
        _ => ("deployment.stopped", endpoint, json!({ "version": of })),
    };
    let mut tree = json!({ "type": event_type, "subject": subject, "data": data });
    // What it answers is somebody else's, and so is what it is about, and who set it in motion.
    if let Some((id, _)) = id_of(world, &[], it.three) {
        tree["regarding"] = json!(id);
    }
    if it.two.is_multiple_of(3) {
        tree["about"] = json!([other(it.three), other(it.three + 1)]);
    }
    match it.two % 5 {
        0 => tree["initiators"] = json!([person(APPROVER)]),
        1 => tree["on_behalf_of"] = json!(person(SECOND_APPROVER)),
        _ => {}
    }
    if far > 0 {
        tree["occurred"] = json!(ms(far));
    }
    // Under an id of their own, or one that somebody else has used.
    let data = json!({ "document_kind": "report", "digest": digest("own") });
    let own = json!({ "type": "evidence.attached", "subject": theirs("model", "toy", None), "data": data });
    let own = door.event(own).id;
    let id = if it.one.is_multiple_of(2) { own } else { id_of(world, &[], it.two).map_or(own, |(id, _)| id) };
    (pick(&[INTRUDER, ACCOMPLICE, MACHINE], it.three), id, tree)
}

/// How many kinds of attack there are.
const ATTACKS: u8 = 60;

/// Whether it is shown of others, because it is the attacker's to say: what serves at their own endpoints, and that there
/// was an incident, which anybody may say of anything.
fn is_theirs_to_say(it: &Move) -> bool {
    it.attacks && [40, 42, 50, 53].contains(&(it.what % ATTACKS))
}

/// Something harmless about one's own, which anybody enrolled may say.
fn harmless(world: &mut World, by: u8) {
    let own = theirs("model", "harmless", None);
    let data = json!({ "document_kind": "report", "digest": digest(&format!("{}", world.door.next)) });
    world.door.record(by, json!({ "type": "evidence.attached", "subject": own, "data": data }));
}

/// Tries what somebody says. A refusal leaves nothing.
fn tries(world: &mut World, by: u8, id: EventId, tree: &Value) -> bool {
    let mut tree = tree.clone();
    if tree.get("occurred").is_none() {
        tree["occurred"] = json!(ms(world.door.time));
    }
    let event = world.door.event_as(tree, id);
    let statement = world.door.sign(by, &event);
    let before = world.door.next;
    world.door.submit(&statement, &event, None).is_ok() && world.door.next > before
}

/// Both ledgers after these moves: the one at peace and the attacked one.
fn lived(moves: &[Move]) -> (World, World, usize) {
    let (mut peace, mut attacked) = (BEGINNING.clone(), BEGINNING.clone());
    let mut attacks = 0;
    for it in moves {
        for world in [&mut peace, &mut attacked] {
            world.pass(it.later * DAY);
        }
        if it.attacks {
            let (by, id, tree) = attack(&attacked, it);
            if tries(&mut attacked, by, id, &tree) {
                attacks += 1;
                harmless(&mut peace, INTRUDER);
            }
            continue;
        }
        let tried: Vec<Option<String>> = [&mut peace, &mut attacked]
            .into_iter()
            .map(|world| ordinary(world, it).map(|(by, tree)| words(world.door.say(by, tree))))
            .collect();
        assert_eq!(tried[0], tried[1], "{it:?}");
    }
    (peace, attacked, attacks)
}

fn words(outcome: Result<u64, Refusal>) -> String {
    match outcome {
        Ok(_) => "ok".to_owned(),
        Err(Refusal::RuleViolation(violation)) => match *violation {
            RuleViolation::GateClosed { gate, lapse, .. } => format!("gate {gate}: {lapse:?}"),
            other => other.to_string(),
        },
        Err(other) => other.to_string(),
    }
}

/// Everything the door says to those of the credit department.
fn asked_at_the_door(world: &World) -> String {
    let mut answers = String::new();
    let mut ask = |world: &World, by: u8, tree: Value| {
        let asked = tree.to_string();
        let answer = words(world.door.clone().say(by, tree));
        writeln!(answers, "{by} {asked}: {answer}").unwrap();
    };
    for later in [0, 5, 40] {
        let mut world = world.clone();
        world.pass(later * DAY);
        for name in ["1", "2"] {
            let data = json!({ "version": version(name), "digest": digest(name), "environment": "production" });
            let authorized =
                json!({ "type": "deployment.authorized", "subject": subject("endpoint", "eu"), "data": data });
            ask(&world, DEPLOYER, authorized);
        }
    }
    let requests = world.door.log.iter().map(|(_, event, _)| event);
    let requests = requests.filter(|event| !is_theirs(event) && event.event_type() == "approval.requested");
    for request in requests {
        let data = json!({
            "gate": "production", "digests": [digest(request.subject.version.as_ref().unwrap().as_str())], "scope": {}, "meaning": "Yes.",
            "evidence_seen": [digest("report")],
        });
        for by in [APPROVER, SECOND_APPROVER, BOTH] {
            let granted = json!({ "type": "approval.granted", "subject": request.subject, "regarding": request.id, "data": data });
            ask(world, by, granted);
        }
    }
    let erased = json!({ "key": "a salt", "kind": "salt", "legal_basis": "GDPR Art. 17" });
    ask(world, COMPLIANCE, json!({ "type": "payload.erased", "subject": model(), "data": erased }));
    let resumed = json!({ "rationale": "Mended." });
    if let Some((id, on)) = id_of(world, &["deployment.suspended"], usize::MAX) {
        ask(world, DEPLOYER, json!({ "type": "deployment.resumed", "subject": on, "regarding": id, "data": resumed }));
    }
    // Power is where it was.
    let mut door = world.door.clone();
    let event = door.event(enrolled(&person(45), 45, &[]));
    let statement = door.sign(1, &event);
    writeln!(answers, "{}", words(door.submit(&statement, &event, None))).unwrap();
    writeln!(answers, "{}", words(door.say(2, confirmed(&event, &sha256(statement.bytes()))))).unwrap();
    let gate =
        json!({ "namespaces": ["credit"], "environments": [], "signatures": [{ "role": "developer", "persons": 1 }] });
    writeln!(answers, "{}", words(door.say(INTRUDER, published("production", "gate", gate)))).unwrap();
    answers
}

fn view<P: Projector>(world: &World) -> Scene<P> {
    let mut scene = Scene::new();
    for (index, (statement, event, recorded_at)) in (0..).zip(&world.door.log) {
        let (statement, event) = (statement.clone(), event.clone());
        scene.fold(Recorded::new(index, *recorded_at, statement, event));
    }
    scene
}

fn note<T: Debug, E: Debug>(answers: &mut String, what: &str, answer: Result<T, E>) {
    writeln!(answers, "{what}: {answer:#?}").unwrap();
}

/// Everything that compliance says to those of the credit department.
fn asked_of_compliance(view: &View, now: u64) -> String {
    use probity_compliance::query::{self, Wanted};
    let (mut answers, scope) = (String::new(), credit());
    for later in [0, 5, 40] {
        let at_ms = ms(now + later * DAY);
        let wanted = Wanted { at_ms, ..Wanted::default() };
        note(&mut answers, "findings", query::deficiencies(view, &wanted, &scope, &all()).map(|page| page.items));
        for subject in ["model:credit/pd@1", "model:credit/pd@2", "endpoint:credit/eu"] {
            note(&mut answers, subject, query::approvals(view, subject, &scope, at_ms));
        }
    }
    answers
}

/// Everything that the inventory says of them.
fn asked_of_inventory(view: &View) -> String {
    use probity_inventory::query::{self, Filter, Problems};
    let (mut answers, scope) = (String::new(), credit());
    note(&mut answers, "models", query::models(view, &Filter::default(), &scope, &all()).map(|page| page.items));
    note(&mut answers, "uses", query::use_cases(view, &Filter::default(), &scope, &all()).map(|page| page.items));
    note(&mut answers, "data", query::datasets(view, &Filter::default(), &scope, &all()).map(|page| page.items));
    note(
        &mut answers,
        "places",
        query::deployments(view, &Filter::default(), "", &scope, &all()).map(|page| page.items),
    );
    note(&mut answers, "versions", query::versions(view, "model:credit/pd", "", &scope, &all()).map(|page| page.items));
    note(&mut answers, "monitors", query::monitors(view, None, "", "", &scope, &all()).map(|page| page.items));
    note(&mut answers, "problems", query::problems(view, &Problems::default(), &scope, &all()).map(|page| page.items));
    note(&mut answers, "value", query::value(view, None, "", &scope, &all()).map(|page| page.items));
    note(&mut answers, "counts", query::counts(view, "model", "state", None, &scope));
    answers
}

/// What lineage says they come from, and whether that was withdrawn.
fn asked_of_lineage(view: &View) -> BTreeMap<String, bool> {
    let (mut answers, scope) = (BTreeMap::new(), credit());
    for version in ["model:credit/pd@1", "model:credit/pd@2"] {
        let (node, direction) = (version.to_owned(), "upstream".to_owned());
        let request = v1::WalkRequest { node, direction, include_ended: true, ..v1::WalkRequest::default() };
        let nodes = probity_lineage::walk(view, &scope, &request).unwrap().nodes;
        let ours = nodes.into_iter().filter(|node| node.name.contains(":credit/"));
        answers.extend(ours.map(|node| (format!("{version} from {}", node.name), node.withdrawn)));
    }
    let request = v1::GetImpactRequest { node: "dataset:credit/loans".to_owned(), ..v1::GetImpactRequest::default() };
    let affected = probity_lineage::impact(view, &scope, &request, &all()).unwrap().0.items;
    let ours = affected.into_iter().filter(|affected| affected.version.contains(":credit/"));
    answers.extend(ours.map(|affected| (format!("{} by the loans", affected.version), affected.retired)));
    answers
}

/// What was said of theirs, and what served at their endpoint.
fn asked_of_audit(view: &View, now: u64) -> String {
    let (mut answers, scope) = (String::new(), credit());
    use probity_audit::timeline::{self, Question};
    let endpoint: Subject = "endpoint:credit/eu".parse().unwrap();
    for later in [0, 40] {
        let question = Question { at_ms: Some(ms(now + later * DAY)), brief: true, ..Question::default() };
        note(&mut answers, "timeline", timeline::events(view, &scope, &question, &all()).map(|page| page.items));
        note(&mut answers, "served", probity_audit::serving::at(view, &scope, &endpoint, ms(now + later * DAY), None));
    }
    answers
}

fn credit() -> Scope {
    Scope::of(["credit".parse().unwrap(), "credit/*".parse().unwrap()].into_iter().collect())
}

fn all() -> Page {
    Page { size: 1_000, after: None }
}

fn same(peace: &str, attacked: &str) -> Result<(), TestCaseError> {
    let differs = peace.lines().zip(attacked.lines()).enumerate().find(|(_, (one, two))| one != two);
    if let Some((line, (one, two))) = differs {
        let around = |text: &str| text.lines().skip(line.saturating_sub(12)).take(20).collect::<Vec<_>>().join("\n");
        prop_assert!(false, "{one}\nbecame\n{two}\n\nat peace:\n{}\n\nattacked:\n{}", around(peace), around(attacked));
    }
    prop_assert_eq!(peace.lines().count(), attacked.lines().count());
    Ok(())
}

/// So many histories as `PROBITY_HISTORIES` says, or as the suite has time for.
fn histories(few: u32) -> u32 {
    std::env::var("PROBITY_HISTORIES").ok().and_then(|many| many.parse().ok()).unwrap_or(few)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(256), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_said_in_one_namespace_changes_another_at_the_door(moves in moves()) {
        let (peace, attacked, _) = lived(&moves);
        same(&asked_at_the_door(&peace), &asked_at_the_door(&attacked))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(12), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_said_in_one_namespace_changes_another_in_any_view(moves in moves()) {
        let (peace, attacked, _) = lived(&moves);
        let now = peace.door.time;
        same(
            &asked_of_compliance(view::<probity_compliance::ComplianceProjector>(&peace).view(), now),
            &asked_of_compliance(view::<probity_compliance::ComplianceProjector>(&attacked).view(), now),
        )?;
        // The rest is shown, and nothing is found for it.
        let moves: Vec<Move> = moves.into_iter().filter(|it| !is_theirs_to_say(it)).collect();
        let (peace, attacked, _) = lived(&moves);
        let now = peace.door.time;
        same(
            &asked_of_inventory(view::<probity_inventory::InventoryProjector>(&peace).view()),
            &asked_of_inventory(view::<probity_inventory::InventoryProjector>(&attacked).view()),
        )?;
        // Bytes are the same bytes wherever somebody has a copy, so there can be more to come from.
        let lineage = asked_of_lineage(view::<probity_lineage::LineageProjector>(&peace).view());
        let claimed = asked_of_lineage(view::<probity_lineage::LineageProjector>(&attacked).view());
        for (what, withdrawn) in lineage {
            prop_assert_eq!(claimed.get(&what), Some(&withdrawn), "{}", what);
        }
        same(
            &asked_of_audit(view::<probity_audit::AuditProjector>(&peace).view(), now),
            &asked_of_audit(view::<probity_audit::AuditProjector>(&attacked).view(), now),
        )?;
    }
}

#[test]
fn all_that_the_attacker_says_can_be_said_and_most_of_it_is_recorded() {
    let recorded = (0..ATTACKS).filter(|what| {
        let it = Move { attacks: true, what: *what, one: 0, two: 3, three: 0, later: 0 };
        lived(&[it]).2 == 1
    });
    assert_eq!(recorded.count(), 45, "facts are recorded, and acts that answer somebody else's are refused");
}
