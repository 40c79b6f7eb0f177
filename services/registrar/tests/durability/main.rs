//! The write side on a disk in memory: whatever happens to a block on its way, what was
//! acknowledged is there, and what was refused can be handed in again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod clock;
mod faults;
mod held;
mod in_flight;
mod scene;
