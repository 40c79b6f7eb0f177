//! NATS behind TLS and credentials.

use std::path::{Path, PathBuf};
use std::process::Command;

use probity_tests::nats::{NatsServer, NatsSetup};
use probity_tests::{Signer, binary};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A certificate authority and a server's certificate from it, as files.
struct Papers {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Papers {
    fn in_directory(directory: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let write = |what: &str, text: String| {
            let path = directory.join(format!("{name}-{what}.pem"));
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            authority: write("ca", authority),
            certificate: write("certificate", certificate.pem()),
            key: write("key", key.serialize_pem()),
        }
    }
}

/// Runs `probity init` on this server.
fn init(home: &Path, name: &str, nats: &NatsServer, arguments: &[&str]) -> (Option<i32>, String) {
    let administrator = Signer::person().unwrap();
    let public = home.join(format!("{name}.pub"));
    administrator.write_public_key(&public).unwrap();
    let output = Command::new(binary().unwrap())
        .arg("init")
        .arg(home.join(name))
        .args(["--origin", "ledger.test/secured", "--single-administrator", "--administrator"])
        .arg(&public)
        .args(["--nats", &nats.url()])
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn a_server_behind_tls_and_an_nkey_lets_in_who_has_both_and_nobody_else() {
    let home = tempfile::tempdir().unwrap();
    let (ours, others) = (Papers::in_directory(home.path(), "ours"), Papers::in_directory(home.path(), "others"));
    let pair = nkeys::KeyPair::new_user();
    let seed = home.path().join("registrar.nk");
    std::fs::write(&seed, format!("{}\n", pair.seed().unwrap())).unwrap();
    let lines = format!(
        "tls {{ cert_file: {:?}, key_file: {:?} }}\nauthorization {{ users: [ {{ nkey: {} }} ] }}\n",
        ours.certificate,
        ours.key,
        pair.public_key()
    );
    let nats = NatsSetup::new().with_lines(&lines).start().unwrap();
    let (ca, seed) = (ours.authority.to_str().unwrap(), seed.to_str().unwrap());

    let (code, said) = init(home.path(), "keyless", &nats, &["--nats-ca", ca]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.to_lowercase().contains("authorization"), "{said}");
    let (code, said) =
        init(home.path(), "misled", &nats, &["--nats-ca", others.authority.to_str().unwrap(), "--nats-nkey", seed]);
    assert_eq!(code, Some(3), "{said}");
    let (code, said) = init(home.path(), "no-file", &nats, &["--nats-ca", ca, "--nats-nkey", "/nowhere.nk"]);
    assert!(code == Some(3) && said.contains("cannot read /nowhere.nk"), "{said}");
    for name in ["keyless", "misled", "no-file"] {
        assert!(!home.path().join(name).exists(), "{name}: something was written before NATS was asked");
    }
    let (code, said) = init(home.path(), "ledger", &nats, &["--nats-ca", ca, "--nats-nkey", seed]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_password_in_an_address_is_refused_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let public = home.path().join("ada.pub");
    Signer::person().unwrap().write_public_key(&public).unwrap();
    let output = Command::new(binary().unwrap())
        .arg("init")
        .arg(home.path().join("ledger"))
        .args(["--origin", "ledger.test/secured", "--single-administrator", "--administrator"])
        .arg(&public)
        .args(["--nats", "nats://ada:hush@127.0.0.1:1"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("PROBITY_NATS__PASSWORD"), "{said}");
    assert!(!home.path().join("ledger").exists());
}
