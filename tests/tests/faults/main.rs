//! The real server on real files that somebody or something damaged: it takes over what a crash can have left, and for
//! everything else it stops and names the place. Never is the log shorter afterwards, and never does it stop for nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod anchor;
mod disk;
mod rebuilt;
mod scene;
mod segments;
