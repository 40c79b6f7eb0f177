//! Whatever is tried by whomever in whatever order: what is admitted never leads to a state that must not be.
//!
//! The judge here is a second one: it looks at the plain list of what was admitted, from the beginning each time, and
//! knows nothing of the state machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod scene;

use std::collections::HashSet;
use std::sync::LazyLock;

use probity_admission::{Refusal, State};
use proptest::prelude::*;
use serde_json::{Value, json};

use scene::world::*;
use scene::{NOW, confirmed, key, person, reason, sha256};

/// Someone tries something: who, what, and which of the things there are it is about.
#[derive(Debug, Clone)]
struct Move {
    who: usize,
    what: usize,
    which: usize,
    other: usize,
    /// Seconds that pass before.
    later: u64,
}

/// An admitted event, as the second judge sees it.
#[derive(Debug, Clone)]
struct Past {
    seed: u8,
    id: String,
    event: Value,
    time: u64,
}

const PEOPLE: [u8; 9] = [DEVELOPER, OWNER, VALIDATOR, APPROVER, SECOND_APPROVER, DEPLOYER, OPERATOR, COMPLIANCE, 22];

const TYPES: [&str; 24] = [
    "model.version_registered",
    "training.completed",
    "approval.requested",
    "approval.granted",
    "approval.granted",
    "approval.rejected",
    "approval.revoked",
    "deployment.authorized",
    "deployment.authorized",
    "deployment.suspended",
    "deployment.resumed",
    "retirement.proposed",
    "retirement.approved",
    "retirement.completed",
    "retirement.reversed",
    "finding.raised",
    "finding.closed",
    "hold.set",
    "hold.lifted",
    "payload.erased",
    "evidence.withdrawn",
    "vendor.change_observed",
    "data.withdrawn",
    "authority.key_revoked",
];

/// The newest event of the types that this one could answer, of the last few.
fn opener(history: &[Past], types: &[&str], which: usize) -> Option<Value> {
    let fitting: Vec<&Past> =
        history.iter().rev().filter(|past| types.contains(&past.event["type"].as_str().unwrap())).take(3).collect();
    fitting.get(which % fitting.len().max(1)).map(|past| json!(past.id))
}

fn tree(step: &Move, history: &[Past], now: u64) -> Value {
    let event_type = TYPES[step.what % TYPES.len()];
    let name = ["1", "2"][step.which % 2];
    let endpoint = subject("endpoint", ["eu", "us"][step.other % 2]);
    let artifact = json!([digest(name)]);
    let (on, takes, data): (Value, &[&str], Value) = match event_type {
        "model.version_registered" => {
            (version(name), &[], json!({ "artifacts": [{ "digest": digest(name), "form": "file" }] }))
        }
        "training.completed" => {
            let data = json!({ "produced_version": version(name), "datasets": [subject("dataset", "loans")] });
            (model(), &[], data)
        }
        "approval.requested" => (version(name), &[], json!({ "gate": "production" })),
        "approval.granted" => {
            let data = json!({
                "gate": "production", "digests": artifact, "scope": {}, "meaning": "Yes.",
                "evidence_seen": [digest("report")], "expires_at": ms(now + 3 * DAY),
            });
            (version(name), &["approval.requested"], data)
        }
        "approval.rejected" => {
            (version(name), &["approval.requested"], json!({ "gate": "production", "reason": "No." }))
        }
        "approval.revoked" => (version(name), &["approval.granted"], json!({ "reason": "No." })),
        "deployment.authorized" => {
            let data = json!({ "version": version(name), "digest": digest(name), "environment": "production" });
            (endpoint, &[], data)
        }
        "deployment.suspended" => (endpoint, &[], json!({ "reason": "RuleViolation.", "scope": "endpoint" })),
        "deployment.resumed" => (endpoint, &["deployment.suspended"], json!({ "rationale": "Mended." })),
        "retirement.proposed" => (model(), &[], json!({ "reason": "Replaced." })),
        "retirement.approved" => (model(), &["retirement.proposed"], json!({ "rationale": "Yes." })),
        "retirement.completed" => (model(), &["retirement.approved"], json!({})),
        "retirement.reversed" => {
            (model(), &["retirement.approved", "retirement.completed"], json!({ "reason": "Needed." }))
        }
        "finding.raised" => {
            let owner = person(PEOPLE[step.other % PEOPLE.len()]);
            (model(), &[], json!({ "title": "A gap", "severity": "low", "source": "validator", "owner": owner }))
        }
        "finding.closed" => (model(), &["finding.raised"], json!({ "rationale": "Mended." })),
        "hold.set" => (model(), &[], json!({ "scope": "All.", "legal_basis": "Court order" })),
        "hold.lifted" => (model(), &["hold.set"], json!({ "reason": "Over." })),
        "payload.erased" => (model(), &[], json!({ "key": "a salt", "kind": "salt", "legal_basis": "GDPR Art. 17" })),
        "evidence.withdrawn" => (version(name), &[], json!({ "reason": "Wrong.", "digest": digest("report") })),
        "vendor.change_observed" => (model(), &[], json!({ "how": "Answers differ." })),
        "data.withdrawn" => (subject("dataset", "loans"), &[], json!({ "reason": "No consent." })),
        _ => {
            // An approver's key is found to have been in other hands for an hour.
            let whose = [APPROVER, SECOND_APPROVER][step.which % 2];
            let data = json!({
                "kid": key(whose).public().id().to_string(), "reason": "compromised",
                "compromised_since": ms(now - 3_600),
            });
            (json!(person(whose).subject()), &[], data)
        }
    };
    let mut tree = json!({ "type": event_type, "subject": on, "data": data });
    if let Some(id) = opener(history, takes, step.other) {
        tree["regarding"] = id;
    }
    tree
}

