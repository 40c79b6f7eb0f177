//! Grasps at power: letting oneself in, confirming oneself, locking everyone out.

use probity_schemas::{EventId, Identity};
use probity_tests::{Signer, enrolment, granting};
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::attempt::Attempt;
use crate::forge::{Forged, ORIGIN, complete, now_ms};
use crate::scene::{Scene, digest_of};

fn confirmed(event: &Value, digest: &str) -> Value {
    json!({
        "type": "authority.confirmed", "subject": event["subject"], "regarding": event["id"],
        "data": { "statement_digest": digest },
    })
}

fn roles(content: Value) -> Value {
    json!({
        "type": "policy.published", "subject": { "kind": "policy", "namespace": "probity", "name": "roles" },
        "data": { "kind": "roles", "content": content },
    })
}

fn about_the_ledger(event_type: &str) -> Value {
    let sample = probity_schemas::newest(event_type).unwrap().sample().unwrap();
    let mut tree = serde_json::to_value(sample).unwrap();
    ["id", "occurred"].iter().for_each(|field| drop(tree.as_object_mut().unwrap().remove(*field)));
    tree
}

pub(crate) fn grasps(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut cases: Vec<(&str, &str, Value, &'static [&'static str])> = Vec::new();
    let newcomer = Signer::person().unwrap();
    let robot = Signer::service("robot").unwrap();
    let own = |name: &str| scene.who(name).identity.clone();

    for role in ["administrator", "approver", "compliance", "ledger"] {
        for who in ["developer", "both", "jack", "compliance", "neighbour"] {
            cases.push((who, "gives itself a role", granting(&own(who), role, &["*"]), &["NOT_AUTHORISED"]));
        }
        cases.push(("pipeline", "gives itself a role", granting(&own("pipeline"), role, &["*"]), &["TAKES_A_PERSON"]));
    }
    for role in ["administrater", "root", "admin", "aprover"] {
        cases.push(("ada", "gives a role that is none", granting(&own("jack"), role, &["*"]), &["UNKNOWN_ROLE"]));
    }
    cases.push((
        "ada",
        "gives a stranger a role",
        granting(&newcomer.identity, "developer", &["*"]),
        &["NOT_ENROLLED"],
    ));
    let mut over = granting(&own("jack"), "developer", &["*"]);
    over["data"]["until"] = json!(now_ms() - 5_000);
    cases.push(("ada", "gives a role that is over", over, &["ALREADY_OVER"]));

    // Enrolments with something wrong about the key or the person.
    let enrolling = |signer: &Signer, responsible: &[Identity], change: &dyn Fn(&mut Value)| {
        let mut tree = enrolment(signer, ORIGIN, responsible).unwrap();
        change(&mut tree);
        tree
    };
    let administrator = [own("ada")];
    let enrolments: Vec<(Value, &'static [&'static str])> = vec![
        (enrolling(&newcomer, &[], &|tree| tree["data"]["kind"] = json!("service")), &["WRONG_SIGNER_KIND"]),
        (enrolling(&newcomer, &[], &|tree| tree["data"]["kid"] = json!("00".repeat(32))), &["WRONG_KID"]),
        (enrolling(&newcomer, &[], &|tree| tree["data"]["public_key"] = json!("00".repeat(32))), &["UNUSABLE_KEY"]),
        (
            enrolling(&newcomer, &[], &|tree| tree["data"]["public_key"] = json!(format!("01{}", "00".repeat(31)))),
            &["UNUSABLE_KEY"],
        ),
        (enrolling(&newcomer, &[], &|tree| tree["data"]["possession"] = json!("00".repeat(64))), &["NO_POSSESSION"]),
        (enrolling(&newcomer, &[], &|tree| tree["subject"] = json!(own("jack").subject())), &["NO_POSSESSION"]),
        (enrolling(&newcomer, &[], &|tree| tree["subject"]["namespace"] = json!("persons")), &["NOT_AN_IDENTITY"]),
        (enrolling(&newcomer, &[], &|tree| tree["subject"]["name"] = json!("ada")), &["NOT_AN_IDENTITY"]),
        (
            enrolling(
                &Signer { identity: newcomer.identity.clone(), key: scene.who("jack").key.clone() },
                &[],
                &|_| {},
            ),
            &["KEY_TAKEN"],
        ),
        (
            enrolling(&Signer { identity: newcomer.identity.clone(), key: scene.recovery.key.clone() }, &[], &|_| {}),
            &["KEY_TAKEN"],
        ),
        (enrolling(&robot, &[], &|_| {}), &["NOBODY_RESPONSIBLE"]),
        (enrolling(&robot, std::slice::from_ref(&newcomer.identity), &|_| {}), &["NOT_A_PERSON"]),
        (enrolling(&robot, &[own("pipeline")], &|_| {}), &["NOT_A_PERSON"]),
        (enrolling(&robot, &administrator, &|tree| tree["subject"]["name"] = json!("robot-2")), &["NO_POSSESSION"]),
    ];
    for (tree, reasons) in enrolments {
        cases.push(("jack", "enrols", tree.clone(), &["NOT_AUTHORISED"]));
        cases.push(("ada", "enrols wrongly", tree, reasons));
    }

    // A second person who is the first, or nobody who may be.
    let (enrolment, enrolled) = (scene.opener("enrolment"), scene.digest_of("enrolment"));
    let (policy, published) = (scene.opener("own policy"), scene.digest_of("own policy"));
    for (who, tree, reasons) in [
        ("ada", confirmed(enrolment, &enrolled), &["NOT_A_SECOND_PERSON"] as &[&str]),
        ("compliance", confirmed(enrolment, &enrolled), &["NOT_AUTHORISED"]),
        ("developer", confirmed(enrolment, &enrolled), &["NOT_AUTHORISED"]),
        ("pipeline", confirmed(enrolment, &enrolled), &["TAKES_A_PERSON"]),
        ("both", confirmed(policy, &published), &["NOT_A_SECOND_PERSON"]),
        ("approver", confirmed(policy, &published), &["NOT_AUTHORISED"]),
        ("ben", confirmed(enrolment, &published), &["CONFIRMS_ANOTHER"]),
        ("ben", confirmed(policy, &enrolled), &["CONFIRMS_ANOTHER"]),
        ("ben", confirmed(enrolment, &digest_of(b"nothing")), &["NOTHING_TO_CONFIRM"]),
        ("stranger", confirmed(enrolment, &enrolled), &["UNKNOWN_KEY"]),
        ("waiting", confirmed(enrolment, &enrolled), &["UNKNOWN_KEY"]),
    ] {
        let reasons: &'static [&'static str] = reasons;
        cases.push((who, "confirms", tree.clone(), reasons));
        let mut speaking = tree;
        speaking["on_behalf_of"] = json!(own("ben"));
        if !["ben", "stranger", "waiting"].contains(&who) {
            cases.push((who, "confirms for ben", speaking, &["NOT_DELEGATED", "TAKES_A_PERSON"]));
        }
    }
    let mut elsewhere = confirmed(enrolment, &enrolled);
    elsewhere["regarding"] = json!(EventId::from_time(1, [7; 10]).to_string());
    cases.push(("ben", "confirms another event", elsewhere, &["CONFIRMS_ANOTHER"]));

    // Policies after which nobody could let anyone in.
    for content in [
        json!({ "roles": {}, "any_enrolled": [], "readers": [] }),
        json!({ "roles": { "developer": ["model.*"] }, "any_enrolled": ["*"], "readers": [] }),
        json!({ "roles": { "administrator": ["authority.enrolled", "authority.role_granted"] }, "any_enrolled": [], "readers": [] }),
        json!({ "roles": { "administrator": ["fact:authority.*"] }, "any_enrolled": [], "readers": [] }),
        json!({ "roles": { "administrator": ["authority.confirmed", "authority.enrolled"] }, "any_enrolled": [], "readers": [] }),
    ] {
        cases.push((
            "compliance",
            "locks everyone out",
            roles(content.clone()),
            &["NO_ADMINISTRATOR_ROLE", "FIELD_REFUSED"],
        ));
        cases.push(("developer", "publishes a policy", roles(content), &["NOT_AUTHORISED", "FIELD_REFUSED"]));
    }

    // Rights that are not one's own to give, or to nobody.
    let delegating = |of: &Identity, to: &Identity, until: u64| json!({ "type": "authority.delegated", "subject": of.subject(), "data": { "to": to, "types": ["*"], "until": until } });
    let later = now_ms() + 86_400_000;
    for (tree, reasons) in [
        (delegating(&own("ada"), &own("developer"), later), &["DELEGATES_FOR_ANOTHER"] as &[&str]),
        (delegating(&own("developer"), &own("developer"), later), &["DELEGATES_TO_NOBODY"]),
        (delegating(&own("developer"), &newcomer.identity, later), &["DELEGATES_TO_NOBODY"]),
        (delegating(&own("developer"), &own("pipeline"), later), &["DELEGATES_TO_NOBODY"]),
        (delegating(&own("developer"), &own("jack"), now_ms() - 5_000), &["IN_THE_PAST"]),
    ] {
        cases.push(("developer", "delegates", tree, reasons));
    }
    // What the approver delegated is one type, not everything.
    let mut speaking = granting(&own("operator"), "administrator", &["*"]);
    speaking["on_behalf_of"] = json!(own("approver"));
    cases.push(("operator", "stretches a delegation", speaking, &["NOT_DELEGATED"]));

    // The ledger's own words.
    for event_type in
        ["ledger.rules_adopted", "ledger.founded", "ledger.halted", "ledger.verified", "ledger.key_rotated"]
    {
        for who in ["ada", "jack", "pipeline", "developer"] {
            cases.push((who, "speaks for the ledger", about_the_ledger(event_type), &["LEDGER_ONLY"]));
        }
    }

    let mut attempts = Vec::new();
    for (who, what, tree, reasons) in cases {
        let statement = Forged::new(scene.who(who), &complete(tree.clone(), random)).sealed();
        attempts.push(Attempt::new(format!("{who} {what}: {:.150}", tree.to_string()), statement, reasons));
    }
    for event_type in ["ledger.rules_adopted", "ledger.halted", "authority.key_revoked", "policy.published"] {
        let tree = complete(about_the_ledger(event_type), random);
        let statement = Forged::new(&scene.recovery, &tree).sealed();
        attempts.push(Attempt::new(format!("a recovery key states {event_type}"), statement, &["RECOVERY_KEY_ONLY"]));
    }
    // Guesses at what others have recorded about a subject meanwhile.
    for revision in [0, 2, 1_000, u64::MAX] {
        let tree = json!({ "type": "model.registered", "subject": scene.opener("model")["subject"], "data": { "purpose": "Another." } });
        let statement = Forged::new(scene.who("developer"), &complete(tree, random)).sealed();
        attempts.push(
            Attempt::new("a revision that is not there", statement, &["REVISION_CONFLICT"]).at_revision(revision),
        );
    }
    attempts
}
