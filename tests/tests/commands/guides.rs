//! What the README and the guide say to type runs as it stands there, on a fresh ledger.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use probity_tests::{binary, free_port};
use tempfile::TempDir;

/// A newcomer with a directory, a shell, and what they are told to type.
struct Newcomer {
    home: TempDir,
    address: String,
    server: Option<Child>,
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            drop(server.kill());
            drop(server.wait());
        }
    }
}

impl Newcomer {
    fn new() -> Self {
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        Self { home: tempfile::tempdir().unwrap(), address, server: None }
    }

    fn command(&self, line: &str) -> Command {
        let directory = binary().unwrap().parent().unwrap().to_str().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.home.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PROBITY_")) {
            shell.env_remove(name);
        }
        shell.env("PATH", format!("{directory}:{path}")).env("PROBITY_STATE", self.home.path().join("state"));
        // The usual port may be taken on this machine.
        shell.env("PROBITY_LISTEN__GRPC", &self.address).env("PROBITY_SERVER", format!("http://{}", self.address));
        shell
    }

    fn types(&mut self, line: &str) {
        if line.starts_with("cargo ") {
            // The binary is built already.
            return;
        }
        if line.starts_with("probity serve") {
            let line = line.split('#').next().unwrap_or_default().trim().trim_end_matches('&').trim();
            let server =
                self.command(&format!("exec {line}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            self.server = Some(server);
            let started = Instant::now();
            while !self.command("probity checkpoint").output().unwrap().status.success() {
                assert!(started.elapsed() < Duration::from_secs(60), "{line}: nobody answers");
                std::thread::sleep(Duration::from_millis(100));
            }
            return;
        }
        let output = self.command(line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // 1 is an answer: not everything is in order on a fresh ledger.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{line}: {output:?}");
        for wrong in ["no statement is about", "refused", "nothing was recorded", "Nothing was signed"] {
            assert!(!said.contains(wrong), "{line}: {said}");
        }
    }
}

/// The lines of the code blocks under a heading.
fn lines(file: &str, heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let section = text.split(&format!("## {heading}\n")).nth(1).unwrap_or_else(|| panic!("{file} has no {heading:?}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let code = section.lines().filter_map(|line| line.strip_prefix("    ")).collect::<Vec<_>>().join("\n");
    let lines = code.replace("\\\n", " ");
    lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn the_ten_lines_of_the_readme_run_as_they_stand() {
    let mut newcomer = Newcomer::new();
    let lines = lines("README.md", "A ledger in ten lines");
    assert!(lines.len() >= 9, "{lines:?}");
    lines.iter().for_each(|line| newcomer.types(line));
}

#[test]
fn the_guide_runs_step_by_step_as_it_stands() {
    let mut newcomer = Newcomer::new();
    let lines = lines("ops/guide/commands.md", "A ledger, step by step");
    assert!(lines.len() > 20, "{lines:?}");
    lines.iter().for_each(|line| newcomer.types(line));
}
