//! Asking: point queries, first pages, an impact; while the views stand still and while they are written.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use probity_audit::AuditHandler;
use probity_compliance::ComplianceHandler;
use probity_inventory::InventoryHandler;
use probity_lineage::LineageHandler;
use probity_log::{FileLog, Log as _};
use probity_proto::v1;
use probity_proto::v1::audit_service_server::AuditService as _;
use probity_proto::v1::compliance_service_server::ComplianceService as _;
use probity_proto::v1::inventory_service_server::InventoryService as _;
use probity_proto::v1::lineage_service_server::LineageService as _;
use probity_query::{Access, Caller, QueryContext, ReadPool};
use probity_schemas::{Identity, Namespace, NamespacePattern, SystemClock};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tonic::Request;

use crate::folding::{Views, follow, memory_mib};
use crate::history;
use crate::log::{self, Writer};

/// Questions of each kind.
const QUESTIONS: usize = 2_000;
/// Statements of a block that is appended.
const BLOCK: usize = 100;

/// Nobody is asked about: all questions come from this machine.
#[derive(Debug)]
struct Nobody;

impl Access for Nobody {
    fn namespaces(&self, _: &Identity, _: u64) -> Vec<NamespacePattern> {
        Vec::new()
    }

    fn roles(&self, _: &Identity, _: &Namespace, _: u64) -> Vec<String> {
        Vec::new()
    }

    fn roles_for(&self, identity: &Identity, _: &str, namespace: &Namespace, now: u64) -> Vec<String> {
        self.roles(identity, namespace, now)
    }

    fn roster(&self, _: u64) -> Vec<probity_query::Member> {
        Vec::new()
    }

    fn tree_size(&self) -> u64 {
        u64::MAX
    }
}

/// When every control of every shipped pack is in force: 1 September 2028, in Unix milliseconds.
const IN_FORCE_MS: u64 = 1_851_379_200_000;

struct Services {
    inventory: InventoryHandler,
    audit: AuditHandler,
    lineage: LineageHandler,
    compliance: ComplianceHandler,
    models: u64,
}

/// Asks, then asks while statements are appended.
pub(crate) async fn ask(directory: &Path, rate: u64, seconds: u64) -> Result<Value> {
    let log = Arc::new(log::open(directory)?);
    let names: Vec<String> = probity_server::VIEWS.iter().map(|view| view.name.to_owned()).collect();
    let views = follow(directory, &log, &names).await?;
    let size = log.head().await?.context("an empty log")?.tree_size;
    for reader in &views.readers {
        reader.at_least(size, Duration::from_secs(600)).await?;
    }
    let context = |view: &str| {
        let reader = views.readers.iter().find(|reader| reader.name() == view).context("a view that was followed")?;
        anyhow::Ok(QueryContext::new(reader.clone(), Arc::new(Nobody), SystemClock::shared(), ReadPool::default()))
    };
    let services = Arc::new(Services {
        inventory: InventoryHandler::new(context("inventory")?),
        audit: AuditHandler::new(context("audit")?),
        lineage: LineageHandler::new(context("lineage")?),
        compliance: ComplianceHandler::new(context("compliance")?),
        models: (size / 200).max(10),
    });
    let still = questions(&services, QUESTIONS).await?;
    let verdicts = verdicts(&services).await?;
    let impact = impact(&services).await?;
    let writing = while_writing(&log, &views, &services, rate, seconds).await?;
    let memory = memory_mib("VmRSS:")?;
    views.following.stop().await?;
    Ok(json!({ "still": still, "verdicts": verdicts, "impact": impact, "writing": writing, "memory_mib": memory }))
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller::Local);
    request
}

/// Each question so many times, about models at random; how long the answers take.
async fn questions(services: &Arc<Services>, count: usize) -> Result<Value> {
    let mut rng = StdRng::seed_from_u64(11);
    let mut answer = serde_json::Map::new();
    for question in [
        "model",
        "approval",
        "serving",
        "event",
        "models page",
        "timeline page",
        "deficiencies page",
        "deployments page",
        "verdicts",
        "check deployment",
    ] {
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let number = rng.random_range(0..services.models);
            let started = Instant::now();
            once(services, question, number).await?;
            samples.push(started.elapsed());
        }
        answer.insert(question.to_owned(), latency(samples));
    }
    Ok(answer.into())
}

