//! Days of people, each a script of commands in `tests/scenarios/days`, as they read what is printed: at 80, 120 and
//! 200 columns, with texts that would like to look like something else.

use std::path::Path;

use crate::shell::{Ran, Shell};

const WIDTHS: [usize; 3] = [80, 120, 200];

#[test]
fn a_risk_officer_gets_through_the_day() {
    insta::assert_snapshot!(played("risk-officer"));
}

/// What a day looks like: each command with what it printed and how it ended.
fn played(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/days/{name}.day"));
    let script = std::fs::read_to_string(&file).unwrap();
    let shell = Shell::with_ledger();
    for role in ["owner", "validator"] {
        shell.grant("ada.pub", role);
    }
    let mut day = String::new();
    for line in script.lines().filter(|line| !line.is_empty()) {
        let (sign, command) = line.split_at(1);
        let command = command.trim();
        match sign {
            "#" if command.is_empty() => {}
            "#" => day.push_str(&format!("\n# {command}\n")),
            "+" => {
                let ran = shell.sh(command, 80);
                assert_eq!(ran.code, Some(0), "{command}: {ran:?}");
            }
            "$" => day.push_str(&shown(command, &shell.sh(command, 100), None)),
            "?" => {
                for width in WIDTHS {
                    let ran = shell.sh(command, width);
                    for line in ran.out.lines() {
                        let wide = line.chars().count();
                        assert!(wide <= width, "{command} at {width} columns prints {wide}: {line}");
                    }
                    day.push_str(&shown(command, &ran, Some(width)));
                }
            }
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

/// A line with everything that is another one each time made steady, in as many characters: times, days and hashes.
fn steady(line: &str) -> String {
    let mut steady = String::with_capacity(line.len());
    // An identity is a word of its own, and so is how long something took.
    let line = line.replace("person:", "person ").replace(" 1 min", " 0 min");
    for word in line.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '_'))) {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let is_day = word.len() >= 10 && word.get(4..5) == Some("-") && word.get(7..8) == Some("-") && digits >= 8;
        let hex = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hash = hex.len() >= 8 && hex.chars().all(|c| c.is_ascii_hexdigit() || c == '-') && digits > 0;
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
