//! A throw-away ledger and the real server over it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use probity_proto::v1;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_schemas::Identity;
use probity_statement::{LedgerKeys, SignedStatement};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::nats::{NatsCluster, NatsServer};
use crate::people::{Signer, enrolment, granting};

/// The origin of all test ledgers.
pub const ORIGIN: &str = "ledger.test/models";

/// The most a message may hold.
const MAX_MESSAGE: usize = 64 << 20;

/// The real binary: `PROBITY_BIN`, or the one built beside this program.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PROBITY_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let found = own.ancestors().skip(1).map(|dir| dir.join("probity")).find(|path| path.is_file());
    found.with_context(|| format!("no `probity` binary beside {}; run: cargo build -p probity", own.display()))
}

/// A command of the real binary that remembers no ledger which another test served at the same address.
///
/// # Panics
/// There is no binary.
#[allow(clippy::expect_used, reason = "a test fails by panicking, its helpers too")]
pub fn command() -> Command {
    static STATES: OnceLock<TempDir> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let states = STATES.get_or_init(|| tempfile::tempdir().expect("a temporary directory"));
    let state = states.path().join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
    let mut command = Command::new(binary().expect("the real binary"));
    command.env("PROBITY_STATE", state);
    command
}

/// Founds a ledger in `directory` with the real binary; public key files are left beside it. `recovery` is how many of
/// these keys have to sign.
pub fn found(directory: &Path, administrators: &[Signer], recovery: Option<(u32, &[Signer])>) -> Result<()> {
    found_with(directory, administrators, recovery, &[])
}

