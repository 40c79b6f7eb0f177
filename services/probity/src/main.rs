//! `probity`: the binary. Commands, configuration and wiring; what it does lives in the libraries.

mod agent;
mod client;
mod commands;
mod config;
mod failure;
mod fields;
mod keyfile;
mod ledger_dir;
mod nats;
mod output;
mod people;
mod replay;
mod server;
mod signing;
mod vault;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Cli;
use crate::failure::exit_code;

/// Statements are allocated on one thread and freed on another; the system's allocator is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(cli.run()));
    match outcome {
        Ok(answer) => answer.into(),
        Err(error) => {
            eprintln!("probity: {error:#}");
            exit_code(&error)
        }
    }
}
