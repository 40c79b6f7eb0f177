//! Random histories: folding them again, and in what they are as if it had not been said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use std::collections::BTreeSet;

use probity_proto::v1;
use proptest::prelude::*;
use scenes::{ANNA, BO, CARA, CI, Life, at, digest};
use serde_json::{Value, json};

const MODELS: [&str; 2] = ["model:credit/pd", "model:credit/pd2"];
const ENDPOINTS: [&str; 2] = ["endpoint:credit/one", "endpoint:credit/two"];
const DATASETS: [&str; 3] = ["dataset:credit/a", "dataset:credit/b", "dataset:credit/c"];
const USES: [&str; 2] = ["usecase:credit/lending", "usecase:credit/cards"];
const APPROVERS: [&str; 2] = [BO, CARA];
const BO_HIMSELF: &str = "identity:person/6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c02";

/// What is drawn for one statement; the numbers mean what its kind makes of them.
#[derive(Debug, Clone)]
struct Drawn {
    kind: u8,
    one: usize,
    two: usize,
    three: usize,
    which: usize,
    occurred: Option<u64>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let occurred = proptest::option::weighted(0.3, 0..80_u64);
    (0..40_u8, 0..4_usize, 0..4_usize, 0..4_usize, any::<usize>(), occurred)
        .prop_map(|(kind, one, two, three, which, occurred)| Drawn { kind, one, two, three, which, occurred })
}

/// What was said, so that it can be said again: who, and the event.
type Said = Vec<(String, Value)>;

/// The type of what was said and its place, for those that begin so.
fn earlier(said: &Said, event_type: &str) -> Vec<usize> {
    let is = |(_, (_, event)): &(usize, &(String, Value))| event["type"].as_str().unwrap().starts_with(event_type);
    said.iter().enumerate().filter(is).map(|(index, _)| index).collect()
}

