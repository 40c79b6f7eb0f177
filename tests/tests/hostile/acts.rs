//! Acts that answer nothing, or something else, or are not for those who sign them.

use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::attempt::Attempt;
use crate::forge::{Forged, complete, new_id};
use crate::scene::{Scene, digest_of, thing, version};

/// Acts that answer something, and what is open for each.
const ANSWERS: [(&str, &str); 18] = [
    ("approval.granted", "request"),
    ("approval.rejected", "request"),
    ("approval.condition_met", "grant"),
    ("approval.revoked", "grant"),
    ("plan.approved", "plan"),
    ("plan.revoked", "plan"),
    ("exception.granted", "wish"),
    ("exception.extended", "wish"),
    ("exception.revoked", "wish"),
    ("finding.closed", "finding"),
    ("finding.extended", "finding"),
    ("risk.accepted", "risk"),
    ("retirement.approved", "retirement"),
    ("retirement.reversed", "retirement"),
    ("hold.lifted", "hold"),
    ("subscription.removed", "subscription"),
    ("deployment.resumed", "stop"),
    ("deployment.authorized", "stop"),
];

pub(crate) fn answering(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for (event_type, opener) in ANSWERS {
        let sample = probity_schemas::newest(event_type).unwrap().sample().unwrap();
        let data = serde_json::to_value(sample).unwrap()["data"].clone();
        let subject = scene.opener(opener)["subject"].clone();
        let mut push = |what: &str, regarding: Option<&Value>, subject: &Value, reasons| {
            let mut tree = json!({ "type": event_type, "subject": subject, "data": data });
            if let Some(id) = regarding {
                tree["regarding"] = id.clone();
            }
            let statement = Forged::new(scene.who("jack"), &complete(tree, random)).sealed();
            attempts.push(Attempt::new(format!("{event_type}, {what}"), statement, reasons));
        };
        for _ in 0..3 {
            // A deployment may be authorised without having been asked for.
            if event_type != "deployment.authorized" {
                push("answers nothing", None, &subject, &["OPENER_MISSING"]);
            }
            for unfit in ["use", "model", "version"] {
                let fact = scene.opened(unfit);
                push("answers a fact that opens nothing", Some(fact), &subject, &["OPENER_UNKNOWN", "OPENER_UNFIT"]);
            }
            for unfit in ["request", "finding", "wish", "hold"].into_iter().filter(|other| !fits(event_type, other)) {
                push("answers something else", Some(scene.opened(unfit)), &subject, &["OPENER_UNFIT"]);
            }
            if fits(event_type, opener) {
                let mut elsewhere = subject.clone();
                elsewhere["name"] = json!("another");
                push("is about something else", Some(scene.opened(opener)), &elsewhere, &["OPENER_OF_ANOTHER"]);
            }
        }
    }
    for (event_type, _) in ANSWERS {
        let sample = probity_schemas::newest(event_type).unwrap().sample().unwrap();
        for _ in 0..5 {
            let mut tree = serde_json::to_value(&sample).unwrap();
            let fields = tree.as_object_mut().unwrap();
            ["id", "occurred", "on_behalf_of"].iter().for_each(|field| drop(fields.remove(*field)));
            tree["regarding"] = json!(new_id(random));
            let statement = Forged::new(scene.who("jack"), &complete(tree, random)).sealed();
            attempts.push(Attempt::new(format!("{event_type}, answers nobody"), statement, &["OPENER_UNKNOWN"]));
        }
    }
    for event_type in ["finding.closed", "finding.extended"] {
        let data = match event_type {
            "finding.closed" => json!({ "rationale": "Again." }),
            _ => json!({ "due": crate::forge::now_ms() + 86_400_000, "reason": "More time." }),
        };
        let closed = scene.opener("closed finding");
        let tree = json!({ "type": event_type, "subject": closed["subject"], "regarding": closed["id"], "data": data });
        let statement = Forged::new(scene.who("jack"), &complete(tree, random)).sealed();
        attempts.push(Attempt::new(format!("{event_type}, closed"), statement, &["OPENER_CLOSED"]));
    }
    attempts
}

/// Whether what was opened under a name is what an act of this type answers.
fn fits(event_type: &str, opener: &str) -> bool {
    match event_type {
        "exception.extended" | "exception.revoked" | "retirement.reversed" | "deployment.authorized" => false,
        _ => ANSWERS
            .contains(&(event_type, ANSWERS.iter().find(|(_, name)| *name == opener).map_or("", |(_, name)| name))),
    }
}

/// Who does what, about what, in answer to what, saying what, and the reasons that are right for it.
type Case<'a> = (&'a str, &'a str, Value, Option<&'a str>, Value, &'static [&'static str]);

