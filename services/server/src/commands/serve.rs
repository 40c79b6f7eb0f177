//! `probity serve`: serve a ledger over gRPC until told to stop.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use probity_terminal::{Answer, outln, wrong_use};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, LogFormat, Role};
use crate::nats::NatsArgs;
use crate::running::Running;

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The data directory that `probity init` made.
    #[arg(required_unless_present = "config")]
    directory: Option<PathBuf>,
    /// A configuration file; ops/probity.toml is a sample.
    #[arg(long, env = "PROBITY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// What this process does, separated by commas; everything by default. Without registrar it
    /// needs --nats.
    #[arg(long, value_delimiter = ',', value_name = "ROLES")]
    roles: Vec<Role>,
    #[command(flatten)]
    nats: NatsArgs,
    /// Where clients reach this server, for other registrars to send them to.
    #[arg(long, value_name = "URL", requires = "url")]
    advertise: Option<String>,
    /// Where to listen for gRPC.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

pub(crate) async fn run(args: ServeArgs) -> Result<Answer> {
    let loaded = Config::read(args.config.as_deref(), args.directory.as_deref(), std::env::vars());
    let mut config = loaded.map_err(|error| wrong_use!("{error}"))?;
    if let Some(address) = args.listen {
        config.listen.grpc = address;
    }
    if !args.roles.is_empty() {
        config.roles = args.roles;
    }
    config.nats = args.nats.over(config.nats);
    if let (Some(nats), Some(address)) = (&mut config.nats, args.advertise) {
        nats.advertise = Some(address);
    }
    config.check().map_err(|error| wrong_use!("{error}"))?;
    start_logging(&config)?;
    let served = until_stopped(&config).await;
    match (served, config.log.format) {
        // What reads the log reads nothing else.
        (Err(error), LogFormat::Json) => {
            tracing::error!(error = format!("{error:#}"), "the server ends");
            Ok(Answer::Unknown)
        }
        (served, _) => served.map(|()| Answer::Yes),
    }
}

async fn until_stopped(config: &Config) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = Running::start(config).await?;
    // One line on standard output, so that scripts learn where to connect.
    outln!("probity serves {} on {}", config.ledger.directory.display(), running.address);
    let failure = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        failure = running.failed() => Some(failure),
    };
    if failure.is_none() {
        tracing::info!("stopping");
    }
    running.stop().await?;
    failure.map_or(Ok(()), Err)
}

fn start_logging(config: &Config) -> Result<()> {
    let filter = config.log.filter()?;
    let stderr = std::io::stderr;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(stderr().is_terminal()).with_writer(stderr);
    let started = match config.log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => {
            // A panic is a line like any other.
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread broke down, which is a defect")));
            lines.json().try_init()
        }
    };
    started.map_err(|error| anyhow!("logging could not be started: {error}"))
}
