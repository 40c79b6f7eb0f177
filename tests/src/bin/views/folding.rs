//! Folding: the whole log into empty views.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use probity_admission::KNOWN_RULE_SETS;
use probity_log::{FileLog, Log as _};
use probity_projection::{Follower, Following, Health, Source, Store, ViewReader};
use probity_server::VIEWS;
use serde_json::{Value, json};

use crate::log;

/// Page cache of the views, as the server has it by default.
const CACHE: usize = 64 << 20;

/// Views that are followed, and what reads them.
pub(crate) struct Views {
    pub(crate) following: Following,
    pub(crate) readers: Vec<ViewReader>,
}

/// Opens these views over the log and follows.
pub(crate) async fn follow(directory: &Path, log: &Arc<FileLog>, views: &[String]) -> Result<Views> {
    let store = Store::open(&directory.join("views"), CACHE)?;
    let source = Source { log: log.clone(), keys: log::keys()?, rule_sets: KNOWN_RULE_SETS };
    let mut follower = Follower::new(source, store).await?;
    let mut readers = Vec::new();
    for view in views {
        let spec = VIEWS.iter().find(|spec| spec.name == view).with_context(|| format!("there is no view {view}"))?;
        readers.push((spec.follow)(&mut follower).await?);
    }
    Ok(Views { following: follower.start()?, readers })
}

/// Folds the log into empty views.
pub(crate) async fn rebuild(directory: &Path, views: &[String]) -> Result<Value> {
    match std::fs::remove_dir_all(directory.join("views")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let log = Arc::new(log::open(directory)?);
    let head = log.head().await?.context("an empty log")?;
    let started = Instant::now();
    let Views { following, readers } = follow(directory, &log, views).await?;
    let mut each = serde_json::Map::new();
    for reader in &readers {
        let mut position = reader.watch();
        let done = position.wait_for(|position| position.as_of.tree_size == head.tree_size).await?;
        if let Health::Halted { reason } = &done.health {
            bail!("{}: {reason}", reader.name());
        }
        let seconds = started.elapsed().as_secs_f64();
        each.insert(reader.name().to_owned(), json!(head.tree_size as f64 / seconds));
    }
    let seconds = started.elapsed().as_secs_f64();
    let peak = memory_mib("VmHWM:")?;
    let statements = head.tree_size as f64;
    let mut work = serde_json::Map::new();
    following.stop().await?;
    for reader in &readers {
        let done = reader.read(|view| view.work())?.1;
        let each = |counts: &BTreeMap<u8, (u64, u64)>| -> BTreeMap<u8, [f64; 2]> {
            let of = |(table, (one, other)): (&u8, &(u64, u64))| {
                (*table, [*one as f64 / statements, *other as f64 / statements])
            };
            counts.iter().map(of).collect()
        };
        let (written, looked_up) = (each(&done.written), each(&done.looked_up));
        work.insert(
            reader.name().to_owned(),
            json!({
                "keys_written": written.values().map(|[keys, _]| keys).sum::<f64>(),
                "bytes_written": written.values().map(|[_, bytes]| bytes).sum::<f64>(),
                "keys_looked_up": looked_up.values().flatten().sum::<f64>(),
                "keys_and_bytes_by_table": written,
                "found_and_not_found_by_table": looked_up,
            }),
        );
    }
    let seconds_with_flush = started.elapsed().as_secs_f64();
    Ok(json!({
        "per_second": head.tree_size as f64 / seconds,
        "seconds": seconds,
        "seconds_until_durable": seconds_with_flush,
        "caught_up_per_second": each,
        "work_per_statement": work,
        "processor_us": processor().as_secs_f64() * 1e6 / head.tree_size as f64,
        "peak_memory_mib": peak,
        "views_bytes": size_of(&directory.join("views"))?,
    }))
}

/// What this process takes, by a line of its status.
pub(crate) fn memory_mib(line: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)).context("no such line")?;
    Ok(found.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}

/// Processor time of this process so far, over all cores.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn size_of(path: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { size_of(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}
