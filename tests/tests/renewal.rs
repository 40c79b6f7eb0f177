//! Certificates and credentials that run out are replaced under a server that runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use probity_proto::v1;
use probity_proto::v1::log_service_client::LogServiceClient;
use probity_proto::v1::registration_service_client::RegistrationServiceClient;
use probity_schemas::{Clock as _, SystemClock};
use probity_tests::nats::{NatsServer, NatsSetup};
use probity_tests::{Authority, Issued, ORIGIN, Secured, Server, Signer, TestLedger, binary, free_port, http};
use serde_json::{Value, json};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let attempts = async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, attempts).await.unwrap_or_else(|_| panic!("too long until {what}"))
}

fn hang_up(server: &Server) {
    assert!(Command::new("kill").args(["-HUP", &server.id().to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_with_the_certificate_that_replaces_the_one_it_began_with() {
    let ledger = TestLedger::found_in(tempfile::tempdir().unwrap()).unwrap();
    let mut secured = Secured::new(&ledger).unwrap();
    let client = (Signer::person().unwrap(), secured.authority.client("client").unwrap());
    let http_at = format!("127.0.0.1:{}", free_port().unwrap());
    secured.more = format!("[listen]\ngrpc = '0.0.0.0:0'\nhttp = '{http_at}'\n");
    let days = |days: i64| time::OffsetDateTime::now_utc() + time::Duration::days(days);
    let short = |authority: &Authority, end: i64| {
        let purpose = rcgen::ExtendedKeyUsagePurpose::ServerAuth;
        authority.issue("localhost", purpose, |params| params.not_after = days(end)).unwrap()
    };
    secured.write_server(&short(&secured.authority, 2)).unwrap();
    let server = secured.serve(&ledger, &[(&client.0, &client.1)]).unwrap();
    let asks = async |secured: &Secured, of: &Issued| {
        let channel = secured.channel(&server, of).await?;
        anyhow::Ok(LogServiceClient::new(channel).get_ledger(v1::GetLedgerRequest {}).await?)
    };
    asks(&secured, &client.1).await.unwrap();
    let file = secured.path("server.pem").display().to_string();
    let left = async || {
        let (_, text) = http(&http_at, "/metrics").await.unwrap();
        let line = format!("probity_certificate_expiry_seconds{{file=\"{file}\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)?.trim().parse::<i64>().ok())
    };
    let seconds = eventually("the metric", left).await;
    assert!((86_400..=2 * 86_400).contains(&seconds), "{seconds}");
    let (status, ready) = http(&http_at, "/readyz").await.unwrap();
    assert!(ready.contains("warning: ok: ") && ready.contains(&format!("{file} expires in")), "{status} {ready}");

    // Another authority's certificate: who trusts only that one gets in as soon as the server was told.
    let other = Authority::new().unwrap();
    secured.write_server(&short(&other, 100)).unwrap();
    hang_up(&server);
    let before = std::mem::replace(&mut secured.authority, other);
    eventually("the new certificate", async || asks(&secured, &client.1).await.ok()).await;
    eventually("the new end", async || left().await.filter(|left| *left > 50 * 86_400)).await;

    // What cannot be used is not taken up, and what comes after it is, without being told.
    std::fs::write(secured.path("server.pem"), "no certificate\n").unwrap();
    hang_up(&server);
    asks(&secured, &client.1).await.unwrap();
    secured.write_server(&before.server().unwrap()).unwrap();
    secured.authority = before;
    eventually("the first authority's again", async || asks(&secured, &client.1).await.ok()).await;
    let (code, said) = server.stop().unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("expires in") && said.contains("the one before goes on"), "{said}");
}

/// A JWT of NATS, as `nsc` makes them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, expires: Option<u64>, nats: Value) -> String {
    let now = SystemClock.now();
    let mut claims = json!({
        "jti": format!("test-{now}-{expires:?}"), "iat": now, "iss": issuer.public_key(), "name": "test",
        "sub": subject.public_key(), "nats": nats,
    });
    if let Some(expires) = expires {
        claims["exp"] = expires.into();
    }
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), encode(&claims));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// A NATS server with decentralised authentication, and who issues its users.
struct Operated {
    nats: NatsServer,
    account: KeyPair,
    user: KeyPair,
}

impl Operated {
    fn start() -> Self {
        let operator = KeyPair::new_operator();
        let (system, account) = (KeyPair::new_account(), KeyPair::new_account());
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let of_account = |pair: &KeyPair, limits: &Value| {
            let nats = json!({ "type": "account", "version": 2, "limits": limits, "default_permissions": { "pub": {}, "sub": {} } });
            jwt(&operator, pair, None, nats)
        };
        let mut without = limits.clone();
        for key in ["mem_storage", "disk_storage", "streams", "consumer"] {
            without.as_object_mut().unwrap().remove(key);
        }
        let of_operator = json!({ "type": "operator", "version": 2, "system_account": system.public_key() });
        let lines = format!(
            "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n  {}: {}\n  {}: {}\n}}\n",
            jwt(&operator, &operator, None, of_operator),
            system.public_key(),
            system.public_key(),
            of_account(&system, &without),
            account.public_key(),
            of_account(&account, &limits),
        );
        let nats = NatsSetup::new().with_lines(&lines).start().unwrap();
        Self { nats, account, user: KeyPair::new_user() }
    }

    /// Replaces a credentials file by one that ends so many seconds from now.
    fn write_credentials(&self, file: &Path, seconds: u64) {
        let nats = json!({
            "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1,
        });
        let jwt = jwt(&self.account, &self.user, Some(SystemClock.now() + seconds), nats);
        let seed = self.user.seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             ************************* IMPORTANT *************************\nkeep it secret\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let partial = file.with_extension("partial");
        std::fs::write(&partial, text).unwrap();
        std::fs::rename(partial, file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_for_nats_that_were_replaced_are_used_for_the_next_connection() {
    let home = tempfile::tempdir().unwrap();
    let operated = Operated::start();
    let (file, directory) = (home.path().join("nats.creds"), home.path().join("ledger"));
    operated.write_credentials(&file, 3_600);
    let ada = Signer::person().unwrap();
    ada.write_public_key(&home.path().join("ada.pub")).unwrap();
    let output = Command::new(binary().unwrap())
        .arg("init")
        .arg(&directory)
        .args(["--origin", ORIGIN, "--single-administrator", "--administrator"])
        .arg(home.path().join("ada.pub"))
        .args(["--nats", &operated.nats.url(), "--nats-credentials"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // They end soon after the server has begun with them.
    operated.write_credentials(&file, 8);
    let http_at = format!("127.0.0.1:{}", free_port().unwrap());
    let arguments = ["--nats-credentials", file.to_str().unwrap()];
    let server = Server::on(&directory, Some(&operated.nats.url()), &arguments, &[("PROBITY_LISTEN__HTTP", &http_at)]);
    let server = server.unwrap();
    let record = async |client: &mut RegistrationServiceClient<tonic::transport::Channel>| {
        let event = json!({
            "type": "concern.raised", "subject": { "kind": "model", "namespace": "credit", "name": "pd" },
            "data": { "concern": "Anything." },
        });
        let statement = ada.state(event, ORIGIN).unwrap();
        let submission = v1::Submission { statement: statement.bytes().clone(), expected_revision: None };
        client.register(v1::RegisterRequest { submissions: vec![submission] }).await.ok()
    };
    let mut client = server.registration().await.unwrap();
    record(&mut client).await.expect("it is recorded while the credentials hold");
    let connected = async |value: &str| {
        let (_, text) = http(&http_at, "/metrics").await.unwrap();
        text.lines().any(|line| line == format!("probity_nats_connected {value}")).then_some(())
    };
    eventually("the credentials have ended", async || connected("0").await).await;
    let (_, ready) = http(&http_at, "/readyz").await.unwrap();
    assert!(ready.contains("has expired"), "{ready}");

    operated.write_credentials(&file, 3_600);
    eventually("the new credentials", async || connected("1").await).await;
    eventually("it is recorded again", async || record(&mut client).await).await;
    // On SIGHUP there is a new connection at once, and nothing is lost by it.
    hang_up(&server);
    eventually("it is recorded after a hangup", async || record(&mut client).await).await;
    server.stop().unwrap();
}
