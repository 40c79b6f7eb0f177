//! One hostile caller beside one at work: what the work feels of it.
//!
//! Founds a throw-away ledger with whole lives in it, serves it by the real binary with certificates, and measures the
//! work of one caller alone, beside an attack, and afterwards. Both are on the machine of the server, and take from its
//! cores. Prints one JSON document. Nothing here asserts a time.

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use probity_tests::pressure::Scene;

/// As in the server, so that the program itself takes little of the machine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(about = "Measures one caller's work beside an attack of another caller; prints JSON")]
struct Args {
    /// Lives of versions in the ledger, ten statements each.
    #[arg(long, default_value_t = 10_000)]
    lives: u64,
    /// Calls of the work in a second.
    #[arg(long, default_value_t = 40)]
    rate: u32,
    /// How long each part takes, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let scene = Scene::set(args.lives).await?;
    let mut result = scene.measure(args.rate, Duration::from_secs(args.seconds)).await?;
    result["statements"] = (args.lives * 10).into();
    println!("{}", serde_json::to_string_pretty(&result)?);
    Ok(())
}
