//! The load program: how much the real server takes, beside what the machine allows.
//!
//! Founds a throw-away ledger, starts the real binary over it, and sends events that were signed beforehand. Two limits
//! are measured in the same run: strict Ed25519 verification on all cores, and `fdatasync` of the disk the ledger is on.
//! Prints one JSON document. Nothing here asserts a time.

mod carriers;
mod events;
mod limits;
mod phases;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use probity_tests::lives::Lives;
use probity_tests::{Server, Signer, TestLedger};
use serde_json::{Value, json};

use events::Presigned;
use phases::Achieved;

/// As in the server, so that the program itself takes little of the machine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(about = "Measures the real server beside the limits of the machine; prints JSON")]
struct Args {
    /// Fill the ledger to this many statements and measure again there.
    #[arg(long, default_value_t = 0)]
    fill: u64,
    /// Fill with whole lives of versions, ten statements each, instead of one kind of fact.
    #[arg(long)]
    lives: bool,
    /// Statements of each closed-loop phase.
    #[arg(long, default_value_t = 60_000)]
    statements: usize,
    /// Requests of 100 in flight.
    #[arg(long, default_value_t = 8)]
    in_flight: usize,
    /// Open loop: single statements per second, for ten seconds.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Serve without views: what the registrar does by itself.
    #[arg(long)]
    without_views: bool,
    /// Instead of all this, measure ledgers on files, on one NATS server and on three beside each other, in so many rounds.
    #[arg(long, value_name = "ROUNDS")]
    carriers: Option<usize>,
    /// Statements of the ledger that is followed at the end of that.
    #[arg(long, default_value_t = 200_000)]
    follow: usize,
    /// Also write the result to this file.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(rounds) = args.carriers {
        return tell(&args, &carriers::measure(&args, rounds).await?);
    }
    let ledger = TestLedger::found()?;
    let arguments: &[&str] = if args.without_views { &["--roles", "registrar"] } else { &[] };
    let serve = || Server::on(&ledger.directory(), None, arguments, &[]);
    let server = serve()?;
    let signer = Signer::service("load")?;
    ledger.enrol(&server, &signer, &["developer"]).await?;
    let mut presigned = Presigned::new(signer, ledger.origin());

    let limits::Verifications { strict: verify, prepared } = limits::verifications(&mut presigned)?;
    let fdatasync = limits::fdatasync(&ledger.directory())?;
    eprintln!(
        "limits: {verify:.0} strict verifications/s, {prepared:.0} of a prepared key, fdatasync {:.0} µs",
        fdatasync.p50_us
    );

    let mut result = json!({
        "cores": std::thread::available_parallelism()?.get(),
        "views": !args.without_views,
        "statement_bytes": presigned.statement_bytes()?,
        "limits": {
            "strict_verifications_per_s": verify,
            "prepared_verifications_per_s": prepared,
            "fdatasync": fdatasync,
        },
    });
    let small = measure(&args, &server, &mut presigned, verify, fdatasync.p50_us).await?;
    result["small"] = small;
    if args.fill > 0 {
        let started = Instant::now();
        if args.lives {
            let mut lives = Lives::new(ledger.origin(), presigned.started_ms())?;
            for (signer, role) in lives.cast() {
                ledger.enrol(&server, signer, &[role]).await?;
            }
            let achieved = phases::fill_with_lives(&server, &mut lives, args.fill).await?;
            eprintln!(
                "whole lives:             {:>7.0}/s = {:.2} of the limit, {:.0} µs of processor each",
                achieved.per_second,
                achieved.per_second / verify,
                achieved.server_cpu_us,
            );
            result["lives"] = json!(achieved);
        } else {
            phases::fill(&server, &mut presigned, args.fill).await?;
        }
        eprintln!("filled to {} statements in {:.0} s", args.fill, started.elapsed().as_secs_f64());
        let mut filled = measure(&args, &server, &mut presigned, verify, fdatasync.p50_us).await?;
        filled["statements"] = json!(args.fill);
        let (code, said) = server.stop()?;
        anyhow::ensure!(code == Some(0), "the server ended with {code:?}: {said}");
        let started = Instant::now();
        let server = serve()?;
        filled["restart_s"] = json!(started.elapsed().as_secs_f64());
        filled["restart_rss_mib"] = json!(phases::rss_mib(server.id())?);
        server.kill()?;
        let started = Instant::now();
        let _server = serve()?;
        filled["restart_after_kill_s"] = json!(started.elapsed().as_secs_f64());
        result["filled"] = filled;
    }
    tell(&args, &result)
}

fn tell(args: &Args, result: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(result)?;
    println!("{text}");
    if let Some(path) = &args.out {
        std::fs::write(path, text)?;
    }
    Ok(())
}

async fn measure(
    args: &Args,
    server: &probity_tests::Server,
    presigned: &mut Presigned,
    verify: f64,
    fdatasync_us: f64,
) -> Result<Value> {
    let batches = phases::closed(server, presigned.take(args.statements)?, 100, args.in_flight).await?;
    let line = |what: &str, achieved: &phases::Achieved| {
        let Achieved { per_second, server_cpu_us, .. } = achieved;
        let share = per_second / verify;
        eprintln!("{what:<24} {per_second:>7.0}/s = {share:.2} of the limit, {server_cpu_us:.0} µs of processor each");
    };
    line("requests of 100:", &batches);
    let singles = phases::closed(server, presigned.take(args.statements / 2)?, 1, 64).await?;
    line("singles, 64 in flight:", &singles);
    let lone = phases::closed(server, presigned.take(2_000)?, 1, 1).await?;
    eprintln!("lone append: p50 {:.0} µs, fdatasync p50 {fdatasync_us:.0} µs", lone.latency.p50_us);
    let open = phases::open(server, presigned.take(args.rate as usize * 10)?, args.rate).await?;
    eprintln!("open loop at {}/s: p50 {:.0} µs, p99 {:.0} µs", args.rate, open.latency.p50_us, open.latency.p99_us);
    Ok(json!({
        "requests_of_100": batches, "requests_of_100_to_limit": batches.per_second / verify,
        "singles_64_in_flight": singles, "singles_64_in_flight_to_limit": singles.per_second / verify,
        "lone_append": lone, "lone_append_bound_us": 3.0 * fdatasync_us + 1_000.0,
        "open_loop": open,
        "rss_mib": phases::rss_mib(server.id())?,
    }))
}
