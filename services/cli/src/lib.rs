//! What a person types to ask a ledger and to record in it: commands, drafts, prompts, sealed texts, names.
//!
//! All of it goes over gRPC or works on the caller's own files. Nothing here opens a ledger's directory.

mod agent;
mod client;
mod commands;
mod fields;
mod output;
mod people;
mod session;
mod signing;
mod vault;

pub use commands::ClientCommand;
pub use commands::checkpoint::CheckpointArgs;
pub use commands::demo::{self, DemoArgs};
pub use commands::verify::VerifyStatementArgs;
