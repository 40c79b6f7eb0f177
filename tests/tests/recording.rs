//! A signed event goes in, a verifiable receipt comes out; everything else is refused with its reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use bytes::Bytes;
use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_statement::{Receipt, SignedStatement};
use probity_tests::{Server, Signer, TestLedger, granting, register};
use serde_json::{Value, json};

struct Scene {
    ledger: TestLedger,
    server: Server,
    developer: Signer,
}

impl Scene {
    async fn new() -> Self {
        let ledger = TestLedger::found().unwrap();
        let server = ledger.serve(&[]).unwrap();
        let developer = Signer::person().unwrap();
        ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
        Self { ledger, server, developer }
    }

    async fn submit(&self, statement: Bytes) -> Outcome {
        self.submit_expecting(statement, None).await
    }

    async fn submit_expecting(&self, statement: Bytes, expected_revision: Option<u64>) -> Outcome {
        let mut client = self.server.registration().await.unwrap();
        let submissions = vec![v1::Submission { statement, expected_revision }];
        let response = client.register(v1::RegisterRequest { submissions }).await.unwrap().into_inner();
        response.results.into_iter().next().unwrap().result.unwrap()
    }

    async fn state(&self, signer: &Signer, event: Value) -> Outcome {
        self.submit(signer.state(event, self.ledger.origin()).unwrap().bytes().clone()).await
    }

    async fn size(&self) -> u64 {
        let mut log = self.server.log().await.unwrap();
        log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner().tree_size
    }
}

fn model(name: &str) -> Value {
    json!({
        "type": "model.registered",
        "subject": { "kind": "model", "namespace": "credit", "name": name },
        "data": { "purpose": "Estimates something." },
    })
}

fn recorded(outcome: Outcome) -> v1::Recorded {
    match outcome {
        Outcome::Recorded(recorded) => recorded,
        Outcome::Refused(refused) => panic!("refused: {refused:?}"),
    }
}

