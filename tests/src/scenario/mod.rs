//! Scenarios: practice as users live it, in files that people can read and the suite replays.
//!
//! `tests/scenarios/README.md` says how such a file is written.

mod cast;
mod event;
mod file;
mod questions;
mod replay;
mod words;

pub use file::{Scenario, read_all};
pub use questions::views_at;
pub use replay::{Replayed, replay};