/// What the second judge finds out by reading everything again.
struct Again<'a> {
    history: &'a [Past],
}

impl<'a> Again<'a> {
    fn all(&self, event_type: &'static str) -> impl DoubleEndedIterator<Item = (usize, &'a Past)> {
        self.history.iter().enumerate().filter(move |(_, past)| past.event["type"] == event_type)
    }

    fn by_id(&self, id: &Value) -> Option<(usize, &'a Past)> {
        self.history.iter().enumerate().find(|(_, past)| json!(past.id) == *id)
    }

    fn answered(&self, event_type: &'static str, id: &str) -> bool {
        self.all(event_type).any(|(_, past)| past.event["regarding"] == json!(id) && self.counts(past))
    }

    /// Whether an act's key was its holder's when it was recorded.
    fn counts(&self, act: &Past) -> bool {
        !self.all("authority.key_revoked").any(|(_, revoked)| {
            revoked.event["subject"] == json!(person(act.seed).subject())
                && ms(act.time) >= revoked.event["data"]["compromised_since"].as_u64().unwrap()
        })
    }

    fn hands(&self, version: &Value) -> HashSet<u8> {
        let about = |past: &&Past| match past.event["type"].as_str().unwrap() {
            "model.version_registered" | "approval.requested" => past.event["subject"] == *version,
            "training.completed" => past.event["data"]["produced_version"] == *version,
            _ => false,
        };
        self.history.iter().filter(about).map(|past| past.seed).collect()
    }

    fn retired(&self) -> bool {
        let last = |event_type| self.all(event_type).next_back().map(|(at, _)| at);
        last("retirement.completed").is_some_and(|at| last("retirement.reversed").is_none_or(|back| back < at))
    }

    fn suspended(&self, endpoint: &Value) -> bool {
        self.all("deployment.suspended")
            .any(|(_, stop)| stop.event["subject"] == *endpoint && !self.answered("deployment.resumed", &stop.id))
    }

    /// An approval of this version that nothing has ended.
    fn approved(&self, version: &Value, now: u64) -> bool {
        self.all("approval.granted").any(|(at, grant)| {
            let since = |event_type: &'static str| self.all(event_type).any(|(later, _)| later > at);
            let request = grant.event["regarding"].as_str().unwrap();
            grant.event["subject"] == *version
                && self.counts(grant)
                && !self.hands(version).contains(&grant.seed)
                && ms(now) < grant.event["data"]["expires_at"].as_u64().unwrap()
                && !self.all("approval.revoked").any(|(_, past)| past.event["regarding"] == json!(grant.id))
                && !self.answered("approval.rejected", request)
                && !["evidence.withdrawn", "vendor.change_observed"].into_iter().any(since)
                && !(since("data.withdrawn") && self.trained(version))
        })
    }

    fn trained(&self, version: &Value) -> bool {
        self.all("training.completed").any(|(_, run)| run.event["data"]["produced_version"] == *version)
    }

