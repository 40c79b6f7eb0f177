//! Every call that there is, as large and as often as its caller can make it, without waiting when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use probity_proto::v1::audit_service_client::AuditServiceClient as Audit;
use probity_proto::v1::compliance_service_client::ComplianceServiceClient as Compliance;
use probity_proto::v1::inventory_service_client::InventoryServiceClient as Inventory;
use probity_proto::v1::lineage_service_client::LineageServiceClient as Lineage;
use probity_proto::v1::log_service_client::LogServiceClient as Log;
use probity_proto::v1::registration_service_client::RegistrationServiceClient as Registration;
use probity_proto::{Reason, v1};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::Channel;

use super::Scene;

/// Tasks for each kind of call.
const EACH: usize = 4;
/// Connections on which calls are made.
const CONNECTIONS: usize = 16;
/// Connections on which nothing ever comes.
const IDLE: usize = 200;
/// Statements of one request, and the bytes of each: as much as a request may have.
const STATEMENTS: usize = 1_024;
const BYTES: usize = 15_000;

type Call = Arc<dyn Fn(Channel) -> BoxFuture<'static, Result<(), Status>> + Send + Sync>;

/// What became of the calls of an attack.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Attacked {
    /// By kind of call.
    pub answered: BTreeMap<&'static str, u64>,
    /// By reason.
    pub refused: BTreeMap<String, u64>,
}

/// An attack that is under way.
#[derive(Debug)]
pub struct Attack {
    tasks: Vec<JoinHandle<()>>,
    attacked: Arc<Mutex<Attacked>>,
    _idle: Vec<TcpStream>,
}

fn call<F>(make: impl Fn(Channel) -> F + Send + Sync + 'static) -> Call
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    Arc::new(move |channel| Box::pin(make(channel)))
}

