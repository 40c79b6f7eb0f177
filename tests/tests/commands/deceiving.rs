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

#[test]
fn a_title_that_reads_as_something_else_is_refused_before_it_is_signed() {
    let shell = Shell::with_ledger();
    let size = shell.json(&["checkpoint"])["tree_size"].clone();
    let words = ["record", "model.registered", "--subject", "model:credit/pd", "--set", "purpose=PD"];
    for (title, said) in [
        ("Kredit\u{202e}gnirocs", "title: title or name contains U+202E at position 7"),
        ("Two\rlines", "title: title or name contains U+000D at position 4"),
    ] {
        let ran = shell.run(&[&words, &["--title", title][..], &KEY].concat());
        assert!(ran.code == Some(2) && ran.err.contains(said) && is_plain(&ran.err), "{ran:?}");
    }
    let named = ["--set", "artifacts.0.digest=sha256:ca", "--set", "reference.name=gpt\u{200b}4"];
    let ran =
        shell.run(&[&["record", "model.version_registered", "--subject", "credit/pd@1"], &named[..], &KEY].concat());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = shell.run(&["key", "new", "eve.key", "--person", "Ada\u{200b} Lovelace"]);
    assert!(ran.code == Some(2) && ran.err.contains("U+200B at position 4"), "{ran:?}");
    assert_eq!(shell.json(&["checkpoint"])["tree_size"], size);
}
