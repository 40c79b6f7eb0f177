//! The wiring of a server: from a configuration to a running ledger, and orderly down again.

mod access;
mod advice;
mod http;
mod scrub;
mod views;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use probity_log::{FileLog, FileLogOptions};
use probity_projection::{Access as ReadingRights, Health, Reader, Store, SystemClock};
use probity_proto::v1;
use probity_proto::v1::log_service_server::LogServiceServer;
use probity_proto::v1::registration_service_server::RegistrationServiceServer;
use probity_registrar::{LogHandler, Opening, RandomBytes, Registrar, RegistrationHandler, with_causes};
use rand::Rng;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::config::{Config, TlsSection};
use crate::ledger_dir::{INDEX_VIEW, LedgerDir};
use crate::replay;
use access::Access;
use http::Watched;
use views::Views;

/// The longest message a client may send, in bytes: about 20,000 statements of ordinary length.
const MAX_MESSAGE: usize = 16 << 20;

/// How long open calls may take to finish once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens; with the port that was chosen if the configuration says 0.
    pub(crate) address: SocketAddr,
    views: Views,
    registrar: Arc<Registrar>,
    log: Arc<FileLog>,
    store: Store,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    helpers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Opens the ledger and starts to serve it.
    pub(crate) async fn start(config: &Config) -> Result<Self> {
        config.check()?;
        let dir = LedgerDir::new(&config.ledger.directory);
        let secrets = dir.read_secrets().with_context(|| {
            format!("{} is not the data directory of a ledger (probity init makes one)", dir.root().display())
        })?;
        let options = FileLogOptions::new(dir.log()).anchor(config.anchor());
        // With the keys that the ledger itself names, so that foreign private keys are not mistaken for a damaged log.
        let keys = replay::ledger_keys(&options).unwrap_or_else(|_| secrets.public());
        let verifier = keys.checkpoint_verifier()?;
        let opening_options = options.clone();
        let log = tokio::task::spawn_blocking(move || FileLog::open(&opening_options, verifier)).await?;
        let log = Arc::new(log.map_err(|error| advice::does_not_open(error, dir.root()))?);
        report_opening(&log);

        let store = Store::open(&dir.index(), config.limits.index_cache_mib << 20)?;
        let opening = Opening {
            log: log.clone(),
            view: store.view(INDEX_VIEW)?,
            secrets: secrets.clone(),
            clock: SystemClock::shared(),
            waiting_statements: config.limits.waiting_statements,
        };
        let registrar = tokio::task::spawn_blocking(move || Registrar::open(opening)).await?;
        let registrar = registrar.with_context(|| format!("the ledger in {} does not open", dir.root().display()))?;
        let registrar = Arc::new(registrar);

        let listener = TcpListener::bind(config.listen.grpc)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen.grpc))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<RegistrationServiceServer<RegistrationHandler>>().await;
        health.set_serving::<LogServiceServer<LogHandler>>().await;

        let mut server = Server::builder().initial_stream_window_size(1 << 20).initial_connection_window_size(4 << 20);
        if let Some(tls) = &config.tls {
            server = server.tls_config(tls_config(tls)?)?;
        }
        let access = Access::new(config)?;
        let registration = RegistrationServiceServer::new(RegistrationHandler::new(registrar.clone(), random()))
            .max_decoding_message_size(MAX_MESSAGE);
        let reading = LogServiceServer::new(LogHandler::new(registrar.clone()));
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        let routes = Routes::new(registration)
            .add_service(InterceptedService::new(reading, access.clone()))
            .add_service(health_service.clone())
            .add_service(reflection);
        let rights: Arc<dyn ReadingRights> = registrar.ledger().clone();
        let (clock, founding) = (registrar.clock(), keys);
        let (views, routes) = Views::start(config, &log, founding, &rights, clock, &access, routes).await?;
        let router = server.add_routes(routes);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = tokio::spawn(router.serve_with_incoming_shutdown(incoming, async {
            // A dropped handle stops the server as well.
            drop(stopped.await);
        }));

        let mut halt = registrar.watch_halt();
        let of_registrar = health.clone();
        let halted = tokio::spawn(async move {
            let health = of_registrar;
            if halt.wait_for(Option::is_some).await.is_ok() {
                health.set_not_serving::<RegistrationServiceServer<RegistrationHandler>>().await;
                health.set_service_status("", ServingStatus::NotServing).await;
            }
        });
        let mut helpers = vec![halted, scrub::start(config, options, secrets.public(), registrar.clone())];
        helpers.extend(views.readers.iter().map(|reader| watch(reader, health.clone())));
        if let Some(address) = config.listen.http {
            let watched = Watched { registrar: registrar.clone(), readers: views.readers.clone() };
            let (address, serving) = http::start(address, watched).await?;
            tracing::info!(%address, "HTTP for /livez, /readyz and /metrics");
            helpers.push(serving);
        }
        Ok(Self { address, views, registrar, log, store, stop, serving, helpers })
    }

    /// Resolves when storage has failed, with the reason: the process must then exit, and a restart adopts.
    pub(crate) async fn failed(&self) -> anyhow::Error {
        let failure = self.log.failed().await;
        anyhow!(
            "storage has failed and what was written last is unknown; a restart finds out: {}",
            with_causes(&*failure)
        )
    }

    /// Stops taking calls, finishes what is under way, writes everything down.
    pub(crate) async fn stop(self) -> Result<()> {
        // Nobody listens any more if serving has ended by itself.
        let _ = self.stop.send(());
        if tokio::time::timeout(GRACE, self.serving).await.is_err() {
            tracing::warn!("some calls did not finish in time and were cut off");
        }
        self.views.stop().await?;
        self.registrar.stop().await;
        for helper in self.helpers {
            helper.abort();
        }
        let store = self.store;
        tokio::task::spawn_blocking(move || store.flush()).await??;
        Ok(())
    }
}

