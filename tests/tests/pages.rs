//! Lists in pages, through the real server: one question, one moment, and no answer that a stock
//! client could not take.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::time::Duration;

use probity_proto::v1::audit_service_client::AuditServiceClient;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::{Reason, v1};
use probity_tests::{ORIGIN, Server, Signer, TestLedger, command, register};
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::{Code, Status};

struct Scene {
    _ledger: TestLedger,
    server: Server,
    dora: Signer,
}

impl Scene {
    async fn new() -> Self {
        let ledger = TestLedger::found().unwrap();
        let server = ledger.serve(&[]).unwrap();
        let dora = Signer::person().unwrap();
        ledger.enrol(&server, &dora, &["developer"]).await.unwrap();
        Self { _ledger: ledger, server, dora }
    }

    /// Records models, and gives the tree size that holds them.
    async fn models(&self, names: impl IntoIterator<Item = String>, attributes: Value) -> u64 {
        let state = |name: String| {
            let event = json!({
                "type": "model.registered", "subject": { "kind": "model", "namespace": "credit", "name": name },
                "attributes": attributes, "data": { "purpose": "Estimates defaults." },
            });
            self.dora.state(event, ORIGIN).unwrap()
        };
        let statements: Vec<_> = names.into_iter().map(state).collect();
        let mut client = self.server.registration().await.unwrap();
        let mut size = 0;
        for batch in statements.chunks(50) {
            for outcome in register(&mut client, batch).await.unwrap() {
                let Outcome::Recorded(recorded) = outcome else { panic!("refused") };
                size = size.max(recorded.tree_size);
            }
        }
        size
    }
}

/// Long enough for every test here, on a machine that builds at the same time.
const AT_MOST: Duration = Duration::from_secs(240);

/// Fails a test that waits for ever.
async fn bounded(test: impl Future<Output = ()>) {
    assert!(timeout(AT_MOST, test).await.is_ok(), "the server does not answer within {AT_MOST:?}");
}

/// What a status says to programs.
fn reason(status: &Status) -> (Code, String) {
    (status.code(), Reason::of(status).unwrap().reason)
}

#[tokio::test]
async fn a_token_is_of_one_question_and_one_moment() {
    bounded(async {
        let scene = Scene::new().await;
        let min_tree_size = scene.models((0..5).map(|number| format!("m-{number}")), json!({})).await;
        let mut client = InventoryServiceClient::new(scene.server.channel().await.unwrap());
        let first = v1::ListModelsRequest { page_size: 2, min_tree_size, ..Default::default() };
        let page = client.list_models(first.clone()).await.unwrap().into_inner();
        let token = page.next_page_token.clone();

        let narrower = v1::InventoryFilter { state: "registered".to_owned(), ..Default::default() };
        let request = v1::ListModelsRequest { filter: Some(narrower), page_token: token.clone(), ..first.clone() };
        let refused = client.list_models(request).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_QUESTION".to_owned()), "another filter");
        let request = v1::ListUseCasesRequest { page_token: token.clone(), ..Default::default() };
        let refused = client.list_use_cases(request).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_QUESTION".to_owned()), "another method");

        // The size of a page is no part of the question.
        let next = v1::ListModelsRequest { page_size: 3, page_token: token, min_tree_size: 0, ..first };
        let rest = client.list_models(next.clone()).await.unwrap().into_inner();
        let found: Vec<_> = page.models.iter().chain(&rest.models).map(|model| model.subject.clone()).collect();
        assert_eq!(found, (0..5).map(|number| format!("model:credit/m-{number}")).collect::<Vec<_>>());
        assert_eq!((rest.next_page_token.as_str(), rest.as_of), ("", page.as_of));

        let min_tree_size = scene.models(["m-1a".to_owned()], json!({})).await;
        let refused = client.list_models(v1::ListModelsRequest { min_tree_size, ..next }).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::Aborted, "VIEW_MOVED".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_timeline_goes_on_as_of_its_first_page() {
    bounded(async {
        let scene = Scene::new().await;
        let min_tree_size = scene.models((0..7).map(|number| format!("m-{number}")), json!({})).await;
        let mut client = AuditServiceClient::new(scene.server.channel().await.unwrap());
        for (descending, by_occurred) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut request = v1::ListEventsRequest {
                namespace: "credit".to_owned(),
                descending,
                by_occurred,
                page_size: 3,
                min_tree_size,
                ..Default::default()
            };
            let first = client.list_events(request.clone()).await.unwrap().into_inner();
            request.page_size = 0;
            let size = scene.models([format!("later-{descending}-{by_occurred}")], json!({})).await;
            let whole = v1::ListEventsRequest { min_tree_size: size, page_token: String::new(), ..request.clone() };
            let now = client.list_events(whole).await.unwrap().into_inner();
            request.page_token.clone_from(&first.next_page_token);
            request.min_tree_size = size;
            let rest = client.list_events(request).await.unwrap().into_inner();
            assert_eq!(rest.as_of, first.as_of);
            let begun = first.as_of.as_ref().unwrap().tree_size;
            let pages: Vec<u64> = first.events.iter().chain(&rest.events).map(|event| event.index).collect();
            let expected = now.events.iter().map(|event| event.index).filter(|index| *index < begun);
            assert_eq!(pages, expected.collect::<Vec<_>>(), "descending {descending}, by time {by_occurred}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_fits_into_what_a_stock_client_takes() {
    bounded(async {
        let scene = Scene::new().await;
        let text = "x".repeat(15_000);
        let attributes = json!({ "a": text, "b": text, "c": text, "d": text });
        let min_tree_size = scene.models((0..100).map(|number| format!("m-{number}")), attributes).await;
        // Takes answers of 4 MiB, as every client does that is not told otherwise.
        let mut client = AuditServiceClient::new(scene.server.channel().await.unwrap());
        let mut request = v1::ListEventsRequest {
            namespace: "credit".to_owned(),
            page_size: 1_000,
            min_tree_size,
            ..Default::default()
        };
        let (mut pages, mut found) = (0, 0);
        loop {
            let page = client.list_events(request.clone()).await.unwrap().into_inner();
            pages += 1;
            found += page.events.len();
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!((pages, found), (2, 100));
    })
    .await;
}

#[tokio::test]
async fn a_limit_beyond_a_page_lists_on_by_itself() {
    bounded(async {
        let scene = Scene::new().await;
        let size = scene.models((0..1_050).map(|number| format!("m-{number}")), json!({})).await;
        // The index of the last of them.
        let last = (size - 1).to_string();
        for (limit, expected) in [("1020", 1_020), ("5000", 1_050)] {
            let mut command = command();
            command.args(["models", "--limit", limit, "--after", &last, "--json", "--server", &scene.server.address]);
            let output = command.output().unwrap();
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(answer["models"].as_array().unwrap().len(), expected);
            assert_eq!(answer["next_page_token"] == "", expected == 1_050);
        }
    })
    .await;
}
