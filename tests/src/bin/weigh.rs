//! What admission costs: time for each statement, memory for all there is to remember, and the way to disk and back.
//!
//! Judges the lives of as many versions as are asked for, ten statements each, in this process. Signatures are made
//! beforehand and not verified: that is not admission's. Nothing here asserts a time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Parser;
use probity_admission::{History, Position, State, Submitted, Verdict};
use probity_log::{FileLogOptions, first_block};
use probity_schemas::{Clock, EventId, Identity, SystemClock};
use probity_statement::SignedStatement;
use probity_tests::lives::Lives;
use probity_tests::{TestLedger, enrolment, granting};

#[derive(Debug, Parser)]
#[command(about = "Measures what admission takes in time and memory")]
struct Args {
    /// Versions whose lives are judged.
    #[arg(default_value_t = 10_000)]
    versions: u64,
}

/// A past that is not asked: its ids and revisions are on disk in the real ledger.
struct NoPast;

impl History for NoPast {
    type Error = Infallible;

    fn event_index(&self, _: u32, _: &EventId) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }

    fn revision(&self, _: &str) -> Result<u64, Infallible> {
        Ok(0)
    }
}

/// Admission with a clock beside it.
struct Measured {
    state: State,
    spent: BTreeMap<&'static str, (Duration, u64)>,
    index: u64,
    time: u64,
}

impl Measured {
    /// The state after the genesis of a new ledger.
    fn found(ledger: &TestLedger, time: u64) -> Result<Self> {
        let genesis = first_block(&FileLogOptions::new(ledger.directory().join("log")))?;
        let mut statements = genesis.statements().map(Bytes::copy_from_slice);
        let founding = SignedStatement::parse(statements.next().context("an empty block")?)?;
        let mut measured = Self { state: State::found(&founding)?, spent: BTreeMap::new(), index: 1, time };
        measured.block(statements.collect())?;
        Ok(measured)
    }

    /// Judges a block: the state before it is kept until it would be durable.
    fn block(&mut self, statements: Vec<Bytes>) -> Result<()> {
        let kept = self.state.mark();
        for bytes in statements {
            let statement = SignedStatement::parse(bytes)?;
            let event = statement.event()?;
            let submitted = Submitted { statement: &statement, event: &event, expected_revision: None };
            let position = Position { index: self.index, block_time: self.time };
            let started = Instant::now();
            let verdict = self.state.admit(submitted, position, &NoPast);
            let took = started.elapsed();
            if !matches!(verdict, Ok(Verdict::Admitted(_))) {
                bail!("{}: {verdict:?}", event.event_type());
            }
            let (total, count) = self.spent.entry(event.event_type()).or_default();
            *total += took;
            *count += 1;
            self.index += 1;
        }
        self.state.forget(Some(&kept));
        Ok(())
    }
}

fn rss_mib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}

fn row(what: &str, (total, count): (Duration, u64)) {
    println!("{what:<28} {count:>9} {:>10.0}", total.as_secs_f64() * 1e9 / count as f64);
}

fn main() -> Result<()> {
    let Args { versions } = Args::parse();
    let now_ms = SystemClock.now_ms();
    let ledger = TestLedger::found()?;
    let mut measured = Measured::found(&ledger, now_ms / 1_000)?;
    let mut lives = Lives::new(ledger.origin(), now_ms)?;
    let administrator = &ledger.administrator;
    for (signer, role) in lives.cast() {
        let responsible = match signer.identity {
            Identity::Service(_) => vec![administrator.identity.clone()],
            _ => Vec::new(),
        };
        let events = [enrolment(signer, ledger.origin(), &responsible)?, granting(&signer.identity, role, &["*"])];
        for event in events {
            measured.block(vec![administrator.state(event, ledger.origin())?.bytes().clone()])?;
        }
    }
    measured.spent.clear();

    let before = rss_mib()?;
    for _ in (0..versions).step_by(10) {
        measured.block(lives.take(10)?)?;
    }
    let memory = rss_mib()?.saturating_sub(before);
    let spent = std::mem::take(&mut measured.spent);
    // What costs most: every statement changes another version than the ones before it.
    for first in (0..versions).step_by(100) {
        let scattered = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % versions;
        let run = |number| Ok(lives.life(scattered(number))?.swap_remove(0));
        measured.block((first..first + 100).map(run).collect::<Result<_>>()?)?;
    }

    println!("{:<28} {:>9} {:>10}", "TYPE", "COUNT", "NS EACH");
    for (event_type, times) in &spent {
        row(event_type, *times);
    }
    row("all", spent.values().fold((Duration::ZERO, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)));
    row("training.completed, scattered", measured.spent["training.completed"]);
    for (what, count) in measured.state.counts() {
        println!("{what}: {count}");
    }
    println!("{:<28} {:>9} {:>10}", "REGISTER", "ENTRIES", "BYTES");
    for (register, entries, bytes) in measured.state.sizes()?.into_iter().filter(|(_, entries, _)| *entries > 0) {
        println!("{register:<28} {entries:>9} {bytes:>10}");
    }
    println!("memory: {memory} MiB, {:.0} bytes a version", memory as f64 * 1_048_576.0 / versions as f64);
    let started = Instant::now();
    let bytes = measured.state.to_snapshot()?;
    println!("snapshot: {} MiB in {:.2} s", bytes.len() >> 20, started.elapsed().as_secs_f64());
    let started = Instant::now();
    let restored = State::from_snapshot(&bytes)?;
    println!("read back in {:.2} s", started.elapsed().as_secs_f64());
    if restored.counts() != measured.state.counts() {
        bail!("the state read back is another one; this is a defect");
    }
    Ok(())
}