/// The statement that is drawn; `None` if there is nothing that it could answer.
fn statement(drawn: &Drawn, life: &Life, said: &Said) -> Option<(String, Value)> {
    let Drawn { kind, one, two, three, which, occurred } = *drawn;
    let model = MODELS[one % 2];
    let version = format!("{model}@{}", two % 2);
    let endpoint = ENDPOINTS[three % 2];
    let bytes = digest((1 + which % 2) as u8);
    let at_once = |signer: &str, event_type: &str, subject: &str, data: Value| {
        Some((signer.to_owned(), json!({ "type": event_type, "subject": subject, "data": data })))
    };
    let answer = |signer: &str, event_type: &str, to: &str, data: Value| {
        let openers = earlier(said, to);
        let opener = *openers.get(which % openers.len().max(1))?;
        let (subject, id) = (said[opener].1["subject"].clone(), life.scene.id(life.before + opener as u64));
        let event = json!({ "type": event_type, "subject": subject, "regarding": id, "data": data });
        Some((signer.to_owned(), event))
    };
    let expires = at(30 + which as u64 % 60);
    let mut found = match kind {
        0 => {
            let content = json!({ "environments": ["production"], "namespaces": ["credit/*"],
                "signatures": [{ "role": "approver", "persons": 1 + one % 2 }] });
            at_once(
                ANNA,
                "policy.published",
                "policy:credit/production@1",
                json!({ "kind": "gate", "content": content }),
            )
        }
        1 => {
            let uses: &[&str] = [&["Loans"][..], &["Loans", "Cards"], &[]][three % 3];
            at_once(CI, "model.registered", model, json!({ "purpose": "To lend.", "intended_uses": uses }))
        }
        2 | 3 => {
            let artifacts = json!([{ "digest": bytes, "form": "file" }]);
            let components = match three {
                0 => json!([{ "role": "retrieval-index", "subject": DATASETS[which % 3] }]),
                _ => json!([]),
            };
            let data = json!({ "artifacts": artifacts, "components": components });
            at_once([CI, BO][usize::from(three == 1)], "model.version_registered", &version, data)
        }
        4 | 5 => {
            let data = json!({ "produced_version": version, "datasets": [DATASETS[which % 3]] });
            at_once([CI, CARA][usize::from(three == 1)], "training.completed", model, data)
        }
        6 => at_once(CI, "validation.completed", &version, json!({ "outcome": "passed" })),
        7..=9 => at_once(CI, "approval.requested", &version, json!({ "gate": "production" })),
        10..=13 => {
            let mut data = json!({ "gate": "production", "meaning": "It may.", "scope": {}, "digests": [bytes] });
            match three {
                0 => data["expires_at"] = expires.into(),
                1 => data["conditions"] = json!([{ "id": "c1", "text": "Watch it.", "due": expires }]),
                2 => data["evidence_seen"] = json!([digest(7)]),
                _ => {}
            }
            answer(APPROVERS[one % 2], "approval.granted", "approval.requested", data)
        }
        14 => answer(BO, "approval.revoked", "approval.granted", json!({ "reason": "It drifts." })),
        15 => answer(BO, "approval.rejected", "approval.requested", json!({ "gate": "production", "reason": "No." })),
        16..=20 => {
            let exposure = ["live", "live", "canary", "shadow"][one];
            let environment = ["production", "production", "staging"][which % 3];
            let data = json!({ "version": version, "digest": bytes, "exposure": exposure, "environment": environment });
            at_once(CI, "deployment.started", endpoint, data)
        }
        21 => at_once(CI, "deployment.stopped", endpoint, json!({})),
        22 => at_once(CI, "deployment.suspended", endpoint, json!({ "reason": "It harms.", "scope": "endpoint" })),
        23 => at_once(CI, "deployment.observed", endpoint, json!({ "how_found": "By chance.", "digest": bytes })),
        24 => at_once(CI, "deployment.attributed", endpoint, json!({ "false_alarm": one == 0, "version": version })),
        25 => {
            at_once(BO, "deployment.authorized", endpoint, json!({ "version": version, "environment": "production" }))
        }
        26 => at_once(APPROVERS[two % 2], "model.ownership_accepted", model, json!({ "role": "owner" })),
        27 => {
            let data = json!({ "framework": "eu-ai-act", "class": "high-risk", "expires_at": expires });
            at_once(CI, "model.classified", model, data)
        }
        28 => at_once(CI, "usecase.linked", USES[three % 2], json!({ "model": model, "role": "primary" })),
        29 => at_once(
            CI,
            "change.declared",
            [model, version.as_str()][three % 2],
            json!({ "description": "Data.", "substantial": true }),
        ),
        30 => at_once(CI, "data.registered", DATASETS[one % 3], json!({ "derived_from": [DATASETS[two % 3]] })),
        31 => at_once(CI, "data.withdrawn", DATASETS[one % 3], json!({ "reason": "Consent." })),
        32 => at_once(CI, "evidence.attached", &version, json!({ "document_kind": "report", "digest": digest(7) })),
        33 => {
            let data =
                json!({ "title": "No test.", "severity": "low", "source": "audit", "owner": BO, "due": expires });
            at_once(CI, "finding.raised", &version, data)
        }
        34 => match one {
            0 => answer(BO, "finding.closed", "finding.raised", json!({ "rationale": "Done." })),
            1 => answer(CI, "incident.closed", "incident.declared", json!({})),
            2 => answer(CI, "issue.routed", "issue.opened", json!({ "team": "data", "assignee": BO })),
            _ => answer(CI, "incident.classified", "incident.declared", json!({ "regime": "r", "reportable": "yes" })),
        },
        35 => match one {
            0 => at_once(CI, "review.scheduled", model, json!({ "due": expires, "reviewer": BO })),
            1 => at_once(CI, "incident.declared", endpoint, json!({ "summary": "Refused all." })),
            2 => at_once(CI, "issue.opened", model, json!({ "title": "It drifts." })),
            _ => at_once(CI, "validation.requested", &version, json!({ "validator": BO })),
        },
        36 => match one {
            0 | 1 => {
                let data = json!({ "compensating_controls": ["A person."], "control": "production", "expires_at": expires, "reason": "Urgent." });
                at_once(BO, "exception.granted", &version, data)
            }
            2 => at_once(
                BO,
                "exception.invoked",
                &version,
                json!({ "control": "production", "expires_at": expires, "reason": "Fire." }),
            ),
            _ => at_once(CI, "authority.departed", BO_HIMSELF, json!({})),
        },
        37 => at_once(CI, "retirement.completed", [model, version.as_str()][three % 2], json!({})),
        _ => {
            let target = which.checked_rem(said.len())?;
            let signer = if three == 0 { ANNA.to_owned() } else { said[target].0.clone() };
            let id = life.scene.id(life.before + target as u64);
            let data = json!({ "kind": "voids", "reason": "It was wrong." });
            let subject = said[target].1["subject"].clone();
            Some((signer, json!({ "type": "correction.recorded", "subject": subject, "regarding": id, "data": data })))
        }
    }?;
    // Some of what happens at endpoints, and evidence, came to be known late.
    let event_type = found.1["type"].as_str().unwrap();
    let late = event_type.starts_with("deployment.")
        || event_type.starts_with("evidence.")
        || event_type.starts_with("validation.");
    if let Some(day) = occurred.filter(|_| late) {
        found.1["occurred"] = at(day).into();
    }
    Some(found)
}

