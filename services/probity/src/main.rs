//! `probity`: the binary. The commands' enum and their dispatch; what a command does lives in `cli`
//! and `server`.

// A reader that goes away is no failure: probity_terminal's `outln!` and `errln!` see to it.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod demo;
mod help;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use probity_server::LedgerCopies;
use probity_terminal::{Answer, Failure, take_failure, wrong_use};

/// Statements are allocated on one thread and freed on another; the system's allocator is slow at
/// that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads that read or write files may still take once a command is done.
const WAIT: Duration = Duration::from_millis(500);

/// The system of record for AI governance: a signed, append-only ledger of every model's life.
///
/// Exit codes: 0 done or yes, 1 a clear no (refused, does not verify), 2 wrong use, 3 could not
/// find out.
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
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
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
    let cli = match parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let json = cli.json;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let copies = LedgerCopies::default();
    let opened = copies.clone();
    probity_cli::open_copies_with(Box::new(move |directory| {
        let copies = opened.clone();
        Box::pin(async move { copies.open(&directory).await })
    }));
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(async {
            let outcome = cli.run().await;
            copies.close().await.and(outcome)
        });
        // Whoever still reads for a caller that has gone is not waited for.
        runtime.shutdown_timeout(WAIT);
        outcome
    });
    // What was not printed was not answered.
    let outcome = outcome.and_then(|answer| match take_failure() {
        None => Ok(answer),
        Some(error) => Err(anyhow::Error::new(error).context("standard output takes no more")),
    });
    match outcome {
        Ok(answer) => answer.into(),
        Err(error) => Failure::of(error.as_ref(), format!("{error:#}")).report(json),
    }
}

/// Reads the arguments. Where they are no command's, or help was asked for, that is said and the
/// exit code given.
fn parse() -> Result<Cli, ExitCode> {
    let parsed = help::grouped(Cli::command()).try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| {
        // Help and version are answers; they go to standard output as they are.
        if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
            let text = error.render().to_string();
            return Failure::wrong_use(text.trim().trim_start_matches("error: ").to_owned()).report(true);
        }
        // A reader that went away wants no help.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_arguments_of_a_command_clash() {
        Cli::command().debug_assert();
    }
}
