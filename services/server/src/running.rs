//! The wiring of a server: from a configuration to a running ledger, and orderly down again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use probity_ledger::{IndexStore, LogHandler, with_causes};
use probity_log::{Backend, FileLogOptions};
use probity_projection::{Health, ViewReader};
use probity_proto::v1;
use probity_proto::v1::log_service_server::LogServiceServer;
use probity_proto::v1::registration_service_server::RegistrationServiceServer;
use probity_query::{Access, ReadPool, ViewSpec};
use probity_registrar::{
    Leadership, Participant, Participation, RandomBytes, Registrar, RegistrarOptions, RegistrationHandler,
};
use probity_schemas::SystemClock;
use rand::{Rng, RngExt as _};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::caller::Callers;
use crate::calls::{Calls, Gatekeeper};
use crate::config::{Config, NatsSection};
use crate::http::Watched;
use crate::ledger_dir::{INDEX_TREE, LedgerDir};
use crate::listener::Connections;
use crate::open_log::OpenLog;
use crate::tls::ServerTls;
use crate::views::{Views, ViewsOptions};
use crate::{http, listener, open_log, renewal, replay, scrub, warnings};

/// The longest message a client may send, in bytes: about 20,000 statements of ordinary length.
const MAX_MESSAGE: usize = 16 << 20;

/// The longest list of headers of a call, in bytes.
const MAX_HEADERS: u32 = 16 << 10;

/// How long a call may take until its answer begins, sending it included.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// How often a connection on which nothing comes is asked whether it is still there, and how long
/// it has to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);

/// How long the calls that are under way may go on once the server is told to stop, how long it
/// takes at most to tell the others, and how long a stream may keep the last blocks waiting. All of it
/// is well within what supervisors wait.
const GRACE: Duration = Duration::from_millis(1_000);
const TELLING: Duration = Duration::from_millis(300);
const SETTLING: Duration = Duration::from_millis(1_000);

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens; with the port that was chosen if the configuration says 0.
    pub(crate) address: SocketAddr,
    views: Views,
    registrar: Arc<Registrar>,
    log: Arc<dyn Backend>,
    participant: Option<Participant>,
    store: IndexStore,
    calls: Arc<Calls>,
    pool: ReadPool,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    helpers: Vec<JoinHandle<()>>,
    failure: watch::Receiver<Option<Arc<str>>>,
}

