//! The server and the operation of a ledger's directory: configuration, the wiring of roles,
//! health, metrics, warnings, and the commands that work on files rather than over gRPC.
//!
//! What a role does lives in its own crate; here it is opened, connected and closed. A copy of a
//! ledger is asked the same way, without a port. Nothing here signs for a person.

// A reader that goes away is no failure: probity_terminal's `outln!` and `errln!` see to it.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod advice;
mod caller;
mod calls;
mod checking;
mod commands;
mod config;
pub mod demo;
mod http;
mod ledger_copy;
mod ledger_dir;
mod listener;
mod measured;
mod nats;
mod open_log;
mod renewal;
mod replay;
mod running;
mod scrub;
mod tls;
mod views;
mod warnings;

pub use commands::OperatorCommand;
pub use commands::mirror::MirrorArgs;
pub use commands::verify::VerifyLedgerArgs;
pub use ledger_copy::LedgerCopies;
pub use nats::NatsArgs;
pub use views::VIEWS;
