//! Views that are followed over a log: everything once and in order, whatever happens in between; answers that are
//! honest about where they stand; and a log that is not what was signed halts them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod crash;
mod following;
mod generations;
mod halts;
mod listed;
mod other_log;
mod reading;
mod references;
mod simulation;
mod views;
mod world;
