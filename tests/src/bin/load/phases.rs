//! Closed and open loops against a running server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_tests::Server;
use probity_tests::lives::{self, Lives};
use serde::Serialize;
use tonic::transport::Channel;

use crate::events::Presigned;

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

impl Latency {
    pub(crate) fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let at = |share: f64| {
            let index = ((samples.len().saturating_sub(1)) as f64 * share) as usize;
            samples.get(index).map_or(0.0, |sample| sample.as_secs_f64() * 1e6)
        };
        Self { p50_us: at(0.5), p99_us: at(0.99), max_us: at(1.0) }
    }
}

/// What a loop achieved.
#[derive(Debug, Serialize)]
pub(crate) struct Achieved {
    pub(crate) per_second: f64,
    /// Processor time of the server for each statement, over all cores: unlike the rate, it hardly depends on what else
    /// the machine does.
    pub(crate) server_cpu_us: f64,
    /// Latency of a whole request.
    pub(crate) latency: Latency,
}

type Client = RegistrationServiceClient<Channel>;

async fn send(client: &mut Client, statements: &[Bytes]) -> Result<()> {
    let submission = |statement: &Bytes| v1::Submission { statement: statement.clone(), expected_revision: None };
    let submissions = statements.iter().map(submission).collect();
    let response = client.register(v1::RegisterRequest { submissions }).await?.into_inner();
    for result in response.results {
        match result.result.context("an empty result")? {
            Outcome::Recorded(recorded) if !recorded.already_recorded => {}
            Outcome::Recorded(recorded) => bail!("index {} had been recorded before", recorded.index),
            Outcome::Refused(refused) => bail!("refused: {}", refused.message),
        }
    }
    Ok(())
}

/// Closed loop: `in_flight` requests of `size` statements at any time, until all are recorded.
pub(crate) async fn closed(server: &Server, statements: Vec<Bytes>, size: usize, in_flight: usize) -> Result<Achieved> {
    let (statements, next) = (Arc::new(statements), Arc::new(AtomicUsize::new(0)));
    let client = server.registration().await?;
    let (started, cpu) = (Instant::now(), cpu_us(server.id())?);
    let workers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (statements, next, mut client) = (statements.clone(), next.clone(), client.clone());
            tokio::spawn(async move {
                let mut samples = Vec::new();
                loop {
                    let first = next.fetch_add(size, Ordering::Relaxed);
                    if first >= statements.len() {
                        return Ok::<_, anyhow::Error>(samples);
                    }
                    let one = Instant::now();
                    send(&mut client, &statements[first..(first + size).min(statements.len())]).await?;
                    samples.push(one.elapsed());
                }
            })
        })
        .collect();
    let mut samples = Vec::new();
    for worker in workers {
        samples.extend(worker.await??);
    }
    let per_second = statements.len() as f64 / started.elapsed().as_secs_f64();
    let server_cpu_us = (cpu_us(server.id())? - cpu) / statements.len() as f64;
    Ok(Achieved { per_second, server_cpu_us, latency: Latency::of(samples) })
}

/// Open loop: single statements at a fixed rate, whether or not earlier ones have been answered. Latency counts from the
/// moment a statement was due, so that a stalled server cannot hide behind statements that were not sent.
pub(crate) async fn open(server: &Server, statements: Vec<Bytes>, rate: u64) -> Result<Achieved> {
    let client = server.registration().await?;
    let (started, cpu) = (Instant::now(), cpu_us(server.id())?);
    let mut calls = Vec::with_capacity(statements.len());
    for (number, statement) in statements.into_iter().enumerate() {
        let due = started + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        let mut client = client.clone();
        calls.push(tokio::spawn(async move {
            send(&mut client, &[statement]).await?;
            Ok::<_, anyhow::Error>(due.elapsed())
        }));
    }
    let mut samples = Vec::with_capacity(calls.len());
    for call in calls {
        samples.push(call.await??);
    }
    let per_second = samples.len() as f64 / started.elapsed().as_secs_f64();
    let server_cpu_us = (cpu_us(server.id())? - cpu) / samples.len() as f64;
    Ok(Achieved { per_second, server_cpu_us, latency: Latency::of(samples) })
}

/// Records statements in large requests until the ledger holds `target`.
pub(crate) async fn fill(server: &Server, presigned: &mut Presigned, target: u64) -> Result<()> {
    loop {
        let checkpoint = server.log().await?.get_checkpoint(v1::GetCheckpointRequest { height: None }).await?;
        let missing = target.saturating_sub(checkpoint.into_inner().tree_size);
        if missing == 0 {
            return Ok(());
        }
        closed(server, presigned.take(missing.min(100_000) as usize)?, 500, 8).await?;
    }
}

/// Records whole lives until the ledger holds `target` statements. What the last of the requests achieved, when almost
/// everything is there.
pub(crate) async fn fill_with_lives(server: &Server, all: &mut Lives, target: u64) -> Result<Achieved> {
    loop {
        let checkpoint = server.log().await?.get_checkpoint(v1::GetCheckpointRequest { height: None }).await?;
        let missing = target.saturating_sub(checkpoint.into_inner().tree_size);
        let statements = all.take(missing.div_ceil(lives::STATEMENTS).clamp(1, 10_000))?;
        let achieved = closed(server, statements, 100, 8).await?;
        if missing <= 10_000 * lives::STATEMENTS {
            return Ok(achieved);
        }
    }
}

/// Processor time of a process so far in microseconds, in steps of ten milliseconds.
fn cpu_us(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program, in brackets, may hold anything; the numbers come after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = (ticks(11).context("no user time")?, ticks(12).context("no system time")?);
    Ok((user + system) as f64 * 10_000.0)
}

/// Resident memory of a process in MiB.
pub(crate) fn rss_mib(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}
