//! `probity`: the binary. The commands' enum and their dispatch; what a command does lives in `cli` and `server`.

mod demo;
mod help;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use probity_terminal::{Answer, is_wrong_use, wrong_use};

/// Statements are allocated on one thread and freed on another; the system's allocator is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The system of record for AI governance: a signed, append-only ledger of every model's life.
///
/// Exit codes: 0 done or yes, 1 a clear no (refused, does not verify), 2 wrong use, 3 could not find out.
#[derive(Debug, Parser)]
#[command(name = "probity", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Operate(probity_server::OperatorCommand),
    #[command(flatten)]
    Use(probity_cli::ClientCommand),
    /// Show the newest signed checkpoint, or write the static form for mirrors.
    Checkpoint(Checkpoint),
    /// Verify a whole ledger, or one statement with its receipt, offline.
    Verify(Verify),
    /// Play two models' lives on a throw-away ledger, verify it and tamper with it.
    Demo(demo::Demo),
}

#[derive(Debug, Args)]
struct Checkpoint {
    #[command(flatten)]
    mirror: probity_server::MirrorArgs,
    #[command(flatten)]
    checkpoint: probity_cli::CheckpointArgs,
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    ledger: probity_server::VerifyLedgerArgs,
    #[command(flatten)]
    statement: probity_cli::VerifyStatementArgs,
}

impl Cli {
    async fn run(self) -> Result<Answer> {
        match self.command {
            Command::Operate(command) => command.run(self.json).await,
            Command::Use(command) => command.run(self.json).await,
            Command::Checkpoint(Checkpoint { mirror, checkpoint }) => match mirror.run()? {
                Some(answer) => Ok(answer),
                None => checkpoint.run(self.json).await,
            },
            Command::Verify(Verify { ledger, statement }) => match ledger.run(self.json)? {
                Some(answer) => Ok(answer),
                None => statement
                    .run(self.json)?
                    .ok_or_else(|| wrong_use!("name a data directory, or --statement with --receipt-key")),
            },
            Command::Demo(args) => demo::run(args).await,
        }
    }
}

fn main() -> ExitCode {
    let matches = help::grouped(Cli::command()).get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(cli.run()));
    match outcome {
        Ok(answer) => answer.into(),
        Err(error) => {
            eprintln!("probity: {error:#}");
            ExitCode::from(if is_wrong_use(error.as_ref()) { 2 } else { 3 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_arguments_of_a_command_clash() {
        Cli::command().debug_assert();
    }
}
