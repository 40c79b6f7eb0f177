//! `/livez`, `/readyz` and `/metrics`, for whoever keeps the server running. Nothing of what is recorded is in them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use probity_projection::{Health, Reader};
use probity_registrar::Registrar;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) readers: Vec<Reader>,
}

/// Listens on `address` until the task is dropped.
pub(crate) async fn start(address: SocketAddr, watched: Watched) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
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
    let size = watched.registrar.head().map_or(0, |head| head.tree_size);
    let halted = watched.registrar.watch_halt().borrow().clone();
    line("registrar", halted.map_or(Ok(format!("{size} statements")), |halted| Err(halted.to_string())));
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
        let Watched { registrar, readers } = &self.0;
        let size = registrar.head().map_or(0, |head| head.tree_size);
        let halted = registrar.watch_halt().borrow().is_some();
        for (name, help, value) in [
            ("log_statements", "Statements in the log", size),
            ("log_blocks", "Blocks in the log", registrar.head().map_or(0, |head| head.height + 1)),
            ("registrar_halted", "Whether no statements are taken (1) or they are (0)", u64::from(halted)),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        type Number = fn(&probity_projection::Position) -> u64;
        let numbers: [(&str, &str, Number); 3] = [
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