fn refused(outcome: Outcome) -> v1::Refused {
    match outcome {
        Outcome::Refused(refused) => refused,
        Outcome::Recorded(recorded) => panic!("recorded at {}", recorded.index),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_statement_has_a_receipt_that_verifies_without_the_server() {
    let scene = Scene::new().await;
    let statement = scene.developer.state(model("a"), scene.ledger.origin()).unwrap();
    let recorded = recorded(scene.submit(statement.bytes().clone()).await);
    let keys = scene.server.keys().await.unwrap();
    let receipt = Receipt::parse(recorded.receipt).unwrap();
    let root = receipt.verify_inclusion(&keys.receipt, scene.ledger.origin(), &statement.leaf_hash()).unwrap();
    let mut log = scene.server.log().await.unwrap();
    let checkpoint = log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner();
    let signed = keys.checkpoint_verifier().unwrap().open(&checkpoint.checkpoint).unwrap();
    assert_eq!((signed.checkpoint.root, signed.time), (root, receipt.time()));
    let entry = log.get_entry(v1::GetEntryRequest { index: recorded.index }).await.unwrap().into_inner();
    assert_eq!(&entry.statement, statement.bytes(), "the signer's bytes are kept verbatim");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_statement_again_gives_the_old_index_and_receipt_also_after_a_restart() {
    let mut scene = Scene::new().await;
    let statement = scene.developer.state(model("a"), scene.ledger.origin()).unwrap();
    let first = recorded(scene.submit(statement.bytes().clone()).await);
    // Others come in between.
    recorded(scene.state(&scene.developer, model("b")).await);
    let again = recorded(scene.submit(statement.bytes().clone()).await);
    assert!(again.already_recorded && !first.already_recorded);
    assert_eq!((again.index, again.tree_size, &again.receipt), (first.index, first.tree_size, &first.receipt));

    let (code, said) = scene.server.stop().unwrap();
    assert_eq!(code, Some(0), "{said}");
    scene.server = scene.ledger.serve(&[]).unwrap();
    let restarted = recorded(scene.submit(statement.bytes().clone()).await);
    assert_eq!((restarted.index, &restarted.receipt), (first.index, &first.receipt));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_twice_in_one_request_is_recorded_once() {
    let scene = Scene::new().await;
    let statement = scene.developer.state(model("a"), scene.ledger.origin()).unwrap();
    let mut client = scene.server.registration().await.unwrap();
    let outcomes = register(&mut client, &[statement.clone(), statement]).await.unwrap();
    let answers: Vec<_> = outcomes.into_iter().map(recorded).collect();
    assert_eq!(answers[0].index, answers[1].index);
    assert_eq!(answers[0].receipt, answers[1].receipt);
    assert_eq!([answers[0].already_recorded, answers[1].already_recorded], [false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_another_statement_is_taken() {
    let scene = Scene::new().await;
    let first = scene.developer.state(model("a"), scene.ledger.origin()).unwrap();
    let index = recorded(scene.submit(first.bytes().clone()).await).index;
    let mut other = model("b");
    other["id"] = json!(first.event().unwrap().id);
    let refused = refused(scene.state(&scene.developer, other).await);
    assert_eq!((refused.reason.as_str(), refused.code), ("EVENT_ID_TAKEN", tonic::Code::AlreadyExists as i32));
    assert_eq!(refused.metadata["index"], index.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_statement_of_a_request_is_judged_by_itself_in_order() {
    let scene = Scene::new().await;
    let origin = scene.ledger.origin();
    let good = scene.developer.state(model("a"), origin).unwrap();
    let stranger = Signer::person().unwrap().state(model("b"), origin).unwrap();
    let elsewhere = scene.developer.state(model("c"), "another.ledger/x").unwrap();
    let last = scene.developer.state(model("d"), origin).unwrap();
    let mut client = scene.server.registration().await.unwrap();
    let outcomes = register(&mut client, &[good, stranger, elsewhere, last]).await.unwrap();
    let mut outcomes = outcomes.into_iter();
    let first = recorded(outcomes.next().unwrap()).index;
    assert_eq!(refused(outcomes.next().unwrap()).reason, "UNKNOWN_KEY");
    assert_eq!(refused(outcomes.next().unwrap()).reason, "WRONG_AUDIENCE");
    assert_eq!(recorded(outcomes.next().unwrap()).index, first + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn someone_enrolled_in_a_request_may_state_something_in_the_same_request() {
    let scene = Scene::new().await;
    let origin = scene.ledger.origin();
    let newcomer = Signer::person().unwrap();
    let administrator = &scene.ledger.administrator;
    let events = [
        administrator.state(probity_tests::enrolment(&newcomer, origin, &[]).unwrap(), origin).unwrap(),
        administrator.state(granting(&newcomer.identity, "developer", &["credit"]), origin).unwrap(),
        newcomer.state(model("a"), origin).unwrap(),
    ];
    let mut client = scene.server.registration().await.unwrap();
    let outcomes = register(&mut client, &events).await.unwrap();
    assert_eq!(outcomes.into_iter().map(recorded).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_exactly_a_statement_is_refused_and_leaves_no_trace() {
    let scene = Scene::new().await;
    let before = scene.size().await;
    let good = scene.developer.state(model("a"), scene.ledger.origin()).unwrap();
    let bytes = good.bytes().to_vec();
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        let reason = refused(scene.submit(changed.into()).await).reason;
        assert!(!reason.is_empty() && reason != "INTERNAL", "byte {at}: {reason}");
    }
    for (bytes, reason) in [
        (Vec::new(), "MALFORMED_STATEMENT"),
        (vec![0; 70_000], "STATEMENT_TOO_LONG"),
        ([bytes.as_slice(), &[0]].concat(), "MALFORMED_STATEMENT"),
        (b"{\"type\":\"model.registered\"}".to_vec(), "MALFORMED_STATEMENT"),
    ] {
        assert_eq!(refused(scene.submit(bytes.into()).await).reason, reason);
    }
    assert_eq!(scene.size().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_hold_where_and_as_long_as_they_were_given() {
    let scene = Scene::new().await;
    let origin = scene.ledger.origin();
    let someone = Signer::person().unwrap();
    scene.ledger.enrol(&scene.server, &someone, &[]).await.unwrap();
    assert_eq!(refused(scene.state(&someone, model("a")).await).reason, "NOT_AUTHORISED");

    let administrator = &scene.ledger.administrator;
    recorded(scene.state(administrator, granting(&someone.identity, "developer", &["credit/cards/*"])).await);
    assert_eq!(refused(scene.state(&someone, model("a")).await).reason, "NOT_AUTHORISED");
    let mut nested = model("a");
    nested["subject"]["namespace"] = json!("credit/cards/eu");
    recorded(scene.state(&someone, nested.clone()).await);

    let withdrawn = json!({
        "type": "authority.role_withdrawn", "subject": someone.identity.subject(), "data": { "role": "developer" },
    });
    recorded(scene.state(administrator, withdrawn).await);
    nested["subject"]["name"] = json!("b");
    assert_eq!(refused(scene.state(&someone, nested).await).reason, "NOT_AUTHORISED");

    let mistyped = granting(&someone.identity, "developr", &["*"]);
    let refused = refused(scene.submit(administrator.state(mistyped, origin).unwrap().bytes().clone()).await);
    assert_eq!((refused.reason.as_str(), refused.metadata["nearest"].as_str()), ("UNKNOWN_ROLE", "developer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_signs_nothing_more_but_what_it_signed_stays() {
    let scene = Scene::new().await;
    let before = scene.developer.state(model("a"), scene.ledger.origin()).unwrap();
    let first = recorded(scene.submit(before.bytes().clone()).await);
    let kid = scene.developer.key.public().id().to_string();
    let revoked = json!({
        "type": "authority.key_revoked", "subject": scene.developer.identity.subject(),
        "data": { "kid": kid, "reason": "lost" },
    });
    recorded(scene.state(&scene.ledger.administrator, revoked).await);
    assert_eq!(refused(scene.state(&scene.developer, model("b")).await).reason, "KEY_REVOKED");
    let again = recorded(scene.submit(before.bytes().clone()).await);
    assert_eq!((again.index, &again.receipt), (first.index, &first.receipt));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expected_revision_keeps_two_writers_from_overwriting_each_other() {
    let scene = Scene::new().await;
    let origin = scene.ledger.origin();
    let amend = |new: &str| {
        json!({
            "type": "usecase.proposed", "subject": { "kind": "usecase", "namespace": "credit", "name": "u" },
            "data": { "problem": new },
        })
    };
    let first = scene.developer.state(amend("one"), origin).unwrap().bytes().clone();
    recorded(scene.submit_expecting(first, Some(0)).await);
    let late = scene.developer.state(amend("two"), origin).unwrap().bytes().clone();
    let conflict = refused(scene.submit_expecting(late.clone(), Some(0)).await);
    assert_eq!((conflict.reason.as_str(), conflict.code), ("REVISION_CONFLICT", tonic::Code::Aborted as i32));
    assert_eq!(conflict.metadata["actual"], "1");
    recorded(scene.submit_expecting(late, Some(1)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_with_nothing_but_a_signer_can_take_part() {
    let scene = Scene::new().await;
    let mut client = scene.server.registration().await.unwrap();
    let request = v1::PrepareRequest {
        event_json: model("prepared").to_string(),
        issuer: scene.developer.identity.to_string(),
        kid: Bytes::copy_from_slice(&scene.developer.key.public().id().0),
    };
    let prepared = client.prepare(request.clone()).await.unwrap().into_inner();
    let signature = scene.developer.key.sign(&prepared.to_be_signed);
    let statement = [prepared.statement_prefix.as_ref(), &signature].concat();
    recorded(scene.submit(statement.clone().into()).await);
    let event = SignedStatement::parse(statement.into()).unwrap().event().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&prepared.event_json).unwrap(), serde_json::to_value(&event).unwrap());

    // As people write it: a subject in short where only one kind can be meant, a time as RFC 3339 has it.
    let written = json!({
        "type": "deployment.started", "subject": "credit/scoring", "occurred": "2026-03-01T12:00:00Z",
        "data": { "version": "model:credit/pd@1" },
    });
    let prepared =
        client.prepare(v1::PrepareRequest { event_json: written.to_string(), ..request.clone() }).await.unwrap();
    let event: Value = serde_json::from_str(&prepared.into_inner().event_json).unwrap();
    assert_eq!(event["subject"], json!({ "kind": "endpoint", "namespace": "credit", "name": "scoring" }));
    assert_eq!(event["occurred"], 1_772_366_400_000_u64);
    assert_eq!(event["data"]["version"]["version"], "1");
    for (field, text, said) in [
        ("/data/version", "credit/pd@1", "data.version: \"credit/pd@1\" can be of several kinds"),
        ("/occurred", "yesterday", "occurred: \"yesterday\" is not a time"),
        ("/title", "pay\u{202e}lla", "title: title or name contains U+202E at position 4"),
    ] {
        let mut wrong = written.clone();
        wrong["title"] = "A start".into();
        *wrong.pointer_mut(field).unwrap() = text.into();
        let status = client.prepare(v1::PrepareRequest { event_json: wrong.to_string(), ..request.clone() }).await;
        let status = status.unwrap_err();
        assert!(status.code() == tonic::Code::InvalidArgument && status.message().contains(said), "{status}");
    }

    let act = json!({
        "type": "retirement.approved", "subject": { "kind": "model", "namespace": "credit", "name": "a" },
        "occurred": 1, "data": { "rationale": "Nobody uses it." },
    });
    let status =
        client.prepare(v1::PrepareRequest { event_json: act.to_string(), ..request.clone() }).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::FailedPrecondition, "nobody signs an approval blind: {status}");
    let typo = json!({ "type": "model.registred", "subject": {}, "data": {} });
    let status = client.prepare(v1::PrepareRequest { event_json: typo.to_string(), ..request }).await.unwrap_err();
    assert!(status.message().contains("model.registered"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_much_waits_callers_are_told_when_to_come_back_and_nothing_is_taken() {
    use tonic_types::StatusExt;
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[("PROBITY_LIMITS__WAITING_STATEMENTS", "8")]).unwrap();
    let developer = Signer::person().unwrap();
    ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
    let statements: Vec<_> =
        (0..9).map(|n| developer.state(model(&format!("m{n}")), ledger.origin()).unwrap()).collect();
    let mut client = server.registration().await.unwrap();
    let error = register(&mut client, &statements).await.unwrap_err();
    let status = error.downcast_ref::<tonic::Status>().unwrap();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    assert_eq!(status.get_details_error_info().unwrap().reason, "OVERLOADED");
    let outcomes = register(&mut client, &statements[..8]).await.unwrap();
    assert!(outcomes.into_iter().map(recorded).all(|recorded| !recorded.already_recorded));
}
