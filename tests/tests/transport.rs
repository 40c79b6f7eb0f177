//! No one in where they don't belong: certificates, identities, and what they may read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use probity_proto::v1;
use probity_proto::v1::audit_service_client::AuditServiceClient;
use probity_proto::v1::compliance_service_client::ComplianceServiceClient;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::lineage_service_client::LineageServiceClient;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_tests::{Authority, Issued, Server, Signer, TestLedger, binary, granting};
use serde_json::json;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

struct Scene {
    ledger: TestLedger,
    server: Server,
    authority: Authority,
    auditor: (Signer, Issued),
    developer: (Signer, Issued),
    /// Holds a role in `credit` and nowhere else.
    clerk: (Signer, Issued),
    /// Is enrolled, and holds no role.
    guest: (Signer, Issued),
    nobody: Issued,
}

impl Scene {
    /// A ledger served with TLS, two identities with certificates, and a certificate that belongs to nobody.
    async fn new() -> Self {
        let ledger = TestLedger::found().unwrap();
        let authority = Authority::new().unwrap();
        let client = |name: &str| authority.client(name).unwrap();
        let auditor = (Signer::person().unwrap(), client("auditor"));
        let developer = (Signer::person().unwrap(), client("developer"));
        let clerk = (Signer::person().unwrap(), client("clerk"));
        let guest = (Signer::person().unwrap(), client("guest"));
        let nobody = client("nobody");
        let plain = ledger.serve(&[]).unwrap();
        ledger.enrol(&plain, &auditor.0, &["auditor"]).await.unwrap();
        ledger.enrol(&plain, &developer.0, &["developer", "deployer"]).await.unwrap();
        ledger.enrol(&plain, &clerk.0, &[]).await.unwrap();
        ledger.enrol(&plain, &guest.0, &[]).await.unwrap();
        let power = granting(&clerk.0.identity, "owner", &["credit/*"]);
        let power = ledger.administrator.state(power, ledger.origin()).unwrap();
        probity_tests::register(&mut plain.registration().await.unwrap(), &[power]).await.unwrap();
        plain.stop().unwrap();

        let home = ledger.home.path();
        let own = authority.server().unwrap();
        let write = |name: &str, text: &str| -> PathBuf {
            let path = home.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = (write("server.pem", &own.certificate), write("server.key.pem", &own.key));
        let ca = write("ca.pem", &authority.pem);
        let mapping = |(signer, issued): &(Signer, Issued)| {
            format!("[[access.certificate]]\nsha256 = {:?}\nidentity = \"{}\"\n", issued.sha256, signer.identity)
        };
        let config = format!(
            "[ledger]\ndirectory = {:?}\n[listen]\ngrpc = '0.0.0.0:0'\n[tls]\ncertificate = {certificate:?}\n\
             private_key = {key:?}\nclient_ca = {ca:?}\n{}{}{}{}",
            ledger.directory(),
            mapping(&auditor),
            mapping(&developer),
            mapping(&clerk),
            mapping(&guest)
        );
        let config = write("probity.toml", &config);
        let server = Server::with_config(&config).unwrap();
        Self { ledger, server, authority, auditor, developer, clerk, guest, nobody }
    }

    async fn channel(&self, client: Option<&Issued>) -> Result<Channel, tonic::transport::Error> {
        let port = self.server.address.rsplit(':').next().unwrap();
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.authority.pem));
        if let Some(client) = client {
            tls = tls.identity(Identity::from_pem(&client.certificate, &client.key));
        }
        Endpoint::from_shared(format!("https://localhost:{port}"))?.tls_config(tls)?.connect().await
    }
}

