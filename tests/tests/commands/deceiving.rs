//! Texts with characters that are not seen, that reorder others, or that a terminal obeys: a person
//! sees them written out, a program gets them as they are.

use serde_json::Value;

use crate::shell::Shell;

const KEY: [&str; 2] = ["--key", "ada.key"];
/// Reads as "pays no one" in an editor that obeys it; with a zero-width space, a tab and a carriage
/// return.
const PURPOSE: &str = "pays \u{202e}eno on\u{2066} or\u{200b}der\tof\r the b\u{ad}ank";
const SHOWN: &str = "pays \\u{202e}eno on\\u{2066} or\\u{200b}der\\u{9}of\\u{d} the b\\u{ad}ank";

fn is_plain(text: &str) -> bool {
    !text.contains(|c| c != '\n' && probity_schemas::deceives(c))
}

#[test]
fn what_a_person_is_asked_to_sign_shows_deceiving_characters() {
    let shell = Shell::with_ledger();
    let purpose = format!("purpose={PURPOSE}");
    let words = ["record", "model.registered", "--subject", "model:credit/pd", "--set", &purpose, "--set", "kind=ml"];
    let ran = shell.run(&[&words, &KEY[..], &["--dry-run"]].concat());
    let all = format!("{}{}", ran.out, ran.err);
    assert!(all.contains(SHOWN) && is_plain(&all), "{all:?}");
}

#[test]
fn nothing_of_a_ledger_reaches_a_terminal_raw_and_json_says_the_same_as_before() {
    let shell = Shell::with_ledger();
    let purpose = format!("purpose={PURPOSE}");
    let words = ["record", "model.registered", "--subject", "model:credit/pd", "--set", &purpose, "--set", "kind=ml"];
    let index = shell.recorded(&[&words, &KEY[..]].concat());
    for words in [&["model", "credit/pd", "--after", &index][..], &["history", "--after", &index], &["entry", &index]] {
        let ran = shell.run(words);
        assert!(ran.code == Some(0) && is_plain(&ran.out) && is_plain(&ran.err), "{words:?}: {ran:?}");
    }
    let ran = shell.run(&["model", "credit/pd", "--after", &index]);
    assert!(ran.out.contains("\\u{202e}"), "{ran:?}");
    let ran = shell.run(&["entry", &index, "--json"]);
    assert!(is_plain(&ran.out), "{ran:?}");
    let entry: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(entry["event"]["data"]["purpose"], PURPOSE);
}