/// The same with further arguments.
fn found_with(
    directory: &Path,
    administrators: &[Signer],
    recovery: Option<(u32, &[Signer])>,
    arguments: &[String],
) -> Result<()> {
    let beside = |name: String, signer: &Signer| -> Result<PathBuf> {
        let path = directory.with_file_name(name);
        signer.write_public_key(&path)?;
        Ok(path)
    };
    let mut command = Command::new(binary()?);
    command.arg("init").arg(directory).args(["--origin", ORIGIN]).args(arguments);
    if administrators.len() == 1 {
        command.arg("--single-administrator");
    }
    for (number, administrator) in administrators.iter().enumerate() {
        command.arg("--administrator").arg(beside(format!("administrator-{number}.pub"), administrator)?);
    }
    if let Some((threshold, keys)) = recovery {
        command.arg("--recovery-threshold").arg(threshold.to_string());
        for (number, key) in keys.iter().enumerate() {
            command.arg("--recovery-key").arg(beside(format!("recovery-{number}.pub"), key)?);
        }
    }
    let output = command.output()?;
    if !output.status.success() {
        bail!("probity init failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A ledger in a directory of its own, with one administrator.
#[derive(Debug)]
pub struct TestLedger {
    /// Where everything is; removed when this is dropped.
    pub home: TempDir,
    /// Who may enrol others.
    pub administrator: Signer,
    /// Where its blocks go besides its files.
    pub carrier: Carrier,
}

/// Where the blocks of a ledger go besides its own files.
#[derive(Debug)]
pub enum Carrier {
    /// Nowhere.
    Files,
    /// To a NATS server of its own.
    Nats(NatsServer),
    /// To three NATS servers of its own.
    Cluster(NatsCluster),
}

impl Carrier {
    /// What `PROBITY_TEST_CARRIER` says: `nats`, `nats3`, or nothing. This is how suites that were written for files run
    /// on NATS.
    pub fn asked_for() -> Result<Self> {
        match std::env::var("PROBITY_TEST_CARRIER").as_deref() {
            Err(_) | Ok("files") => Ok(Self::Files),
            Ok("nats") => Ok(Self::Nats(NatsServer::start()?)),
            Ok("nats3") => Ok(Self::Cluster(NatsCluster::start()?)),
            Ok(other) => bail!("PROBITY_TEST_CARRIER is {other:?}; it may be files, nats or nats3"),
        }
    }

    /// The addresses of the servers.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Files => None,
            Self::Nats(server) => Some(server.url()),
            Self::Cluster(cluster) => Some(cluster.url()),
        }
    }

    fn founding_arguments(&self) -> Vec<String> {
        let Some(url) = self.url() else { return Vec::new() };
        let replicas = if matches!(self, Self::Cluster(_)) { "3" } else { "1" };
        ["--nats", &url, "--replicas", replicas].map(str::to_owned).to_vec()
    }

    /// The section of a configuration file, empty without NATS.
    pub fn section(&self) -> String {
        self.url().map_or(String::new(), |url| format!("[nats]\nurl = {url:?}\n"))
    }
}

impl TestLedger {
    /// Founds a ledger with the real binary.
    pub fn found() -> Result<Self> {
        Self::found_in(tempfile::tempdir()?)
    }

    /// The same in an empty directory that the caller chose.
    pub fn found_in(home: TempDir) -> Result<Self> {
        Self::found_on(home, Carrier::asked_for()?)
    }

    /// The same with blocks that go there too.
    pub fn found_on(home: TempDir, carrier: Carrier) -> Result<Self> {
        let administrator = Signer::person()?;
        let arguments = carrier.founding_arguments();
        found_with(&home.path().join("ledger"), std::slice::from_ref(&administrator), None, &arguments)?;
        Ok(Self { home, administrator, carrier })
    }

    /// The audience of its statements.
    pub fn origin(&self) -> &'static str {
        ORIGIN
    }

    /// The data directory.
    pub fn directory(&self) -> PathBuf {
        self.home.path().join("ledger")
    }

    /// Starts the real server on a free port, with `environment` on top of ours.
    pub fn serve(&self, environment: &[(&str, &str)]) -> Result<Server> {
        Server::on(&self.directory(), self.carrier.url().as_deref(), &[], environment)
    }

    /// Makes the data directory `name` of another registrar of the same ledger.
    pub fn another_registrar(&self, name: &str) -> Result<PathBuf> {
        let keys = self.directory().join("keys");
        self.another(name, &["--origin-keys".as_ref(), keys.as_os_str()])
    }

    /// Makes the data directory `name` of a process that only follows.
    pub fn another_follower(&self, name: &str, founding_leaf_hash: &str) -> Result<PathBuf> {
        self.another(name, &["--follow", founding_leaf_hash, "--origin", ORIGIN].map(AsRef::as_ref))
    }

    fn another(&self, name: &str, arguments: &[&std::ffi::OsStr]) -> Result<PathBuf> {
        let directory = self.home.path().join(name);
        let url = self.carrier.url().context("another process takes part on NATS only")?;
        let output =
            Command::new(binary()?).arg("init").arg(&directory).args(arguments).args(["--nats", &url]).output()?;
        if !output.status.success() {
            bail!("probity init failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(directory)
    }

    /// Enrols a signer and gives it roles in all namespaces.
    pub async fn enrol(&self, server: &Server, signer: &Signer, roles: &[&str]) -> Result<()> {
        let mut client = server.registration().await?;
        let responsible = match signer.identity {
            Identity::Service(_) => vec![self.administrator.identity.clone()],
            _ => Vec::new(),
        };
        let mut events = vec![enrolment(signer, ORIGIN, &responsible)?];
        events.extend(roles.iter().map(|role| granting(&signer.identity, role, &["*"])));
        let statements: Vec<SignedStatement> =
            events.into_iter().map(|event| self.administrator.state(event, ORIGIN)).collect::<Result<_>>()?;
        for outcome in register(&mut client, &statements).await? {
            if let Outcome::Refused(refused) = outcome {
                bail!("enrolment refused: {}", refused.message);
            }
        }
        Ok(())
    }
}

/// Records statements in one call.
pub async fn register(
    client: &mut RegistrationServiceClient<Channel>,
    statements: &[SignedStatement],
) -> Result<Vec<Outcome>> {
    let submission =
        |statement: &SignedStatement| v1::Submission { statement: statement.bytes().clone(), expected_revision: None };
    let submissions = statements.iter().map(submission).collect();
    let response = client.register(v1::RegisterRequest { submissions }).await?.into_inner();
    response.results.into_iter().map(|result| result.result.context("an empty result")).collect()
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// Whether it may be a standby at first.
    pub(crate) shares: bool,
}

impl Server {
    /// Starts the real binary and waits until it says where it listens.
    pub fn start(directory: &Path, environment: &[(&str, &str)]) -> Result<Self> {
        Self::on(directory, None, &[], environment)
    }

    /// The same with NATS at `nats`, and further arguments.
    pub fn on(directory: &Path, nats: Option<&str>, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.arg("serve").arg(directory).args(["--listen", "127.0.0.1:0"]).args(arguments);
        command.args(nats.iter().flat_map(|url| ["--nats", url])).envs(environment.iter().copied());
        let mut server = Self::spawn(command)?;
        server.shares = nats.is_some();
        Ok(server)
    }

    /// Starts the real binary with a configuration file.
    pub fn with_config(config: &Path) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.arg("serve").arg("--config").arg(config);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Result<Self> {
        let mut child = command
            .env("PROBITY_LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(port) = line.trim_end().rsplit(':').next().filter(|_| !line.is_empty()) else {
            let output = child.wait_with_output()?;
            bail!("probity serve ended ({}): {}", output.status, String::from_utf8_lossy(&output.stderr));
        };
        Ok(Self { address: format!("http://127.0.0.1:{port}"), child, shares: false })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A connection.
    pub async fn channel(&self) -> Result<Channel> {
        let endpoint = Endpoint::from_shared(self.address.clone())?
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .connect_timeout(Duration::from_secs(5));
        Ok(endpoint.connect().await?)
    }

    /// The write side; on NATS, once it is the active one.
    pub async fn registration(&self) -> Result<RegistrationServiceClient<Channel>> {
        let mut client = RegistrationServiceClient::new(self.channel().await?).max_decoding_message_size(MAX_MESSAGE);
        let mut attempts = if self.shares { 600 } else { 0 };
        while attempts > 0 {
            match client.register(v1::RegisterRequest { submissions: Vec::new() }).await {
                Err(status) if status.message().contains("standby") => attempts -= 1,
                _ => break,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(client)
    }

    /// Stops it where it stands (SIGSTOP), and lets it go on.
    pub fn pause(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Lets a paused one go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status()?;
        if !status.success() {
            bail!("kill {signal}: {status}");
        }
        Ok(())
    }

    /// The log.
    pub async fn log(&self) -> Result<LogServiceClient<Channel>> {
        Ok(LogServiceClient::new(self.channel().await?).max_decoding_message_size(MAX_MESSAGE))
    }

    /// The ledger's public keys, as its founding statement names them.
    pub async fn keys(&self) -> Result<LedgerKeys> {
        let ledger = self.log().await?.get_ledger(v1::GetLedgerRequest {}).await?.into_inner();
        Ok(LedgerKeys::from_founding(&SignedStatement::parse(ledger.founding_statement)?)?)
    }

    /// Kills it as a power failure would (SIGKILL) and waits until it is gone.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits; returns its exit code and what it said on standard error.
    pub fn stop(mut self) -> Result<(Option<i32>, String)> {
        let id = self.child.id().to_string();
        Command::new("kill").arg(&id).status()?;
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut said)?;
        }
        Ok((self.child.wait()?.code(), said))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone if it was stopped or killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
