//! Questions are answered within the caller's rights and time, as of a checkpoint, or refused with
//! a reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod contexts;
// The logs and views that the follower's own suite folds.
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../projection/tests/follower/listed.rs"]
mod listed;
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../projection/tests/follower/views.rs"]
mod views;
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../projection/tests/follower/world.rs"]
mod world;
