//! How a command deals with the person or script that started it: exit codes, tables and JSON on
//! standard output, progress on standard error, key files and their passphrases.
//!
//! Shared by the commands that talk to a server (`cli`) and those that operate a ledger's directory
//! (`server`). Nothing here knows what a command does.

mod answer;
pub mod keyfile;
mod output;
mod streams;

pub use answer::{Answer, Failure, WrongUse, no};
pub use keyfile::{KeyFileError, Signer};
pub use output::{day, duration, json, progress, span, table, time, time_ms};
pub use streams::{take_failure, write_err, write_out};
