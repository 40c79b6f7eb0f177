//! Keys that stay in ssh-agent, with the agent that OpenSSH brings.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::shell::{Ran, Shell, run};

/// An agent of OpenSSH on a socket of its own; ended when dropped.
struct Agent {
    process: Child,
    socket: String,
}

impl Agent {
    /// None, with the reason, where there is no OpenSSH.
    fn start(shell: &Shell) -> Option<Self> {
        let socket = shell.path("agent").to_str().unwrap().to_owned();
        let process = Command::new("ssh-agent")
            .args(["-D", "-a", &socket])
            .env("SSH_ASKPASS", "false")
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = process else {
            // Past the capture of passing tests' output.
            std::io::stderr().write_all(b"NOT RUN: there is no ssh-agent here\n").unwrap();
            return None;
        };
        let agent = Self { process, socket };
        let started = Instant::now();
        while !shell.path("agent").exists() {
            assert!(started.elapsed() < Duration::from_secs(10), "ssh-agent does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(agent)
    }

    /// Makes a key and leaves it to the agent alone; its public half stays in NAME.pub.
    fn take_key(&self, shell: &Shell, kind: &str, name: &str) {
        make(shell, kind, name);
        self.add(shell, name, &[]);
        std::fs::remove_file(shell.path(name)).unwrap();
    }

    /// Gives a key to the agent, with options of ssh-add.
    fn add(&self, shell: &Shell, name: &str, options: &[&str]) {
        let added = run(shell.program("ssh-add").args(options).arg(name).env("SSH_AUTH_SOCK", &self.socket));
        assert_eq!(added.code, Some(0), "{added:?}");
    }

    fn run(&self, shell: &Shell, args: &[&str]) -> Ran {
        run(shell.probity(args).env("SSH_AUTH_SOCK", &self.socket))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Makes a key: NAME and NAME.pub.
fn make(shell: &Shell, kind: &str, name: &str) {
    let comment = format!("{name}@test");
    let made = run(shell.program("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", &comment, "-f", name]));
    assert_eq!(made.code, Some(0), "{made:?}");
}

#[test]
fn a_person_is_enrolled_and_signs_with_a_key_that_never_leaves_the_agent() {
    let shell = Shell::with_ledger();
    let Some(agent) = Agent::start(&shell) else { return };
    agent.take_key(&shell, "ed25519", "bob");
    let ours = ["--key", "agent:"];
    let model = ["record", "model.registered", "--subject", "model:credit/pd", "--set", "purpose=PD"];
    let nobodys = agent.run(&shell, &[&model, &ours[..]].concat());
    assert!(nobodys.code == Some(2) && nobodys.err.contains("--as"), "{nobodys:?}");

    let adopted = agent.run(&shell, &["key", "new", "agent:bob@test", "--person", "Bob Okri", "--public", "bob.pem"]);
    assert_eq!(adopted.code, Some(0), "{adopted:?}");
    let enrolment = agent.run(
        &shell,
        &["key", "show", "agent:bob.pub", "--enrol-in", "ledger.test/cli", "--role", "developer", "--in", "*"],
    );
    shell.write("enrol.json", &enrolment.out);
    assert_eq!(shell.run(&["record", "enrol.json", "--key", "ada.key"]).code, Some(0), "{enrolment:?}");

    let recorded = agent.run(&shell, &[&model[..], &ours, &["--receipts", "out"]].concat());
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let index = recorded.out.split_whitespace().next().unwrap();
    assert!(shell.run(&["entry", index]).out.contains("signed by Bob Okri"));
    let (statement, receipt) = (format!("out/{index}.statement"), format!("out/{index}.receipt"));
    let verified = shell.run(&[
        "verify",
        "--statement",
        &statement,
        "--receipt",
        &receipt,
        "--receipt-key",
        "ledger/keys/receipt.pub",
        "--signer-key",
        "bob.pem",
    ]);
    assert_eq!(verified.code, Some(0), "{verified:?}");

    let kid = shell.json(&["key", "show", "bob.pem"])["kid"].as_str().unwrap().to_owned();
    let list = run(shell.program("ssh-add").arg("-l").env("SSH_AUTH_SOCK", &agent.socket));
    let fingerprint = list.out.split_whitespace().nth(1).unwrap().to_owned();
    for name in
        ["agent:", "agent:bob@test", "agent:bob.pub", "agent:bob", "agent:bob.pem", &format!("agent:{fingerprint}")]
    {
        let shown = agent.run(&shell, &["key", "show", name]);
        assert!(shown.code == Some(0) && shown.out.contains(&kid), "{name}: {shown:?}");
    }
}

#[test]
fn a_key_in_the_agent_that_cannot_be_meant_is_refused_with_those_that_can() {
    let shell = Shell::new();
    let without = run(shell.probity(&["key", "show", "agent:"]).env_remove("SSH_AUTH_SOCK"));
    assert!(without.code == Some(2) && without.err.contains("SSH_AUTH_SOCK"), "{without:?}");
    let gone = run(shell.probity(&["key", "show", "agent:"]).env("SSH_AUTH_SOCK", "/nowhere/agent"));
    assert!(gone.code == Some(3) && gone.err.contains("/nowhere/agent"), "{gone:?}");
    let Some(agent) = Agent::start(&shell) else { return };
    agent.take_key(&shell, "ecdsa", "other");
    let none = agent.run(&shell, &["key", "show", "agent:"]);
    assert!(none.code == Some(2) && none.err.contains("no Ed25519 key"), "{none:?}");
    agent.take_key(&shell, "ed25519", "bob");
    agent.take_key(&shell, "ed25519", "eve");
    let kid = |name: &str| agent.run(&shell, &["key", "show", name, "--json"]).out;
    assert!(kid("agent:bob@test").contains("kid") && kid("agent:bob@test") != kid("agent:eve@test"));
    assert_eq!(kid("agent:bob@test"), kid("agent:bob.pub"));
    for (name, said) in [("agent:", "more than one"), ("agent:carol@test", "no key"), ("agent:other@test", "no key")] {
        let refused = agent.run(&shell, &["key", "show", name]);
        assert_eq!(refused.code, Some(2), "{name}: {refused:?}");
        assert!(refused.err.contains("bob@test") && refused.err.contains("eve@test"), "{name}: {refused:?}");
        assert!(refused.err.contains(said), "{name}: {refused:?}");
    }
}

#[test]
fn an_agent_whose_owner_says_no_signs_nothing() {
    let shell = Shell::with_ledger();
    let Some(agent) = Agent::start(&shell) else { return };
    make(&shell, "ed25519", "eve");
    agent.add(&shell, "eve", &[]);
    let adopted = agent.run(&shell, &["key", "new", "agent:eve@test", "--person", "Eve"]);
    assert_eq!(adopted.code, Some(0), "{adopted:?}");
    let enrolment =
        ["key", "show", "agent:eve@test", "--enrol-in", "ledger.test/cli", "--role", "developer", "--in", "*"];
    shell.write("enrol.json", &agent.run(&shell, &enrolment).out);
    assert_eq!(shell.run(&["record", "enrol.json", "--key", "ada.key"]).code, Some(0));
    // Asked for each signature from now on, and the answer is always no.
    agent.add(&shell, "eve", &["-d"]);
    agent.add(&shell, "eve", &["-c"]);
    let size = || shell.json(&["checkpoint"])["tree_size"].clone();
    let before = size();
    let model = ["record", "model.registered", "--subject", "model:credit/pd", "--set", "purpose=PD"];
    let refused = agent.run(&shell, &[&model[..], &["--key", "agent:eve@test"]].concat());
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.err.contains("refuses to sign with eve@test"), "{refused:?}");
    assert_eq!(size(), before);
}