async fn read_genesis(channel: Channel) -> Result<v1::Entry, tonic::Status> {
    let mut log = LogServiceClient::new(channel);
    Ok(log.get_entry(v1::GetEntryRequest { index: 0 }).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_worth_what_its_identity_may_read() {
    let scene = Scene::new().await;
    let auditor = scene.channel(Some(&scene.auditor.1)).await.unwrap();
    assert_eq!(read_genesis(auditor.clone()).await.unwrap().index, 0);

    let developer = scene.channel(Some(&scene.developer.1)).await.unwrap();
    assert_eq!(read_genesis(developer.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    let nobody = scene.channel(Some(&scene.nobody)).await.unwrap();
    let refused = read_genesis(nobody.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert!(refused.message().contains("access.certificate"), "{refused}");
    let checkpoint = LogServiceClient::new(nobody).get_checkpoint(v1::GetCheckpointRequest { height: None }).await;
    assert_eq!(checkpoint.unwrap_err().code(), Code::Unauthenticated);

    // Hashes are for everyone who is known; statements of others are not, one's own are.
    let mut log = LogServiceClient::new(developer.clone());
    log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap();
    log.get_receipt(v1::GetReceiptRequest { index: 0 }).await.unwrap();
    let model = json!({
        "type": "model.registered", "subject": { "kind": "model", "namespace": "credit", "name": "own" },
        "data": { "purpose": "Estimates something." },
    });
    let own = scene.developer.0.state(model, scene.ledger.origin()).unwrap();
    let mut registration = RegistrationServiceClient::new(developer);
    let recorded = probity_tests::register(&mut registration, &[own]).await.unwrap();
    let Some(v1::register_result::Result::Recorded(recorded)) = recorded.into_iter().next() else { panic!() };
    log.get_entry(v1::GetEntryRequest { index: recorded.index }).await.unwrap();
    let list = |issuer: String| v1::ListEntriesRequest { start: 0, end: 0, issuer };
    let mut stream = log.list_entries(list(scene.developer.0.identity.to_string())).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().index, recorded.index);
    let all = log.list_entries(list(String::new())).await;
    assert_eq!(all.unwrap_err().code(), Code::PermissionDenied);
    let others = log.list_entries(list(scene.auditor.0.identity.to_string())).await;
    assert_eq!(others.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_shows_what_the_callers_roles_cover_and_no_more() {
    let scene = Scene::new().await;
    let developer = scene.channel(Some(&scene.developer.1)).await.unwrap();
    let model = |namespace: &str| {
        let model = json!({
            "type": "model.registered", "subject": { "kind": "model", "namespace": namespace, "name": "m" },
            "data": { "purpose": "Estimates something." },
        });
        scene.developer.0.state(model, scene.ledger.origin()).unwrap()
    };
    let models = [model("credit/cards"), model("fraud")];
    let recorded = probity_tests::register(&mut RegistrationServiceClient::new(developer.clone()), &models).await;
    let Some(Outcome::Recorded(last)) = recorded.unwrap().pop() else { panic!() };
    let min_tree_size = last.tree_size;

    let listed = async |channel: Channel| -> Result<Vec<String>, tonic::Status> {
        let asked = v1::ListModelsRequest { min_tree_size, ..v1::ListModelsRequest::default() };
        let answer = InventoryServiceClient::new(channel).list_models(asked).await?.into_inner();
        Ok(answer.models.into_iter().map(|model| model.subject).collect())
    };
    let clerk = scene.channel(Some(&scene.clerk.1)).await.unwrap();
    assert_eq!(listed(clerk.clone()).await.unwrap(), ["model:credit/cards/m"]);
    assert_eq!(listed(developer).await.unwrap(), ["model:credit/cards/m", "model:fraud/m"]);

    let dossier = v1::GetModelRequest { model: "model:fraud/m".into(), min_tree_size };
    let hidden = InventoryServiceClient::new(clerk.clone()).get_model(dossier).await.unwrap_err();
    assert_eq!(hidden.code(), Code::PermissionDenied, "{hidden}");
    let filter = Some(v1::InventoryFilter { namespace: "fraud".into(), ..v1::InventoryFilter::default() });
    let outside = v1::ListModelsRequest { filter, min_tree_size, ..v1::ListModelsRequest::default() };
    let outside = InventoryServiceClient::new(clerk.clone()).list_models(outside).await.unwrap_err();
    assert_eq!(outside.code(), Code::PermissionDenied, "a namespace that one may not see says so: {outside}");
    assert!(outside.message().contains("fraud"), "{outside}");
    let events = v1::ListEventsRequest { min_tree_size, ..v1::ListEventsRequest::default() };
    let events = AuditServiceClient::new(clerk.clone()).list_events(events).await.unwrap().into_inner().events;
    assert_eq!(events.iter().map(|event| event.subject.as_str()).collect::<Vec<_>>(), ["model:credit/cards/m"]);
    let lacks = v1::ListDeficienciesRequest { min_tree_size, ..v1::ListDeficienciesRequest::default() };
    let lacks = ComplianceServiceClient::new(clerk.clone()).list_deficiencies(lacks).await.unwrap().into_inner();
    assert!(lacks.deficiencies.iter().all(|found| found.subject == "model:credit/cards/m"));
    let walk = v1::WalkRequest {
        node: "model:fraud/m".into(),
        direction: "upstream".into(),
        min_tree_size,
        ..v1::WalkRequest::default()
    };
    assert_eq!(LineageServiceClient::new(clerk).walk(walk).await.unwrap_err().code(), Code::NotFound);

    let guest = scene.channel(Some(&scene.guest.1)).await.unwrap();
    assert_eq!(listed(guest).await.unwrap_err().code(), Code::PermissionDenied);
    let nobody = scene.channel(Some(&scene.nobody)).await.unwrap();
    assert_eq!(listed(nobody).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_a_namespace_fetches_the_entries_that_answers_about_it_cite() {
    let scene = Scene::new().await;
    let developer = scene.channel(Some(&scene.developer.1)).await.unwrap();
    let event = |event_type: &str, namespace: &str, data: serde_json::Value| {
        let subject = json!({ "kind": "model", "namespace": namespace, "name": "m" });
        let event = json!({ "type": event_type, "subject": subject, "data": data });
        scene.developer.0.state(event, scene.ledger.origin()).unwrap()
    };
    let registered = |namespace| event("model.registered", namespace, json!({ "purpose": "Estimates something." }));
    let concern = |text: &str| event("concern.raised", "credit/cards", json!({ "concern": text }));
    let statements = [
        registered("credit/cards"),
        registered("fraud"),
        concern("Nothing in particular."),
        concern("It does what model:fraud/m does."),
    ];
    let recorded = probity_tests::register(&mut RegistrationServiceClient::new(developer), &statements).await.unwrap();
    let indices: Vec<u64> = recorded
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Recorded(recorded) => recorded.index,
            Outcome::Refused(refused) => panic!("{refused:?}"),
        })
        .collect();
    let clerk = scene.channel(Some(&scene.clerk.1)).await.unwrap();
    let mut log = LogServiceClient::new(clerk.clone());
    let min_tree_size = indices[3] + 1;
    let events = v1::ListEventsRequest { min_tree_size, ..v1::ListEventsRequest::default() };
    let events = AuditServiceClient::new(clerk).list_events(events).await.unwrap().into_inner().events;
    assert_eq!(events.iter().map(|event| event.index).collect::<Vec<_>>(), [indices[0], indices[2], indices[3]]);
    for index in [indices[0], indices[2]] {
        let entry = log.get_entry(v1::GetEntryRequest { index }).await.unwrap().into_inner();
        assert_eq!(entry.statement, *statements[(index - indices[0]) as usize].bytes());
        log.get_receipt(v1::GetReceiptRequest { index }).await.unwrap();
        let both = log.get_entry_with_receipt(v1::GetEntryRequest { index }).await.unwrap().into_inner();
        assert_eq!(both.entry, Some(entry));
        log.get_inclusion_proof(v1::GetInclusionProofRequest { index, tree_size: 0 }).await.unwrap();
    }
    // What is about other namespaces, or names them, or about whom there is: not for them.
    for index in [indices[1], indices[3], 0, 3] {
        let refused = log.get_entry(v1::GetEntryRequest { index }).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{index}: {refused}");
        let refused = log.get_entry_with_receipt(v1::GetEntryRequest { index }).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{index}, with its receipt: {refused}");
    }
    let refused = log.get_entry(v1::GetEntryRequest { index: indices[3] }).await.unwrap_err();
    assert!(refused.message().contains("proofs can be had"), "{refused}");
    let mut guest = LogServiceClient::new(scene.channel(Some(&scene.guest.1)).await.unwrap());
    let refused = guest.get_entry(v1::GetEntryRequest { index: indices[0] }).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    let refused = guest.get_entry_with_receipt(v1::GetEntryRequest { index: indices[0] }).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_of_the_authority_nobody_gets_in() {
    let scene = Scene::new().await;
    let stranger = Authority::new().unwrap().client("stranger").unwrap();
    for client in [None, Some(&stranger)] {
        let got_in = match scene.channel(client).await {
            Ok(channel) => read_genesis(channel).await.map_err(|status| assert_ne!(status.code(), Code::Ok)).is_ok(),
            Err(_) => false,
        };
        assert!(!got_in);
    }
    let port = scene.server.address.rsplit(':').next().unwrap();
    let plain = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await;
    if let Ok(channel) = plain {
        assert!(read_genesis(channel).await.is_err(), "plain text must not be answered");
    }
}

fn serve_and_fail(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary().unwrap()).arg("serve").arg(directory).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn off_loopback_without_tls_the_server_refuses_to_start() {
    let ledger = TestLedger::found().unwrap();
    let (code, said) = serve_and_fail(&ledger.directory(), &["--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("without TLS") && said.contains("127.0.0.1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_directory_is_refused_by_name() {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let (code, said) = serve_and_fail(&ledger.directory(), &["--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&format!("process {}", server.id())), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_answer() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let mut health = HealthClient::new(server.channel().await.unwrap());
    probity_tests::scenario::views_at(&server, 3).await.unwrap();
    let views = ["Inventory", "Audit", "Lineage", "Compliance"].map(|view| format!("probity.v1.{view}Service"));
    let others = ["", "probity.v1.RegistrationService", "probity.v1.LogService"].map(str::to_owned);
    for service in others.iter().chain(&views) {
        let request = HealthCheckRequest { service: service.clone() };
        let status = health.check(request).await.unwrap().into_inner().status;
        assert_eq!(status, ServingStatus::Serving as i32, "{service}");
    }
    let channel = server.channel().await.unwrap();
    for services in [reflected(channel.clone()).await, reflected_v1alpha(channel).await] {
        for service in others.iter().filter(|service| !service.is_empty()).chain(&views) {
            assert!(services.contains(service), "{services:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_field_is_named_and_its_text_cut() {
    use tonic_types::StatusExt as _;
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let mut log = server.log().await.unwrap();
    let request = v1::ListEntriesRequest { issuer: format!("person:{}", "x".repeat(60_000)), ..Default::default() };
    let status = log.list_entries(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(status.message().len() < 2_048, "{} bytes", status.message().len());
    let info = status.get_error_details().error_info().cloned().unwrap();
    assert_eq!((info.domain.as_str(), info.metadata["field"].as_str()), ("probity", "issuer"));
}

/// The services that the server says it has.
async fn reflected(channel: Channel) -> Vec<String> {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let request = ServerReflectionRequest { host: String::new(), message_request };
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(futures::stream::iter([request])).await.unwrap().into_inner();
    match answers.message().await.unwrap().unwrap().message_response {
        Some(MessageResponse::ListServicesResponse(list)) => list.service.into_iter().map(|found| found.name).collect(),
        other => panic!("{other:?}"),
    }
}

/// The same as older clients ask.
async fn reflected_v1alpha(channel: Channel) -> Vec<String> {
    use tonic_reflection::pb::v1alpha::ServerReflectionRequest;
    use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse;
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let request = ServerReflectionRequest { host: String::new(), message_request };
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(futures::stream::iter([request])).await.unwrap().into_inner();
    match answers.message().await.unwrap().unwrap().message_response {
        Some(MessageResponse::ListServicesResponse(list)) => list.service.into_iter().map(|found| found.name).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_is_for_whom_it_is_and_whoever_has_left_or_lost_their_key_reads_nothing() {
    let scene = Scene::new().await;
    let of = async |issued: &Issued| scene.channel(Some(issued)).await.unwrap();
    let inbox = async |channel: Channel, whose: &Signer| {
        let asked = v1::GetInboxRequest { identity: whose.identity.to_string(), ..Default::default() };
        ComplianceServiceClient::new(channel).get_inbox(asked).await.map(drop).map_err(|status| status.code())
    };
    let (clerk, auditor) = (of(&scene.clerk.1).await, of(&scene.auditor.1).await);
    assert_eq!(inbox(clerk.clone(), &scene.clerk.0).await, Ok(()));
    assert_eq!(inbox(clerk.clone(), &scene.developer.0).await, Err(Code::PermissionDenied));
    assert_eq!(inbox(auditor.clone(), &scene.developer.0).await, Ok(()));

    // What anyone could read so far, if only what they stated themselves.
    let read = async |channel: Channel, who: &Signer| {
        let models = v1::ListModelsRequest::default();
        let views = InventoryServiceClient::new(channel.clone()).list_models(models).await.map(drop);
        let issuer = who.identity.to_string();
        let own = v1::ListEntriesRequest { start: 0, end: 0, issuer };
        let own = LogServiceClient::new(channel).list_entries(own).await.map(drop);
        (views.map_err(|status| status.code()), own.map_err(|status| status.code()))
    };
    assert_eq!(read(clerk.clone(), &scene.clerk.0).await, (Ok(()), Ok(())));
    assert_eq!(read(auditor.clone(), &scene.auditor.0).await, (Ok(()), Ok(())));
    let day_ms = 86_400_000;
    let now = probity_schemas::Clock::now_ms(&probity_schemas::SystemClock);
    let departed = json!({
        "type": "authority.departed", "subject": scene.clerk.0.identity.subject(), "data": { "last_day": now - day_ms },
    });
    let revoked = json!({
        "type": "authority.key_revoked", "subject": scene.auditor.0.identity.subject(),
        "data": { "kid": scene.auditor.0.key.public().id().to_string(), "reason": "lost" },
    });
    let stated =
        [departed, revoked].map(|event| scene.ledger.administrator.state(event, scene.ledger.origin()).unwrap());
    let mut registration = RegistrationServiceClient::new(of(&scene.developer.1).await);
    let outcomes = probity_tests::register(&mut registration, &stated).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Recorded(_))), "{outcomes:?}");
    for (channel, who) in [(clerk, &scene.clerk.0), (auditor, &scene.auditor.0)] {
        let nothing = (Err(Code::PermissionDenied), Err(Code::PermissionDenied));
        assert_eq!(read(channel, who).await, nothing, "{}", who.identity);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_loopback_is_not_trusted_one_records_and_reads_nothing() {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[("PROBITY_LISTEN__TRUST_LOOPBACK", "false")]).unwrap();
    let developer = Signer::person().unwrap();
    ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
    let mut inventory = InventoryServiceClient::new(server.channel().await.unwrap());
    let refused = inventory.list_models(v1::ListModelsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused = server.log().await.unwrap().list_entries(v1::ListEntriesRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_seen_does_not_name_what_may_not() {
    let scene = Scene::new().await;
    let of = async |issued: &Issued| scene.channel(Some(issued)).await.unwrap();
    let developer = of(&scene.developer.1).await;
    let subject =
        |kind: &str, namespace: &str, name: &str| json!({ "kind": kind, "namespace": namespace, "name": name });
    let mut version = subject("model", "fraud", "net");
    version["version"] = json!("2");
    let started = json!({
        "type": "deployment.started", "subject": subject("endpoint", "credit", "score"),
        "data": { "version": version, "environment": "production", "exposure": "live",
            "use_case": subject("usecase", "fraud", "cards") },
    });
    let started = scene.developer.0.state(started, scene.ledger.origin()).unwrap();
    let recorded = probity_tests::register(&mut RegistrationServiceClient::new(developer), &[started]).await.unwrap();
    let Some(Outcome::Recorded(recorded)) = recorded.into_iter().next() else { panic!() };
    let min_tree_size = recorded.tree_size;

    // All that a caller is told of the endpoint, as text.
    let told = async |channel: Channel| {
        let asked = v1::ListDeploymentsRequest { min_tree_size, ..Default::default() };
        let map = InventoryServiceClient::new(channel.clone()).list_deployments(asked).await.unwrap().into_inner();
        let endpoint = "endpoint:credit/score".to_owned();
        let asked = v1::GetServingRequest { subject: endpoint.clone(), min_tree_size, ..Default::default() };
        let served = AuditServiceClient::new(channel.clone()).get_serving(asked).await.unwrap().into_inner();
        let mut compliance = ComplianceServiceClient::new(channel.clone());
        let asked = v1::ListDeficienciesRequest { min_tree_size, ..Default::default() };
        let lacks = compliance.list_deficiencies(asked).await.unwrap().into_inner();
        let asked = v1::GetApprovalRequest { subject: endpoint, min_tree_size, ..Default::default() };
        let approvals = compliance.get_approval(asked).await.unwrap().into_inner();
        let asked =
            v1::CountRequest { kind: "endpoint".into(), by: "use_case".into(), min_tree_size, ..Default::default() };
        let counts = InventoryServiceClient::new(channel).count(asked).await.unwrap().into_inner();
        assert!(!map.deployments.is_empty() && !served.served.is_empty() && !lacks.deficiencies.is_empty());
        format!("{map:?} {served:?} {lacks:?} {approvals:?} {counts:?}")
    };
    let whole = told(of(&scene.auditor.1).await).await;
    assert!(whole.contains("model:fraud/net@2") && whole.contains("usecase:fraud/cards"), "{whole}");
    let part = told(of(&scene.clerk.1).await).await;
    assert!(part.contains("endpoint:credit/score") && part.contains("hidden") && !part.contains("fraud"), "{part}");
    // It is not found by it either.
    let asked =
        v1::ListDeploymentsRequest { use_case: "usecase:fraud/cards".into(), min_tree_size, ..Default::default() };
    let found =
        InventoryServiceClient::new(of(&scene.clerk.1).await).list_deployments(asked).await.unwrap().into_inner();
    assert!(found.deployments.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_certificate_is_told_so() {
    let scene = Scene::new().await;
    let stranger = Authority::new().unwrap().client("stranger").unwrap();
    let home = scene.ledger.home.path();
    std::fs::write(home.join("stranger.pem"), &stranger.certificate).unwrap();
    std::fs::write(home.join("stranger.key"), &stranger.key).unwrap();
    let port = scene.server.address.rsplit(':').next().unwrap();
    let asked = |arguments: &[&str]| {
        let address = format!("https://localhost:{port}");
        let mut command = probity_tests::command();
        command.current_dir(home).args(["models", "--ca", "ca.pem", "--server", &address]).args(arguments);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = asked(&[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("--client-cert"), "{said}");
    let (code, said) = asked(&["--client-cert", "stranger.pem", "--client-key", "stranger.key"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("stranger.pem") && said.contains("client_ca"), "{said}");
}