/// Acts by those who had a hand in it already, by services, for others, and against what is so.
pub(crate) fn persons(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let grant = |name: &str| json!({ "gate": "production", "digests": [digest_of(name.as_bytes())], "scope": {}, "evidence_seen": [], "meaning": "Yes." });
    let changed = |name: &str, field: &str, value: Value| {
        let mut grant = grant(name);
        grant[field] = value;
        grant
    };
    let endpoint = thing("endpoint", "eu");
    let free = thing("endpoint", "us");
    let now = crate::forge::now_ms();
    let exception = json!({ "control": "production", "reason": "Monday.", "compensating_controls": ["Eyes."], "expires_at": now + 86_400_000 });
    let control = json!({ "control": "staging", "reason": "Monday.", "compensating_controls": ["Eyes."], "expires_at": now + 86_400_000 });
    let authorization = |name: &str| json!({ "version": version(name), "digest": digest_of(name.as_bytes()), "environment": "production" });
    let mut unnamed = authorization("2");
    unnamed.as_object_mut().unwrap().remove("digest");
    let emergency =
        |hours: u64| json!({ "control": "production", "reason": "Now.", "expires_at": now + hours * 3_600_000 });
    let erased =
        json!({ "key": "9e0d12ae6d5ab6dcc9f9f36e1baaf309", "kind": "sealing-key", "legal_basis": "GDPR Art. 17" });
    let attested = json!({ "subjects": [{ "subject": thing("model", "pd"), "revision": 4_000_000_000_u64 }], "statement": "True." });
    let pd = thing("model", "pd");
    let cases: Vec<Case<'_>> = vec![
        ("both", "approval.granted", version("2"), Some("own request"), grant("2"), &["FOUR_EYES"]),
        (
            "both",
            "approval.granted",
            version("3"),
            Some("blind request"),
            grant("3"),
            &["UNKNOWN_INITIATOR", "FOUR_EYES"],
        ),
        ("approver", "approval.granted", version("1"), Some("request"), grant("1"), &["SIGNED_ALREADY"]),
        ("pipeline", "approval.granted", version("1"), Some("request"), grant("1"), &["TAKES_A_PERSON"]),
        ("developer", "approval.granted", version("1"), Some("request"), grant("1"), &["NOT_AUTHORISED"]),
        ("operator", "approval.granted", version("1"), Some("request"), grant("1"), &["NOT_AUTHORISED"]),
        (
            "approver",
            "approval.granted",
            version("2"),
            Some("own request"),
            changed("2", "gate", json!("producton")),
            &["OPENER_DIFFERS"],
        ),
        (
            "approver",
            "approval.granted",
            version("2"),
            Some("own request"),
            changed("2", "digests", json!([])),
            &["DIGESTS_MISSING"],
        ),
        ("approver", "approval.granted", version("2"), Some("own request"), grant("1"), &["FOREIGN_DIGEST"]),
        (
            "approver",
            "approval.granted",
            version("2"),
            Some("own request"),
            changed("2", "evidence_seen", json!([digest_of(b"x")])),
            &["EVIDENCE_UNKNOWN"],
        ),
        (
            "approver",
            "approval.granted",
            version("2"),
            Some("own request"),
            changed("2", "expires_at", json!(now - 1_000)),
            &["IN_THE_PAST"],
        ),
        (
            "approver",
            "approval.condition_met",
            version("1"),
            Some("grant"),
            json!({ "condition": "none", "statement": "Met." }),
            &["NO_SUCH_CONDITION"],
        ),
        ("both", "plan.approved", pd.clone(), Some("plan"), json!({ "meaning": "Yes." }), &["FOUR_EYES"]),
        ("pipeline", "plan.approved", pd.clone(), Some("plan"), json!({ "meaning": "Yes." }), &["TAKES_A_PERSON"]),
        ("both", "exception.granted", pd.clone(), Some("wish"), exception, &["FOUR_EYES"]),
        ("approver", "exception.granted", pd.clone(), Some("wish"), control, &["OPENER_DIFFERS"]),
        ("approver", "exception.invoked", pd.clone(), None, emergency(25), &["EMERGENCY_TOO_LONG"]),
        ("approver", "exception.invoked", thing("model", "nothing"), None, emergency(1), &["NOT_REGISTERED"]),
        ("jack", "retirement.approved", pd.clone(), Some("retirement"), json!({ "rationale": "Yes." }), &["FOUR_EYES"]),
        (
            "developer",
            "usecase.accepted",
            thing("usecase", "loans"),
            None,
            json!({ "rationale": "Yes." }),
            &["FOUR_EYES", "NOT_AUTHORISED"],
        ),
        (
            "jack",
            "usecase.accepted",
            thing("usecase", "nothing"),
            None,
            json!({ "rationale": "Yes." }),
            &["NOT_REGISTERED"],
        ),
        ("jack", "deployment.authorized", free.clone(), None, authorization("2"), &["GATE_CLOSED"]),
        ("pipeline", "deployment.authorized", free.clone(), None, authorization("2"), &["GATE_CLOSED"]),
        ("jack", "deployment.authorized", free.clone(), None, unnamed, &["DIGESTS_MISSING"]),
        ("jack", "deployment.authorized", free, None, authorization("nothing"), &["NOT_REGISTERED"]),
        ("jack", "deployment.authorized", endpoint, None, authorization("1"), &["SUSPENDED"]),
        ("compliance", "payload.erased", pd.clone(), None, erased, &["ON_HOLD"]),
        ("compliance", "attestation.given", pd, None, attested, &["REVISION_AHEAD"]),
    ];
    for round in 0..4 {
        for (who, event_type, subject, opener, data, reasons) in &cases {
            let mut tree = json!({ "type": event_type, "subject": subject, "data": data });
            if let Some(opener) = opener {
                tree["regarding"] = scene.opened(opener).clone();
            }
            let mut push = |what: &str, tree: Value, reasons| {
                let statement = Forged::new(scene.who(who), &complete(tree, random)).sealed();
                attempts.push(Attempt::new(format!("{who}: {event_type}{what} ({round})"), statement, reasons));
            };
            push("", tree.clone(), *reasons);
            // To speak for somebody else takes their word, and is no way round anything.
            tree["on_behalf_of"] = json!(scene.who("approver").identity);
            if *who != "approver" {
                push(" for the approver", tree.clone(), &["NOT_DELEGATED", "TAKES_A_PERSON"]);
            }
            tree["on_behalf_of"] = json!(scene.who("stranger").identity);
            push(" for a stranger", tree, &["NOT_DELEGATED", "TAKES_A_PERSON"]);
        }
    }
    attempts
}
