//! The log on a real nats-server: that it is a log, and what it does when the stream is not what it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod conforms;
mod crashes;
mod disagrees;
mod settles;
mod world;
