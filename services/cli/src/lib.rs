//! What a person types to ask a ledger and to record in it: commands, drafts, prompts, sealed
//! texts, names.
//!
//! All of it goes over gRPC or works on the caller's own files. Nothing here opens a ledger's
//! directory: how a copy of one is asked is told from outside, with [`open_copies_with`].

// A reader that goes away is no failure: probity_terminal's `outln!` and `errln!` see to it.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod after;
mod agent;
mod client;
mod commands;
mod copies;
mod fields;
mod names;
mod output;
mod own_writes;
mod pages;
mod people;
mod pins;
mod resolve;
mod session;
mod signing;
mod vault;

pub use commands::ClientCommand;
pub use commands::checkpoint::CheckpointArgs;
pub use commands::demo::{self, DemoArgs};
pub use commands::verify::VerifyStatementArgs;
pub use copies::{CopyOpener, open_copies_with};
