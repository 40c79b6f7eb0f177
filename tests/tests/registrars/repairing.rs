//! A registrar whose stream lost what it had acknowledged, by the commands an operator has.

use std::process::{Command, Output};
use std::time::Duration;

use probity_tests::{Carrier, binary};

use crate::scene::{Scene, client, record, refusal, until_active};

fn repair(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary().unwrap());
    command.arg("repair").arg(scene.ledger.directory()).args(["--nats", &scene.url()]).args(arguments);
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_lost_halts_the_registrar_and_repair_puts_it_back() {
    let mut scene = Scene::set().await;
    let server = scene.start(&scene.ledger.directory());
    until_active(&server, true).await;
    let writer = client(&[&server]);
    let mut acknowledged = Vec::new();
    for number in 0..5 {
        acknowledged.push(record(&writer, scene.statement(&format!("model-{number}"))).await);
    }
    let stream = probity_log::StreamName::of(scene.ledger.origin()).stream;
    let Carrier::Nats(nats) = &mut scene.ledger.carrier else { panic!("no server") };
    nats.stop().unwrap();
    nats.lose(&stream, 2).unwrap();
    nats.restart().unwrap();

    let halted = async {
        loop {
            match refusal(&server).await {
                Some(reason) if reason.contains("halted") => return reason,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let reason = tokio::time::timeout(Duration::from_secs(30), halted).await.unwrap();
    assert!(reason.contains("the stream ends with block") && reason.contains("probity repair"), "{reason}");
    // Reads go on, receipts included.
    let mut log = server.log().await.unwrap();
    for one in &acknowledged {
        let index = one.index;
        let again = log.get_receipt(probity_proto::v1::GetReceiptRequest { index }).await.unwrap().into_inner();
        assert_eq!(again.receipt, one.receipt);
    }
    // One that has seen less does not go on without what was lost, for as long as somebody is there who knows.
    let second = scene.start(&scene.second);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(refusal(&second).await.is_some_and(|reason| reason.contains("standby")));
    let (code, said) = second.stop().unwrap();
    assert!(code == Some(0) && said.contains("has blocks that are not here"), "{said}");
    // While it runs nobody repairs behind its back.
    let busy = repair(&scene, &["--yes"]);
    assert_eq!(busy.status.code(), Some(3), "{}", String::from_utf8_lossy(&busy.stderr));
    assert!(String::from_utf8_lossy(&busy.stderr).contains("in use by process"));
    server.stop().unwrap();

    // Nobody is there to be asked: nothing is written.
    let asked = repair(&scene, &[]);
    assert_eq!(asked.status.code(), Some(3), "{}", String::from_utf8_lossy(&asked.stderr));
    let done = repair(&scene, &["--yes"]);
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{told}{}", String::from_utf8_lossy(&done.stderr));
    assert!(told.contains("2 block(s) published"), "{told}");
    let again = repair(&scene, &["--yes"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing to repair"));

    let server = scene.start(&scene.ledger.directory());
    until_active(&server, true).await;
    acknowledged.push(record(&client(&[&server]), scene.statement("afterwards")).await);
    let second = scene.start(&scene.second);
    scene.check([server, second], &acknowledged).await;
}
