//! The whole product on NATS: what `demo` shows is the same wherever blocks go.

use std::process::Command;

use probity_tests::binary;
use probity_tests::nats::{NatsCluster, NatsServer};

fn demo(arguments: &[&str]) -> String {
    let output = Command::new(binary().unwrap()).arg("demo").args(arguments).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

/// What does not differ from one run to the next.
fn headings(told: &str) -> Vec<&str> {
    told.lines().filter(|line| line.starts_with("== ") || line.starts_with("refused")).collect()
}

#[test]
fn the_demo_shows_the_same_on_files_on_one_server_and_on_three() {
    let files = demo(&[]);
    assert!(headings(&files).len() > 5, "{files}");
    let server = NatsServer::start().unwrap();
    let one = demo(&["--nats", &server.url()]);
    assert_eq!(headings(&one), headings(&files));
    let cluster = NatsCluster::start().unwrap();
    let three = demo(&["--nats", &cluster.url(), "--replicas", "3"]);
    assert_eq!(headings(&three), headings(&files));
}
