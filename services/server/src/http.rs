//! `/livez`, `/readyz` and `/metrics`, for the operators of the server. Nothing of what is
//! recorded is in them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use probity_log::{Backend, Status};
use probity_projection::{Health, ViewReader};
use probity_registrar::{Leadership, Refusals, Registrar};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::calls::{CallKind, Calls};
use crate::listener::Connections;
use crate::renewal::Expiry;
use crate::warnings::Warning;

/// What is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) registrar: Arc<Registrar>,
    /// Whether the process takes statements, or stands by to.
    pub(crate) is_registrar: bool,
    pub(crate) log: Arc<dyn Backend>,
    pub(crate) readers: Vec<ViewReader>,
    /// Warnings about the NATS servers.
    pub(crate) warnings: Option<watch::Receiver<Vec<Warning>>>,
    /// What ends when, of certificates and credentials.
    pub(crate) expiries: watch::Receiver<Vec<Expiry>>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) connections: Arc<Connections>,
    /// What counts refused statements, in a process that takes any.
    pub(crate) refusals: Option<Arc<Refusals>>,
    /// The directories whose volumes may become full, by what is in them.
    pub(crate) directories: Vec<(&'static str, PathBuf)>,
    /// Why the process must exit.
    pub(crate) failure: watch::Receiver<Option<Arc<str>>>,
}

/// Listens on `address` until the task is dropped.
pub(crate) async fn start(address: SocketAddr, watched: Watched) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(watched);
    let serving = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "HTTP is no longer served");
        }
    });
    Ok((address, serving))
}

/// 200 while the process can go on; 503 once it is about to end because of a failure.
async fn live(State(watched): State<Watched>) -> Response {
    liveness(watched.failure.borrow().as_deref())
}

fn liveness(failure: Option<&str>) -> Response {
    match failure {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("failed: {reason}\n")).into_response(),
    }
}

/// 200 when statements are taken and every view answers; else 503. A line for each.
async fn ready(State(watched): State<Watched>) -> Response {
    let mut all = true;
    let mut text = String::new();
    let mut line = |what: &str, state: Result<String, String>| {
        all &= state.is_ok();
        let (word, detail) = match &state {
            Ok(detail) => ("ok", detail),
            Err(detail) => ("not ready", detail),
        };
        let _ = writeln!(text, "{what}: {word}: {detail}");
    };
    let size = watched.registrar.head().tree_size;
    let halted = watched.registrar.watch_halt().borrow().clone();
    let leadership = match &*watched.registrar.watch_leadership().borrow() {
        Leadership::Active => String::new(),
        Leadership::Standby { .. } if !watched.is_registrar => ", following".to_owned(),
        Leadership::Standby { active: Some(active) } => format!(", standby of {active}"),
        Leadership::Standby { active: None } => ", standby".to_owned(),
    };
    let name = if watched.is_registrar { "registrar" } else { "log" };
    // Only the active one seals blocks.
    let is_active = watched.is_registrar && *watched.registrar.watch_leadership().borrow() == Leadership::Active;
    let clock_fault = is_active.then(|| watched.registrar.clock_fault()).flatten();
    let fault = halted.or(clock_fault).or_else(|| watched.registrar.block_ahead());
    line(name, fault.map_or(Ok(format!("{size} statements{leadership}")), |fault| Err(fault.to_string())));
    if let Some(status) = stream_status(&*watched.log) {
        let blocks = watched.registrar.head().height + 1;
        line("nats", stream_line(&status, blocks));
    }
    for warning in watched.warnings.iter().flat_map(|warnings| warnings.borrow().clone()) {
        line("warning", Ok(warning.to_string()));
    }
    let now = watched.registrar.clock().now();
    for expiry in watched.expiries.borrow().iter() {
        let what = if expiry.is_near(now) { "warning" } else { "certificate" };
        line(what, Ok(expiry.told(now).to_string()));
    }
    for reader in &watched.readers {
        let position = reader.position();
        let tree_size = position.as_of.tree_size;
        line(
            reader.name(),
            match position.health {
                Health::Following => Ok(format!("{tree_size} statements, {} behind", size.saturating_sub(tree_size))),
                Health::Building { tree_size, until } => Err(format!("being built, {tree_size} of {until} statements")),
                Health::Halted { reason } => Err(format!("halted at {tree_size} statements: {reason}")),
            },
        );
    }
    (if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text).into_response()
}

/// How the log stands with its stream; `None` where there is none.
fn stream_status(log: &dyn Backend) -> Option<Status> {
    log.status().map(|status| status.borrow().clone())
}

fn stream_line(status: &Status, here: u64) -> Result<String, String> {
    match (&status.unsettled, &status.stream) {
        (Some(height), _) => Err(format!("whether the stream has block {height} is not known")),
        (None, Some(stream)) if status.reachable => {
            let leader = stream.leader.as_ref().map_or(String::new(), |leader| format!(", led by {leader}"));
            let behind = stream.blocks.saturating_sub(here);
            Ok(format!("{} blocks, {behind} not here, {} replica(s){leader}", stream.blocks, stream.replicas))
        }
        _ => Err("the stream does not answer".to_owned()),
    }
}