    /// What must not be, were this act admitted now.
    fn forbids(&self, seed: u8, act: &Value, now: u64) -> Option<&'static str> {
        let on = &act["subject"];
        let opener = self.by_id(&act["regarding"]).map(|(_, past)| past);
        let open = |takes: &str| opener.is_some_and(|past| past.event["type"] == takes && past.event["subject"] == *on);
        let registered =
            |version: &Value| self.all("model.version_registered").any(|(_, past)| past.event["subject"] == *version);
        match act["type"].as_str().unwrap() {
            "approval.granted" => match () {
                () if !open("approval.requested") => Some("grants what nobody asked for"),
                () if self.hands(on).contains(&seed) => Some("grants for what it had a hand in"),
                () if !registered(on) => Some("grants for what is not registered"),
                () if self.retired() => Some("grants for what has ended"),
                () if self.answered("approval.rejected", &opener.unwrap().id) => Some("grants what was rejected"),
                () if self.all("evidence.withdrawn").next().is_some() => Some("rests on withdrawn evidence"),
                () => None,
            },
            "deployment.authorized" => match () {
                () if self.retired() => Some("lets through what has ended"),
                () if self.suspended(on) => Some("lets through to where the plug is pulled"),
                () if !self.approved(&act["data"]["version"], now) => Some("lets through what is not approved"),
                () => None,
            },
            "deployment.resumed" => {
                let gone = !open("deployment.suspended") || self.answered("deployment.resumed", &opener.unwrap().id);
                gone.then_some("resumes what was not suspended")
            }
            "retirement.approved" => match () {
                () if !open("retirement.proposed") => Some("approves what nobody proposed"),
                () if opener.unwrap().seed == seed => Some("approves its own proposal"),
                () => None,
            },
            "finding.closed" => match () {
                () if !open("finding.raised") => Some("closes what was not raised"),
                () if self.answered("finding.closed", &opener.unwrap().id) => Some("closes what is closed"),
                () if opener.unwrap().event["data"]["owner"] == json!(person(seed)) => Some("closes its own finding"),
                () => None,
            },
            "payload.erased" => {
                let held = self.all("hold.set").any(|(_, hold)| !self.answered("hold.lifted", &hold.id));
                held.then_some("erases what is held")
            }
            _ => None,
        }
    }
}

static BEGINNING: LazyLock<World> = LazyLock::new(|| {
    let mut world = World::empty();
    // A developer, an approver and an owner in one: whoever the rules have to stop.
    world.door.let_in(22, &["developer", "owner", "approver", "validator"]);
    world.record(
        DEVELOPER,
        "evidence.attached",
        model(),
        json!({ "document_kind": "report", "digest": digest("report") }),
    );
    world
});

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = (
        0..PEOPLE.len(),
        0..TYPES.len(),
        0..2_usize,
        0..6_usize,
        prop_oneof![8 => Just(0_u64), 2 => 1_800..90_000_u64],
    );
    let step = step.prop_map(|(who, what, which, other, later)| Move { who, what, which, other, later });
    // A life in its usual order first, so that the later part has something to spoil.
    let usual = prop::collection::vec((0..4_usize, 0..2_usize), 0..3).prop_map(|lives| {
        let life = |(approver, which): (usize, usize)| {
            let step = |who: u8, event_type: &str| Move {
                who: PEOPLE.iter().position(|seed| *seed == who).unwrap(),
                what: TYPES.iter().position(|known| *known == event_type).unwrap(),
                which,
                other: 0,
                later: 0,
            };
            let approver = [APPROVER, SECOND_APPROVER, 22, APPROVER][approver];
            [
                step(DEVELOPER, "model.version_registered"),
                step(DEVELOPER, "training.completed"),
                step(OWNER, "approval.requested"),
                step(approver, "approval.granted"),
                step(DEPLOYER, "deployment.authorized"),
            ]
        };
        lives.into_iter().flat_map(life).collect::<Vec<_>>()
    });
    (usual, prop::collection::vec(step, 1..60)).prop_map(|(usual, rest)| [usual, rest].concat())
}

