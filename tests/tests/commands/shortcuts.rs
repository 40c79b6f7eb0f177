//! Shortcuts say what `record` says, filled in from what is in the log.

use serde_json::json;

use crate::shell::Shell;

const DIGEST: &str = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

/// A version with a request for approval. Returns the request's index.
fn request(shell: &Shell) -> String {
    shell.grant("ada.pub", "validator");
    shell.write("report.pdf", "42");
    let digest = format!("digests={DIGEST}");
    let artifact = format!(r#"artifacts={{"digest":"{DIGEST}","form":"file"}}"#);
    for arguments in [
        &["record", "model.registered", "--subject", "model:credit/pd", "--set", "purpose=PD"][..],
        &["record", "model.version_registered", "--subject", "model:credit/pd@1", "--set", &artifact],
        &["record", "evidence.attached", "--from", "sample", "--subject", "model:credit/pd@1"],
    ] {
        shell.recorded(&[arguments, &["--key", "ada.key"]].concat());
    }
    shell.recorded(&[
        "record",
        "approval.requested",
        "--subject",
        "model:credit/pd@1",
        "--set",
        "gate=production",
        "--set",
        &digest,
        "--set",
        "scope.environments=production",
        "--evidence",
        "report.pdf",
        "--key",
        "ada.key",
    ])
}

#[test]
fn a_request_is_approved_as_it_stands_there() {
    let shell = Shell::with_ledger();
    let index = request(&shell);
    shell.enrol("arno", "approver");
    let arno = ["--key", "arno.key"];
    let without = shell.run(&[&["approve", &index], &arno[..]].concat());
    assert!(without.code == Some(2) && without.err.contains("meaning "), "{without:?}");
    let shown = shell.run(
        &[
            &[
                "approve",
                &index,
                "--meaning",
                "I have read the report.",
                "--condition",
                "monthly=A report each month.",
                "--expires",
                "+365d",
                "--dry-run",
                "--json",
            ],
            &arno[..],
        ]
        .concat(),
    );
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let event: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let (event, request) = (&event[0], shell.event(&index));
    assert_eq!(event["type"], "approval.granted");
    assert_eq!((&event["regarding"], &event["subject"]), (&request["id"], &request["subject"]));
    for field in ["gate", "digests", "scope"] {
        assert_eq!(event["data"][field], request["data"][field], "{field}");
    }
    assert_eq!(event["data"]["evidence_seen"], json!([request["evidence"][0]["digest"]]));
    assert_eq!(event["data"]["conditions"], json!([{ "id": "monthly", "text": "A report each month." }]));
    assert!(shown.err.contains("I have read the report.") && shown.err.contains("(in 365 days)"), "{shown:?}");

    let rejected = shell.recorded(&[&["reject", &index, "--reason", "Nothing about Austria."], &arno[..]].concat());
    let rejected = shell.event(&rejected);
    assert_eq!((&rejected["type"], &rejected["regarding"]), (&json!("approval.rejected"), &request["id"]));
    assert_eq!(rejected["data"]["reason"], "Nothing about Austria.");
    let other = shell.run(&[&["approve", "0", "--meaning", "x"], &arno[..]].concat());
    assert!(other.code == Some(2) && other.err.contains("ledger.founded"), "{other:?}");
}

#[test]
fn an_approval_through_the_shortcut_is_recorded() {
    let shell = Shell::with_ledger();
    let index = request(&shell);
    shell.enrol("arno", "approver");
    let approved = shell.run(&["approve", &index, "--meaning", "I have read the report.", "--key", "arno.key"]);
    assert_eq!(approved.code, Some(0), "{approved:?}");
}

#[test]
fn a_second_person_confirms_the_very_statement() {
    let shell = Shell::with_ledger();
    shell.enrol("ben", "administrator");
    shell.json(&["key", "new", "--person", "carol", "carol.key"]);
    let enrolment = shell.run(&["key", "show", "carol.key", "--enrol-in", "ledger.test/cli"]);
    shell.write("enrol.json", &enrolment.out);
    let index = shell.recorded(&["record", "enrol.json", "--key", "ada.key"]);
    let entry = shell.json(&["entry", &index]);
    assert!(shell.run(&["entry", &index]).out.contains(entry["statement_digest"].as_str().unwrap()));
    let shown = shell.run(&["confirm", &index, "--key", "ben.key", "--dry-run", "--json"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.err.contains("authority.enrolled") && shown.err.contains("carol"),
        "it says what is confirmed: {shown:?}"
    );
    let event: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(event[0]["type"], "authority.confirmed");
    assert_eq!(event[0]["data"]["statement_digest"], entry["statement_digest"]);
    assert_eq!((&event[0]["regarding"], &event[0]["subject"]), (&entry["event"]["id"], &entry["event"]["subject"]));
    let fact = shell.recorded(&[
        "record",
        "model.registered",
        "--subject",
        "model:a/b",
        "--set",
        "purpose=x",
        "--key",
        "ada.key",
    ]);
    let refused = shell.run(&["confirm", &fact, "--key", "ben.key"]);
    assert!(refused.code == Some(2) && refused.err.contains("model.registered"), "{refused:?}");
}

#[test]
fn what_takes_two_takes_effect_with_the_confirmation() {
    let shell = Shell::with_two_administrators();
    shell.json(&["key", "new", "--person", "carol", "carol.key"]);
    let enrolment = shell.run(&["key", "show", "carol.key", "--enrol-in", "ledger.test/cli"]);
    shell.write("enrol.json", &enrolment.out);
    let carol =
        shell.json(&["key", "show", "carol.pub"])["identity"].as_str().unwrap().replace("person:", "identity:person/");
    let role =
        ["record", "authority.role_granted", "--subject", &carol, "--set", "role=developer", "--set", "namespaces=*"];
    let model = ["record", "model.registered", "--subject", "model:a/b", "--set", "purpose=x", "--key", "carol.key"];
    for power in [&["record", "enrol.json"][..], &role] {
        let index = shell.recorded(&[power, &["--key", "ada.key"]].concat());
        assert_eq!(shell.run(&model).code, Some(1), "one person is not enough");
        let herself = shell.run(&["confirm", &index, "--key", "ada.key"]);
        assert_eq!(herself.code, Some(1), "{herself:?}");
        let confirmed = shell.run(&["confirm", &index, "--key", "ben.key"]);
        assert_eq!(confirmed.code, Some(0), "{confirmed:?}");
    }
    let recorded = shell.run(&model);
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
}

#[test]
fn the_plug_is_pulled_by_one_command_and_put_back_by_another() {
    let shell = Shell::with_ledger();
    shell.grant("ada.pub", "deployer");
    let stopped =
        shell.recorded(&["suspend", "credit/scoring", "--reason", "It refuses everyone.", "--yes", "--key", "ada.key"]);
    let event = shell.event(&stopped);
    assert_eq!(event["subject"], json!({ "kind": "endpoint", "namespace": "credit", "name": "scoring" }));
    assert_eq!(event["data"], json!({ "reason": "It refuses everyone.", "scope": "endpoint" }));
    let model = shell.recorded(&[
        "suspend",
        "endpoint:credit/other",
        "--reason",
        "Bad",
        "--scope",
        "model",
        "--version",
        "model:credit/pd",
        "--yes",
        "--key",
        "ada.key",
    ]);
    assert_eq!(shell.event(&model)["data"]["version"]["name"], "pd");
    let wrong = shell.run(&["suspend", "credit/scoring", "--reason", "x", "--scope", "galaxy", "--key", "ada.key"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("endpoint"), "{wrong:?}");
    let resumed = shell.recorded(&[
        "resume",
        &stopped,
        "--rationale",
        "The cause is gone.",
        "--change",
        "Units are checked.",
        "--key",
        "ada.key",
    ]);
    let resumed = shell.event(&resumed);
    assert_eq!((&resumed["regarding"], &resumed["subject"]), (&event["id"], &event["subject"]));
    assert_eq!(resumed["data"], json!({ "rationale": "The cause is gone.", "changes": ["Units are checked."] }));
}

#[test]
fn a_fact_is_corrected_with_what_it_said_before_and_stays() {
    let shell = Shell::with_ledger();
    let fact = shell.recorded(&[
        "record",
        "model.registered",
        "--subject",
        "model:credit/pd",
        "--set",
        "purpose=PD",
        "--key",
        "ada.key",
    ]);
    let before = shell.event(&fact);
    let correction = shell
        .recorded(&["correct", &fact, "--field", "purpose", "--new", "LGD", "--reason", "A slip.", "--key", "ada.key"]);
    // A correction is not corrected.
    let again = shell.run(&["correct", &correction, "--kind", "voids", "--reason", "x", "--key", "ada.key"]);
    assert!(again.code == Some(2) && again.err.contains("not corrected"), "{again:?}");
    let correction = shell.event(&correction);
    let data = json!({ "kind": "amends", "reason": "A slip.", "field": "purpose", "old": "PD", "new": "LGD" });
    assert_eq!((&correction["data"], &correction["regarding"]), (&data, &before["id"]));
    assert_eq!(shell.event(&fact), before);
    let act = shell.run(&["correct", "3", "--kind", "voids", "--reason", "x", "--key", "ada.key"]);
    assert!(act.code == Some(2) && act.err.contains("act"), "{act:?}");
}
