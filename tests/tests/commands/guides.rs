//! What the README and the guides say to type runs as it stands there, on a fresh ledger; and every block
//! of lines in them is either run by a test or says why not.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use probity_tests::nats::nats_server;
use probity_tests::{binary, free_port};
use tempfile::TempDir;

/// The blocks that are run: here, but for those of `auditors.md` (`copies.rs`) and `tls.md` (`operating.rs`),
/// whose every line is.
const RUN: [(&str, &str); 7] = [
    ("README.md", "See it work"),
    ("README.md", "A ledger in ten lines"),
    ("ops/guide/commands.md", "A ledger, step by step"),
    ("ops/guide/control-packs.md", "Adopting one"),
    ("ops/guide/control-packs.md", "Writing one"),
    ("ops/guide/deployment.md", "On more than one machine"),
    ("ops/guide/deployment.md", "Before a server meets its configuration"),
];
const RUN_ELSEWHERE: [&str; 2] = ["ops/guide/auditors.md", "ops/guide/tls.md"];
/// Blocks that say why they are not run.
const NOT_RUN: usize = 10;

/// A newcomer with a directory, a shell, and what they are told to type.
struct Newcomer {
    home: TempDir,
    address: String,
    servers: Vec<Child>,
    /// What `probity init` printed.
    founding: String,
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        for server in self.servers.iter_mut().rev() {
            drop(server.kill());
            drop(server.wait());
        }
    }
}

