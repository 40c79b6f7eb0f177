//! A ledger whose server has stopped, and what was acknowledged before.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use probity_log::Block;
use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_statement::SignedStatement;
use probity_tests::{Server, Signer, TestLedger, binary, register};
use serde_json::json;

/// Where the first frame of a segment is.
pub(crate) const FRAMES_START: u64 = 64;
/// The length of what stands before a block in its frame.
const FRAME_HEADER: u64 = 8;

pub(crate) struct Scene {
    pub(crate) ledger: TestLedger,
    pub(crate) acknowledged: Vec<Acknowledged>,
    pub(crate) developer: Signer,
    made: u64,
}

pub(crate) struct Acknowledged {
    pub(crate) statement: SignedStatement,
    pub(crate) index: u64,
    pub(crate) receipt: Bytes,
}

/// Where a block is in a segment.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) block: Block,
}

impl Frame {
    /// How every message names this place.
    pub(crate) fn place(&self, file: &Path) -> String {
        let (height, index) = (self.block.height(), self.block.first_index());
        format!("{} offset {} (block {height}, from index {index})", file.display(), self.offset)
    }

    pub(crate) fn end(&self) -> u64 {
        self.offset + self.length
    }
}

impl Scene {
    /// A ledger in which requests of these many statements were recorded one after another.
    pub(crate) async fn recorded(requests: &[usize]) -> Self {
        Self::recorded_in(TestLedger::found().unwrap(), requests).await
    }

    /// The same in a ledger that was just founded.
    pub(crate) async fn recorded_in(ledger: TestLedger, requests: &[usize]) -> Self {
        let developer = Signer::person().unwrap();
        let server = ledger.serve(&[]).unwrap();
        ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
        let mut scene = Self { ledger, acknowledged: Vec::new(), developer, made: 0 };
        for count in requests {
            scene.record(&server, *count).await;
        }
        stop(server);
        scene
    }

    pub(crate) fn statement(&mut self, purpose: &str) -> SignedStatement {
        self.made += 1;
        let event = json!({
            "type": "model.registered",
            "subject": { "kind": "model", "namespace": "faults", "name": format!("m{}", self.made) },
            "data": { "purpose": purpose },
        });
        self.developer.state(event, self.ledger.origin()).unwrap()
    }

    /// Records new statements in one request.
    pub(crate) async fn record(&mut self, server: &Server, count: usize) {
        let statements: Vec<_> = (0..count).map(|_| self.statement("Outlives its disk.")).collect();
        let outcomes = register(&mut server.registration().await.unwrap(), &statements).await.unwrap();
        for (statement, outcome) in statements.into_iter().zip(outcomes) {
            self.acknowledge(statement, outcome);
        }
    }

    pub(crate) fn acknowledge(&mut self, statement: SignedStatement, outcome: Outcome) {
        let Outcome::Recorded(recorded) = outcome else { panic!("{outcome:?}") };
        self.acknowledged.push(Acknowledged { statement, index: recorded.index, receipt: recorded.receipt });
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.ledger.directory().join("log")
    }

    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.log().join("segments").join(format!("{number:010}.segment"))
    }

    pub(crate) fn anchor(&self) -> PathBuf {
        self.ledger.home.path().join("ledger.anchor")
    }

    /// The blocks in a segment.
    pub(crate) fn frames(&self, number: u64) -> Vec<Frame> {
        let file = File::open(self.segment(number)).unwrap();
        let mut frames = Vec::new();
        let mut offset = FRAMES_START;
        loop {
            let mut length = [0; 4];
            file.read_exact_at(&mut length, offset).unwrap();
            let length = u32::from_be_bytes(length);
            if length == 0 {
                return frames;
            }
            let mut block = vec![0; length as usize];
            file.read_exact_at(&mut block, offset + FRAME_HEADER).unwrap();
            let block = Block::decode(block).unwrap();
            frames.push(Frame { offset, length: FRAME_HEADER + u64::from(length), block });
            offset += FRAME_HEADER + u64::from(length);
        }
    }

    /// What the server says instead of serving.
    pub(crate) fn refusal(&self) -> String {
        format!("{:#}", self.ledger.serve(&[]).expect_err("the server should refuse to start"))
    }

    /// The exit code of `probity verify` and what it printed.
    pub(crate) fn verify(&self) -> (Option<i32>, String) {
        run(Command::new(binary().unwrap()).arg("verify").arg(self.ledger.directory()))
    }

    /// The same, held against a checkpoint.
    pub(crate) fn verify_against(&self, checkpoint: &Path) -> (Option<i32>, String) {
        run(Command::new(binary().unwrap()).arg("verify").arg(self.ledger.directory()).arg("--against").arg(checkpoint))
    }

    /// Neither `serve` nor `verify` accepts the ledger, and both name `place`.
    pub(crate) fn assert_named(&self, place: &str) {
        let refusal = self.refusal();
        assert!(refusal.contains(place), "serve does not name {place}: {refusal}");
        let (code, said) = self.verify();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("DOES NOT VERIFY") && said.contains(place), "verify does not name {place}: {said}");
    }

    /// The server serves all that was acknowledged, records more, and everything verifies. Returns what the server said.
    pub(crate) async fn assert_whole(&mut self) -> String {
        let server = self.ledger.serve(&[]).unwrap();
        self.assert_served(&server).await;
        self.record(&server, 2).await;
        let said = stop(server);
        let (code, report) = self.verify();
        assert_eq!(code, Some(0), "{report}");
        said
    }

    /// Everything acknowledged is there, with the receipts that were handed out.
    pub(crate) async fn assert_served(&self, server: &Server) {
        let mut log = server.log().await.unwrap();
        for Acknowledged { statement, index, receipt } in &self.acknowledged {
            let index = *index;
            let entry = log.get_entry(v1::GetEntryRequest { index }).await.unwrap().into_inner();
            assert_eq!(&entry.statement, statement.bytes(), "index {index}");
            let again = log.get_receipt(v1::GetReceiptRequest { index }).await.unwrap().into_inner();
            assert_eq!(&again.receipt, receipt, "index {index}");
        }
    }
}

/// Stops a server and returns what it said.
pub(crate) fn stop(server: Server) -> String {
    let (code, said) = server.stop().unwrap();
    assert_eq!(code, Some(0), "{said}");
    said
}

/// Runs a command to its end and returns its exit code and all that it printed.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

pub(crate) fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

/// Flips one bit of a file.
pub(crate) fn flip(path: &Path, offset: u64) {
    let file = open(path);
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

/// Copies a file or a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    let (code, said) = run(Command::new("cp").arg("-R").arg(from).arg(to));
    assert_eq!(code, Some(0), "{said}");
}