async fn once(services: &Services, question: &str, number: u64) -> Result<()> {
    let path = format!("unit-{:02}/team-{:02}/model-{number:05}", number % 20, number / 20 % 25);
    let (model, endpoint) = (format!("model:{path}"), format!("endpoint:{path}"));
    match question {
        "model" => {
            let asked = v1::GetModelRequest { model, min_tree_size: 0 };
            drop(services.inventory.get_model(request(asked)).await?);
        }
        "approval" => {
            let asked = v1::GetApprovalRequest { subject: endpoint, ..v1::GetApprovalRequest::default() };
            found(services.compliance.get_approval(request(asked)).await)?;
        }
        "serving" => {
            let asked = v1::GetServingRequest { subject: endpoint, ..v1::GetServingRequest::default() };
            found(services.audit.get_serving(request(asked)).await)?;
        }
        "event" => {
            let which = Some(v1::get_event_request::Which::Index(number * 97));
            drop(
                services
                    .audit
                    .get_event(request(v1::GetEventRequest { which, ..v1::GetEventRequest::default() }))
                    .await?,
            );
        }
        "models page" => {
            let namespace = format!("unit-{:02}/*", number % 20);
            let filter = v1::InventoryFilter { namespace, state: "live".to_owned(), ..v1::InventoryFilter::default() };
            let asked = v1::ListModelsRequest { filter: Some(filter), ..v1::ListModelsRequest::default() };
            drop(services.inventory.list_models(request(asked)).await?);
        }
        "timeline page" => {
            let asked = v1::ListEventsRequest { subject: model, descending: true, ..v1::ListEventsRequest::default() };
            drop(services.audit.list_events(request(asked)).await?);
        }
        "deficiencies page" => {
            let namespace = format!("unit-{:02}/*", number % 20);
            let asked = v1::ListDeficienciesRequest { namespace, ..v1::ListDeficienciesRequest::default() };
            drop(services.compliance.list_deficiencies(request(asked)).await?);
        }
        "verdicts" => {
            let asked = v1::ListVerdictsRequest {
                subject: model,
                at_ms: Some(IN_FORCE_MS),
                page_size: 1_000,
                ..v1::ListVerdictsRequest::default()
            };
            found(services.compliance.list_verdicts(request(asked)).await)?;
        }
        "check deployment" => {
            let use_case = format!("usecase:{path}");
            let artifact = history::artifact(number, 1);
            let question = v1::DeploymentQuestion { artifact, use_case, ..v1::DeploymentQuestion::default() };
            let asked =
                v1::CheckDeploymentRequest { questions: vec![question], ..v1::CheckDeploymentRequest::default() };
            drop(services.compliance.check_deployment(request(asked)).await?);
        }
        _ => {
            let namespace = format!("unit-{:02}/*", number % 20);
            let asked = v1::ListDeploymentsRequest { namespace, ..v1::ListDeploymentsRequest::default() };
            drop(services.inventory.list_deployments(request(asked)).await?);
        }
    }
    Ok(())
}

/// Nothing may be known of a model that has only begun.
fn found<T>(answer: Result<T, tonic::Status>) -> Result<()> {
    match answer {
        Err(status) if status.code() != tonic::Code::NotFound => Err(status.into()),
        _ => Ok(()),
    }
}

