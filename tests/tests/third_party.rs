//! Tools that nobody here wrote accept what the running server produced, and refuse it once a byte is changed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_statement::SignedStatement;
use probity_tests::{Server, Signer, TestLedger, command, register};
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{HashReader, Tile, TileHashReader, TileReader};

/// The interpreter of the environment that `./test` makes.
fn python() -> PathBuf {
    match std::env::var_os("PROBITY_PYTHON") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python"),
    }
}

fn model(number: u64) -> Value {
    json!({
        "type": "model.registered",
        "subject": { "kind": "model", "namespace": "credit", "name": format!("m{number}") },
        "data": { "purpose": "Estimates something; ü, 漢, 🙂." },
        "attributes": { "float": 0.1, "half": 1.5, "negative": -70_000, "large": 5_000_000_000_u64 },
    })
}

struct Recorded {
    ledger: TestLedger,
    server: Server,
    developer: Signer,
    statements: Vec<(SignedStatement, v1::Recorded)>,
}

/// A ledger with statements of every type's sample and a few hundred others.
async fn recorded(count: u64) -> Recorded {
    let ledger = TestLedger::found().unwrap();
    let server = ledger.serve(&[]).unwrap();
    let developer = Signer::person().unwrap();
    ledger.enrol(&server, &developer, &["developer"]).await.unwrap();
    let mut client = server.registration().await.unwrap();
    let mut statements = Vec::new();
    let all: Vec<_> = (0..count).map(|n| developer.state(model(n), ledger.origin()).unwrap()).collect();
    for chunk in all.chunks(40) {
        for (statement, outcome) in chunk.iter().zip(register(&mut client, chunk).await.unwrap()) {
            let Outcome::Recorded(recorded) = outcome else { panic!("{outcome:?}") };
            statements.push((statement.clone(), recorded));
        }
    }
    Recorded { ledger, server, developer, statements }
}

#[tokio::test(flavor = "multi_thread")]
async fn scitt_cose_and_cbor2_accept_statements_and_receipts_and_refuse_changed_ones() {
    let Recorded { server, developer, statements, .. } = recorded(300).await;
    let signer_key = developer.key.public().to_pem().unwrap();
    let entry = |(statement, recorded): &(SignedStatement, v1::Recorded)| {
        json!({
            "statement": hex::encode(statement.bytes()), "receipt": hex::encode(&recorded.receipt),
            "signer_key": signer_key,
        })
    };
    let given = json!({
        "receipt_key": server.keys().await.unwrap().receipt.to_pem().unwrap(),
        "statements": statements.iter().step_by(10).map(entry).collect::<Vec<_>>(),
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/verify.py");
    let mut child = Command::new(python())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("no Python environment in target/venv; run ./test, which makes it");
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(checked, json!({ "accepted": 30, "refused": 300 }));
}

/// Reads tiles of a mirror as `tlog_tiles` wants them.
struct Mirror(PathBuf);

impl TileReader for Mirror {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // Paths of this crate name the height, those of C2SP do not.
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles.iter().map(|tile| std::fs::read(path(tile)).unwrap_or_default()).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// What the two crates make of a mirror: the number of statements whose proof verifies, or `None` where one refuses.
fn read_mirror(mirror: &Path, origin: &str, vkey: &str, leaves: &[(u64, Vec<u8>)]) -> Option<usize> {
    let note = std::fs::read(mirror.join("checkpoint")).ok()?;
    let note = Note::from_bytes(&note).ok()?;
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).ok()?)]);
    note.verify(&known).ok()?;
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).ok()?;
    if checkpoint.origin() != origin {
        return None;
    }
    let reader = Mirror(mirror.to_owned());
    let hashes = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &reader);
    for (index, statement) in leaves {
        let leaf = tlog_tiles::record_hash(statement);
        let stored = hashes.read_hashes(&[tlog_tiles::stored_hash_index(0, *index)]).ok()?;
        if stored != [leaf] {
            return None;
        }
        let proof = tlog_tiles::prove_record(checkpoint.size(), *index, &hashes).ok()?;
        tlog_tiles::check_record(&proof, checkpoint.size(), *checkpoint.hash(), *index, leaf).ok()?;
    }
    Some(leaves.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_note_and_tlog_tiles_read_the_mirror_and_refuse_a_changed_one() {
    // 513 with the five that found the ledger and let the developer in. At other sizes `tlog_tiles` 0.2.0 does not look at
    // all tiles: where the tree's hash takes several hashes from one tile, it authenticates only one of them.
    let Recorded { ledger, server, statements, .. } = recorded(508).await;
    let keys = server.keys().await.unwrap();
    let vkey = keys.checkpoint_verifier().unwrap().checkpoint_key().to_string();
    // Beside the server, which goes on.
    let mirror = ledger.home.path().join("mirror");
    let output =
        command().args(["checkpoint", "--mirror"]).arg(&mirror).arg("--data").arg(ledger.directory()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.stop().unwrap();

    let leaf = |(statement, recorded): &(SignedStatement, v1::Recorded)| (recorded.index, statement.bytes().to_vec());
    let leaves: Vec<_> = statements.iter().map(leaf).step_by(7).collect();
    let read = || read_mirror(&mirror, ledger.origin(), &vkey, &leaves);
    assert_eq!(read(), Some(leaves.len()));

    for file in ["checkpoint", "tile/0/000", "tile/0/002.p/1", "tile/1/000.p/2"] {
        let path = mirror.join(file);
        let whole = std::fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        for at in [0, whole.len() / 2, whole.len() - 2] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert_eq!(read(), None, "{file} byte {at}");
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(read(), Some(leaves.len()), "the mirror as it was");
}
