//! Days of people, each a script of commands in `tests/scenarios/days`, as they read what is printed: at 80, 120 and
//! 200 columns, with texts that would like to look like something else.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use probity_tests::free_port;

use crate::shell::{Ran, Shell, run};

const WIDTHS: [usize; 3] = [80, 120, 200];

#[test]
fn a_risk_officer_gets_through_the_day() {
    insta::assert_snapshot!(played("risk-officer", with_roles()));
}

#[test]
fn an_auditor_gets_through_the_day() {
    insta::assert_snapshot!(played("auditor", with_roles()));
}

#[test]
fn an_operator_gets_through_the_day() {
    insta::assert_snapshot!(played("operator", Shell::new()));
}

/// A running ledger of Ada's, in which she may do what the days begin with.
fn with_roles() -> Shell {
    let shell = Shell::with_ledger();
    for role in ["owner", "validator"] {
        shell.grant("ada.pub", role);
    }
    shell
}

/// A day as it is played: where its own servers listen, and those that run.
struct Day {
    shell: Shell,
    grpc: u16,
    http: u16,
    servers: Vec<Child>,
}

impl Drop for Day {
    fn drop(&mut self) {
        for server in &mut self.servers {
            drop(server.kill());
            drop(server.wait());
        }
    }
}

impl Day {
    /// A line of the script as it is typed: free ports in the place of `$GRPC` and `$HTTP`.
    fn typed(&self, line: &str, columns: usize) -> Command {
        let line = line.replace("$GRPC", &self.grpc.to_string()).replace("$HTTP", &self.http.to_string());
        self.shell.typed(&line, columns)
    }

    fn ran(&self, line: &str, columns: usize) -> Ran {
        let ran = run(&mut self.typed(line, columns));
        let ports = [(self.grpc, "$GRPC"), (self.http, "$HTTP")];
        let steady = |text: String| {
            let text = ports.iter().fold(text, |text, (port, name)| text.replace(&port.to_string(), name));
            self.servers
                .iter()
                .fold(text, |text, server| text.replace(&format!("process {}", server.id()), "process $!"))
        };
        Ran { out: steady(ran.out), err: steady(ran.err), ..ran }
    }

    /// Starts a server and waits until it says that it serves.
    fn start(&mut self, line: &str) {
        let mut command = self.typed(&format!("exec {line}"), 100);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        self.servers.push(server);
        assert!(said.contains("serves"), "{line}: {said}");
    }

    /// Tells the server that was started last to stop, and says how it ended.
    fn stop(&mut self) -> String {
        let mut server = self.servers.pop().unwrap();
        assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
        format!("    → {}\n", server.wait().unwrap().code().unwrap_or(-1))
    }

    /// What the HTTP port answers to a path; of `/metrics`, the names that begin with one of some words.
    fn asked(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let path = words.next().unwrap();
        let words: Vec<&str> = words.collect();
        let address = format!("127.0.0.1:{}", self.http);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let ask = || runtime.block_on(probity_tests::http(&address, path)).unwrap();
        // A server serves before its views are built.
        let (mut status, mut text) = ask();
        for _ in 0..600 {
            if status != 503 {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            (status, text) = ask();
        }
        let fits = |line: &&str| words.is_empty() || words.iter().any(|word| line.starts_with(word));
        let shown = text.lines().filter(fits).map(|line| match words.is_empty() {
            true => format!("    {}\n", steady(line)),
            // How often and how long is chance.
            false => format!("    {}\n", steady(line.rsplit_once(' ').map_or(line, |(name, _)| name))),
        });
        format!("{}    → {status}\n", shown.collect::<String>())
    }
}

/// What a day looks like: each command with what it printed and how it ended.
fn played(name: &str, shell: Shell) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/days/{name}.day"));
    let script = std::fs::read_to_string(&file).unwrap();
    let mut play = Day { shell, grpc: free_port().unwrap(), http: free_port().unwrap(), servers: Vec::new() };
    let mut day = String::new();
    for line in script.lines().filter(|line| !line.is_empty()) {
        let (sign, command) = line.split_at(1);
        let command = command.trim();
        match sign {
            "#" if command.is_empty() => {}
            "#" => day.push_str(&format!("\n# {command}\n")),
            "+" => {
                let ran = play.ran(command, 80);
                assert_eq!(ran.code, Some(0), "{command}: {ran:?}");
            }
            "$" => day.push_str(&shown(command, &play.ran(command, 100), None)),
            "?" => {
                for width in WIDTHS {
                    let ran = play.ran(command, width);
                    for line in ran.out.lines() {
                        let wide = line.chars().count();
                        assert!(wide <= width, "{command} at {width} columns prints {wide}: {line}");
                    }
                    day.push_str(&shown(command, &ran, Some(width)));
                }
            }
            "&" => {
                play.start(command);
                day.push_str(&format!("\n$ {command} &\n"));
            }
            "." => day.push_str(&format!("\n$ kill %1\n{}", play.stop())),
            "@" => day.push_str(&format!("\n@ {command}\n{}", play.asked(command))),
            other => panic!("{}: {other:?} begins no line", file.display()),
        }
    }
    day
}

fn shown(command: &str, ran: &Ran, width: Option<usize>) -> String {
    let at = width.map(|width| format!("   [{width} columns]")).unwrap_or_default();
    let raw = |c: char| c != '\n' && c.is_control();
    assert!(!ran.out.contains(raw) && !ran.err.contains(raw), "{command} prints control characters: {ran:?}");
    let text = format!("{}{}", ran.out, ran.err);
    let text: Vec<String> = text.lines().map(|line| format!("    {}\n", steady(line))).collect();
    format!("\n$ {command}{at}\n{}    → {}\n", text.concat(), ran.code.unwrap_or(-1))
}

/// A line that does not say how many blocks there are: what is recorded in one call may be one or several.
fn without_blocks(line: &str) -> String {
    match line.split_once(" blocks of ").and_then(|(before, after)| Some((before.rsplit_once(' ')?.0, after))) {
        Some((before, after)) => format!("{before} some blocks of {after}"),
        None => line.to_owned(),
    }
}

/// A line with everything that is another one each time made steady, in as many characters: times, days and hashes.
fn steady(line: &str) -> String {
    let mut steady = String::with_capacity(line.len());
    // An identity is a word of its own, and so is how long something took.
    let line = line.replace("person:", "person ").replace(" 1 min", " 0 min");
    let line = without_blocks(&line);
    for word in line.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '_'))) {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let is_day = word.len() >= 10 && word.get(4..5) == Some("-") && word.get(7..8) == Some("-") && digits >= 8;
        let hex = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        // The id of a key may be of letters only.
        let is_key = steady.ends_with("(key ") && hex.len() == 8;
        let is_hash =
            hex.len() >= 8 && hex.chars().all(|c| c.is_ascii_hexdigit() || c == '-') && (digits > 0 || is_key);
        // How many digits a second has is chance; tables show none.
        let word = match word.find('.').filter(|_| is_day && word.contains('T')) {
            Some(at) => format!("{}{}", &word[..at], word[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit())),
            None => word.to_owned(),
        };
        match is_day || is_hash {
            true => steady.extend(word.chars().map(|c| match c {
                '0'..='9' => '0',
                'a'..='f' if is_hash => '0',
                c => c,
            })),
            false => steady.push_str(&word),
        }
    }
    steady.trim_end().to_owned()
}
