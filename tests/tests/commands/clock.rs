//! A ledger whose newest block was sealed under a clock that was ahead, and its operator's word.

use probity_schemas::{Clock as _, SystemClock};
use probity_tests::{Server, free_port, http};
use serde_json::json;

use crate::rules::founded_again;

/// Within the day that the time of an act may differ from that of its block.
const AHEAD_S: u64 = 20 * 3_600;

const CONCERN: &str = r#"{
    "type": "concern.raised",
    "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
    "data": { "concern": "Somebody should look at it." }
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_ahead_of_the_clock_goes_on_at_its_operators_word_which_it_records() {
    let shell = founded_again(None, AHEAD_S).await;
    shell.write("event.json", CONCERN);
    let record =
        |server: &Server| shell.run(&["record", "event.json", "--key", "ada.key", "--server", &server.address]);
    let server = Server::start(&shell.path("ledger"), &[]).unwrap();
    let refused = record(&server);
    assert!(refused.code != Some(0) && refused.err.contains("ahead of this machine's clock"), "{refused:?}");
    let who = shell.json(&["key", "show", "ada.pub"])["identity"].as_str().unwrap().to_owned();
    let go_on = ["clock", "go-on", "ledger", "--decided-by", &who, "--reason", "The clock was set a day ahead."];
    let served = shell.run(&go_on);
    assert_eq!(served.code, Some(3), "not while it is served: {served:?}");
    assert_eq!(server.stop().unwrap().0, Some(0));
    let unsaid = shell.run(&["clock", "go-on", "ledger", "--decided-by", &who]);
    assert_eq!(unsaid.code, Some(2), "the reason is recorded, so there must be one: {unsaid:?}");

    let said = shell.run(&go_on);
    assert_eq!(said.code, Some(0), "{said:?}");
    let http_at = format!("127.0.0.1:{}", free_port().unwrap());
    let server = Server::start(&shell.path("ledger"), &[("PROBITY_LISTEN__HTTP", &http_at)]).unwrap();
    let taken = record(&server);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let (_, ready) = http(&http_at, "/readyz").await.unwrap();
    assert!(ready.contains("registrar: ok"), "{ready}");
    // Times do not go back: what is recorded now has the time of the newest block.
    let entry = |index: &str| shell.json(&["entry", index, "--server", &server.address]);
    let now = SystemClock.now();
    let (word, fact) = (entry("3"), entry("4"));
    assert_eq!(word["event"]["type"], "ledger.recovered", "{word}");
    assert_eq!(word["event"]["data"]["decided_by"], json!([who]));
    assert_eq!(word["recorded_at"], fact["recorded_at"]);
    assert!(fact["recorded_at"].as_u64().unwrap() > now + AHEAD_S - 600, "{fact}");
    assert_eq!(server.stop().unwrap().0, Some(0));
    // It holds for the next start too, and what was recorded verifies.
    let server = Server::start(&shell.path("ledger"), &[]).unwrap();
    let again = record(&server);
    assert_eq!(again.code, Some(0), "{again:?}");
    server.stop().unwrap();
    let verified = shell.run(&["verify", "ledger"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_clock_is_not_behind_there_is_nothing_to_say() {
    let shell = founded_again(None, 0).await;
    let who = shell.json(&["key", "show", "ada.pub"])["identity"].as_str().unwrap().to_owned();
    let said = shell.run(&["clock", "go-on", "ledger", "--decided-by", &who, "--reason", "No reason."]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("not ahead") || said.out.contains("not ahead"), "{said:?}");
}
