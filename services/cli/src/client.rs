//! The way from a command to a server.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use probity_client::RegistrationClient;
use probity_proto::v1;
use probity_proto::v1::audit_service_client::AuditServiceClient;
use probity_proto::v1::compliance_service_client::ComplianceServiceClient;
use probity_proto::v1::inventory_service_client::InventoryServiceClient;
use probity_proto::v1::lineage_service_client::LineageServiceClient;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_schemas::{Event, Subject};
use probity_statement::{LedgerKeys, SignedStatement};
use tonic::Code;
use tonic::transport::{self, Certificate, Channel, ClientTlsConfig, Endpoint, Identity as TlsIdentity};

use crate::copies;
use crate::own_writes;
use crate::pins::{self, Pin};

/// Messages may hold 4,096 statements of at most 64 KiB; this is what a client lets in.
const MAX_MESSAGE: usize = 64 << 20;

/// Where the server is and how to speak to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// Address of the server; https for TLS. Of a ledger with two servers give both, separated by a
    /// comma.
    #[arg(long, env = "PROBITY_SERVER", default_value = "http://127.0.0.1:7170", global = true)]
    pub(crate) server: String,
    /// PEM certificates of the authority that the server's certificate comes from.
    #[arg(long, env = "PROBITY_CA", value_name = "PEM", global = true)]
    pub(crate) ca: Option<PathBuf>,
    /// PEM client certificate chain.
    #[arg(long, env = "PROBITY_CLIENT_CERT", value_name = "PEM", requires = "client_key", global = true)]
    pub(crate) client_cert: Option<PathBuf>,
    /// PEM private key of the client certificate.
    #[arg(long, env = "PROBITY_CLIENT_KEY", value_name = "PEM", requires = "client_cert", global = true)]
    pub(crate) client_key: Option<PathBuf>,
    /// The ledger that is meant: the hash of its founding statement, as `probity init` prints it.
    /// Without it, the one that was at this address before.
    #[arg(long, env = "PROBITY_PIN", value_name = "HASH", global = true)]
    pub(crate) pin: Option<String>,
    /// Ask the ledger in this data directory, or in a copy of one, instead of a server. Nothing in it is
    /// changed, and nothing can be recorded in it.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) ledger: Option<PathBuf>,
    /// Whether the ledger is of this very process, so that there is nothing to remember of it.
    #[arg(skip)]
    pub(crate) is_own: bool,
}

/// A connection to a server and the ledger behind it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Finds the active server by itself; everything else is read from the first server that could
    /// be reached.
    pub(crate) registration: RegistrationClient,
    /// The ledger, whose founding statement was checked and is the pinned one.
    ledger: LedgerKeys,
    /// The leaf hash of that statement; none for a ledger of this very process, of which nothing is
    /// remembered.
    founding: Option<String>,
    /// How many statements hold what was recorded from here.
    recorded: u64,
    /// The door of the server that was reached, for asking what it would say.
    pub(crate) door: RegistrationServiceClient<Channel>,
    pub(crate) log: LogServiceClient<Channel>,
    pub(crate) inventory: InventoryServiceClient<Channel>,
    pub(crate) audit: AuditServiceClient<Channel>,
    pub(crate) lineage: LineageServiceClient<Channel>,
    pub(crate) compliance: ComplianceServiceClient<Channel>,
}

impl ServerArgs {
    /// A server of this very process.
    pub(crate) fn of_own(server: String) -> Self {
        Self { server, ca: None, client_cert: None, client_key: None, pin: None, ledger: None, is_own: true }
    }

    /// Connects to the first server that can be reached.
    pub(crate) async fn connect(&self) -> Result<Client> {
        if let Some(directory) = &self.ledger {
            return self.ask_copy(directory).await;
        }
        let mut addresses: Vec<&str> = self.server.split(',').map(str::trim).collect();
        let configure = self.configure(&addresses)?;
        // Every address is looked at before one is used.
        RegistrationClient::configured(&addresses, configure.clone())?;
        let (reached, channel) = reach(&addresses, &configure).await?;
        // The server that was reached is asked first; the others may be down.
        addresses[..=reached].rotate_right(1);
        let mut log = LogServiceClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let (ledger, founding) = ledger_of(&mut log).await.map_err(|error| self.explain(addresses[0], error))?;
        let found = Pin { origin: ledger.origin.to_string(), founding };
        if !self.is_own {
            pins::check(addresses[0], &found, self.pin.as_deref())?;
        }
        let founding = Some(found.founding).filter(|_| !self.is_own);
        let registration = RegistrationClient::configured(&addresses, configure)?.pinned(ledger.clone());
        Ok(Client::new(registration, ledger, log, channel).of_ledger(founding))
    }

