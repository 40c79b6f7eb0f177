//! Whoever is about to sign is told which approvals end by it, and what would be covered no longer: the
//! ledger itself is asked, and what it says comes true.

use crate::shell::Shell;

const DIGEST: &str = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

/// A ledger in which an approved version of `credit/pd` serves, on a report that was attached.
fn serving() -> Shell {
    let shell = Shell::with_ledger();
    for (name, role) in
        [("olga", "owner"), ("vera", "validator"), ("arno", "approver"), ("dana", "deployer"), ("rita", "risk-officer")]
    {
        shell.enrol(name, role);
    }
    shell.write("report.md", "It keeps what it promises.");
    let artifact = format!(r#"artifacts={{"digest":"{DIGEST}","form":"file"}}"#);
    let served = format!("digest={DIGEST}");
    for arguments in [
        &["model.registered", "--subject", "credit/pd", "--set", "purpose=PD", "--key", "ada.key"][..],
        &["model.version_registered", "--subject", "credit/pd@1", "--set", &artifact, "--key", "ada.key"],
        &["usecase.proposed", "--subject", "credit/loans", "--set", "problem=Too slow.", "--key", "olga.key"],
        &[
            "deployment.started",
            "--subject",
            "credit/scoring",
            "--set",
            "version=model:credit/pd@1",
            "--set",
            &served,
            "--key",
            "dana.key",
        ],
    ] {
        shell.recorded(&[&["record"], arguments].concat());
    }
    let report = shell.program("sha256sum").arg("report.md").output().unwrap();
    let digest = format!("digest=sha256:{}", String::from_utf8(report.stdout).unwrap().split(' ').next().unwrap());
    let attached =
        ["record", "evidence.attached", "--subject", "credit/pd@1", "--set", "document_kind=report", "--set"];
    shell.recorded(&[&attached[..], &[&digest, "--key", "vera.key"]].concat());
    approved(&shell);
    shell
}

/// Approves the version anew, with the report that the request names; returns the request's index.
fn approved(shell: &Shell) -> String {
    let digests = format!("digests={DIGEST}");
    let requested = [
        "record",
        "approval.requested",
        "--subject",
        "credit/pd@1",
        "--set",
        "gate=production",
        "--set",
        &digests,
        "--evidence",
        "report.md",
        "--evidence-kind",
        "validation-report",
        "--key",
        "vera.key",
    ];
    let requested = shell.recorded(&requested);
    shell.recorded(&["approve", &requested, "--meaning", "I have read it.", "--key", "arno.key"]);
    requested
}

fn standing(shell: &Shell) -> String {
    let ran = shell.run(&["compliance", "--approvals", "credit/pd@1", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    answer["approvals"][0]["standing"].to_string()
}

#[test]
fn who_links_a_use_is_told_what_it_ends_before_signing_and_it_comes_true() {
    let shell = serving();
    let request = shell.json(&["history", "credit/pd@1", "--type", "approval.requested"])["events"][0]["index"].clone();
    let link = |model: &str| {
        let model = format!("model={model}");
        let words = ["record", "usecase.linked", "--subject", "credit/loans", "--set", &model, "--set", "role=primary"];
        [&words.map(str::to_owned)[..], &["--key".to_owned(), "olga.key".to_owned()]].concat()
    };
    let run = |words: &[String], more: &[&str]| {
        shell.run(&words.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>())
    };
    assert!(!standing(&shell).contains("widened"), "{}", standing(&shell));
    let asked = run(&link("credit/pd"), &["--dry-run"]);
    let ends = format!("the approval of model:credit/pd@1 at gate production (index {request})");
    for words in
        ["ends", &ends, "the intended use was widened", "endpoint:credit/scoring and would be covered no longer"]
    {
        assert!(asked.err.contains(words), "{words}: {asked:?}");
    }
    assert!(!standing(&shell).contains("widened"), "asking changes nothing");
    // Another model's link ends nothing.
    shell.recorded(&[
        "record",
        "model.registered",
        "--subject",
        "credit/lgd",
        "--set",
        "purpose=LGD",
        "--key",
        "ada.key",
    ]);
    let other = run(&link("credit/lgd"), &["--dry-run"]);
    assert!(other.code == Some(0) && !other.err.contains("the approval of"), "{other:?}");

    // A script is told as well, and what was said comes true.
    let signed = run(&link("credit/pd"), &[]);
    assert!(signed.code == Some(0) && signed.err.contains(&ends), "{signed:?}");
    assert!(standing(&shell).contains("the intended use was widened"), "{}", standing(&shell));
    let again = run(&link("credit/pd"), &["--dry-run"]);
    assert!(!again.err.contains("the approval of"), "what is over does not end: {again:?}");

    // What was approved with the use known stays.
    approved(&shell);
    let again = run(&link("credit/pd"), &["--dry-run"]);
    assert!(again.code == Some(0) && !again.err.contains("the approval of"), "{again:?}");
}

#[test]
fn the_same_is_said_of_whatever_else_ends_an_approval() {
    let shell = serving();
    let report =
        shell.json(&["history", "credit/pd@1", "--type", "approval.requested"])["events"][0]["evidence"][0]["digest"]
            .as_str()
            .unwrap()
            .to_owned();
    let digest = format!("digest={report}");
    let granted =
        shell.json(&["history", "credit/pd@1", "--type", "approval.granted"])["events"][0]["index"].to_string();
    for (arguments, why) in [
        (
            &[
                "approval.revoked",
                "--subject",
                "credit/pd@1",
                "--regarding",
                &granted,
                "--set",
                "reason=Bad",
                "--key",
                "arno.key",
            ][..],
            "the approval was revoked",
        ),
        (
            &[
                "evidence.withdrawn",
                "--subject",
                "credit/pd@1",
                "--set",
                "reason=Bad",
                "--set",
                &digest,
                "--yes",
                "--key",
                "vera.key",
            ],
            "evidence it rests on was withdrawn",
        ),
        (&["retirement.completed", "--subject", "credit/pd", "--key", "olga.key"], "it was retired"),
        (
            &["model.version_registered", "--subject", "credit/pd@1", "--set", "code.commit=1", "--key", "arno.key"],
            "had a hand in the version",
        ),
    ] {
        if why.contains("hand") {
            shell.grant("arno.pub", "developer");
        }
        let asked = shell.run(&[&["record"], arguments, &["--dry-run"]].concat());
        assert!(asked.err.contains("the approval of model:credit/pd@1") && asked.err.contains(why), "{why}: {asked:?}");
    }
    let harmless = ["record", "deployment.started", "--subject", "credit/other", "--set", "version=credit/pd@1"];
    let asked = shell.run(&[&harmless[..], &["--key", "dana.key", "--dry-run"]].concat());
    assert!(asked.code == Some(0) && !asked.err.contains("the approval of"), "{asked:?}");
}
