//! The commands as people and scripts use them: what they print, which files they make, how they
//! end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod agent;
mod clock;
mod config;
mod consequences;
mod days;
mod deceiving;
mod gate;
mod guided;
mod guides;
mod keys;
mod ledger;
mod names;
mod packs;
mod pins;
mod rules;
mod scripts;
mod sealed;
mod shell;
mod shortcuts;
mod terminal;
