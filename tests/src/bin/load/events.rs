//! Events signed ahead of time, so that the load program costs the server little of the machine.

use anyhow::Result;
use bytes::Bytes;
use probity_schemas::{Clock, Event, SystemClock};
use probity_statement::SignedStatement;
use probity_tests::Signer;
use rayon::prelude::*;
use serde_json::json;

/// Versions that the events are about, spread evenly.
const SUBJECTS: u64 = 100_000;

/// An endless supply of events by one signer.
#[derive(Debug)]
pub(crate) struct Presigned {
    pub(crate) signer: Signer,
    origin: &'static str,
    next: u64,
    started_ms: u64,
}

impl Presigned {
    pub(crate) fn new(signer: Signer, origin: &'static str) -> Self {
        Self { signer, origin, next: 0, started_ms: SystemClock.now_ms() }
    }

    /// When the first event is said to have happened.
    pub(crate) fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// The next `count` statements.
    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<Bytes>> {
        let first = self.next;
        self.next += count as u64;
        (first..self.next).into_par_iter().map(|number| Ok(self.statement(number)?.bytes().clone())).collect()
    }

    /// The length of a statement.
    pub(crate) fn statement_bytes(&self) -> Result<usize> {
        Ok(self.statement(1_000_000)?.bytes().len())
    }

    fn statement(&self, number: u64) -> Result<SignedStatement> {
        // Ids are ordered in time, as those of real clients are: some fifty in a millisecond.
        let mut random = [0u8; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        let id = probity_schemas::EventId::from_time(self.started_ms + number / 50, random);
        let subject = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % SUBJECTS;
        let name = format!("model-{:04}", subject / 20);
        let version = format!("1.{}.0", subject % 20);
        let subject = json!({ "kind": "model", "namespace": "load/models", "name": name });
        let produced = json!({ "kind": "model", "namespace": "load/models", "name": name, "version": version });
        let event = Event::from_value(&json!({
            "id": id.to_string(), "type": "training.completed", "v": 1,
            "occurred": self.started_ms + number / 50,
            "subject": subject,
            "external_ids": [{ "system": "mlflow", "id": format!("{number:016x}") }],
            "data": {
                "run_id": format!("{number:016x}"),
                "produced_version": produced,
                "datasets": [{ "kind": "dataset", "namespace": "load/data", "name": "applications-2025" }],
                "dataset_digests": [digest(number / 100)],
                "seed": 7,
                "metrics": [{ "name": "auc", "value": 0.8125 }, { "name": "ks", "value": 0.47 }],
                "duration_s": 5412.5,
                "energy_kwh": 11.2,
            },
        }))?;
        self.signer.sign(&event, self.origin)
    }
}

fn digest(number: u64) -> String {
    format!("sha256:{number:064x}")
}
