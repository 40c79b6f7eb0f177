//! What views cost: folding the log into them, asking them, and the room they take.
//!
//! Generates a log of the life of many models, folds it into all four views as a rebuild does, asks them while they stand
//! still and while statements are appended, and prints one JSON document. Each step runs in a process of its own, so that
//! its memory is its own. Nothing here asserts a time.

mod asking;
mod folding;
mod history;
mod log;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use serde_json::{Value, json};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(about = "Measures views: folding, asking, room; prints JSON")]
struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// All steps at each of these sizes, in a directory that is removed afterwards.
    All {
        /// Statements of each log.
        #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
        statements: Vec<u64>,
        /// Where; a temporary directory by default.
        #[arg(long)]
        directory: Option<PathBuf>,
    },
    /// Writes a log.
    Generate { directory: PathBuf, statements: u64 },
    /// Folds it into views, all of them or only some.
    Rebuild {
        directory: PathBuf,
        #[arg(long, value_delimiter = ',', default_values = probity_server::VIEWS.iter().map(|view| view.name))]
        views: Vec<String>,
    },
    /// Asks the views, while they stand still and while statements are appended.
    Ask {
        directory: PathBuf,
        /// Statements appended per second, meanwhile.
        #[arg(long, default_value_t = 10_000)]
        rate: u64,
        /// For how many seconds.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let answer = match Args::parse().step {
        Step::All { statements, directory } => all(&statements, directory)?,
        Step::Generate { directory, statements } => log::generate(&directory, statements).await?,
        Step::Rebuild { directory, views } => folding::rebuild(&directory, &views).await?,
        Step::Ask { directory, rate, seconds } => asking::ask(&directory, rate, seconds).await?,
    };
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

fn all(sizes: &[u64], directory: Option<PathBuf>) -> Result<Value> {
    let mut results = Vec::new();
    for size in sizes {
        let home = match &directory {
            Some(directory) => tempfile::tempdir_in(directory)?,
            None => tempfile::tempdir()?,
        };
        let place = home.path().to_string_lossy().into_owned();
        let generated = step(&["generate", &place, &size.to_string()])?;
        let rebuilt = step(&["rebuild", &place])?;
        let asked = step(&["ask", &place])?;
        let log_bytes = generated["log_bytes"].as_f64().unwrap_or(1.0);
        let views_bytes = rebuilt["views_bytes"].as_f64().unwrap_or_default();
        results.push(json!({
            "statements": size, "generated": generated, "rebuilt": rebuilt, "asked": asked,
            "views_to_log": views_bytes / log_bytes,
        }));
    }
    Ok(json!({ "cores": std::thread::available_parallelism()?.get(), "sizes": results }))
}

/// Runs one step in a process of its own.
fn step(arguments: &[&str]) -> Result<Value> {
    eprintln!("{}", arguments.join(" "));
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).context("a step printed no JSON")?;
    eprintln!("{answer}");
    Ok(answer)
}
