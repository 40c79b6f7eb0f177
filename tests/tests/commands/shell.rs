//! A person at a terminal, in a directory of their own.

use std::path::PathBuf;
use std::process::Command;

use probity_schemas::Identity;
use probity_tests::{Server, binary, granting};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Shell {
    home: TempDir,
    server: Option<Server>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), server: None }
    }

    /// With a running ledger of one administrator, Ada Lovelace, who is a developer too and whose
    /// key is `ada.key`.
    pub(crate) fn with_ledger() -> Self {
        let mut shell = Self::new();
        let ada = shell.json(&["key", "new", "--person", "Ada Lovelace", "ada.key"]);
        shell.json(&[
            "init",
            "ledger",
            "--origin",
            "ledger.test/cli",
            "--single-administrator",
            "--administrator",
            "ada.pub",
        ]);
        shell.server = Some(Server::start(&shell.path("ledger"), &[]).unwrap());
        assert!(ada["identity"].is_string());
        shell.grant("ada.pub", "developer");
        shell
    }

    /// With a running ledger of two administrators, Ada and Ben, so that power takes both.
    pub(crate) fn with_two_administrators() -> Self {
        let mut shell = Self::new();
        let mut init = vec!["init", "ledger", "--origin", "ledger.test/cli"];
        for (name, key) in [("Ada Lovelace", "ada.key"), ("Ben Okri", "ben.key")] {
            shell.json(&["key", "new", "--person", name, key]);
        }
        init.extend(["--administrator", "ada.pub", "--administrator", "ben.pub"]);
        shell.json(&init);
        shell.server = Some(Server::start(&shell.path("ledger"), &[]).unwrap());
        shell
    }

    /// Stops the server as a power failure would.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// Ada gives somebody a role everywhere.
    pub(crate) fn grant(&self, public: &str, role: &str) {
        let who = self.json(&["key", "show", public])["identity"].clone();
        let who: Identity = who.as_str().unwrap().parse().unwrap();
        self.write("grant.json", &granting(&who, role, &["*"]).to_string());
        self.json(&["record", "grant.json", "--key", "ada.key"]);
    }

    /// A new person with a key, enrolled by Ada, with a role everywhere.
    pub(crate) fn enrol(&self, name: &str, role: &str) {
        let key = format!("{name}.key");
        self.json(&["key", "new", "--person", name, &key]);
        let enrolment = self.run(&["key", "show", &key, "--enrol-in", "ledger.test/cli", "--role", role, "--in", "*"]);
        self.write("enrol.json", &enrolment.out);
        self.json(&["record", "enrol.json", "--key", "ada.key"]);
    }

    /// Records one event with flags, and returns its index.
    pub(crate) fn recorded(&self, args: &[&str]) -> String {
        self.json(args)[0]["index"].as_u64().unwrap().to_string()
    }

    /// The event at an index.
    pub(crate) fn event(&self, index: &str) -> Value {
        self.json(&["entry", index])["event"].clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A command of another program in this directory.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(self.home.path());
        command
    }

    /// A command of ours in this directory.
    pub(crate) fn probity(&self, args: &[&str]) -> Command {
        let mut command = self.program(binary().unwrap().to_str().unwrap());
        command.args(args);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PROBITY_")) {
            command.env_remove(name);
        }
        command.env("PROBITY_STATE", self.path("state")).env("PROBITY_CACHE", self.path("cache"));
        if let Some(server) = &self.server {
            command.env("PROBITY_SERVER", &server.address);
        }
        command
    }

    /// A line as a person types it into their shell, which is so many columns wide.
    pub(crate) fn typed(&self, line: &str, columns: usize) -> Command {
        let ours = self.probity(&[]);
        let directory = binary().unwrap().parent().unwrap().to_str().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = self.program("sh");
        shell.args(["-c", line]).stdin(std::process::Stdio::null());
        for (name, value) in ours.get_envs() {
            let _ = match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.env("PATH", format!("{directory}:{path}")).env("COLUMNS", columns.to_string());
        shell
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(&mut self.probity(args))
    }

    /// Runs a command that must succeed and print one JSON document.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = run(self.probity(args).arg("--json"));
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", ran.out))
    }
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