    /// Asks a copy of a ledger's files.
    async fn ask_copy(&self, directory: &Path) -> Result<Client> {
        let channel = copies::open(directory.to_owned()).await?;
        let mut log = LogServiceClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let (ledger, founding) = ledger_of(&mut log).await?;
        let found = Pin { origin: ledger.origin.to_string(), founding };
        pins::matches_pin(&directory.display().to_string(), &found, self.pin.as_deref())?;
        // A copy takes no statements; commands that record are refused before they come here.
        let registration = RegistrationClient::new([copies::NOWHERE])?;
        Ok(Client::new(registration, ledger, log, channel))
    }

    /// How a connection to any of the servers is made.
    fn configure(&self, addresses: &[&str]) -> Result<impl ConfigureEndpoint + use<>> {
        let tls = addresses.iter().any(|address| address.starts_with("https:")).then(|| self.tls()).transpose()?;
        Ok(move |endpoint: Endpoint| {
            let endpoint = endpoint.connect_timeout(Duration::from_secs(5));
            match &tls {
                Some(tls) if endpoint.uri().scheme_str() == Some("https") => endpoint.tls_config(tls.clone()),
                _ => Ok(endpoint),
            }
        })
    }

    /// Says what to do where TLS is why a server that was reached gives no answer. A server says what it
    /// misses of a client only after the client takes the connection for made.
    fn explain(&self, address: &str, error: anyhow::Error) -> anyhow::Error {
        let lost = error.downcast_ref::<tonic::Status>().is_some_and(|status| status.source().is_some());
        if !address.starts_with("https:") || !lost {
            return match error.downcast::<tonic::Status>() {
                Ok(status) => failed(status),
                Err(error) => error,
            };
        }
        let cause = root_cause(error.as_ref());
        match &self.client_cert {
            None => anyhow!(
                "the server at {address} gave no answer ({cause}). It asks clients for a certificate: give --client-cert \
                 and --client-key"
            ),
            Some(path) => anyhow!(
                "the server at {address} gave no answer ({cause}). Does it know the authority of the client certificate \
                 {} ([tls] client_ca), and is that certificate still valid?",
                path.display()
            ),
        }
    }

    fn tls(&self) -> Result<ClientTlsConfig> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let mut tls = ClientTlsConfig::new();
        if let Some(path) = &self.ca {
            tls = tls.ca_certificate(Certificate::from_pem(read(path)?));
        }
        if let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) {
            tls = tls.identity(TlsIdentity::from_pem(read(certificate)?, read(key)?));
        }
        Ok(tls)
    }
}

/// Makes a connection as the arguments say.
trait ConfigureEndpoint: Fn(Endpoint) -> Result<Endpoint, transport::Error> + Clone + Send + Sync + 'static {}

impl<F: Fn(Endpoint) -> Result<Endpoint, transport::Error> + Clone + Send + Sync + 'static> ConfigureEndpoint for F {}

/// The ledger behind a connection: its keys from its founding statement, whose own signature is
/// checked, and the leaf hash of that statement in hexadecimal.
async fn ledger_of(log: &mut LogServiceClient<Channel>) -> Result<(LedgerKeys, String)> {
    let ledger = log.get_ledger(v1::GetLedgerRequest {}).await?.into_inner();
    let founding = SignedStatement::parse(ledger.founding_statement).context("the founding statement")?;
    let hash = founding.leaf_hash().to_string();
    Ok((LedgerKeys::from_founding(&founding).context("the founding statement")?, hash))
}