async fn metrics(State(watched): State<Watched>) -> Response {
    let mut registry = Registry::with_prefix("probity");
    registry.register_collector(Box::new(Collector(watched)));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Reads the numbers when they are asked for.
#[derive(Debug)]
struct Collector(Watched);

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Watched { registrar, is_registrar, log, readers, warnings, expiries, calls, connections, .. } = &self.0;
        let size = registrar.head().tree_size;
        let halted = registrar.watch_halt().borrow().is_some();
        for (name, help, value) in [
            ("log_statements", "Statements in the log", size),
            ("log_blocks", "Blocks in the log", registrar.head().height + 1),
            ("connections", "Connections that are open", connections.count() as u64),
            ("received_bytes", "Bytes received for calls that are not answered yet", calls.received() as u64),
            ("registrar_halted", "Whether no statements are taken (1) or they are (0)", u64::from(halted)),
        ]
        .into_iter()
        .chain(is_registrar.then(|| {
            let active = u64::from(*registrar.watch_leadership().borrow() == Leadership::Active);
            ("registrar_active", "Whether this process takes statements (1) or stands by (0)", active)
        }))
        .chain(stream_status(&**log).into_iter().flat_map(|status| of_stream(&status)))
        {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let (statements, bytes) = registrar.waiting();
        let waiting = [
            ("waiting_statements", "Statements that were taken in and are not answered yet", statements),
            ("waiting_bytes", "Their bytes", bytes),
        ];
        for (name, help, value) in waiting {
            let gauge = ConstGauge::new(value as u64);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let kind = ConstGauge::new(0u64).metric_type();
        let mut family = encoder.encode_descriptor("build_info", "The version that runs", None, kind)?;
        ConstGauge::new(1u64).encode(family.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?)?;
        let help = "Bytes that are left on the volume of a directory";
        let mut family = encoder.encode_descriptor("disk_available_bytes", help, None, kind)?;
        for (of, directory) in &self.0.directories {
            if let Ok(volume) = rustix::fs::statvfs(directory) {
                let left = volume.f_bavail.saturating_mul(volume.f_frsize);
                ConstGauge::new(left).encode(family.encode_family(&[("of", *of)])?)?;
            }
        }
        let refused = self.0.refusals.as_ref().map(|refusals| refusals.counts()).unwrap_or_default();
        calls.measured().encode(&mut encoder, &refused)?;
        let mut family = encoder.encode_descriptor("calls", "Calls under way, by kind", None, kind)?;
        for kind in CallKind::ALL {
            let gauge = ConstGauge::new(calls.count(kind) as u64);
            gauge.encode(family.encode_family(&[("kind", kind.as_str())])?)?;
        }
        let help = "Seconds until the first certificate or JWT in a file ends; negative once it has";
        let kind = ConstGauge::new(0i64).metric_type();
        let mut family = encoder.encode_descriptor("certificate_expiry_seconds", help, None, kind)?;
        for expiry in expiries.borrow().iter() {
            let gauge = ConstGauge::new(expiry.left(registrar.clock().now()));
            gauge.encode(family.encode_family(&[("file", expiry.file.display().to_string())])?)?;
        }
        if let Some(warnings) = warnings {
            let kind = ConstGauge::new(0u64).metric_type();
            let help = "What makes losing blocks on NATS likelier; 1 for each kind there is";
            let mut family = encoder.encode_descriptor("nats_warning", help, None, kind)?;
            let kinds: BTreeSet<_> = warnings.borrow().iter().map(Warning::kind).collect();
            for kind in kinds {
                ConstGauge::new(1u64).encode(family.encode_family(&[("kind", kind)])?)?;
            }
        }
        type Figure = fn(&probity_projection::ViewPosition) -> u64;
        let numbers: [(&str, &str, Figure); 3] = [
            ("view_statements", "Statements folded into the view", |position| position.as_of.tree_size),
            ("view_halted", "Whether the view takes in nothing more (1) or it does (0)", |position| {
                u64::from(matches!(position.health, Health::Halted { .. }))
            }),
            ("view_building", "Whether the view is being built (1) or is asked (0)", |position| {
                u64::from(matches!(position.health, Health::Building { .. }))
            }),
        ];
        for (name, help, number) in numbers {
            let kind = ConstGauge::new(0u64).metric_type();
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for reader in readers {
                let gauge = ConstGauge::new(number(&reader.position()));
                gauge.encode(family.encode_family(&[("view", reader.name())])?)?;
            }
        }
        Ok(())
    }
}

/// How the log stands with its stream, in numbers.
fn of_stream(status: &Status) -> [(&'static str, &'static str, u64); 3] {
    let blocks = status.stream.as_ref().map_or(0, |stream| stream.blocks);
    [
        ("nats_connected", "Whether the stream answers (1) or does not (0)", u64::from(status.reachable)),
        ("nats_stream_blocks", "Blocks in the stream when it was last asked", blocks),
        (
            "nats_unsettled",
            "Whether it is not known of a block that the stream has it (1)",
            u64::from(status.unsettled.is_some()),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_must_exit_is_not_alive() {
        assert_eq!(liveness(None).status(), StatusCode::OK);
        assert_eq!(liveness(Some("a thread broke down")).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
