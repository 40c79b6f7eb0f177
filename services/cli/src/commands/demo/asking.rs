//! What everyone asks of the demo's ledger: the commands that a user would type, run as they are.

use std::path::Path;

use anyhow::Result;
use probity_proto::v1;
use probity_terminal::outln;

use super::{Stage, heading};
use crate::client::Client;

/// Questions in the users' words, and the commands that answer them.
const QUESTIONS: [(&str, &[&str]); 6] = [
    ("Which models are there, in what state, who owns them, where do they run?", &["models"]),
    ("What do we know of the scorecard?", &["model", "credit/pd-scorecard"]),
    ("Which version decided, and who may have seen it?", &["history", "model:credit/pd-scorecard", "--serving"]),
    (
        "Who approved it, on what evidence, under which policy, and does that still hold?",
        &["compliance", "model:credit/pd-scorecard@3.1.0", "--approvals"],
    ),
    ("What was it made from, and who uses it?", &["lineage", "model:credit/pd-scorecard@3.1.0"]),
    ("What is wrong right now?", &["compliance"]),
];

/// Asks each, once every view has taken in all that was recorded.
pub(super) async fn ask(client: &mut Client, stage: &mut impl Stage, server: &str, people: &Path) -> Result<()> {
    let checkpoint = client.log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await?.into_inner();
    client.wait_for_views(checkpoint.tree_size).await?;
    for (question, command) in QUESTIONS {
        heading(question);
        outln!("$ probity {}\n", command.join(" "));
        let people = people.to_string_lossy();
        let words: Vec<&str> = command.iter().copied().chain(["--server", server, "--people", &people]).collect();
        // A clear no is an answer like any other here.
        Box::pin(stage.run(&words)).await?;
    }
    Ok(())
}