/// Connects to the first of these that can be reached, and says which it is.
async fn reach(addresses: &[&str], configure: &impl ConfigureEndpoint) -> Result<(usize, Channel)> {
    let mut failures = Vec::new();
    for (place, address) in addresses.iter().enumerate() {
        match configure(Endpoint::from_shared((*address).to_owned())?)?.connect().await {
            Ok(channel) => return Ok((place, channel)),
            Err(error) => failures.push(format!("at {address}: {}", root_cause(&error))),
        }
    }
    Err(anyhow!("cannot reach a server {}. Is `probity serve` running there?", failures.join("; ")))
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Turns a failed call into an error that says what the server said.
pub(crate) fn failed(status: tonic::Status) -> anyhow::Error {
    anyhow!("the server answered {:?}: {}", status.code(), status.message())
}

impl Client {
    fn new(
        registration: RegistrationClient,
        ledger: LedgerKeys,
        log: LogServiceClient<Channel>,
        channel: Channel,
    ) -> Self {
        Self {
            registration,
            ledger,
            founding: None,
            recorded: 0,
            log,
            door: RegistrationServiceClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE),
            inventory: InventoryServiceClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE),
            audit: AuditServiceClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE),
            lineage: LineageServiceClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE),
            compliance: ComplianceServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE),
        }
    }

    /// Of the ledger that this statement founded: what was recorded in it from here is remembered.
    fn of_ledger(mut self, founding: Option<String>) -> Self {
        self.recorded = founding.as_deref().map_or(0, own_writes::size);
        self.founding = founding;
        self
    }

    /// The ledger's origin and public keys, as it was founded with.
    pub(crate) fn ledger(&self) -> &LedgerKeys {
        &self.ledger
    }

    /// How many statements an answer must take into account at least, to hold what was recorded from
    /// here.
    pub(crate) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Keeps that so many statements hold what was recorded.
    pub(crate) fn remember(&mut self, tree_size: u64) {
        self.recorded = self.recorded.max(tree_size);
        if let Some(founding) = &self.founding {
            own_writes::remember(founding, tree_size);
        }
    }

    /// Waits until every view that this server answers from has taken in so many statements, for as long
    /// as they make progress.
    pub(crate) async fn wait_for_views(&mut self, min_tree_size: u64) -> Result<()> {
        let models = v1::ListModelsRequest { min_tree_size, page_size: 1, ..v1::ListModelsRequest::default() };
        let events = v1::ListEventsRequest { min_tree_size, page_size: 1, ..v1::ListEventsRequest::default() };
        let questions = v1::ListQuestionsRequest { min_tree_size, ..v1::ListQuestionsRequest::default() };
        let node = Subject::this_ledger().to_string();
        let walk =
            v1::WalkRequest { node, direction: "upstream".to_owned(), min_tree_size, ..v1::WalkRequest::default() };
        taken_in(async || self.inventory.list_models(models.clone()).await).await?;
        taken_in(async || self.audit.list_events(events.clone()).await).await?;
        taken_in(async || self.compliance.list_questions(questions.clone()).await).await?;
        taken_in(async || self.lineage.walk(walk.clone()).await).await
    }

    /// Records statements in one call at the active server and returns a result for each.
    pub(crate) async fn register(&self, statements: &[SignedStatement]) -> Result<Vec<v1::RegisterResult>> {
        let submission = |statement: &SignedStatement| v1::Submission {
            statement: statement.bytes().clone(),
            expected_revision: None,
        };
        Ok(self.registration.register(statements.iter().map(submission).collect()).await?)
    }
}

/// Asks a view until it has taken in what is asked for. One that is not served here, that this caller
/// may not ask, or that knows no such thing, is no reason to wait.
///
/// A server waits some seconds before it says how far the view is. A view that has come further by then
/// is asked again.
async fn taken_in<T>(mut ask: impl AsyncFnMut() -> Result<tonic::Response<T>, tonic::Status>) -> Result<()> {
    let mut behind = String::new();
    loop {
        let Err(status) = ask().await else { return Ok(()) };
        match status.code() {
            Code::Unimplemented | Code::NotFound | Code::PermissionDenied | Code::Unauthenticated => return Ok(()),
            // The message says how many statements the view has taken in.
            Code::DeadlineExceeded if status.message() != behind => status.message().clone_into(&mut behind),
            _ => return Err(failed(status)),
        }
    }
}

/// What an event is in one line.
pub(crate) fn headline(event: &Event) -> String {
    match &event.title {
        Some(title) => format!("{} {} — {title}", event.event_type(), event.subject),
        None => format!("{} {}", event.event_type(), event.subject),
    }
}
