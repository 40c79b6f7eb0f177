//! What the door says before anybody signs is what it says afterwards, and nothing comes of asking.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use probity_proto::v1;
use probity_proto::v1::check_result::Result as Checked;
use probity_proto::v1::register_result::Result as Outcome;
use probity_statement::SignedStatement;
use probity_tests::{ORIGIN, Server, Signer, TestLedger, register};
use serde_json::json;
use tonic::Code;

/// The statement as it was before it was signed, with nothing in the place of the signature.
fn unsigned(statement: &SignedStatement) -> v1::Submission {
    let mut bytes = statement.bytes().to_vec();
    let signature = bytes.len() - 64;
    bytes[signature..].fill(0);
    v1::Submission { statement: bytes.into(), expected_revision: None }
}

async fn asked(server: &Server, statements: &[SignedStatement]) -> Vec<String> {
    let submissions = statements.iter().map(unsigned).collect();
    let answer = server.registration().await.unwrap().check(v1::CheckRequest { submissions }).await.unwrap();
    let word = |result: v1::CheckResult| match result.result {
        Some(Checked::Admissible(_)) => "recorded".to_owned(),
        Some(Checked::Refused(refused)) => refused.reason,
        None => panic!("an empty answer"),
    };
    answer.into_inner().results.into_iter().map(word).collect()
}

async fn recorded(server: &Server, statements: &[SignedStatement]) -> Vec<String> {
    let mut client = server.registration().await.unwrap();
    let word = |outcome: Outcome| match outcome {
        Outcome::Recorded(_) => "recorded".to_owned(),
        Outcome::Refused(refused) => refused.reason,
    };
    register(&mut client, statements).await.unwrap().into_iter().map(word).collect()
}

#[tokio::test]
async fn what_is_said_before_signing_is_said_after_it() {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let (dora, eve) = (Signer::person().unwrap(), Signer::person().unwrap());
    ledger.enrol(&server, &dora, &["developer"]).await.unwrap();
    let model = |name: &str| json!({ "kind": "model", "namespace": "credit", "name": name });
    let mut version = model("pd");
    version["version"] = "1".into();
    let registered = |name: &str| json!({ "type": "model.registered", "subject": model(name), "data": { "purpose": "Estimates defaults." } });
    let granted = json!({
        "type": "approval.granted", "subject": version,
        "data": { "gate": "production", "scope": {}, "meaning": "I have read it." },
    });
    let owned = json!({ "type": "model.ownership_accepted", "subject": model("pd"), "data": { "role": "owner" } });
    let statements = [
        // Before it is registered, and after it: what stands earlier in the list counts.
        dora.state(owned.clone(), ORIGIN).unwrap(),
        dora.state(registered("pd"), ORIGIN).unwrap(),
        dora.state(owned, ORIGIN).unwrap(),
        dora.state(granted, ORIGIN).unwrap(),
        eve.state(registered("lgd"), ORIGIN).unwrap(),
        dora.state(registered("lgd"), "ledger.test/another").unwrap(),
    ];
    let size = async || {
        let mut log = server.log().await.unwrap();
        log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner().tree_size
    };
    let before = size().await;
    let first = asked(&server, &statements).await;
    assert_eq!(asked(&server, &statements).await, first, "asking leaves nothing behind");
    assert_eq!(size().await, before);
    let said = recorded(&server, &statements).await;
    assert_eq!(first, said);
    assert!(said.contains(&"recorded".to_owned()) && said.contains(&"UNKNOWN_KEY".to_owned()), "{said:?}");
    assert!(said.contains(&"WRONG_AUDIENCE".to_owned()) && said.contains(&"NOT_AUTHORISED".to_owned()), "{said:?}");

    let mut client = server.registration().await.unwrap();
    let many = v1::CheckRequest { submissions: vec![unsigned(&statements[0]); 65] };
    assert_ne!(client.check(many).await.unwrap_err().code(), Code::Ok);
    ledger_verifies(&ledger, server);
}

/// What was asked has not touched what was recorded.
fn ledger_verifies(ledger: &TestLedger, server: Server) {
    drop(server);
    let verified = probity_tests::command().arg("verify").arg(ledger.directory()).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
