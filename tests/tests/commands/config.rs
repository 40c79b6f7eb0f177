//! A configuration is checked before a server meets it: as it is written, and what it names.

use probity_tests::Authority;

use crate::shell::{Shell, run};

#[test]
fn a_good_configuration_is_ok_and_says_where_the_server_will_listen() {
    let shell = Shell::with_ledger();
    let directory = shell.path("ledger");
    shell.write("good.toml", &format!("[ledger]\ndirectory = {directory:?}\n[listen]\ngrpc = \"127.0.0.1:7999\"\n"));
    let ran = shell.run(&["config", "check", "good.toml"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("127.0.0.1:7999") && ran.out.contains("ledger.anchor"), "{ran:?}");
    assert_eq!(shell.json(&["config", "check", "good.toml"])["ok"], true);
}

#[test]
fn the_sample_configuration_is_good() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/probity.toml");
    let ran = Shell::new().run(&["config", "check", "--file-only", sample]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("nothing that it names was opened"), "{ran:?}");
}

#[test]
fn a_wrong_configuration_is_refused_with_the_place() {
    let shell = Shell::new();
    for (section, named) in [
        ("[listen]\ngprc = \"127.0.0.1:1\"\n", "gprc"),
        ("[limts]\n", "limts"),
        ("[limits]\nwaiting_statements = \"many\"\n", "limits.waiting_statements"),
        ("[listen]\ngrpc = \"0.0.0.0:7170\"\n", "0.0.0.0:7170"),
        ("[[access.certificate]]\nsha256 = \"12:34\"\nidentity = \"service:x\"\n", "service:x"),
        ("[log]\nfilter = \"probity=loud=very\"\n", "probity=loud=very"),
        ("[listen\n", "wrong.toml:1"),
    ] {
        shell.write("wrong.toml", &format!("{section}\n[ledger]\ndirectory = \"here\"\n"));
        let ran = shell.run(&["config", "check", "--file-only", "wrong.toml"]);
        assert_eq!(ran.code, Some(1), "{section}: {ran:?}");
        assert!(ran.err.contains(named) && ran.err.contains("wrong.toml:"), "{section}: {ran:?}");
        let served = shell.run(&["serve", "--config", "wrong.toml"]);
        assert_eq!(served.code, Some(2), "{section}: {served:?}");
        assert!(served.err.contains(named), "{section}: {served:?}");
    }
}