impl Running {
    /// Opens the ledger and starts to serve it.
    pub(crate) async fn start(config: &Config) -> Result<Self> {
        config.check()?;
        // What a person mistook is found before anything is opened.
        let tls = config.tls.as_ref().map(ServerTls::read).transpose()?.map(Arc::new);
        let dir = LedgerDir::new(&config.ledger.directory);
        let secrets = match config.is_registrar() {
            true => Some(dir.read_secrets().with_context(|| {
                format!("{} is not the data directory of a ledger (probity init makes one)", dir.root().display())
            })?),
            false => None,
        };
        let options =
            FileLogOptions::new(dir.log()).anchor(config.anchor()).segment_length(config.ledger.segment_mib << 20);
        // With the keys that the ledger itself names, so that foreign private keys are not mistaken
        // for a damaged log.
        let keys = match (replay::ledger_keys(&options), &secrets) {
            (Ok(keys), _) => keys,
            (Err(_), Some(secrets)) => secrets.public(),
            (Err(error), None) => {
                return Err(anyhow::Error::new(error).context(format!(
                    "{} does not say which ledger it follows (probity init --follow makes a directory that does)",
                    dir.root().display()
                )));
            }
        };
        let nats = config.nats.as_ref().map(NatsSection::options);
        let OpenLog { backend: log, stream } =
            open_log::open(&options, keys.checkpoint_verifier()?, nats.as_ref(), &dir).await?;

        let store = IndexStore::open(&dir.index(), config.limits.index_cache_mib << 20)?;
        let registrar_options = RegistrarOptions {
            backend: log.clone(),
            index: store.tree(INDEX_TREE)?,
            secrets,
            clock: SystemClock::shared(),
            waiting_statements: config.limits.waiting_statements,
            waiting_bytes: config.limits.waiting_mib << 20,
            keeps_time: false,
        };
        let registrar = tokio::task::spawn_blocking(move || Registrar::open(registrar_options)).await?;
        let registrar = registrar.with_context(|| format!("the ledger in {} does not open", dir.root().display()))?;
        let registrar = Arc::new(registrar);

        let listener = TcpListener::bind(config.listen.grpc)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen.grpc))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<LogServiceServer<LogHandler>>().await;

        let limits = &config.limits;
        // Every request says who sent it before a service sees it, if there is room for it.
        let calls = Calls::new(limits.clone());
        let mut server = Server::builder()
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(2 << 20)
            .timeout(LONGEST_CALL)
            .max_concurrent_streams(limits.calls_per_connection)
            .http2_max_header_list_size(MAX_HEADERS)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
            .layer(Gatekeeper::new(Callers::new(config)?, calls.clone()));
        let pool = ReadPool::new(limits.reading_threads, Duration::from_secs(limits.query_seconds))
            .per_caller(limits.reading_threads_of_one());
        let reading =
            LogServiceServer::new(LogHandler::new(registrar.ledger().clone(), registrar.clock().clone(), pool.clone()));
        // Stock clients ask for either: older ones of Python and Java know v1alpha only.
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::new(reading)
            .add_service(health_service.clone())
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        let mut refusals = None;
        if config.is_registrar() {
            let handler = RegistrationHandler::new(registrar.clone(), random());
            refusals = Some(handler.refusals().clone());
            let registration = RegistrationServiceServer::new(handler);
            routes = routes.add_service(registration.max_decoding_message_size(MAX_MESSAGE));
        }
        let rights: Arc<dyn Access> = registrar.ledger().clone();
        let (asking, founding) = ((&rights, registrar.clock()), keys.clone());
        let (views, routes) =
            Views::start(ViewsOptions::of(config), log.clone(), founding, asking, &pool, routes).await?;
        let router = server.add_routes(routes);
        let connections = Arc::new(Connections::default());
        let (incoming, accepting) = listener::accept(listener, tls.clone(), limits.clone(), connections.clone());
        let serving = tokio::spawn(router.serve_with_incoming_shutdown(incoming, async {
            // A dropped handle stops the server as well.
            drop(stopped.await);
        }));

        let failure = watch_failures(&registrar, &log, &views);
        let mut helpers = vec![accepting, scrub::start(config, options, keys, registrar.clone(), stream.clone())];
        if config.is_registrar() {
            helpers.push(watch_registrar(&registrar, health.clone()));
        }
        let clock = registrar.clock().clone();
        let (expiries, renewing) = renewal::watch_files(config, tls, stream.clone(), clock)?;
        helpers.push(renewing);
        let mut warnings = None;
        let participant = match (stream, &config.nats) {
            (Some(stream), Some(nats)) => {
                let (found, watching) = warnings::watch_servers(stream.clone(), nats.clone());
                warnings = Some(found);
                helpers.push(watching);
                let participation = Participation {
                    log: stream,
                    may_lead: config.is_registrar(),
                    address: advertised(config, nats, address),
                    id: rand::rng().random(),
                };
                Some(Participant::start(registrar.clone(), participation))
            }
            _ => None,
        };
        helpers.extend(views.readers.iter().map(|(view, reader)| watch(view, reader, health.clone())));
        if let Some(address) = config.listen.http {
            let readers = views.readers.iter().map(|(_, reader)| reader.clone()).collect();
            let (registrar, log) = (registrar.clone(), log.clone());
            let watched = Watched {
                registrar,
                is_registrar: config.is_registrar(),
                log,
                readers,
                warnings,
                expiries,
                calls: calls.clone(),
                connections,
                refusals,
                directories: vec![("log", dir.log()), ("views", config.views()), ("anchor", anchor_directory(config))],
                failure: failure.clone(),
            };
            let (address, serving) = http::start(address, watched).await?;
            tracing::info!(%address, "HTTP for /livez, /readyz and /metrics");
            helpers.push(serving);
        }
        Ok(Self { address, views, registrar, log, participant, store, calls, pool, stop, serving, helpers, failure })
    }

    /// Resolves when the process must exit, with the reason: a restart goes on from what the log
    /// holds.
    pub(crate) async fn failed(&self) -> anyhow::Error {
        let mut failure = self.failure.clone();
        match failure.wait_for(Option::is_some).await.ok().and_then(|failure| failure.clone()) {
            Some(failure) => anyhow!("{failure}"),
            None => std::future::pending().await,
        }
    }

    /// Stops taking calls, finishes what is under way, writes everything down. Whoever only waits is
    /// told so at once, and nobody is waited for longer than a moment.
    pub(crate) async fn stop(self) -> Result<()> {
        // Sending fails if serving has ended by itself.
        let _ = self.stop.send(());
        self.calls.close();
        self.pool.close();
        let mut serving = self.serving;
        if tokio::time::timeout(GRACE, &mut serving).await.is_err() {
            self.calls.end_all();
            if tokio::time::timeout(TELLING, &mut serving).await.is_err() {
                tracing::warn!("some callers did not take their answer in time and were cut off");
                serving.abort();
            }
        }
        if let Some(participant) = self.participant {
            participant.stop().await;
        }
        self.views.stop().await?;
        // The next start finds out what became of a block that the stream did not answer for.
        if tokio::time::timeout(SETTLING, self.registrar.stop()).await.is_err() {
            self.log.close().await;
            self.registrar.stop().await;
        }
        self.log.close().await;
        for helper in self.helpers {
            helper.abort();
        }
        let store = self.store;
        tokio::task::spawn_blocking(move || store.flush()).await??;
        Ok(())
    }
}

