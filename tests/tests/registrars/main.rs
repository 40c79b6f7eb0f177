//! Several processes of one ledger on NATS: two registrars that take turns, and processes that only follow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod apart;
mod following;
mod repairing;
mod scene;
mod secured;
mod turns;
mod warned;
mod whole;
