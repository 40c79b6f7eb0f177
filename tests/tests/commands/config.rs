//! A configuration is checked before a server meets it.

use crate::shell::Shell;

#[test]
fn a_good_configuration_is_ok_and_says_where_the_server_will_listen() {
    let shell = Shell::new();
    shell.write("good.toml", "[ledger]\ndirectory = \"here\"\n[listen]\ngrpc = \"127.0.0.1:7999\"\n");
    let ran = shell.run(&["config", "check", "good.toml"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("127.0.0.1:7999") && ran.out.contains("here.anchor"), "{ran:?}");
    assert_eq!(shell.json(&["config", "check", "good.toml"])["ok"], true);
}

#[test]
fn the_sample_configuration_is_good() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/probity.toml");
    assert_eq!(Shell::new().run(&["config", "check", sample]).code, Some(0));
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
        ("[listen\n", "wrong.toml"),
    ] {
        shell.write("wrong.toml", &format!("{section}\n[ledger]\ndirectory = \"here\"\n"));
        let ran = shell.run(&["config", "check", "wrong.toml"]);
        assert_eq!(ran.code, Some(1), "{section}: {ran:?}");
        assert!(ran.err.contains(named), "{section}: {ran:?}");
        let served = shell.run(&["serve", "--config", "wrong.toml"]);
        assert_eq!(served.code, Some(2), "{section}: {served:?}");
        assert!(served.err.contains(named), "{section}: {served:?}");
    }
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