/// The second judge's list after all moves, and how many acts were admitted.
fn play(moves: &[Move]) -> Result<usize, TestCaseError> {
    let World { mut door, .. } = BEGINNING.clone();
    let mut history: Vec<Past> = Vec::new();
    let mut acts = 0;
    for (number, step) in moves.iter().enumerate() {
        door.time += step.later;
        let seed = match TYPES[step.what % TYPES.len()] {
            "authority.key_revoked" => 1,
            _ => PEOPLE[step.who],
        };
        let tree = tree(step, &history, door.time);
        let event = door.event(tree.clone());
        let statement = door.sign(seed, &event);
        let forbidden = Again { history: &history }.forbids(seed, &tree, door.time);
        // The state comes back from its bytes with the same verdicts.
        if number % 16 == 7 {
            door.state = State::from_snapshot(&door.state.to_snapshot().unwrap()).unwrap();
        }
        match door.submit(&statement, &event, None) {
            Ok(_) => {
                prop_assert_eq!(
                    forbidden,
                    None,
                    "{} by {}: {:#}\nafter {:#?}",
                    event.event_type(),
                    seed,
                    tree,
                    history
                );
                if event.event_type() == "authority.key_revoked" {
                    door.say(2, confirmed(&event, &sha256(statement.bytes()))).unwrap();
                }
                acts += usize::from(event.info().is_act());
                history.push(Past { seed, id: event.id.to_string(), event: tree, time: door.time });
            }
            Err(refusal) if event.info().is_act() => {
                // A refusal names its reason.
                prop_assert!(!reason(&refusal).is_empty());
            }
            Err(Refusal::NotAuthorised { .. } | Refusal::KeyRevoked { .. } | Refusal::UnknownKey { .. }) => {}
            Err(other) => prop_assert!(false, "a fact was refused by a rule: {other}"),
        }
    }
    Ok(acts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_admitted_events_leads_to_a_forbidden_state(moves in moves()) {
        play(&moves)?;
    }
}

/// Tries each move; what comes of it, in words.
fn outcomes(door: &mut scene::Door, history: &mut Vec<Past>, moves: &[Move]) -> Vec<String> {
    let mut outcomes = Vec::new();
    for step in moves {
        door.time += step.later;
        let seed = if TYPES[step.what % TYPES.len()] == "authority.key_revoked" { 1 } else { PEOPLE[step.who] };
        let tree = tree(step, history, door.time);
        let event = door.event(tree.clone());
        let statement = door.sign(seed, &event);
        match door.submit(&statement, &event, None) {
            Ok(index) => {
                if event.event_type() == "authority.key_revoked" {
                    door.say(2, confirmed(&event, &sha256(statement.bytes()))).unwrap();
                }
                history.push(Past { seed, id: event.id.to_string(), event: tree, time: door.time });
                outcomes.push(format!("{index}"));
            }
            Err(refusal) => outcomes.push(refusal.to_string()),
        }
    }
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn going_back_to_a_mark_is_as_if_nothing_had_come_after_it(
        first in moves(), given_up in moves(), then in moves(), forgets in any::<bool>(),
    ) {
        let World { mut door, .. } = BEGINNING.clone();
        let mut history = Vec::new();
        let early = door.state.mark();
        outcomes(&mut door, &mut history, &first);
        let mark = door.state.mark();
        let (mut untouched, mut kept) = (door.clone(), history.clone());
        if forgets {
            door.state.forget(Some(&mark));
        }
        outcomes(&mut door, &mut history, &given_up);
        door.state.go_back(&mark);
        door = scene::Door { state: door.state, ..untouched.clone() };
        let mut history = kept.clone();
        prop_assert_eq!(door.state.counts(), untouched.state.counts());
        let again = outcomes(&mut door, &mut history, &then);
        prop_assert_eq!(again, outcomes(&mut untouched, &mut kept, &then));
        // And all the way to the beginning, unless that was given up.
        if !forgets {
            door.state.go_back(&early);
            prop_assert_eq!(door.state.counts(), BEGINNING.door.state.counts());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_state_that_comes_back_from_a_snapshot_goes_on_as_if_it_had_never_gone(first in moves(), then in moves()) {
        let World { mut door, .. } = BEGINNING.clone();
        let mut history = Vec::new();
        outcomes(&mut door, &mut history, &first);
        door.state.forget(None);
        let (mut untouched, mut kept) = (door.clone(), history.clone());
        door.state = State::from_snapshot(&door.state.to_snapshot().unwrap()).unwrap();
        prop_assert_eq!(door.state.counts(), untouched.state.counts());
        let again = outcomes(&mut door, &mut history, &then);
        prop_assert_eq!(again, outcomes(&mut untouched, &mut kept, &then));
    }
}

#[test]
fn the_usual_life_is_admitted_so_that_the_property_is_not_empty() {
    let step = |who: u8, event_type: &str| Move {
        who: PEOPLE.iter().position(|seed| *seed == who).unwrap(),
        what: TYPES.iter().position(|known| *known == event_type).unwrap(),
        which: 0,
        other: 0,
        later: 0,
    };
    let life = [
        step(DEVELOPER, "model.version_registered"),
        step(OWNER, "approval.requested"),
        step(APPROVER, "approval.granted"),
        step(DEPLOYER, "deployment.authorized"),
        step(OPERATOR, "deployment.suspended"),
        step(DEPLOYER, "deployment.resumed"),
        step(OWNER, "retirement.proposed"),
        step(APPROVER, "retirement.approved"),
    ];
    assert_eq!(play(&life).unwrap(), 4, "{NOW}");
}
