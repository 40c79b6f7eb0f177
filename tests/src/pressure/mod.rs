//! One caller who is let in and means harm, beside one who does their work.

mod attack;
mod work;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use probity_schemas::{Clock as _, SystemClock};
use serde_json::{Value, json};

pub use attack::{Attack, Attacked};
pub use work::{Latency, Work, Worked};

use crate::lives::Lives;
use crate::{Carrier, Issued, Secured, Server, Signer, TestLedger, free_port, http};

/// Resident memory that an attack may add, in MiB: what one caller may have received, what may wait to be recorded, an
/// answer of 4 MiB for each question of theirs, and what four views hold before it is written as sorted runs.
pub const BOUND_MIB: u64 = 32 + 64 + 32 * 4 + 4 * 64;

/// A ledger that asks for certificates, and two callers.
#[derive(Debug)]
pub struct Scene {
    /// The ledger.
    pub ledger: TestLedger,
    /// Its certificates.
    pub secured: Secured,
    /// Its server.
    pub server: Server,
    /// Who does their work.
    pub worker: (Signer, Issued),
    /// Who means harm: they hold roles that read and record everywhere.
    pub hostile: (Signer, Issued),
    http: String,
}

impl Scene {
    /// A ledger that holds so many whole lives of versions, ten statements each.
    pub async fn set(lives: u64) -> Result<Self> {
        let ledger = TestLedger::found_on(tempfile::tempdir()?, Carrier::Files)?;
        let mut secured = Secured::new(&ledger)?;
        let worker = (Signer::person()?, secured.authority.client("worker")?);
        let hostile = (Signer::person()?, secured.authority.client("hostile")?);
        let plain = ledger.serve(&[])?;
        ledger.enrol(&plain, &worker.0, &["developer", "auditor"]).await?;
        ledger.enrol(&plain, &hostile.0, &["developer", "auditor"]).await?;
        let mut all = Lives::new(ledger.origin(), SystemClock.now_ms())?;
        for (signer, role) in all.cast() {
            ledger.enrol(&plain, signer, &[role]).await?;
        }
        let mut client = plain.registration().await?;
        let mut left = lives;
        while left > 0 {
            let some = left.min(50);
            left -= some;
            let submission = |statement: Bytes| probity_proto::v1::Submission { statement, expected_revision: None };
            let submissions = all.take(some)?.into_iter().map(submission).collect();
            client.register(probity_proto::v1::RegisterRequest { submissions }).await?;
        }
        let (code, said) = plain.stop()?;
        ensure!(code == Some(0), "the server ended with {code:?}: {said}");
        let http = format!("127.0.0.1:{}", free_port()?);
        secured.more = format!("[listen]\ngrpc = '0.0.0.0:0'\nhttp = '{http}'\n");
        let server = secured.serve(&ledger, &[(&worker.0, &worker.1), (&hostile.0, &hostile.1)])?;
        let scene = Self { ledger, secured, server, worker, hostile, http };
        scene.until_ready().await?;
        Ok(scene)
    }

    async fn until_ready(&self) -> Result<()> {
        let ready = async {
            while !self.is_well().await.unwrap_or(false) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(300), ready).await.context("the server does not become ready")
    }

    /// Whether everything is served.
    pub async fn is_well(&self) -> Result<bool> {
        let (live, _) = http(&self.http, "/livez").await?;
        let (ready, _) = http(&self.http, "/readyz").await?;
        Ok((live, ready) == (200, 200))
    }

    /// The server's resident memory, in MiB: now, and at its highest so far.
    pub fn memory_mib(&self) -> Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id()))?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
            anyhow::Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
        };
        Ok((of("VmRSS:")?, of("VmHWM:")?))
    }

    /// Measures the work alone, under attack and afterwards, each for so long.
    pub async fn measure(&self, rate: u32, time: Duration) -> Result<Value> {
        let work = Work::of(self, rate).await?;
        // Caches are warm from here on.
        work.go_on(time.min(Duration::from_secs(5))).await?;
        let alone = work.go_on(time).await?;
        eprintln!("alone:  {alone}");
        let (before, _) = self.memory_mib()?;
        let attack = Attack::begin(self).await?;
        let beside = work.go_on(time).await?;
        let attacked = attack.end().await;
        eprintln!("beside: {beside}");
        eprintln!("attack: {attacked:?}");
        let (_, highest) = self.memory_mib()?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let well = self.is_well().await?;
        let after = work.go_on(time.min(Duration::from_secs(20))).await?;
        eprintln!("after:  {after}");
        let ratio = |of: fn(&Worked) -> f64| of(&beside) / of(&alone);
        Ok(json!({
            "cores": std::thread::available_parallelism()?.get(),
            "seconds": time.as_secs(), "calls_per_s": rate,
            "alone": alone, "beside": beside, "after": after, "attack": attacked,
            "reads_p99_ratio": ratio(|worked| worked.reads.p99_ms),
            "writes_p99_ratio": ratio(|worked| worked.writes.p99_ms),
            "memory_mib": { "before": before, "highest": highest, "bound": before + BOUND_MIB },
            "well_afterwards": well,
        }))
    }
}
