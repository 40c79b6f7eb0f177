//! Three NATS servers that replicate among each other, to lose one of them.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use super::{ATTEMPTS, NatsServer, NatsSetup, Ports, is_port_taken, wait_for};

/// How long an election may take: the server draws its time-out from 4 to 9 seconds, and a first one may be split.
const ELECTION: Duration = Duration::from_secs(40);

/// Three nodes, `n1` to `n3`, numbered from 0 here.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<NatsServer>,
    paused: Vec<bool>,
    // Removed after the servers are gone.
    _home: Option<TempDir>,
}

impl NatsCluster {
    /// Three nodes with JetStream, each message synced, no permissions.
    pub fn start() -> Result<Self> {
        NatsSetup::new().start_cluster()
    }

    pub(super) fn start_with(setup: &NatsSetup) -> Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::attempt(setup) {
                Err(error) if attempt < ATTEMPTS && is_port_taken(&error) => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    fn attempt(setup: &NatsSetup) -> Result<Self> {
        let (home, directory) = match &setup.directory {
            Some(directory) => (None, directory.clone()),
            None => {
                let home = tempfile::tempdir()?;
                let directory = home.path().to_owned();
                (Some(home), directory)
            }
        };
        let ports = [Ports::choose()?, Ports::choose()?, Ports::choose()?];
        let routes: Vec<String> = ports.iter().map(|ports| format!("\"nats://127.0.0.1:{}\"", ports.route)).collect();
        let mut cluster = Self { nodes: Vec::new(), paused: vec![false; ports.len()], _home: home };
        for (number, ports) in ports.into_iter().enumerate() {
            let name = format!("n{}", number + 1);
            // Not advertised: a client behind a relay must not learn the way around it.
            let block = format!(
                "cluster {{\n  name: probity-tests\n  listen: \"127.0.0.1:{}\"\n  no_advertise: true\n  routes: [{}]\n}}",
                ports.route,
                routes.join(", "),
            );
            let node = setup.clone().in_directory(&directory.join(&name));
            cluster.nodes.push(NatsServer::start_node(&node, &name, ports, &block)?);
        }
        for node in &mut cluster.nodes {
            node.wait_until_ready()?;
        }
        cluster.wait_until_led()?;
        // For a moment the leader refuses to place a stream, as it has not heard yet how much room the others have, and a
        // node that does not know the leader's node yet passes no requests on.
        for node in &cluster.nodes {
            wait_for(ELECTION, || place_a_stream(node.port()))?;
        }
        Ok(cluster)
    }

    /// Waits until every running node knows who leads all of them, and is up to date with what that one decided.
    pub fn wait_until_led(&self) -> Result<()> {
        wait_for(ELECTION, || {
            for node in self.awake().map(|number| &self.nodes[number]) {
                let said = node.ask("/jsz")?;
                if said["meta_cluster"]["leader"].as_str().is_none_or(str::is_empty) {
                    bail!("nobody leads yet: {said}");
                }
                node.ask("/healthz?js-server-only=true")?;
            }
            Ok(())
        })
    }

    /// For clients: the addresses of all nodes, with commas between.
    pub fn url(&self) -> String {
        let urls: Vec<String> = self.nodes.iter().map(NatsServer::url).collect();
        urls.join(",")
    }

    /// One node.
    pub fn node(&self, number: usize) -> &NatsServer {
        &self.nodes[number]
    }

    /// Those that can answer.
    fn awake(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|&number| self.nodes[number].is_running() && !self.paused[number])
    }

    /// The node that leads this stream now. Only what a node says of itself counts, as others may not know of an election
    /// yet; waits while there is none.
    pub fn leader_of(&self, stream: &str) -> Result<usize> {
        wait_for(ELECTION, || {
            for number in self.awake() {
                let said = self.nodes[number].ask("/jsz?accounts=true&streams=true&config=true")?;
                if stream_leader(&said, stream) == Some(&format!("n{}", number + 1)) {
                    return Ok(number);
                }
            }
            bail!("no running node leads {stream}")
        })
    }

    /// Kills a node (SIGKILL).
    pub fn kill(&mut self, number: usize) -> Result<()> {
        self.paused[number] = false;
        self.nodes[number].kill()
    }

    /// Asks a node to stop (SIGTERM).
    pub fn stop(&mut self, number: usize) -> Result<()> {
        self.resume(number)?;
        self.nodes[number].stop()
    }

    /// Starts a node again, same ports and same store; waits until it listens, not until it has caught up.
    pub fn restart(&mut self, number: usize) -> Result<()> {
        self.paused[number] = false;
        self.nodes[number].restart()
    }

    /// Halts a node without ending it (SIGSTOP).
    pub fn pause(&mut self, number: usize) -> Result<()> {
        self.nodes[number].pause()?;
        self.paused[number] = true;
        Ok(())
    }

    /// Lets a paused node go on; nothing for another.
    pub fn resume(&mut self, number: usize) -> Result<()> {
        if std::mem::take(&mut self.paused[number]) {
            self.nodes[number].resume()?;
        }
        Ok(())
    }
}

fn stream_leader<'a>(said: &'a Value, stream: &str) -> Option<&'a str> {
    let accounts = said["account_details"].as_array()?;
    let mut streams = accounts.iter().filter_map(|account| account["stream_detail"].as_array()).flatten();
    streams.find(|detail| detail["name"] == stream)?["cluster"]["leader"].as_str()
}

/// Makes a stream with three replicas and deletes it. Nothing where the server wants credentials.
fn place_a_stream(port: u16) -> Result<()> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    // A request that comes before the leader's node is known to this one is lost; it is made again.
    connection.set_read_timeout(Some(Duration::from_millis(700)))?;
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let info = lines.next().context("no greeting")??;
    let info: Value = serde_json::from_str(info.strip_prefix("INFO ").context("not a NATS server")?)?;
    if info["auth_required"] == true {
        return Ok(());
    }
    write!(connection, "CONNECT {{\"verbose\":false}}\r\nSUB probe.answer 1\r\n")?;
    let config = r#"{"name":"PROBE","subjects":["probe"],"num_replicas":3}"#;
    for (call, body) in [("CREATE", config), ("DELETE", "")] {
        write!(connection, "PUB $JS.API.STREAM.{call}.PROBE probe.answer {}\r\n{body}\r\n", body.len())?;
        while !lines.next().context("the connection ended")??.starts_with("MSG ") {}
        let answer: Value = serde_json::from_str(&lines.next().context("the connection ended")??)?;
        if let Some(error) = answer.get("error") {
            bail!("{call}: {error}");
        }
    }
    Ok(())
}