#[test]
fn every_mistake_is_said_at_once_with_its_line() {
    let shell = Shell::new();
    let text = "\
[ledger]
directroy = 'here'

[listen]
grpc = 'nowhere'
gprc = '127.0.0.1:1'
http = '0.0.0.0:7180'

[limits]
reads = 0
writes = 'many'

[[access.certificate]]
sha256 = '12:34'
identity = 'service:risk'

[[access.certificate]]
sha256 = '12:35'
identity = 'nobody'
";
    shell.write("wrong.toml", text);
    let answer = shell.run(&["config", "check", "wrong.toml", "--json"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let answer: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    let mistakes = answer["mistakes"].as_array().unwrap();
    let found: Vec<(&str, u64)> =
        mistakes.iter().map(|mistake| (mistake["key"].as_str().unwrap(), mistake["line"].as_u64().unwrap())).collect();
    for expected in [
        ("ledger.directroy", 2),
        ("listen.grpc", 5),
        ("listen.gprc", 6),
        ("limits.writes", 11),
        ("access.certificate[1].identity", 19),
        // The line of what should hold it.
        ("ledger", 1),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    assert!(answer["error"].as_str().unwrap().contains("wrong.toml:11: limits.writes"), "{answer}");
    // What only follows from those is not said.
    assert!(found.len() == 6, "{found:?}");

    // Those that make sense each for itself, and not together.
    let text = text.replace("directroy", "directory").replace("gprc = '127.0.0.1:1'\n", "");
    let text =
        text.replace("'nowhere'", "'0.0.0.0:7170'").replace("writes = 'many'\n", "").replace("'nobody'", "'service:x'");
    shell.write("wrong.toml", &text);
    let ran = shell.run(&["config", "check", "wrong.toml"]);
    for expected in [
        "wrong.toml:5: refusing to listen",
        "wrong.toml:6: refusing to serve HTTP",
        "wrong.toml:9: [limits] reads is 0",
        "wrong.toml:12: ",
        "wrong.toml:16: ",
        "wrong.toml:2: [ledger] directory here",
    ] {
        assert!(ran.err.contains(expected), "{expected}: {ran:?}");
    }
}

#[test]
fn a_variable_is_named_where_it_is_wrong() {
    let shell = Shell::new();
    shell.write("good.toml", "[ledger]\ndirectory = 'here'\n");
    let mut check = shell.probity(&["config", "check", "--file-only", "good.toml"]);
    let ran = run(check.env("PROBITY_LISTEN__GRPC", "nowhere"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("PROBITY_LISTEN__GRPC"), "{ran:?}");
}

#[test]
fn what_a_configuration_names_is_opened() {
    let shell = Shell::with_ledger();
    let authority = Authority::new().unwrap();
    let (own, other) = (authority.server().unwrap(), authority.server().unwrap());
    shell.write("server.pem", &own.certificate);
    shell.write("server.key.pem", &own.key);
    shell.write("other.key.pem", &other.key);
    shell.write("ca.pem", &authority.pem);
    shell.write("empty.pem", "nothing\n");
    let directory = shell.path("ledger");
    let config = |certificate: &str, key: &str, ca: &str, more: &str| {
        format!(
            "[tls]\ncertificate = {:?}\nprivate_key = {:?}\nclient_ca = {:?}\n[listen]\ngrpc = '0.0.0.0:7999'\n{more}\n[ledger]\ndirectory = {directory:?}\n",
            shell.path(certificate),
            shell.path(key),
            shell.path(ca)
        )
    };
    let check = |text: String| {
        shell.write("config.toml", &text);
        shell.run(&["config", "check", "config.toml"])
    };
    let good = check(config("server.pem", "server.key.pem", "ca.pem", ""));
    assert_eq!(good.code, Some(0), "{good:?}");
    let nats = "[nats]\nurl = 'nats://127.0.0.1:1'\n";
    let views = format!("[views]\ndirectory = {:?}\n", shell.path("ca.pem"));
    for (text, line, named) in [
        (config("nowhere.pem", "server.key.pem", "ca.pem", ""), 2, "nowhere.pem"),
        (config("empty.pem", "server.key.pem", "ca.pem", ""), 2, "no PEM certificate"),
        (config("server.pem", "empty.pem", "ca.pem", ""), 3, "no PEM private key"),
        (config("server.pem", "other.key.pem", "ca.pem", ""), 3, "another certificate"),
        (config("server.pem", "server.key.pem", "empty.pem", ""), 4, "empty.pem"),
        (config("server.pem", "server.key.pem", "ca.pem", nats), 8, "nats://127.0.0.1:1"),
        (config("server.pem", "server.key.pem", "ca.pem", &views), 8, "ca.pem"),
    ] {
        let ran = check(text);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(&format!("config.toml:{line}: ")) && ran.err.contains(named), "{named}: {ran:?}");
    }
    // All of them at once.
    let ran = check(config("nowhere.pem", "empty.pem", "empty.pem", nats));
    for line in [2, 3, 4, 8] {
        assert!(ran.err.contains(&format!("config.toml:{line}: ")), "{line}: {ran:?}");
    }
    // A server that cannot use a file names it as well.
    shell.write("config.toml", &config("server.pem", "other.key.pem", "ca.pem", ""));
    let served = shell.run(&["serve", "--config", "config.toml"]);
    assert!(served.err.contains("other.key.pem") && served.err.contains("server.pem"), "{served:?}");
}

#[test]
fn keys_and_anchor_of_the_ledger_are_looked_at() {
    let mut shell = Shell::with_ledger();
    shell.stop();
    shell.write("config.toml", &format!("[ledger]\ndirectory = {:?}\n", shell.path("ledger")));
    std::fs::remove_file(shell.path("ledger.anchor")).unwrap();
    std::fs::remove_file(shell.path("ledger/keys/clock.key")).unwrap();
    let ran = shell.run(&["config", "check", "config.toml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("ledger.anchor") && ran.err.contains("clock.key"), "{ran:?}");
    std::fs::write(shell.path("ledger.anchor"), "no anchor").unwrap();
    let ran = shell.run(&["config", "check", "config.toml"]);
    assert!(ran.err.contains("ledger.anchor") && ran.err.contains("clock.key"), "{ran:?}");
}

#[test]
fn a_listener_that_strangers_can_reach_is_refused_also_as_a_flag() {
    let shell = Shell::new();
    let ran = shell.run(&["serve", "here", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("TLS") && ran.err.contains("client_ca"), "it says what to do: {ran:?}");
}

#[test]
fn a_configuration_that_is_not_there_could_not_be_checked() {
    let ran = Shell::new().run(&["config", "check", "nowhere.toml"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("nowhere.toml"), "{ran:?}");
}
