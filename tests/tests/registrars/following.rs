//! Roles as processes of their own, each with its own data directory.

use std::process::Command;

use probity_proto::v1;
use probity_proto::v1::audit_service_client::AuditServiceClient;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_tests::{Server, binary};
use tonic::Code;

use crate::scene::{Scene, client, record, until_active};

/// The founding leaf hash, as `verify` prints it.
fn pinned(scene: &Scene) -> String {
    let output = Command::new(binary().unwrap()).args(["verify", "--json"]).arg(scene.ledger.directory()).output();
    let told: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    told["founding_leaf_hash"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_keys_answers_what_another_one_recorded() {
    let scene = Scene::set().await;
    let directory = scene.ledger.another_follower("follower", &pinned(&scene)).unwrap();
    assert!(!directory.join("keys").exists());
    let registrar = Server::on(&scene.ledger.directory(), Some(&scene.url()), &["--roles", "registrar"], &[]).unwrap();
    until_active(&registrar, true).await;
    let follower = Server::on(&directory, Some(&scene.url()), &["--roles", "inventory"], &[]).unwrap();

    let recorded = record(&client(&[&registrar]), scene.statement("followed")).await;
    let mut inventory = InventoryServiceClient::new(follower.channel().await.unwrap());
    let request = v1::GetModelRequest { model: "model:turns/followed".to_owned(), min_tree_size: recorded.index + 1 };
    let model = inventory.get_model(request).await.unwrap().into_inner();
    assert!(model.as_of.unwrap().tree_size > recorded.index);

    // Each does what it was asked to do, and nothing else.
    let mut elsewhere = InventoryServiceClient::new(registrar.channel().await.unwrap());
    let refused = elsewhere.count(v1::CountRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    let mut audit = AuditServiceClient::new(follower.channel().await.unwrap());
    let refused = audit.list_events(v1::ListEventsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    let mut writing =
        v1::registration_service_client::RegistrationServiceClient::new(follower.channel().await.unwrap());
    let refused = writing.register(v1::RegisterRequest { submissions: Vec::new() }).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    // Entries and proofs can be had there; a receipt takes the key.
    let mut log = follower.log().await.unwrap();
    let entry = log.get_entry(v1::GetEntryRequest { index: recorded.index }).await.unwrap().into_inner();
    assert_eq!(&entry.statement, recorded.statement.bytes());
    let refused = log.get_receipt(v1::GetReceiptRequest { index: recorded.index }).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("receipt key"), "{}", refused.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_a_ledger_that_is_not_the_one_they_pinned() {
    let scene = Scene::set().await;
    let refused = scene.ledger.another_follower("follower", &"0".repeat(64)).unwrap_err().to_string();
    assert!(refused.contains("another ledger"), "{refused}");
    assert!(!scene.ledger.home.path().join("follower").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_ledger_of_its_own_says_what_it_needs() {
    let scene = Scene::set().await;
    let alone = Server::on(&scene.ledger.directory(), None, &["--roles", "audit"], &[]).unwrap_err().to_string();
    assert!(alone.contains("need [nats]"), "{alone}");
    let without = Server::on(&scene.ledger.directory(), None, &[], &[]).unwrap_err().to_string();
    assert!(without.contains("--nats"), "{without}");
}
