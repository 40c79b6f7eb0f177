//! Key files: `openssl` and we read each other's, and nobody else reads the private ones.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::shell::{Ran, Shell, run};

/// Whether there is an `openssl` that knows Ed25519; says so where there is none.
fn has_openssl(shell: &Shell) -> bool {
    let found = shell.program("openssl").args(["genpkey", "-algorithm", "ed25519"]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        // Past the capture of passing tests' output.
        std::io::stderr().write_all(b"NOT RUN: there is no openssl with Ed25519 here\n").unwrap();
    }
    found
}

fn openssl(shell: &Shell, args: &[&str]) -> Ran {
    run(shell.program("openssl").args(args))
}

/// Runs one of our commands with a passphrase in the environment.
fn with_passphrase(shell: &Shell, passphrase: &str, args: &[&str]) -> Ran {
    run(shell.probity(args).env("PROBITY_KEY_PASSPHRASE", passphrase))
}

fn pem(text: &str) -> &str {
    &text[text.find("-----BEGIN").unwrap()..]
}

#[test]
fn openssl_reads_our_keys_plain_and_encrypted() {
    let shell = Shell::new();
    if !has_openssl(&shell) {
        return;
    }
    shell.json(&["key", "new", "--service", "plain", "plain.key"]);
    let public = openssl(&shell, &["pkey", "-in", "plain.key", "-pubout"]);
    assert_eq!(public.out, pem(&shell.read("plain.pub")), "{}", public.err);
    let public = openssl(&shell, &["pkey", "-pubin", "-in", "plain.pub", "-pubout"]);
    assert_eq!(public.out, pem(&shell.read("plain.pub")), "{}", public.err);

    let made =
        with_passphrase(&shell, "correct horse", &["key", "new", "--service", "locked", "locked.key", "--passphrase"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(shell.read("locked.key").contains("BEGIN ENCRYPTED PRIVATE KEY"));
    let public = openssl(&shell, &["pkey", "-in", "locked.key", "-passin", "pass:correct horse", "-pubout"]);
    assert_eq!(public.out, pem(&shell.read("locked.pub")), "{}", public.err);
    let refused = openssl(&shell, &["pkey", "-in", "locked.key", "-passin", "pass:wrong horse", "-pubout"]);
    assert_ne!(refused.code, Some(0));
}

#[test]
fn we_read_keys_that_openssl_made_plain_and_encrypted() {
    let shell = Shell::new();
    if !has_openssl(&shell) {
        return;
    }
    openssl(&shell, &["genpkey", "-algorithm", "ed25519", "-out", "plain.key"]);
    let locked = ["genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret", "-out", "locked.key"];
    assert_eq!(openssl(&shell, &locked).code, Some(0));
    for key in ["plain.key", "locked.key"] {
        std::fs::set_permissions(shell.path(key), Permissions::from_mode(0o600)).unwrap();
        let public = openssl(&shell, &["pkey", "-in", key, "-passin", "pass:secret", "-pubout", "-out", "openssl.pub"]);
        assert_eq!(public.code, Some(0), "{public:?}");
        let theirs = shell.json(&["key", "show", "openssl.pub"]);
        let ours = with_passphrase(&shell, "secret", &["key", "show", key, "--as", "service:openssl", "--json"]);
        assert_eq!(ours.code, Some(0), "{ours:?}");
        let ours: serde_json::Value = serde_json::from_str(&ours.out).unwrap();
        assert_eq!((&ours["public_key"], &ours["kid"]), (&theirs["public_key"], &theirs["kid"]));
        assert_eq!(ours["identity"], "service:openssl");
    }
    let wrong = with_passphrase(&shell, "wrong", &["key", "show", "locked.key", "--as", "service:openssl"]);
    assert_eq!(wrong.code, Some(3), "{wrong:?}");
    assert!(wrong.err.contains("locked.key"), "{wrong:?}");
    let nobody = shell.run(&["key", "show", "plain.key"]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.err.contains("--as"), "it says what to do: {nobody:?}");
}

#[test]
fn a_private_key_is_for_its_owner_only() {
    let shell = Shell::new();
    shell.json(&["key", "new", "--service", "mine", "mine.key"]);
    let mode = |name: &str| std::fs::metadata(shell.path(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("mine.key"), 0o600);
    for open in [0o644, 0o640, 0o604] {
        std::fs::set_permissions(shell.path("mine.key"), Permissions::from_mode(open)).unwrap();
        let refused = shell.run(&["key", "show", "mine.key", "--enrol-in", "ledger.test/cli"]);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.err.contains("mine.key") && refused.err.contains("chmod 600"), "{refused:?}");
    }
    std::fs::set_permissions(shell.path("mine.key"), Permissions::from_mode(0o400)).unwrap();
    let enrolment = shell.json(&["key", "show", "mine.key", "--enrol-in", "ledger.test/cli"]);
    assert_eq!(enrolment["type"], "authority.enrolled");
}

#[test]
fn a_key_is_never_overwritten() {
    let shell = Shell::new();
    shell.json(&["key", "new", "--service", "mine", "mine.key"]);
    let before = (shell.read("mine.key"), shell.read("mine.pub"));
    let refused = shell.run(&["key", "new", "--service", "mine", "mine.key"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.err.contains("mine.key"), "{refused:?}");
    assert_eq!((shell.read("mine.key"), shell.read("mine.pub")), before);
    let refused = shell.run(&["key", "new", "--service", "mine", "other.pub"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn a_passphrase_that_cannot_be_asked_for_is_wrong_use() {
    let shell = Shell::new();
    let refused = shell.run(&["key", "new", "--service", "mine", "mine.key", "--passphrase"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("PROBITY_KEY_PASSPHRASE"), "{refused:?}");
    assert!(!shell.path("mine.key").exists());
}

#[test]
fn people_are_named_where_a_key_asks_for_them() {
    let shell = Shell::new();
    let ada = shell.json(&["key", "new", "ada.key", "--person", "Ada Lovelace"])["identity"].clone();
    let further = shell.json(&["key", "new", "ada-laptop.key", "--as", "ada lovelace"]);
    assert_eq!(further["identity"], ada, "a further key of hers");
    shell.json(&["key", "new", "pipeline.key", "--service", "pipeline"]);
    let enrolling = ["key", "show", "pipeline.key", "--enrol-in", "ledger.test/keys", "--responsible"];
    let enrolment = shell.run(&[&enrolling[..], &["Ada"]].concat());
    let enrolment: serde_json::Value = serde_json::from_str(&enrolment.out).unwrap();
    assert_eq!(enrolment["data"]["responsible"][0], ada);
    for wrong in [&[&enrolling[..], &["Ada Lovelase"]].concat()[..], &["key", "new", "x.key", "--as", "Ada Lovelase"]] {
        let ran = shell.run(wrong);
        assert!(ran.code == Some(2) && ran.err.contains("did you mean Ada Lovelace?"), "{ran:?}");
    }
}