/// Finds out what the process cannot go on after. Whoever watches over it starts it again.
fn watch_failures(registrar: &Registrar, log: &Arc<dyn Backend>, views: &Views) -> watch::Receiver<Option<Arc<str>>> {
    let (sender, receiver) = watch::channel(None);
    let (storage, ordered, folding) = (log.failed(), registrar.failed(), views.failed());
    tokio::spawn(async move {
        let reason = tokio::select! {
            failure = storage => format!(
                "storage has failed and what was written last is unknown; a restart finds out: {}",
                with_causes(&*failure)
            ),
            () = ordered => "the thread that admits statements broke down, which is a defect; what was recorded is in \
                             the log, and a restart goes on from there".to_owned(),
            () = folding => "a thread that folds the log into views broke down, which is a defect; a restart folds on \
                             from where they are".to_owned(),
        };
        tracing::error!(reason, "this process ends");
        sender.send_replace(Some(reason.into()));
        // Whoever asks later is told as well.
        std::future::pending::<()>().await;
    });
    receiver
}

/// Where clients are sent to reach this server; empty if that cannot be told from where it listens.
fn advertised(config: &Config, nats: &NatsSection, address: SocketAddr) -> String {
    match &nats.advertise {
        Some(advertised) => advertised.clone(),
        None if address.ip().is_unspecified() => {
            tracing::warn!("[nats] advertise is missing: a standby cannot tell clients where this server is");
            String::new()
        }
        None => format!("{}://{address}", if config.tls.is_some() { "https" } else { "http" }),
    }
}

/// Tells gRPC health whether statements are taken: not while another registrar takes them, nor once
/// this one is halted.
fn watch_registrar(registrar: &Arc<Registrar>, health: HealthReporter) -> JoinHandle<()> {
    let (mut halt, mut leadership) = (registrar.watch_halt(), registrar.watch_leadership());
    tokio::spawn(async move {
        loop {
            let (halted, active) =
                (halt.borrow_and_update().is_some(), *leadership.borrow_and_update() == Leadership::Active);
            match active && !halted {
                true => health.set_serving::<RegistrationServiceServer<RegistrationHandler>>().await,
                false => health.set_not_serving::<RegistrationServiceServer<RegistrationHandler>>().await,
            }
            if halted {
                health.set_service_status("", ServingStatus::NotServing).await;
            }
            let changed = tokio::select! {
                changed = halt.changed() => changed,
                changed = leadership.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    })
}

/// Tells gRPC health whether a view answers: serving, or not while it is being built or once it is
/// halted.
fn watch(view: &ViewSpec, reader: &ViewReader, health: HealthReporter) -> JoinHandle<()> {
    let service = view.service;
    let mut position = reader.watch();
    tokio::spawn(async move {
        let mut told = None;
        loop {
            let status = match position.borrow_and_update().health {
                Health::Following => ServingStatus::Serving,
                Health::Building { .. } | Health::Halted { .. } => ServingStatus::NotServing,
            };
            if told.replace(status) != Some(status) {
                health.set_service_status(service, status).await;
            }
            if position.changed().await.is_err() {
                return;
            }
        }
    })
}

/// The directory of the anchor.
fn anchor_directory(config: &Config) -> PathBuf {
    let anchor = config.anchor();
    let parent = anchor.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

fn random() -> RandomBytes {
    Arc::new(|| {
        let mut bytes = [0; 10];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    })
}