/// Waits until something is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}: nobody answers");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Newcomer {
    fn new() -> Self {
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        Self { home: tempfile::tempdir().unwrap(), address, servers: Vec::new(), founding: String::new() }
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
        shell.env("FOUNDING", &self.founding);
        // The usual port may be taken on this machine.
        shell.env("PROBITY_LISTEN__GRPC", &self.address).env("PROBITY_SERVER", format!("http://{}", self.address));
        shell
    }

    /// Starts what goes on in the background.
    fn starts(&mut self, line: &str) {
        let line = line.split(" #").next().unwrap_or_default().trim().trim_end_matches('&').trim();
        let server = self.command(&format!("exec {line}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.servers.push(server);
        let said = |option: &str| line.split_once(option).and_then(|(_, rest)| rest.split_whitespace().next());
        match said("--port ") {
            Some(port) => until(line, || TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()),
            None => {
                let listens = said("--listen ").unwrap_or(&self.address);
                let asked = format!("probity checkpoint --server http://{listens}");
                until(line, || self.command(&asked).output().unwrap().status.success());
            }
        }
    }

    fn types(&mut self, line: &str) {
        // The binary is built already.
        let line = line.replace("cargo run --release -- ", "probity ");
        if line.starts_with("cargo ") {
            return;
        }
        if line.starts_with("probity serve") || line.starts_with("nats-server") {
            return self.starts(&line);
        }
        let output = self.command(&line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, said) = (text(&output.stdout), text(&output.stderr));
        // 1 is an answer: not everything is in order on a fresh ledger.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{line}: {output:?}");
        for wrong in ["no statement is about", "refused", "nothing was recorded", "Nothing was signed"] {
            assert!(!said.contains(wrong), "{line}: {said}");
        }
        if let Some(hash) = out.lines().find_map(|line| line.strip_prefix("founding leaf hash")) {
            self.founding = hash.split_whitespace().next().unwrap_or_default().to_owned();
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

#[test]
fn what_needs_no_ledger_to_write_a_control_pack_runs() {
    let mut newcomer = Newcomer::new();
    for heading in ["Adopting one", "Writing one"] {
        let lines = lines("ops/guide/control-packs.md", heading);
        assert!(lines.len() > 1, "{heading}: {lines:?}");
        lines.iter().for_each(|line| newcomer.types(line));
    }
}

#[test]
fn what_the_readme_shows_first_runs() {
    let mut newcomer = Newcomer::new();
    lines("README.md", "See it work").iter().for_each(|line| newcomer.types(line));
}

#[test]
fn a_ledger_on_nats_runs_as_the_guide_sets_it_up() {
    let mut newcomer = Newcomer::new();
    for name in ["Ada Lovelace", "Ben Okri"] {
        let key = name.split(' ').next().unwrap().to_lowercase();
        newcomer.types(&format!("probity key new {key}.key --person '{name}'"));
    }
    let ports = [("4222", free_port().unwrap()), ("7171", free_port().unwrap()), ("7172", free_port().unwrap())];
    let nats = nats_server().unwrap().display().to_string();
    let address = newcomer.address.clone();
    let fitted = |line: &String| {
        let line = ports.iter().fold(line.clone(), |line, (usual, port)| line.replace(usual, &port.to_string()));
        line.replace("127.0.0.1:7170", &address).replace("nats-server", &nats)
    };
    let page = lines("ops/guide/deployment.md", "On more than one machine");
    assert!(page.len() >= 9, "{page:?}");
    let page: Vec<String> = page.iter().map(fitted).collect();
    for line in page {
        match line.starts_with(&nats) {
            true => newcomer.starts(&line),
            false => newcomer.types(&line),
        }
    }
    std::fs::write(newcomer.home.path().join("probity.toml"), "[ledger]\ndirectory = \"a\"\n").unwrap();
    let checks = lines("ops/guide/deployment.md", "Before a server meets its configuration");
    assert_eq!(checks.len(), 1);
    checks.iter().for_each(|line| newcomer.types(line));
}

/// The blocks of lines in a page: under which heading, and what stands at a fence.
fn blocks(text: &str) -> Vec<(String, Option<String>)> {
    let (mut heading, mut found, mut fenced, mut before) = (String::new(), Vec::new(), false, "");
    for line in text.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            fenced = !fenced;
            if fenced {
                found.push((heading.clone(), Some(fence.to_owned())));
            }
        } else if let Some(title) = line.strip_prefix("## ").filter(|_| !fenced) {
            heading = title.to_owned();
        } else if !fenced && line.starts_with("    ") && before.is_empty() {
            found.push((heading.clone(), None));
        }
        before = line;
    }
    found
}

#[test]
fn every_block_of_lines_is_run_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guide = std::fs::read_dir(root.join("ops/guide")).unwrap();
    let mut pages: Vec<String> =
        guide.map(|entry| format!("ops/guide/{}", entry.unwrap().file_name().into_string().unwrap())).collect();
    pages.push("README.md".to_owned());
    let (mut run, mut not_run) = (BTreeSet::new(), 0);
    for page in pages {
        for (heading, fence) in blocks(&std::fs::read_to_string(root.join(&page)).unwrap()) {
            match fence.as_deref() {
                Some(fence) if fence.starts_with("sh not run: ") => not_run += 1,
                Some("toml" | "yaml" | "json" | "text") => {}
                Some(other) => {
                    panic!("{page}, {heading}: a fence says {other:?}; say `sh not run: WHY`, or indent what is run")
                }
                None if RUN_ELSEWHERE.contains(&page.as_str()) => {}
                None => {
                    let place = RUN.iter().find(|(file, title)| *file == page && *title == heading);
                    run.insert(*place.unwrap_or_else(|| panic!("{page}, {heading}: no test runs these lines")));
                }
            }
        }
    }
    assert_eq!((run.len(), not_run), (RUN.len(), NOT_RUN), "{run:?}");
}

#[test]
fn the_table_of_commands_has_every_command_and_no_other() {
    let newcomer = Newcomer::new();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/guide/commands.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split("## All commands").nth(1).unwrap().split("\n\n").nth(1).unwrap();
    let mut named = BTreeSet::new();
    for row in table.lines().skip(2) {
        let cell = row.split('|').nth(1).unwrap();
        for name in cell.split(',').map(|name| name.trim().trim_matches('`')) {
            let helped = newcomer.command(&format!("probity {name} --help")).output().unwrap();
            assert!(helped.status.success(), "there is no `probity {name}`: {helped:?}");
            named.insert(name.split(' ').next().unwrap().to_owned());
        }
    }
    let help = newcomer.command("probity --help").output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let commands = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  ").map(|(name, _)| name));
    let commands: BTreeSet<String> =
        commands.filter(|name| name.chars().all(char::is_lowercase) && !name.is_empty()).map(str::to_owned).collect();
    assert!(commands.len() > 30, "{commands:?}");
    let missing: Vec<_> = commands.difference(&named).filter(|name| *name != "demo").collect();
    assert!(missing.is_empty(), "the table does not have {missing:?}");
}
