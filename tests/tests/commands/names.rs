//! Names: the same thing is named the same way in every command, a slip is answered with the nearest
//! name and never with nothing, and what was just recorded is counted in.

use crate::shell::{Ran, Shell};

const KEY: [&str; 2] = ["--key", "ada.key"];
const DIGEST: &str = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

/// A ledger in which a version of a model serves. Nothing waits for a view: the commands do.
fn serving() -> Shell {
    let shell = Shell::with_ledger();
    for role in ["deployer", "operator"] {
        shell.grant("ada.pub", role);
    }
    let artifact = format!(r#"artifacts={{"digest":"{DIGEST}","form":"file"}}"#);
    for arguments in [
        &["record", "model.registered", "--subject", "credit/pd", "--set", "purpose=PD"][..],
        &["record", "model.version_registered", "--subject", "credit/pd@1", "--set", &artifact],
        &["record", "deployment.started", "--subject", "endpoint:credit/scoring", "--set", "version=credit/pd@1"],
    ] {
        shell.recorded(&[arguments, &KEY].concat());
    }
    shell
}

fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not in {ran:?}");
    }
}

#[test]
fn a_slip_is_never_answered_with_nothing() {
    let shell = serving();
    for (arguments, code, words) in [
        (&["compliance", "live-without-aproval"][..], 2, &["live-without-approval"][..]),
        (&["compliance", "--question", "live-without-aproval"], 2, &["live-without-approval"]),
        (&["compliance", "credit/nonexist"], 1, &["no statement is about credit/nonexist"]),
        (&["compliance", "model:credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["compliance", "endpoint:credit/scorin"], 1, &["did you mean endpoint:credit/scoring?"]),
        (&["models", "--state", "aproved"], 2, &["did you mean approved?", "registered"]),
        (&["models", "--environment", "prod"], 2, &["production"]),
        (&["models", "--count-by", "sttae"], 2, &["did you mean state?", "attribute:NAME"]),
        (&["models", "--owner", "Ada Lovelase"], 2, &["did you mean Ada Lovelace?"]),
        (&["model", "credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["list", "deployments", "--state", "runing"], 2, &["did you mean running?"]),
        (&["list", "use-cases", "--state", "live"], 2, &["accepted"]),
        (&["list", "problems", "--kind", "incidnet"], 2, &["did you mean incident?"]),
        (&["list", "problems", "--team", "devop"], 2, &["did you mean devops?"]),
        (&["list", "monitors", "--of", "credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["list", "value", "--of", "model:credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["history", "credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["history", "model:credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["history", "--type", "aproval.granted"], 2, &["approval.granted"]),
        (&["history", "--by", "ava"], 2, &["the directory of people"]),
        (&["lineage", "credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["lineage", "model:credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (
            &["lineage", "model:credit/pd", "--to", "endpoint:credit/scorin"],
            1,
            &["did you mean endpoint:credit/scoring?"],
        ),
        (&["impact", "credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["impact", "model:credit/pdd"], 1, &["did you mean model:credit/pd?"]),
        (&["impact", "dataset:credit/loans"], 1, &["no statement is about dataset:credit/loans"]),
        (&["history", "--serving", "endpoint:credit/scorin"], 1, &["did you mean endpoint:credit/scoring?"]),
        (&["compare", "credit/pd@1", "credit/pd@2"], 1, &["did you mean model:credit/pd@1?"]),
        (&["compare", "model:credit/pd@1", "model:credit/pd@2"], 1, &["did you mean model:credit/pd@1?"]),
        (&["inbox", "--of", "nobody"], 2, &["the directory of people"]),
    ] {
        let ran = shell.run(arguments);
        says(&ran, code, words);
        assert!(!ran.out.contains("nothing is found"), "{ran:?}");
    }
    let found = shell.run(&["compliance", "author-is-approver"]);
    assert_eq!(found.code, Some(0), "a question of which nothing is found is in order: {found:?}");
    let nothing = shell.run(&["inbox", "--of", "ada"]);
    assert!(nothing.code == Some(0) && nothing.out.contains("nothing waits for Ada Lovelace"), "{nothing:?}");
}

#[test]
fn a_subject_is_named_in_short_in_full_by_index_or_by_event_id() {
    let shell = serving();
    let version = shell.json(&["history", "credit/pd@1", "--type", "model.version_registered"]);
    let (index, id) =
        (version["events"][0]["index"].to_string(), version["events"][0]["id"].as_str().unwrap().to_owned());
    let whole = shell.json(&["model", "model:credit/pd"]);
    for words in [&["entry"][..], &["receipt"]] {
        let named = |name: &str| shell.json(&[words, &[name]].concat())["index"].clone();
        assert_eq!(named(&id), named(&index), "{words:?}");
        says(&shell.run(&[words, &["credit/pd"]].concat()), 2, &["no index of the log and no id of an event"]);
    }
    for name in ["credit/pd", "credit/pd@1", &index, &id] {
        assert_eq!(shell.json(&["model", name])["dossier"]["model"], whole["dossier"]["model"], "{name}");
        assert!(shell.run(&["history", name]).out.contains("model.version_registered"), "{name}");
        assert!(shell.run(&["lineage", name]).code == Some(0), "{name}");
        assert!(shell.run(&["compliance", name]).code < Some(2), "{name}");
    }
    let stopped =
        shell.recorded(&[&["suspend", &index_of(&shell, "deployment.started"), "--reason", "Bad"], &KEY[..]].concat());
    assert_eq!(shell.event(&stopped)["subject"]["name"], "scoring");
    let resumed = ["resume", "credit/scoring", "--rationale", "Good", "--change", "Repaired"];
    let resumed = shell.recorded(&[&resumed, &KEY[..]].concat());
    assert_eq!(shell.event(&resumed)["regarding"], shell.event(&stopped)["id"], "it takes what suspend took");
    let again = shell.run(&[&["resume", "credit/scoring", "--rationale", "Good"], &KEY[..]].concat());
    says(&again, 1, &["no deployment.suspended about endpoint:credit/scoring is open"]);
}

fn index_of(shell: &Shell, event_type: &str) -> String {
    shell.json(&["history", "--type", event_type])["events"][0]["index"].to_string()
}

#[test]
fn what_cannot_take_effect_is_not_recorded_without_a_word() {
    let shell = serving();
    let size = || shell.json(&["checkpoint"])["tree_size"].as_u64().unwrap();
    let before = size();
    let registered = index_of(&shell, "model.registered");
    let field = ["correct", &registered, "--field", "purpos", "--new", "x", "--reason", "y"];
    says(&shell.run(&[&field, &KEY[..]].concat()), 2, &["did you mean purpose?", "intended_uses"]);
    let id = shell.event(&registered)["id"].as_str().unwrap().to_owned();
    shell.write(
        "correction.yaml",
        &format!(
            "type: correction.recorded\nsubject: model:credit/pd\nregarding: {id}\n\
             data: {{ kind: amends, field: event.titel, old: a, new: b, reason: c }}\n"
        ),
    );
    says(&shell.run(&[&["record", "correction.yaml"], &KEY[..]].concat()), 2, &["did you mean title?"]);
    let close = ["record", "incident.closed", "--subject", "credit/scoring", "--set", "corrective_actions=none"];
    says(&shell.run(&[&close, &KEY[..]].concat()), 1, &["none about endpoint:credit/scoring is open"]);
    let unfit = [&close[..], &["--regarding", &registered], &KEY[..]].concat();
    says(&shell.run(&unfit), 2, &["model.registered", "answers incident.declared"]);
    let unknown = ["suspend", "credit/scorin", "--reason", "x"];
    says(&shell.run(&[&unknown, &KEY[..]].concat()), 1, &["did you mean endpoint:credit/scoring?", "--yes"]);
    assert_eq!(size(), before, "nothing was recorded");

    let declare =
        ["record", "incident.declared", "--subject", "credit/scoring", "--set", "summary=It refuses everyone."];
    let first = shell.recorded(&[&declare[..], &["--set", "severity=high"], &KEY].concat());
    let second = shell.recorded(&[&declare[..], &["--set", "severity=low"], &KEY].concat());
    says(&shell.run(&[&close, &KEY[..]].concat()), 2, &["2 are open", &first, &second]);
    let closed = shell.recorded(&[&close[..], &["--regarding", &first], &KEY].concat());
    assert_eq!(shell.event(&closed)["regarding"], shell.event(&first)["id"]);
    let closed = shell.recorded(&[&close, &KEY[..]].concat());
    assert_eq!(shell.event(&closed)["regarding"], shell.event(&second)["id"], "the only one that is left");
    // An emergency is possible all the same.
    shell.recorded(&[&unknown[..], &["--yes"], &KEY].concat());
}

#[test]
fn people_are_named_where_people_are_expected() {
    let shell = serving();
    shell.enrol("olga", "owner");
    let olga = shell.json(&["key", "show", "olga.pub"])["identity"].as_str().unwrap().to_owned();
    shell.recorded(&[
        "record",
        "model.ownership_accepted",
        "--subject",
        "credit/pd",
        "--set",
        "role=owner",
        "--key",
        "olga.key",
    ]);
    for name in ["olga", "Olga", &olga] {
        assert_eq!(shell.json(&["models", "--owner", name])["models"].as_array().unwrap().len(), 1, "{name}");
        let events = shell.json(&["history", "--by", name]);
        assert_eq!(events["events"][0]["type"], "model.ownership_accepted", "{name}");
    }
    let proposed =
        ["record", "usecase.proposed", "--subject", "credit/loans", "--set", "problem=Late", "--set", "owner=olga"];
    let proposed = shell.recorded(&[&proposed, &KEY[..]].concat());
    assert_eq!(shell.event(&proposed)["data"]["owner"], olga.as_str());
    let key = shell.run(&["key", "show", "olga.pub"]);
    assert!(key.out.contains("olga") && key.out.contains(&olga), "{key:?}");
    // A refusal and the line of what is recorded show names.
    let refused = shell.run(&["record", "deployment.stopped", "--subject", "credit/scoring", "--key", "olga.key"]);
    assert!(refused.code == Some(1) && refused.err.contains("olga") && !refused.err.contains(&olga), "{refused:?}");
}

#[test]
fn the_directory_of_people_is_looked_for_in_one_order() {
    let shell = serving();
    fs_move(&shell, "people.toml", "config/people.toml");
    let shown = |variable: Option<(&str, &str)>| {
        let mut command = shell.probity(&["history", "credit/pd"]);
        command.env_remove("XDG_CONFIG_HOME").env("HOME", shell.path("nowhere"));
        if let Some((name, path)) = variable {
            command.env(name, shell.path(path));
        }
        crate::shell::run(&mut command).out.contains("Ada Lovelace")
    };
    assert!(!shown(None), "it is nowhere");
    assert!(shown(Some(("PROBITY_CONFIG", "config/probity.toml"))), "beside the configuration");
    assert!(shown(Some(("PROBITY_PEOPLE", "config/people.toml"))));
    fs_move(&shell, "config/people.toml", "home/.config/probity/people.toml");
    assert!(shown(Some(("HOME", "home"))), "the user's");
    let help = shell.run(&["models", "--help"]).out;
    assert!(help.contains("PROBITY_CONFIG names") && help.contains("~/.config/probity"), "{help}");
}

fn fs_move(shell: &Shell, from: &str, to: &str) {
    std::fs::create_dir_all(shell.path(to).parent().unwrap()).unwrap();
    std::fs::rename(shell.path(from), shell.path(to)).unwrap();
}

#[test]
fn what_was_recorded_from_here_is_counted_in_by_the_next_question() {
    let shell = Shell::with_ledger();
    for number in 0..20 {
        let model = format!("model:credit/m{number}");
        let index: u64 = shell
            .recorded(&[&["record", "model.registered", "--subject", &model, "--set", "purpose=x"], &KEY[..]].concat())
            .parse()
            .unwrap();
        let answer = shell.json(&["models", "--all"]);
        assert!(answer["as_of"]["tree_size"].as_u64().unwrap() > index, "{answer}");
    }
    let kept = std::fs::read_dir(shell.path("state/recorded")).unwrap().count();
    assert_eq!(kept, 1, "one file for the ledger");
    // A file that says more than the ledger has is said, and does not stop a question for good.
    let file = std::fs::read_dir(shell.path("state/recorded")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "1000000").unwrap();
    assert_eq!(shell.run(&["models", "--after", "0"]).code, Some(0));
}
