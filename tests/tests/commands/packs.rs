//! Control packs: checked as files, adopted by two persons, and what they then say of the record.

use crate::shell::Shell;

const DIGEST: &str = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

/// A ledger with everyone whom a pack and a life need.
fn ledger() -> Shell {
    let shell = Shell::with_ledger();
    for (name, role) in [
        ("olga", "owner"),
        ("vera", "validator"),
        ("arno", "approver"),
        ("dana", "deployer"),
        ("rita", "risk-officer"),
        ("cora", "compliance"),
    ] {
        shell.enrol(name, role);
    }
    shell
}

/// Adopts a pack: one person publishes it, another one confirms it.
fn adopt(shell: &Shell, pack: &str) {
    let published = shell.recorded(&["compliance", "pack", "publish", pack, "--for", "credit/*", "--key", "cora.key"]);
    assert!(
        shell.run(&["compliance", "pack", "list"]).out.contains("no control pack is in force"),
        "one person's word is not enough"
    );
    shell.recorded(&["confirm", &published, "--key", "ada.key"]);
}

fn record(shell: &Shell, words: &[&str]) {
    shell.recorded(&[&["record"], words].concat());
}

fn verdict(shell: &Shell, control: &str) -> (String, String) {
    let ran = shell.run(&["compliance", "verdicts", "credit/pd", "--control", control, "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let row = &answer["verdicts"][0];
    (row["verdict"].as_str().unwrap_or_default().to_owned(), row["reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_pack_is_adopted_by_two_persons_and_then_says_what_the_record_supports() {
    let shell = ledger();
    record(&shell, &["model.registered", "--subject", "credit/pd", "--set", "purpose=PD", "--key", "ada.key"]);
    let artifact = format!(r#"artifacts={{"digest":"{DIGEST}","form":"file"}}"#);
    let version = ["model.version_registered", "--subject", "credit/pd@1", "--set", &artifact, "--key", "ada.key"];
    record(&shell, &version);
    adopt(&shell, "sr-26-2");

    let listed = shell.run(&["compliance", "pack", "list"]);
    assert!(listed.out.contains("sr-26-2") && listed.out.contains("credit/*"), "{listed:?}");
    assert_eq!(verdict(&shell, "materiality").0, "fail");
    let classified =
        ["model.classified", "--subject", "credit/pd", "--set", "framework=sr-26-2", "--set", "class=tier-1"];
    record(&shell, &[&classified[..], &["--set", "basis=exposure", "--key", "rita.key"]].concat());
    assert_eq!(verdict(&shell, "materiality").0, "pass");
    // Nobody validated it, and it does not serve yet.
    assert_eq!(verdict(&shell, "validation-before-use").0, "pending");
    let started = ["deployment.started", "--subject", "credit/scoring", "--set", "version=model:credit/pd@1"];
    let started = [&started[..], &["--set", "environment=production", "--key", "dana.key"]].concat();
    record(&shell, &started);
    let (found, reason) = verdict(&shell, "validation-before-use");
    assert!(found == "fail" && reason.contains("validation.completed"), "{found}: {reason}");
    assert_eq!(verdict(&shell, "use-as-approved").0, "fail");
    // A validation that comes late cures nothing that was to come before.
    let validated = ["validation.completed", "--subject", "credit/pd@1", "--set", "outcome=passed", "--set"];
    record(&shell, &[&validated[..], &[r#"scopes=["soundness"]"#, "--key", "vera.key"]].concat());
    assert_eq!(verdict(&shell, "validation-before-use").0, "fail");
    assert_eq!(verdict(&shell, "effective-challenge").0, "pass");

    let why = shell.run(&["why", "credit/pd", "validation-before-use"]);
    assert_eq!(why.code, Some(1), "{why:?}");
    for words in ["model:credit/pd@1: fail", "only after deployment.started", "rests on", "came about", "as of"] {
        assert!(why.out.contains(words), "{words}: {}", why.out);
    }
    let counts = shell.run(&["compliance", "verdicts"]);
    assert!(counts.code == Some(1) && counts.out.contains("validation-before-use"), "{counts:?}");
    assert!(counts.out.contains("1 models, 1 versions"), "{counts:?}");
    let before = shell.run(&["compliance", "verdicts", "credit/pd", "--at", "2020-01-01"]);
    assert!(before.out.contains("no control pack is in force"), "before its adoption nothing is judged: {before:?}");
}

#[test]
fn a_later_edition_says_which_controls_it_drops_and_earlier_moments_keep_the_earlier_one() {
    let shell = ledger();
    record(&shell, &["model.registered", "--subject", "credit/pd", "--set", "purpose=PD", "--key", "ada.key"]);
    let artifact = format!(r#"artifacts={{"digest":"{DIGEST}","form":"file"}}"#);
    let version = ["model.version_registered", "--subject", "credit/pd@1", "--set", &artifact, "--key", "ada.key"];
    record(&shell, &version);
    let pack = |edition: &str, control: &str| {
        format!(
            r#"[pack]
name = "house"
edition = "{edition}"
title = "House rules"
jurisdiction = "us"
sources = [{{ title = "The handbook", articles = "all" }}]
not_covered = ["the rest"]

[[control]]
id = "{control}"
article = "1"
requirement = "it is registered"
applies_to = "every model"
rule = 'model.registered.size() > 0'
evidence = ["model.registered"]
severity = "low"
responsible = "owner"
lacks = "nothing"
"#
        )
    };
    shell.write("one.toml", &pack("1", "old"));
    shell.write("two.toml", &pack("2", "new"));
    adopt(&shell, "one.toml");
    let first = shell.json(&["compliance", "verdicts", "credit/pd"]);
    assert_eq!(first["verdicts"][0]["control"], "old");
    // Blocks have whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let published =
        shell.recorded(&["compliance", "pack", "publish", "two.toml", "--for", "credit/*", "--key", "cora.key"]);
    shell.recorded(&["confirm", &published, "--key", "ada.key"]);
    let listed = shell.run(&["compliance", "pack", "list"]);
    assert!(listed.out.contains("house 2 no longer asks for old"), "{listed:?}");
    let second = shell.json(&["compliance", "verdicts", "credit/pd"]);
    assert_eq!(second["verdicts"][0]["control"], "new");
    assert_ne!(first["verdicts"][0]["pack_digest"], second["verdicts"][0]["pack_digest"]);
    let earlier = shell.json(&["compliance", "pack", "list"])["packs"][0]["since_ms"].as_i64().unwrap();
    let earlier = moment(&shell, earlier - 1_000);
    let then = shell.json(&["compliance", "verdicts", "credit/pd", "--at", &earlier]);
    assert_eq!(then["verdicts"][0]["control"], "old", "a new edition never relabels earlier verdicts");
    let compared = shell.run(&["compliance", "pack", "diff", "one.toml", "two.toml"]);
    assert!(
        compared.code == Some(1) && compared.out.contains("- old") && compared.out.contains("+ new"),
        "{compared:?}"
    );
}

/// A moment in Unix milliseconds, as RFC 3339.
fn moment(shell: &Shell, ms: i64) -> String {
    let at = format!("@{}", ms / 1_000);
    let out = shell.program("date").args(["-u", "-d", &at, "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn whatever_is_wrong_with_a_pack_is_said_with_its_line_and_the_nearest_name() {
    let shell = Shell::new();
    let exported = shell.run(&["compliance", "pack", "export", "sr-26-2"]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    shell.write("own.toml", &exported.out);
    let checked = shell.run(&["compliance", "pack", "check", "own.toml"]);
    assert!(checked.code == Some(0) && checked.out.contains("nothing wrong"), "{checked:?}");
    let lines: Vec<&str> = exported.out.lines().collect();
    let line = 1 + lines.iter().position(|line| line.contains("tiers.exists")).unwrap();
    shell.write("own.toml", &exported.out.replace("has(c.data.basis)", "has(c.data.bassis)"));
    let wrong = shell.run(&["compliance", "pack", "check", "own.toml"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    for words in [&format!("own.toml:{line}:"), "control materiality", "unknown field bassis", "did you mean basis?"] {
        assert!(wrong.err.contains(words), "{words}: {wrong:?}");
    }
    let tested = shell.run(&["compliance", "pack", "test", "sr-26-2"]);
    assert!(tested.code == Some(0) && tested.out.contains("0 come out otherwise"), "{tested:?}");
    let unknown = shell.run(&["compliance", "pack", "check", "sr-26"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("did you mean sr-26-2?"), "{unknown:?}");
}

#[test]
fn what_is_taken_back_amended_or_waived_changes_what_is_said_from_then_on() {
    let shell = ledger();
    record(&shell, &["model.registered", "--subject", "credit/pd", "--set", "purpose=PD", "--key", "ada.key"]);
    let artifact = format!(r#"artifacts={{"digest":"{DIGEST}","form":"file"}}"#);
    let version = ["model.version_registered", "--subject", "credit/pd@1", "--set", &artifact, "--key", "ada.key"];
    record(&shell, &version);
    adopt(&shell, "sr-26-2");
    let classified =
        ["record", "model.classified", "--subject", "credit/pd", "--set", "framework=sr-26-1", "--set", "class=tier-1"];
    let index = shell.recorded(&[&classified[..], &["--set", "basis=exposure", "--key", "rita.key"]].concat());
    assert_eq!(verdict(&shell, "materiality").0, "fail", "it is of another framework");
    let amended = ["--field", "framework", "--new", "sr-26-2", "--reason", "A slip.", "--key", "rita.key"];
    shell.recorded(&[&["correct", &index][..], &amended].concat());
    assert_eq!(verdict(&shell, "materiality").0, "pass", "as it is corrected");
    let known = ["compliance", "verdicts", "credit/pd", "--control", "materiality", "--known-by", &index, "--json"];
    assert!(shell.run(&known).out.contains("\"fail\""), "before it was recorded nobody knew");
    shell.recorded(&["correct", &index, "--kind", "voids", "--reason", "Of another model.", "--key", "rita.key"]);
    assert_eq!(verdict(&shell, "materiality").0, "fail", "as if it had not been said");

    let control = "control=sr-26-2_materiality";
    let requested = ["record", "exception.requested", "--subject", "credit/pd@1", "--set", control, "--set"];
    let requested =
        shell.recorded(&[&requested[..], &["reason=The tier is being decided.", "--key", "ada.key"]].concat());
    let granted =
        ["record", "exception.granted", "--subject", "credit/pd@1", "--regarding", &requested, "--set", control];
    let why = ["--set", "reason=It decides nothing yet.", "--set", r#"compensating_controls=["a clerk decides"]"#];
    let end = ["--set", "expires_at=+30d", "--key", "rita.key"];
    shell.recorded(&[&granted[..], &why, &end].concat());
    let (found, reason) = verdict(&shell, "materiality");
    assert!(found == "waived" && reason.contains("an exception is in force"), "{found}: {reason}");
    let later = ["compliance", "verdicts", "credit/pd", "--control", "materiality", "--at", "+31d", "--json"];
    assert!(shell.run(&later).out.contains("\"fail\""), "and ends with its time");
}
