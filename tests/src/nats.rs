//! Real NATS servers for the tests: one node, three of them, and a relay that cuts a client off.
//!
//! What is started is the server's own binary and never a wrapper, so a signal hits the server itself. It keeps its ports
//! over a restart: they lie below the range from which the system hands out ports by itself. Every server is killed when
//! its value is dropped.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

mod cluster;
mod damage;
mod relay;

pub use cluster::NatsCluster;
pub use relay::Relay;

/// The oldest version that has what the log needs.
const OLDEST: (u32, u32) = (2, 10);

/// How long a server may take until JetStream answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often other ports are tried.
const ATTEMPTS: usize = 5;

/// The server's binary: `PROBITY_NATS_SERVER`, or `nats-server` on the path if it is new enough, or the one that `./test`
/// installs.
pub fn nats_server() -> Result<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    if let Some(path) = std::env::var_os("PROBITY_NATS_SERVER") {
        return Ok(path.into());
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/nats-server");
    let candidates = [PathBuf::from("nats-server"), installed];
    let found = FOUND.get_or_init(|| candidates.into_iter().find(|path| version(path).is_some_and(|is| is >= OLDEST)));
    found.clone().context(
        "no nats-server of 2.10 or later: ./test installs one into target/venv, PROBITY_NATS_SERVER names another",
    )
}

/// What it says of itself: `nats-server: v2.15.1`.
fn version(server: &Path) -> Option<(u32, u32)> {
    let output = Command::new(server).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let mut numbers = said.trim().rsplit('v').next()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A port that nobody listens on, below those that the system gives to outgoing connections.
pub fn free_port() -> Result<u16> {
    for _ in 0..200 {
        let port = rand::random_range(12_000..32_000);
        if TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port")
}

/// What the monitoring port answers with status 200 to `path`.
fn ask(port: u16, path: &str) -> Result<String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    connection.set_read_timeout(Some(Duration::from_secs(2)))?;
    // With HTTP/1.0 the answer ends where the connection does.
    write!(connection, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("{path}: {status}: {body}");
    }
    Ok(body.to_owned())
}

/// Asks again and again until it is so; the last error says what was still missing.
fn wait_for<T>(patience: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let until = Instant::now() + patience;
    loop {
        match attempt() {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Whether signal `name` reached process `id`.
fn signal(name: &str, id: u32) -> Result<()> {
    let status = Command::new("kill").args(["-s", name, &id.to_string()]).status()?;
    if !status.success() {
        bail!("no process {id} to send SIG{name} to");
    }
    Ok(())
}

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct NatsSetup {
    directory: Option<PathBuf>,
    lazy_sync: bool,
    extra: String,
    file: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl NatsSetup {
    /// JetStream in a temporary directory, each message synced, no permissions.
    pub fn new() -> Self {
        Self::default()
    }

    /// In this directory, which stays when the server is dropped. Three nodes make a directory each in it.
    #[must_use]
    pub fn in_directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Without `sync_interval: always`: what is acknowledged may not be on the disk yet.
    #[must_use]
    pub fn with_lazy_sync(mut self) -> Self {
        self.lazy_sync = true;
        self
    }

    /// More of the configuration file: an `authorization` or `accounts` block, for example.
    #[must_use]
    pub fn with_lines(mut self, lines: &str) -> Self {
        self.extra.push_str(lines);
        self.extra.push('\n');
        self
    }

    /// One node with this very file, and what it includes from its directory; only its ports and `store_dir` are replaced.
    #[must_use]
    pub fn with_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// With a variable that the file names.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts one node and waits until JetStream answers.
    pub fn start(&self) -> Result<NatsServer> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let ports = Ports::choose()?;
            match NatsServer::start_node(self, "n1", ports, "") {
                Ok(mut server) => match server.wait_until_ready() {
                    Ok(()) => return Ok(server),
                    Err(error) => last = Some(error),
                },
                Err(error) => return Err(error),
            }
            if !last.as_ref().is_some_and(is_port_taken) {
                break;
            }
        }
        Err(last.context("no attempt was made")?)
    }

    /// Starts three nodes and waits until they have a leader.
    pub fn start_cluster(&self) -> Result<NatsCluster> {
        NatsCluster::start_with(self)
    }
}

/// Whether starting failed because somebody else took the port in between.
fn is_port_taken(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("address already in use")
}

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
struct Ports {
    client: u16,
    monitoring: u16,
    route: u16,
}

impl Ports {
    fn choose() -> Result<Self> {
        Ok(Self { client: free_port()?, monitoring: free_port()?, route: free_port()? })
    }
}

/// The configuration of a node of our own; its ports are arguments.
fn written(setup: &NatsSetup, name: &str, directory: &Path, cluster: &str) -> String {
    let sync = if setup.lazy_sync { "" } else { "sync_interval: always" };
    let store = directory.join("store");
    let extra = &setup.extra;
    format!(
        "server_name: {name}\nhost: \"127.0.0.1\"\njetstream {{\n  store_dir: {store:?}\n  {sync}\n}}\n{cluster}\n{extra}"
    )
}

/// A given configuration with another `store_dir`; what lies beside it comes along, as it may be included.
fn adapted(file: &Path, directory: &Path) -> Result<String> {
    let beside = file.parent().context("a file without a directory")?;
    for entry in std::fs::read_dir(beside)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), directory.join(entry.file_name()))?;
        }
    }
    let text = std::fs::read_to_string(file)?;
    let (before, rest) = text.split_once("store_dir: \"").context("the file names no store_dir")?;
    let (_, after) = rest.split_once('"').context("store_dir without an end")?;
    Ok(format!("{before}store_dir: {:?}{after}\n", directory.join("store")))
}

