//! The deployment gate as a pipeline asks it: exit code 0 where the artefact may run, 1 where not, 3 where nobody answers.

use crate::shell::{Ran, Shell};

const DIGEST: &str = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
const OTHER: &str = "sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";

/// A ledger in which a version is registered and its approval is requested.
fn requested() -> (Shell, String) {
    let shell = Shell::with_ledger();
    for (name, role) in [("olga", "owner"), ("vera", "validator"), ("arno", "approver"), ("rita", "risk-officer")] {
        shell.enrol(name, role);
    }
    let artifact = format!(r#"artifacts={{"digest":"{DIGEST}","form":"oci-manifest"}}"#);
    let digests = format!("digests={DIGEST}");
    for arguments in [
        &["model.registered", "--subject", "credit/pd", "--set", "purpose=PD", "--key", "ada.key"][..],
        &["model.version_registered", "--subject", "credit/pd@1", "--set", &artifact, "--key", "ada.key"],
    ] {
        shell.recorded(&[&["record"], arguments].concat());
    }
    let request = ["record", "approval.requested", "--subject", "credit/pd@1", "--set", "gate=production", "--set"];
    let request = shell.recorded(&[&request[..], &[&digests, "--key", "vera.key"]].concat());
    (shell, request)
}

fn check(shell: &Shell, artifact: &str, more: &[&str]) -> Ran {
    shell.run(&[&["check", artifact], more].concat())
}

fn codes(ran: &Ran) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let reasons = answer["decisions"][0]["reasons"].as_array().cloned().unwrap_or_default();
    reasons.iter().map(|reason| reason["code"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn an_artefact_may_run_once_it_is_approved_and_no_longer_than_that() {
    let (shell, request) = requested();
    let before = check(&shell, DIGEST, &["--json"]);
    assert!(before.code == Some(1) && codes(&before) == ["UNSIGNED"], "{before:?}");
    let unknown = check(&shell, OTHER, &[]);
    assert!(unknown.code == Some(1) && unknown.out.contains("UNKNOWN_DIGEST"), "{unknown:?}");

    shell.recorded(&["approve", &request, "--meaning", "I have read it.", "--expires", "+30d", "--key", "arno.key"]);
    let reference = format!("registry.example/pd@{DIGEST}");
    let after = check(&shell, &reference, &[]);
    assert!(after.code == Some(0), "{after:?}");
    for words in ["ALLOW", "as model:credit/pd@1", "rests on", "until", "as of"] {
        assert!(after.out.contains(words), "{words}: {}", after.out);
    }
    let later = check(&shell, DIGEST, &["--at", "+31d", "--json"]);
    assert!(later.code == Some(1) && codes(&later) == ["EXPIRED"], "{later:?}");
    // What is not guarded is allowed, and said to be so.
    let elsewhere = check(&shell, DIGEST, &["--environment", "test", "--json"]);
    assert!(elsewhere.code == Some(0) && codes(&elsewhere) == ["NO_GATE"], "{elsewhere:?}");
    // Of several, each has to pass.
    assert_eq!(shell.run(&["check", DIGEST, OTHER]).code, Some(1));

    let granted =
        shell.json(&["history", "credit/pd@1", "--type", "approval.granted"])["events"][0]["index"].to_string();
    let revoked = ["record", "approval.revoked", "--subject", "credit/pd@1", "--regarding", &granted, "--set"];
    shell.recorded(&[&revoked[..], &["reason=It drifts.", "--key", "arno.key"]].concat());
    let revoked = check(&shell, DIGEST, &["--json"]);
    assert!(revoked.code == Some(1) && codes(&revoked) == ["REVOKED"], "{revoked:?}");
}

#[test]
fn what_names_no_bytes_or_is_not_written_as_it_should_be_is_never_allowed() {
    let (shell, _) = requested();
    let latest = check(&shell, "registry.example/pd:latest", &["--json"]);
    assert!(latest.code == Some(1) && codes(&latest) == ["NO_DIGEST"], "{latest:?}");
    for (artifact, more, named) in [
        ("sha256:abc", &[][..], "64 hex digits"),
        (DIGEST, &["--environment", "prodution"], "did you mean production"),
        (DIGEST, &["--at", "soon"], "soon"),
    ] {
        let wrong = check(&shell, artifact, more);
        assert!(wrong.code == Some(2) && wrong.err.contains(named), "{named}: {wrong:?}");
    }
    let nobody = shell.run(&["check", DIGEST, "--server", "http://127.0.0.1:9"]);
    assert_eq!(nobody.code, Some(3), "where nobody answers, nothing is allowed: {nobody:?}");
}
