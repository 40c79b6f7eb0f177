//! What a caller does who works with a ledger: records something now and then, and asks.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use probity_proto::v1;
use probity_proto::v1::audit_service_client::AuditServiceClient;
use probity_proto::v1::compliance_service_client::ComplianceServiceClient;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use serde::Serialize;
use serde_json::json;
use tonic::Status;
use tonic::transport::Channel;

use super::Scene;
use crate::Signer;

/// Latencies in milliseconds, from the moment a call was due.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Of half of the calls at most.
    pub p50_ms: f64,
    /// Of 99 of 100 at most.
    pub p99_ms: f64,
    /// Of all.
    pub max_ms: f64,
}

impl Latency {
    fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let at = |share: f64| {
            let index = ((samples.len().saturating_sub(1)) as f64 * share) as usize;
            samples.get(index).map_or(0.0, |sample| sample.as_secs_f64() * 1e3)
        };
        Self { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1.0) }
    }
}

/// How the work went.
#[derive(Debug, Serialize)]
pub struct Worked {
    /// Calls that were answered.
    pub calls: usize,
    /// What was not answered, and what was said instead.
    pub refused: Vec<String>,
    /// How long questions took.
    pub reads: Latency,
    /// How long recording took.
    pub writes: Latency,
}

impl fmt::Display for Worked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, refused, reads, writes } = self;
        write!(
            f,
            "{calls} calls, {} refused; reads p50 {:.1} p99 {:.1} ms, writes p50 {:.1} p99 {:.1} ms",
            refused.len(),
            reads.p50_ms,
            reads.p99_ms,
            writes.p50_ms,
            writes.p99_ms
        )
    }
}

/// A caller at work, at a steady rate whether or not earlier calls were answered.
#[derive(Debug)]
pub struct Work {
    channel: Channel,
    signer: Signer,
    origin: &'static str,
    rate: u32,
}

impl Work {
    /// So many calls a second, every fourth of which records something.
    pub async fn of(scene: &Scene, rate: u32) -> Result<Self> {
        let channel = scene.secured.channel(&scene.server, &scene.worker.1).await?;
        let signer = Signer { identity: scene.worker.0.identity.clone(), key: scene.worker.0.key.clone() };
        Ok(Self { channel, signer, origin: scene.ledger.origin(), rate })
    }

    /// Works for so long.
    pub async fn go_on(&self, time: Duration) -> Result<Worked> {
        let count = (time.as_secs_f64() * f64::from(self.rate)).ceil() as usize;
        let began = Instant::now();
        let mut calls = Vec::with_capacity(count);
        for number in 0..count {
            let due = began + Duration::from_secs_f64(number as f64 / f64::from(self.rate));
            tokio::time::sleep_until(due.into()).await;
            let call = self.call(number)?;
            calls.push(tokio::spawn(async move { (number % 4 == 0, call.await, due.elapsed()) }));
        }
        let (mut reads, mut writes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for call in calls {
            match call.await? {
                (true, Ok(()), took) => writes.push(took),
                (false, Ok(()), took) => reads.push(took),
                (_, Err(status), _) => refused.push(format!("{:?}: {}", status.code(), status.message())),
            }
        }
        let calls = reads.len() + writes.len();
        Ok(Worked { calls, refused, reads: Latency::of(reads), writes: Latency::of(writes) })
    }

    fn call(&self, number: usize) -> Result<impl Future<Output = Result<(), Status>> + Send + 'static> {
        let channel = self.channel.clone();
        let event = json!({
            "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "work" },
            "data": { "concern": "One of many." },
        });
        let statement = self.signer.state(event, self.origin)?.bytes().clone();
        Ok(async move {
            match number % 4 {
                0 => {
                    let submissions = vec![v1::Submission { statement, expected_revision: None }];
                    let request = v1::RegisterRequest { submissions };
                    RegistrationServiceClient::new(channel).register(request).await.map(drop)
                }
                1 => {
                    let request = v1::ListModelsRequest { page_size: 20, ..Default::default() };
                    InventoryServiceClient::new(channel).list_models(request).await.map(drop)
                }
                2 => {
                    let request = v1::ListEventsRequest { page_size: 20, descending: true, ..Default::default() };
                    AuditServiceClient::new(channel).list_events(request).await.map(drop)
                }
                _ => {
                    let request = v1::ListDeficienciesRequest { page_size: 20, ..Default::default() };
                    ComplianceServiceClient::new(channel).list_deficiencies(request).await.map(drop)
                }
            }
        })
    }
}