/// Every question, as costly as it can be asked.
fn questions(own: &str) -> Vec<(&'static str, Call)> {
    let most = 1_000;
    let text = (0..16).map(|word| format!("m{word} ")).collect::<String>();
    let filter = move || Some(v1::InventoryFilter { text: text.clone(), ..Default::default() });
    let (one, two) = (filter.clone(), filter);
    let own = own.to_owned();
    let node = || "model:load/m-0".to_owned();
    let page = v1::ListEventsRequest { page_size: most, ..Default::default() };
    let nothing = v1::ListEventsRequest { r#type: "risk.accepted".to_owned(), ..page.clone() };
    vec![
        (
            "ListModels",
            call(move |channel| {
                let request = v1::ListModelsRequest { page_size: most, filter: one(), ..Default::default() };
                async move { Inventory::new(channel).list_models(request).await.map(drop) }
            }),
        ),
        (
            "ListModels all",
            call(move |channel| {
                let request = v1::ListModelsRequest { page_size: most, ..Default::default() };
                async move { Inventory::new(channel).list_models(request).await.map(drop) }
            }),
        ),
        (
            "ListUseCases",
            call(move |channel| {
                let request = v1::ListUseCasesRequest { page_size: most, filter: two(), ..Default::default() };
                async move { Inventory::new(channel).list_use_cases(request).await.map(drop) }
            }),
        ),
        (
            "ListDeployments",
            call(move |channel| {
                let request = v1::ListDeploymentsRequest { page_size: most, ..Default::default() };
                async move { Inventory::new(channel).list_deployments(request).await.map(drop) }
            }),
        ),
        (
            "Count",
            call(move |channel| {
                let (kind, by) = ("model".to_owned(), "attribute:anything".to_owned());
                let request = v1::CountRequest { kind, by, ..Default::default() };
                async move { Inventory::new(channel).count(request).await.map(drop) }
            }),
        ),
        (
            "ListEvents",
            call(move |channel| {
                let request = page.clone();
                async move { Audit::new(channel).list_events(request).await.map(drop) }
            }),
        ),
        (
            "ListEvents none",
            call(move |channel| {
                let request = nothing.clone();
                async move { Audit::new(channel).list_events(request).await.map(drop) }
            }),
        ),
        (
            "Compare",
            call(move |channel| {
                let request = v1::CompareRequest { from_tree_size: 1, page_size: most, ..Default::default() };
                async move { Audit::new(channel).compare(request).await.map(drop) }
            }),
        ),
        (
            "ListQuestions",
            call(move |channel| async move {
                Compliance::new(channel).list_questions(v1::ListQuestionsRequest::default()).await.map(drop)
            }),
        ),
        (
            "ListDeficiencies",
            call(move |channel| {
                let request = v1::ListDeficienciesRequest { page_size: most, ..Default::default() };
                async move { Compliance::new(channel).list_deficiencies(request).await.map(drop) }
            }),
        ),
        (
            "Walk",
            call(move |channel| {
                let direction = "downstream".to_owned();
                let request = v1::WalkRequest { node: node(), direction, max_nodes: 100_000, ..Default::default() };
                async move { Lineage::new(channel).walk(request).await.map(drop) }
            }),
        ),
        (
            "GetImpact",
            call(move |channel| {
                let request = v1::GetImpactRequest { node: node(), page_size: most, ..Default::default() };
                async move { Lineage::new(channel).get_impact(request).await.map(drop) }
            }),
        ),
        (
            "waits",
            call(move |channel| {
                let request = v1::ListModelsRequest { min_tree_size: u64::MAX, ..Default::default() };
                async move { Inventory::new(channel).list_models(request).await.map(drop) }
            }),
        ),
        (
            "GetReceipt",
            call(move |channel| async move {
                Log::new(channel).get_receipt(v1::GetReceiptRequest { index: 5 }).await.map(drop)
            }),
        ),
        (
            "GetEntryWithReceipt",
            call(move |channel| async move {
                Log::new(channel).get_entry_with_receipt(v1::GetEntryRequest { index: 5 }).await.map(drop)
            }),
        ),
        (
            "ListEntries own",
            call(move |channel| {
                let request = v1::ListEntriesRequest { issuer: own.clone(), ..Default::default() };
                async move {
                    let mut entries = Log::new(channel).list_entries(request).await?.into_inner();
                    while entries.message().await?.is_some() {}
                    Ok(())
                }
            }),
        ),
        (
            "Prepare",
            call(move |channel| {
                let request = v1::PrepareRequest { event_json: "[".repeat(200_000), ..Default::default() };
                async move { Registration::new(channel).prepare(request).await.map(drop) }
            }),
        ),
    ]
}

impl Attack {
    /// Begins, with the certificate of the hostile caller.
    pub async fn begin(scene: &Scene) -> Result<Self> {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(scene.secured.channel(&scene.server, &scene.hostile.1).await?);
        }
        let port = scene.server.address.rsplit(':').next().context("no port")?;
        let mut idle = Vec::new();
        for _ in 0..IDLE {
            idle.extend(TcpStream::connect(format!("127.0.0.1:{port}")).await);
        }
        let own = scene.hostile.0.identity.to_string();
        let mut calls = questions(&own);
        calls.push(("Register forged", Self::requests(scene, true)?));
        calls.push(("Register", Self::requests(scene, false)?));
        let attacked = Arc::new(Mutex::new(Attacked::default()));
        let mut tasks = Vec::new();
        for (number, (name, call)) in calls.into_iter().cycle().take(EACH * 18).enumerate() {
            let (channel, attacked) = (channels[number % CONNECTIONS].clone(), attacked.clone());
            tasks.push(tokio::spawn(async move {
                loop {
                    let answer = call(channel.clone()).await;
                    let pause = {
                        let mut attacked = attacked.lock().unwrap_or_else(PoisonError::into_inner);
                        match &answer {
                            Ok(()) => *attacked.answered.entry(name).or_default() += 1,
                            Err(status) => {
                                let reason = Reason::of(status).map_or(format!("{:?}", status.code()), |it| it.reason);
                                *attacked.refused.entry(reason).or_default() += 1;
                            }
                        }
                        answer.is_err()
                    };
                    if pause {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }));
        }
        // Lists that are begun and never taken.
        for _ in 0..16 {
            let endpoint = scene.secured.endpoint(&scene.server, Some(&scene.hostile.1))?;
            let narrow = endpoint.initial_stream_window_size(4_096).initial_connection_window_size(1 << 16);
            let channel = narrow.connect().await?;
            tasks.push(tokio::spawn(async move {
                let list = Log::new(channel).list_entries(v1::ListEntriesRequest::default()).await;
                std::future::pending::<()>().await;
                drop(list);
            }));
        }
        Ok(Self { tasks, attacked, _idle: idle })
    }

    /// The largest requests to record: statements that were signed, or whose signatures were changed.
    fn requests(scene: &Scene, forged: bool) -> Result<Call> {
        let event = json!({
            "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "attack" },
            "attributes": { "note": "x".repeat(BYTES) }, "data": { "concern": "One of many." },
        });
        let mut statement = scene.hostile.0.state(event, scene.ledger.origin())?.bytes().to_vec();
        if let Some(last) = statement.last_mut().filter(|_| forged) {
            *last ^= 1;
        }
        let submission = v1::Submission { statement: statement.into(), expected_revision: None };
        let submissions = vec![submission; STATEMENTS];
        Ok(call(move |channel| {
            let request = v1::RegisterRequest { submissions: submissions.clone() };
            async move { Registration::new(channel).max_decoding_message_size(64 << 20).register(request).await.map(drop) }
        }))
    }

    /// Ends it, and says what became of its calls.
    pub async fn end(self) -> Attacked {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            // They were told to end.
            drop(task.await);
        }
        self.attacked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