/// One running `nats-server` on loopback.
#[derive(Debug)]
pub struct NatsServer {
    child: Option<Child>,
    directory: PathBuf,
    ports: Ports,
    environment: Vec<(String, String)>,
    // Removed after the server is gone.
    _home: Option<TempDir>,
}

impl NatsServer {
    /// One node with JetStream, each message synced, no permissions.
    pub fn start() -> Result<Self> {
        NatsSetup::new().start()
    }

    /// Writes its configuration and starts the process; `cluster` is that block of the file, or nothing.
    fn start_node(setup: &NatsSetup, name: &str, ports: Ports, cluster: &str) -> Result<Self> {
        let (home, directory) = match &setup.directory {
            Some(directory) => (None, directory.clone()),
            None => {
                let home = tempfile::tempdir()?;
                let directory = home.path().to_owned();
                (Some(home), directory)
            }
        };
        std::fs::create_dir_all(&directory)?;
        let configuration = match &setup.file {
            None => written(setup, name, &directory, cluster),
            Some(file) => adapted(file, &directory)? + &setup.extra,
        };
        std::fs::write(directory.join("nats.conf"), configuration)?;
        let environment = setup.environment.clone();
        let mut server = Self { child: None, directory, ports, environment, _home: home };
        server.spawn()?;
        Ok(server)
    }

    fn spawn(&mut self) -> Result<()> {
        let said = File::options().create(true).append(true).open(self.said())?;
        let binary = nats_server()?;
        let mut command = Command::new(&binary);
        command.arg("-c").arg(self.directory.join("nats.conf"));
        command.args(["-p", &self.ports.client.to_string(), "-m", &self.ports.monitoring.to_string()]);
        command.arg("--ports_file_dir").arg(&self.directory);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        self.child = Some(command.spawn().with_context(|| format!("cannot start {}", binary.display()))?);
        Ok(())
    }

    /// Waits until this very process listens and has JetStream; with its last words if it ends.
    fn wait_until_ready(&mut self) -> Result<()> {
        // Another server may answer on a port that was taken meanwhile; this file only ours writes.
        let program = nats_server()?;
        let program = program.file_name().unwrap_or_default().to_string_lossy();
        let listening = self.directory.join(format!("{program}_{}.ports", self.id()?));
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.as_mut().context("not running")?.try_wait()? {
                bail!("nats-server ended ({status}): {}", self.last_words());
            }
            if listening.is_file() && ask(self.ports.monitoring, "/healthz?js-enabled-only=true").is_ok() {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("nats-server is not ready after {PATIENCE:?}: {}", self.last_words());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where everything it says goes.
    fn said(&self) -> PathBuf {
        self.directory.join("stderr.log")
    }

    /// The last lines that it wrote.
    pub fn last_words(&self) -> String {
        let said = std::fs::read_to_string(self.said()).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// For clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports.client)
    }

    /// The port for clients, to put a relay before it.
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// The address of its monitoring endpoints.
    pub fn monitoring(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.monitoring)
    }

    /// What a monitoring endpoint answers: `/jsz`, for example.
    pub fn ask(&self, path: &str) -> Result<serde_json::Value> {
        Ok(serde_json::from_str(&ask(self.ports.monitoring, path)?)?)
    }

    /// Where it keeps its streams.
    pub fn store_dir(&self) -> PathBuf {
        self.directory.join("store").join("jetstream")
    }

    /// The process id while it runs.
    pub fn id(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("the NATS server is not running")?.id())
    }

    /// Whether it was started and neither killed nor stopped.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Kills it as a power failure would (SIGKILL) and waits until it is gone. Nothing if it does not run.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits. Nothing if it does not run.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            signal("TERM", child.id())?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts it again, same ports and same store; kills it before if it still runs.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.spawn()?;
        self.wait_until_ready()
    }

    /// Halts the process without ending it (SIGSTOP): connections stay, nothing is answered.
    pub fn pause(&self) -> Result<()> {
        let id = self.id()?;
        signal("STOP", id)?;
        // The signal is on its way then; some thread may still answer.
        wait_for(Duration::from_secs(2), || {
            for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
                let stat = std::fs::read_to_string(thread?.path().join("stat"))?;
                if !stat.rsplit(')').next().unwrap_or_default().starts_with(" T") {
                    bail!("process {id} is not halted");
                }
            }
            Ok(())
        })
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        signal("CONT", self.id()?)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // Nobody is left to tell if it fails.
        drop(self.kill());
    }
}
