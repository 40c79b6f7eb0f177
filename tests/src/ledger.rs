//! A throw-away ledger and the real server over it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

/// Founds a ledger in `directory` with the real binary; public key files are left beside it. `recovery` is how many of
/// these keys have to sign.
pub fn found(directory: &Path, administrators: &[Signer], recovery: Option<(u32, &[Signer])>) -> Result<()> {
    let beside = |name: String, signer: &Signer| -> Result<PathBuf> {
        let path = directory.with_file_name(name);
        std::fs::write(&path, format!("identity: {}\n{}", signer.identity, signer.key.public().to_pem()?))?;
        Ok(path)
    };
    let mut command = Command::new(binary()?);
    command.arg("init").arg(directory).args(["--origin", ORIGIN]);
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
}

impl TestLedger {
    /// Founds a ledger with the real binary.
    pub fn found() -> Result<Self> {
        Self::found_in(tempfile::tempdir()?)
    }

    /// The same in an empty directory that the caller chose.
    pub fn found_in(home: TempDir) -> Result<Self> {
        let administrator = Signer::person()?;
        found(&home.path().join("ledger"), std::slice::from_ref(&administrator), None)?;
        Ok(Self { home, administrator })
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
        Server::start(&self.directory(), environment)
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
}

impl Server {
    /// Starts the real binary and waits until it says where it listens.
    pub fn start(directory: &Path, environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.arg("serve").arg(directory).args(["--listen", "127.0.0.1:0"]).envs(environment.iter().copied());
        Self::spawn(command)
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
        Ok(Self { address: format!("http://127.0.0.1:{port}"), child })
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

    /// The write side.
    pub async fn registration(&self) -> Result<RegistrationServiceClient<Channel>> {
        Ok(RegistrationServiceClient::new(self.channel().await?).max_decoding_message_size(MAX_MESSAGE))
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