/// All controls of all packs in force, for all models, as the command line counts them.
async fn verdicts(services: &Services) -> Result<Value> {
    let started = Instant::now();
    let (mut versions, mut judged, mut page_token) = (0, 0, String::new());
    loop {
        let asked = v1::CountVerdictsRequest {
            at_ms: Some(IN_FORCE_MS),
            page_size: 200,
            page_token,
            ..v1::CountVerdictsRequest::default()
        };
        let answer = services.compliance.count_verdicts(request(asked)).await?.into_inner();
        versions += answer.versions;
        judged += answer.counts.iter().map(|count| count.versions).sum::<u64>();
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(json!({ "seconds": started.elapsed().as_secs_f64(), "versions": versions, "verdicts": judged }))
}

/// The first page of what descends from a dataset that many are made from.
async fn impact(services: &Services) -> Result<Value> {
    let mut samples = Vec::new();
    let mut total = 0;
    for _ in 0..20 {
        let node = "dataset:shared/data/common-00".to_owned();
        let started = Instant::now();
        let asked = v1::GetImpactRequest { node, ..v1::GetImpactRequest::default() };
        let answer = services.lineage.get_impact(request(asked)).await?.into_inner();
        samples.push(started.elapsed());
        total = answer.total;
    }
    let mut answer = latency(samples);
    answer["descendants"] = json!(total);
    Ok(answer)
}

/// Appends at a rate; meanwhile asks, and sees how far behind the views are.
async fn while_writing(
    log: &Arc<FileLog>,
    views: &Views,
    services: &Arc<Services>,
    rate: u64,
    seconds: u64,
) -> Result<Value> {
    let mut writer = Writer::after(log)?;
    let blocks = (rate * seconds) as usize / BLOCK;
    let mut ready = Vec::with_capacity(blocks);
    for _ in 0..blocks {
        let statements: Vec<Vec<u8>> = (0..BLOCK).map(|_| writer.history.statement()).collect::<Result<_>>()?;
        let block = writer.ledger.of_statements(&statements);
        writer.ledger.accept(&block);
        ready.push(block);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let (services, stop) = (services.clone(), stop.clone());
        tokio::spawn(async move {
            let mut all = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                all.push(questions(&services, 50).await?);
            }
            anyhow::Ok(all)
        })
    };
    let readers = views.readers.clone();
    let started = Instant::now();
    let mut lags = Vec::new();
    for (number, block) in ready.into_iter().enumerate() {
        let due = Duration::from_secs_f64((number * BLOCK) as f64 / rate as f64);
        tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
        let size = block.tree_size();
        log.enqueue(block).await?;
        if number % 20 == 0 {
            let (readers, durable) = (readers.clone(), Instant::now());
            lags.push(tokio::spawn(async move {
                for reader in &readers {
                    reader.at_least(size, Duration::from_secs(60)).await?;
                }
                anyhow::Ok(durable.elapsed())
            }));
        }
    }
    let appended = started.elapsed();
    let mut samples = Vec::new();
    for lag in lags {
        samples.push(lag.await??);
    }
    stop.store(true, Ordering::Relaxed);
    let asked = asking.await??;
    let mut worst = serde_json::Map::new();
    for round in &asked {
        for (question, found) in round.as_object().into_iter().flatten() {
            let entry = worst.entry(question.clone()).or_insert_with(|| json!({ "p50_us": [], "p99_us": [] }));
            for share in ["p50_us", "p99_us"] {
                if let (Some(list), Some(value)) = (entry[share].as_array_mut(), found.get(share)) {
                    list.push(value.clone());
                }
            }
        }
    }
    for entry in worst.values_mut() {
        for share in ["p50_us", "p99_us"] {
            let mut values: Vec<f64> =
                entry[share].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
            values.sort_unstable_by(f64::total_cmp);
            entry[share] = json!(values.get(values.len() / 2).copied().unwrap_or_default());
        }
    }
    Ok(json!({
        "wanted_per_second": rate,
        "appended_per_second": (blocks * BLOCK) as f64 / appended.as_secs_f64(),
        "lag": latency(samples),
        "questions": worst,
    }))
}

fn latency(mut samples: Vec<Duration>) -> Value {
    samples.sort_unstable();
    let at = |share: f64| {
        let index = ((samples.len().saturating_sub(1)) as f64 * share) as usize;
        samples.get(index).map_or(0.0, |sample| sample.as_secs_f64() * 1e6)
    };
    json!({ "p50_us": at(0.5), "p99_us": at(0.99), "max_us": at(1.0) })
}
