//! What makes losing blocks likelier is said where people look.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use probity_tests::nats::NatsSetup;
use probity_tests::{Carrier, Server, TestLedger, free_port};

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks until `line` is there.
async fn told(address: &str, path: &str, line: &str) {
    let mut answer = String::new();
    for _ in 0..200 {
        answer = get(address, path);
        if answer.contains(line) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{line} is not in {answer}");
}

/// A server of a ledger on this NATS server that was told where to ask it.
fn serve(ledger: &TestLedger, monitoring: &str) -> (Server, String) {
    let http = format!("127.0.0.1:{}", free_port().unwrap());
    let config = ledger.home.path().join("probity.toml");
    let text = format!(
        "[ledger]\ndirectory = {:?}\n[listen]\ngrpc = '127.0.0.1:0'\nhttp = '{http}'\n{}monitoring = ['{monitoring}']\n",
        ledger.directory(),
        ledger.carrier.section()
    );
    std::fs::write(&config, text).unwrap();
    (Server::with_config(&config).unwrap(), http)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_and_lazy_syncing_are_said_in_the_log_in_metrics_and_to_readyz() {
    let nats = NatsSetup::new().with_lazy_sync().start().unwrap();
    let monitoring = nats.monitoring();
    let ledger = TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Nats(nats)).unwrap();
    let (server, http) = serve(&ledger, &monitoring);
    for (path, line) in [
        ("/metrics", "probity_nats_warning{kind=\"one_replica\"} 1"),
        ("/metrics", "probity_nats_warning{kind=\"sync_not_always\"} 1"),
        ("/readyz", "warning: ok: the stream has one replica"),
        ("/readyz", "sync_interval: always"),
    ] {
        told(&http, path, line).await;
    }
    let (_, said) = server.stop().unwrap();
    assert!(said.contains("sync_interval: always") && said.contains("one replica"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_syncs_every_message_is_not_complained_of() {
    let nats = NatsSetup::new().start().unwrap();
    let monitoring = nats.monitoring();
    let ledger = TestLedger::found_on(tempfile::tempdir().unwrap(), Carrier::Nats(nats)).unwrap();
    let (_server, http) = serve(&ledger, &monitoring);
    told(&http, "/metrics", "probity_nats_warning{kind=\"one_replica\"} 1").await;
    let metrics = get(&http, "/metrics");
    assert!(!metrics.contains("sync_"), "{metrics}");
}
