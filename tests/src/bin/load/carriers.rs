//! The same load on files, on one NATS server and on three, beside each other; and how fast a ledger is followed.
//!
//! Every round goes through all carriers, so that what else the machine does falls on each of them. Registrars alone are
//! measured: views cost the same wherever blocks go.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::StreamExt as _;
use probity_log::{Chain, FileLogOptions, JetStreamLog, NatsOptions};
use probity_proto::v1;
use probity_tests::nats::{NatsCluster, NatsServer};
use probity_tests::{Carrier, Server, Signer, TestLedger};
use serde_json::{Value, json};

use crate::Args;
use crate::events::Presigned;
use crate::phases::{self, Achieved};

/// A ledger and the registrar that serves it.
struct Served {
    name: &'static str,
    ledger: TestLedger,
    server: Server,
    presigned: Presigned,
    rates: BTreeMap<&'static str, Vec<f64>>,
    lone: Vec<(f64, f64)>,
}

impl Served {
    async fn found(name: &'static str, carrier: Carrier) -> Result<Self> {
        let ledger = TestLedger::found_on(tempfile::tempdir()?, carrier)?;
        let url = ledger.carrier.url();
        let server = Server::on(&ledger.directory(), url.as_deref(), &["--roles", "registrar"], &[])?;
        let signer = Signer::service("load")?;
        ledger.enrol(&server, &signer, &["developer"]).await?;
        let presigned = Presigned::new(signer, ledger.origin());
        Ok(Self { name, ledger, server, presigned, rates: BTreeMap::new(), lone: Vec::new() })
    }

    async fn round(&mut self, statements: usize, in_flight: usize) -> Result<()> {
        let mut closed = async |what, count, size, in_flight| {
            let achieved = phases::closed(&self.server, self.presigned.take(count)?, size, in_flight).await?;
            let Achieved { per_second, server_cpu_us, latency } = &achieved;
            eprintln!(
                "{:<14} {what:<22} {per_second:>7.0}/s, p50 {:.0} µs, p99 {:.0} µs, {server_cpu_us:.0} µs of processor",
                self.name, latency.p50_us, latency.p99_us
            );
            self.rates.entry(what).or_default().push(*per_second);
            Ok::<_, anyhow::Error>(achieved)
        };
        closed("requests of 100", statements, 100, in_flight).await?;
        closed("singles, 64 in flight", statements / 2, 1, 64).await?;
        let lone = closed("lone append", 1_000, 1, 1).await?;
        self.lone.push((lone.latency.p50_us, lone.latency.p99_us));
        Ok(())
    }
}

/// Measures all carriers in `rounds` rounds.
pub(crate) async fn measure(args: &Args, rounds: usize) -> Result<Value> {
    let mut all = vec![
        Served::found("files", Carrier::Files).await?,
        Served::found("one server", Carrier::Nats(NatsServer::start()?)).await?,
        Served::found("three servers", Carrier::Cluster(NatsCluster::start()?)).await?,
    ];
    for round in 0..rounds {
        // Whoever is first finds another machine than whoever is last.
        for position in 0..all.len() {
            let turn = (position + round) % all.len();
            all[turn].round(args.statements, args.in_flight).await?;
        }
    }
    let of_files = all[0].rates.iter().map(|(what, rates)| (*what, median(rates))).collect::<BTreeMap<_, _>>();
    let mut result = json!({});
    for served in &all {
        let mut told = json!({});
        for (what, rates) in &served.rates {
            let (rate, files) = (median(rates), of_files.get(what).copied().unwrap_or(f64::NAN));
            told[*what] = json!({ "per_second": rate, "to_files": rate / files });
            eprintln!("{:<14} {what:<22} median {rate:>7.0}/s = {:.2} of files", served.name, rate / files);
        }
        let (p50, p99): (Vec<_>, Vec<_>) = served.lone.iter().copied().unzip();
        told["lone_append_p50_us"] = json!(median(&p50));
        told["lone_append_p99_us"] = json!(median(&p99));
        result[served.name] = told;
    }
    drop(all);
    let mut long = Served::found("to be followed", Carrier::Nats(NatsServer::start()?)).await?;
    phases::closed(&long.server, long.presigned.take(args.follow)?, 100, args.in_flight).await?;
    result["following"] = follow(long).await?;
    Ok(result)
}

/// How fast a stream is read and verified, and how fast another process takes all of it in.
async fn follow(served: Served) -> Result<Value> {
    let Served { ledger, server, .. } = served;
    let mut log = server.log().await?;
    let newest = v1::GetCheckpointRequest { height: None };
    let statements = log.get_checkpoint(newest).await?.into_inner().tree_size;
    let keys = server.keys().await?;
    let url = ledger.carrier.url().context("no server")?;

    let files = FileLogOptions::new(ledger.home.path().join("reader"));
    let nats = NatsOptions::new(url.clone());
    let first = probity_log::first_stream_block(&nats, ledger.origin()).await?.context("an empty stream")?;
    let reader = JetStreamLog::join(&files, keys.checkpoint_verifier()?, &nats, first).await?;
    let mut chain = Chain::new(keys.checkpoint_verifier()?);
    let started = Instant::now();
    let mut blocks = reader.arrivals(0);
    while chain.size() < statements {
        for block in blocks.next().await.context("the stream ended")?? {
            chain.extend(&block)?;
        }
    }
    let replayed = statements as f64 / started.elapsed().as_secs_f64();
    let blocks_read = chain.next_height();
    eprintln!("followed without views: {replayed:.0} statements/s of {statements}, in {blocks_read} blocks");
    drop(blocks);
    reader.close().await;

    let second = ledger.another_registrar("second")?;
    let started = Instant::now();
    let second = Server::on(&second, Some(&url), &["--roles", "registrar"], &[])?;
    let mut log = second.log().await?;
    while log.get_checkpoint(newest).await?.into_inner().tree_size < statements {
        ensure!(started.elapsed() < Duration::from_secs(600), "the standby does not catch up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let taken_in = statements as f64 / started.elapsed().as_secs_f64();
    eprintln!("taken in by a standby (signatures, admission, files): {taken_in:.0} statements/s");
    Ok(
        json!({ "statements": statements, "blocks": blocks_read, "replayed_per_second": replayed, "taken_in_per_second": taken_in }),
    )
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