fn told(history: &[Drawn]) -> (Life, Said) {
    let (mut life, mut said) = (Life::new(), Said::new());
    for drawn in history {
        if let Some((signer, event)) = statement(drawn, &life, &said) {
            life.scene.record(&signer, life.today(), event.clone());
            said.push((signer, event));
        }
    }
    (life, said)
}

/// What is taken back by those who said it, and the corrections of what cannot be taken back altogether: how a version
/// was made, by whom and from what, and what a model is for.
fn void(life: &Life, said: &Said) -> (BTreeSet<usize>, BTreeSet<usize>) {
    const STAYS: [&str; 7] = [
        "data.registered",
        "evidence.attached",
        "incident.classified",
        "model.registered",
        "model.version_registered",
        "training.completed",
        "approval.requested",
    ];
    let recorded = life.scene.recorded();
    let (mut void, mut partly) = (BTreeSet::new(), BTreeSet::new());
    for it in recorded.iter().filter(|it| it.event.event_type() == "correction.recorded") {
        let target = recorded.iter().find(|other| Some(other.event.id) == it.event.regarding).unwrap();
        let stays = |event_type: &str| {
            let answer = ["incident.closed", "issue.routed", "correction.recorded"].contains(&event_type);
            answer || STAYS.iter().any(|stays| event_type.starts_with(stays))
        };
        let target_said = (target.index - life.before) as usize;
        let own = said[target_said].0 == it.signer();
        if own && !target.event.info().is_act() {
            match stays(target.event.event_type()) {
                true => partly.insert((it.index - life.before) as usize),
                false => void.insert(target_said),
            };
        }
    }
    (void, partly)
}

/// Everything that is found at moments that matter, and what waits for three persons.
fn found(life: &Life) -> Vec<(u64, Vec<v1::Deficiency>, Vec<Vec<v1::InboxItem>>)> {
    let days = [20, 40, 81];
    let moments = days.iter().map(|day| at(*day)).chain([u64::MAX]);
    let roles = [("credit/*", "approver"), ("*", "compliance")];
    let waits = |at_ms| {
        [ANNA, BO, CARA].map(|person| {
            let mut items = life.inbox(person, &roles, at_ms);
            // Who signed a request that is void has signed all the same.
            items.iter_mut().for_each(|item| item.last_approved.clear());
            items
        })
    };
    moments.map(|at_ms| (at_ms, life.everything(at_ms), waits(at_ms.min(at(1_000))).to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn folding_again_in_other_groups_gives_the_same_bytes(history in proptest::collection::vec(drawn(), 1..60)) {
        let (life, _) = told(&history);
        let digest = life.scene.view().digest().unwrap();
        for together in BTreeSet::from([1, 7, life.today() as usize]) {
            prop_assert_eq!(life.scene.fold_again(together).digest().unwrap(), digest, "in groups of {}", together);
        }
    }

    #[test]
    fn what_is_found_as_statements_come_is_what_is_found_in_all_of_them_anew(
        history in proptest::collection::vec(drawn(), 1..60),
    ) {
        let (life, said) = told(&history);
        let mut anew = Life::new();
        for (signer, event) in &said {
            anew.scene.record(signer, anew.today(), event.clone());
        }
        prop_assert_eq!(found(&life), found(&anew));
    }

    #[test]
    fn what_is_void_is_as_if_it_had_not_been_said(history in proptest::collection::vec(drawn(), 1..60)) {
        let (life, said) = told(&history);
        let (void, partly) = void(&life, &said);
        let (mut life, mut without) = (Life::new(), Life::new());
        for (place, (signer, event)) in said.iter().enumerate() {
            // Something that nobody asks about keeps its place.
            let concern = json!({ "type": "concern.raised", "subject": MODELS[0], "data": { "concern": "Why?" } });
            let event = if partly.contains(&place) { concern.clone() } else { event.clone() };
            life.scene.record(signer, life.today(), event.clone());
            let event = if void.contains(&place) { concern } else { event };
            without.scene.record(signer, without.today(), event);
        }
        for (told, expected) in found(&life).into_iter().zip(found(&without)) {
            for one in &told.1 {
                prop_assert!(expected.1.contains(one), "{:?} is found all the same, without {:?}", one, void);
            }
            for one in &expected.1 {
                prop_assert!(told.1.contains(one), "{:?} is not found any more, without {:?}", one, void);
            }
            prop_assert_eq!(told, expected, "without {:?}", void);
        }
    }
}
