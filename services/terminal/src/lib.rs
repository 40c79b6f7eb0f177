//! How a command deals with the person or script that started it: exit codes, tables and JSON on
//! standard output, progress on standard error, key files and their passphrases.
//!
//! Shared by the commands that talk to a server (`cli`) and those that operate a ledger's directory
//! (`server`). Nothing here knows what a command does.

mod answer;
pub mod keyfile;
mod output;
mod screen;
mod streams;
mod table;

pub use answer::{Answer, ClearNo, Failure, WrongUse, no};
pub use keyfile::{KeyFileError, Signer};
pub use output::{day, duration, json, progress, second, span, span_of_seconds, time, time_ms};
pub use screen::{indented, width};
pub use streams::{Format, format, page, set_csv, take_failure, write_err, write_out};
pub use table::{Table, fold, table};
