//! Which ledger answers: the one that did before, or the one that is pinned, and no other.

use std::net::SocketAddr;

use probity_tests::Server;

use crate::shell::{Ran, Shell};

/// Founds a ledger and gives the hash that `init` tells people to pin.
fn found(shell: &Shell, name: &str) -> String {
    let administrator = format!("{name}.key");
    shell.json(&["key", "new", "--person", name, &administrator]);
    let public = format!("{name}.pub");
    let origin = format!("ledger.test/{name}");
    let arguments = ["init", name, "--origin", &origin, "--single-administrator", "--administrator", &public];
    shell.json(&arguments)["founding_leaf_hash"].as_str().unwrap().to_owned()
}

#[test]
fn another_ledger_at_the_same_address_is_refused_with_both_until_somebody_says_so() {
    let shell = Shell::new();
    let (first, second) = (found(&shell, "first"), found(&shell, "second"));
    let server = Server::start(&shell.path("first"), &[]).unwrap();
    let at: SocketAddr = server.address.strip_prefix("http://").unwrap().parse().unwrap();
    let address = server.address.clone();
    let ask = |more: &[&str]| -> Ran { shell.run(&[&["checkpoint", "--server", &address], more].concat()) };
    assert_eq!(ask(&[]).code, Some(0));
    assert_eq!(ask(&["--pin", &first]).code, Some(0));
    let wrong = ask(&["--pin", &second]);
    assert_eq!(wrong.code, Some(3), "{wrong:?}");
    assert!(wrong.err.contains(&first) && wrong.err.contains(&second) && wrong.err.contains("pinned"), "{wrong:?}");
    server.stop().unwrap();

    shell.write("second.toml", &format!("[ledger]\ndirectory = {:?}\n[listen]\ngrpc = '{at}'\n", shell.path("second")));
    let server = Server::with_config(&shell.path("second.toml")).unwrap();
    let other = ask(&[]);
    assert_eq!(other.code, Some(3), "{other:?}");
    assert!(other.err.contains(&first) && other.err.contains(&second) && other.err.contains("--pin"), "{other:?}");
    // Nothing is recorded there either.
    shell.write(
        "event.json",
        r#"{"type": "concern.raised", "subject": {"kind": "model", "namespace": "a", "name": "b"},
        "data": {"concern": "Anything."}}"#,
    );
    let sent = shell.run(&["record", "event.json", "--key", "second.key", "--server", &address]);
    assert_eq!(sent.code, Some(3), "{sent:?}");
    assert_eq!(ask(&["--pin", &second]).code, Some(0));
    assert_eq!(ask(&[]).code, Some(0));
    server.stop().unwrap();
}
