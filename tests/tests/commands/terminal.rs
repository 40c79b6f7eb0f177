//! At a terminal: what is missing is asked for, what will be signed is shown, and nothing is signed
//! without a yes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::shell::Shell;

/// A command of ours at a terminal, and the person before it.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn start(shell: &Shell, args: &[&str]) -> Self {
        Self::start_with(shell, args, &[])
    }

    fn start_with(shell: &Shell, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || -> OwnedFd { OpenOptions::new().read(true).write(true).open(&name).unwrap().into() };
        let mut command = shell.probity(args);
        command.env("EDITOR", shell.path("editor")).env_remove("VISUAL");
        command.env("TERM", "xterm").stdin(Stdio::from(open())).stdout(Stdio::from(open())).stderr(Stdio::from(open()));
        command.env_remove("NO_COLOR").env_remove("PAGER").envs(environment.iter().copied());
        let child = command.spawn().unwrap();
        drop(command);
        let keyboard = File::from(master);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            // Reading fails once the last other end is closed.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, seen: String::new() }
    }

    /// Waits until a text appears after what was waited for before.
    fn expect(&mut self, text: &str) -> &mut Self {
        let started = Instant::now();
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return self;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{text:?} does not come: {}", self.seen);
            if let Ok(bytes) = self.screen.recv_timeout(Duration::from_millis(100)) {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        // The prompt is written before the keys are waited for.
        std::thread::sleep(Duration::from_millis(150));
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Waits until it ends, and gives everything that stands on the screen after what was waited for.
    fn read(mut self) -> String {
        loop {
            match self.screen.recv_timeout(Duration::from_secs(20)) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.seen),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {}", self.seen),
            }
        }
    }

    fn end(mut self) -> Option<i32> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(started.elapsed() < Duration::from_secs(20), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_person_is_asked_for_what_is_missing_and_again_for_what_is_wrong() {
    let shell = Shell::with_ledger();
    shell.grant("ada.pub", "operator");
    let size = shell.json(&["checkpoint"])["tree_size"].as_u64().unwrap();
    let mut terminal = Terminal::start(&shell, &["record", "deployment.suspended", "--key", "ada.key"]);
    terminal.expect("subject:").press("model:credit/pd\r").expect("endpoint").expect("subject:");
    terminal.press("credit/scoring\r");
    terminal.expect("reason:").press("\r").expect("left out").press("It refuses everyone.\r");
    terminal.expect("scope (number").press("galaxy\r").expect("none of them").press("2\r");
    // What may be left out is offered, by name.
    terminal.expect("It may also say: decided_by, version").expect("another field").press("versoin\r");
    terminal.expect("Did you mean version?").expect("another field").press("\r");
    terminal.expect("nothing is known to serve at endpoint:credit/scoring").expect("all the same").press("y\r");
    terminal.expect("You are about to sign").expect("endpoint:credit/scoring").expect("It refuses everyone.");
    terminal.expect("Sign and record it?").press("y\r").expect("deployment.suspended");
    assert_eq!(terminal.end(), Some(0));
    let event = shell.event(&size.to_string());
    assert_eq!(
        (&event["type"], &event["data"]["reason"]),
        (&"deployment.suspended".into(), &"It refuses everyone.".into())
    );
    assert_eq!(event["data"]["scope"], "endpoint", "the second of the words was chosen");
}

#[test]
fn whoever_leaves_records_nothing() {
    let shell = Shell::with_ledger();
    shell.grant("ada.pub", "operator");
    let size = shell.json(&["checkpoint"])["tree_size"].clone();
    let left: [&[&str]; 3] = [&[], &["credit/scoring\r"], &["credit/scoring\r", "Bad\r", "1\r"]];
    for answers in left {
        let mut terminal = Terminal::start(&shell, &["record", "deployment.suspended", "--key", "ada.key"]);
        terminal.expect("subject:");
        for answer in answers {
            terminal.press(answer).expect(":");
        }
        terminal.press("\u{4}").expect("Nothing was recorded.");
        assert_eq!(terminal.end(), Some(1));
    }
    assert_eq!(shell.json(&["checkpoint"])["tree_size"], size);
}

#[test]
fn lists_and_objects_are_asked_for_piece_by_piece() {
    let shell = Shell::with_ledger();
    let arguments = ["record", "approval.granted", "--set", "gate=production", "--key", "ada.key"];
    let mut terminal = Terminal::start(&shell, &arguments);
    terminal.expect("subject:").press("model:credit/pd@1\r");
    terminal.expect("environments (numbers").press("1, test\r");
    terminal.expect("jurisdictions 1").press("DE\r").expect("jurisdictions 2").press("AT\r");
    terminal.expect("jurisdictions 3").press("\r");
    terminal.expect("max_traffic_percent (empty").press("150\r").expect("percentage").press("50\r");
    terminal.expect("uses 1").press("usecase:credit/loans\r").expect("uses 2").press("\r");
    terminal.expect("meaning:").press("I have read it.\r");
    terminal.expect("It may also say").press("\r").expect("You are about to sign");
    terminal
        .expect("development")
        .expect("test")
        .expect("DE")
        .expect("AT")
        .expect("50 %")
        .expect("usecase:credit/loans");
    // Whoever would be refused is told so, and signs nothing.
    terminal.expect("NOT_AUTHORISED").expect("Nothing was signed");
    assert_eq!(terminal.end(), Some(1));
}

#[test]
fn a_sample_is_edited_as_yaml_before_it_is_signed() {
    let shell = Shell::with_ledger();
    shell.write(
        "editor",
        "#!/bin/sh\ngrep -q '^subject: model:' \"$1\" && sed -i 's/^  purpose:.*/  purpose: Mine/' \"$1\"\n",
    );
    std::fs::set_permissions(shell.path("editor"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let size = shell.json(&["checkpoint"])["tree_size"].as_u64().unwrap();
    let arguments = ["record", "model.registered", "--from", "sample", "--edit", "--key", "ada.key"];
    let mut terminal = Terminal::start(&shell, &arguments);
    terminal.expect("purpose").expect("Mine").expect("Sign and record it?").press("y\r").expect("model.registered");
    assert_eq!(terminal.end(), Some(0));
    assert_eq!(shell.event(&size.to_string())["data"]["purpose"], "Mine");
    let nowhere = shell.run(&arguments);
    assert!(nowhere.code == Some(2) && nowhere.err.contains("terminal"), "{nowhere:?}");
}

#[test]
fn nothing_is_signed_without_a_yes() {
    let shell = Shell::with_ledger();
    let size = || shell.json(&["checkpoint"])["tree_size"].as_u64().unwrap();
    let before = size();
    let model =
        ["record", "model.registered", "--subject", "model:credit/pd", "--set", "purpose=PD", "--key", "ada.key"];
    for no in ["n\r", "\r", "\u{4}"] {
        let mut terminal = Terminal::start(&shell, &model);
        terminal.expect("Sign and record it?").press(no).expect("Nothing was recorded");
        assert_eq!(terminal.end(), Some(1));
    }
    assert_eq!(size(), before);
    let mut terminal = Terminal::start(&shell, &[&model[..], &["--yes"]].concat());
    terminal.expect("model.registered model:credit/pd");
    assert_eq!(terminal.end(), Some(0));
    assert_eq!(size(), before + 1, "--yes is a yes");
}

/// What begins a colour.
const COLOUR: char = '\u{1b}';

#[test]
fn colours_and_the_pager_are_for_terminals_only_and_can_be_turned_off() {
    let shell = Shell::with_ledger();
    let models: Vec<_> = (0..60)
        .map(|number| {
            let subject = format!("model:credit/m{number}");
            serde_json::json!({ "type": "model.registered", "subject": subject, "data": { "purpose": "One of many." } })
        })
        .collect();
    shell.write("models.json", &serde_json::json!(models).to_string());
    assert_eq!(shell.run(&["record", "models.json", "--key", "ada.key"]).code, Some(0));
    shell.write("pager", "#!/bin/sh\necho paged\ncat\n");
    std::fs::set_permissions(shell.path("pager"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let pager = shell.path("pager");
    let pager = pager.to_str().unwrap();
    let list = ["models", "--all"];

    let shown = Terminal::start_with(&shell, &list, &[("PROBITY_PAGER", pager)]).read();
    assert!(shown.contains("paged") && shown.contains("credit/m59") && shown.contains(COLOUR), "{shown}");
    let shown = Terminal::start_with(&shell, &list, &[("PAGER", pager), ("NO_COLOR", "1")]).read();
    assert!(shown.contains("paged") && shown.contains("registered") && !shown.contains(COLOUR), "{shown}");
    let shown = Terminal::start_with(&shell, &list, &[("PROBITY_PAGER", ""), ("PAGER", pager)]).read();
    assert!(!shown.contains("paged") && shown.contains("credit/m59"), "an empty one is none: {shown}");
    let json = Terminal::start_with(&shell, &[&list[..], &["--json"]].concat(), &[("PROBITY_PAGER", pager)]).read();
    assert!(!json.contains("paged") && !json.contains(COLOUR), "{json}");
    let question = ["record", "model.registered", "--help"];
    let shown = Terminal::start_with(&shell, &question, &[("PROBITY_PAGER", pager)]).read();
    assert!(shown.contains("purpose*"), "{shown}");

    let mut piped = shell.probity(&list);
    let piped = crate::shell::run(piped.env("PROBITY_PAGER", pager).env("PAGER", pager).env("TERM", "xterm"));
    assert!(
        !piped.out.contains("paged") && piped.out.contains("credit/m59") && !piped.out.contains(COLOUR),
        "{piped:?}"
    );
}

#[test]
fn impact_shows_everything_that_is_asked_for() {
    let shell = Shell::with_ledger();
    let mut events = vec![serde_json::json!({
        "type": "data.registered", "subject": "dataset:credit/loans", "data": { "kind": "raw" },
    })];
    for number in 0..52 {
        let version = format!("model:credit/m{number}@1");
        events.push(serde_json::json!({
            "type": "training.completed", "subject": format!("model:credit/m{number}"),
            "data": { "produced_version": version, "datasets": ["dataset:credit/loans"] },
        }));
    }
    shell.write("events.json", &serde_json::json!(events).to_string());
    assert_eq!(shell.run(&["record", "events.json", "--key", "ada.key"]).code, Some(0));
    let some = shell.run(&["impact", "credit/loans"]);
    assert!(some.out.contains("2 more; --all shows them"), "{some:?}");
    let all = shell.run(&["impact", "credit/loans", "--all"]);
    assert!(all.out.contains("credit/m51@1") && !all.out.contains("more;"), "{all:?}");
    assert_eq!(shell.run(&["impact", "credit/loans", "--all", "--limit", "3"]).code, Some(2));
}