/// Tells gRPC health whether a view answers: serving, or not while it is being built or once it is halted.
fn watch(reader: &Reader, health: HealthReporter) -> JoinHandle<()> {
    let service = format!("probity.v1.{}", views::service_of(reader.name()));
    let mut position = reader.watch();
    tokio::spawn(async move {
        let mut told = None;
        loop {
            let status = match position.borrow_and_update().health {
                Health::Following => ServingStatus::Serving,
                Health::Building { .. } | Health::Halted { .. } => ServingStatus::NotServing,
            };
            if told.replace(status) != Some(status) {
                health.set_service_status(&service, status).await;
            }
            if position.changed().await.is_err() {
                return;
            }
        }
    })
}

fn report_opening(log: &FileLog) {
    let opening = log.opening();
    if opening.adopted > 0 {
        tracing::info!(blocks = opening.adopted, "blocks that were durable but not yet released are released now");
    }
    if let Some(place) = &opening.discarded {
        tracing::warn!(%place, "an unfinished write that nobody was told of was discarded");
    }
    if opening.rebuilt_tiles {
        tracing::warn!("the hash tiles were made again from the blocks");
    }
    if let Some(head) = log.reader().head() {
        tracing::info!(statements = head.tree_size, blocks = head.height + 1, root = %head.root, "the log is open");
    }
}

fn random() -> RandomBytes {
    Arc::new(|| {
        let mut bytes = [0; 10];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    })
}

fn tls_config(tls: &TlsSection) -> Result<ServerTlsConfig> {
    let read =
        |path: &std::path::Path| std::fs::read(path).with_context(|| format!("[tls] cannot read {}", path.display()));
    let identity = Identity::from_pem(read(&tls.certificate)?, read(&tls.private_key)?);
    let config = ServerTlsConfig::new().identity(identity);
    Ok(match &tls.client_ca {
        Some(path) => config.client_ca_root(Certificate::from_pem(read(path)?)),
        None => config,
    })
}
