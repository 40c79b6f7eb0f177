//! Control packs: what a framework asks of a model, as data, and whether the record supports it.
//!
//! A [`Pack`] is one TOML file a framework. Its rules are written in the Common Expression Language over the *dossier* of
//! a model version: the facts that the ledger holds about it, in the order in which they happened. A pack is read by
//! [`Pack::load`], which finds whatever is wrong with it (unknown names, wrong types, missing sources) with its line;
//! [`Pack::judge`] then gives a [`Judgement`] for each of its controls at any moment.
//!
//! Three things hold whatever a pack says. **Nothing missing makes a pass**: a rule that came out true without resting on
//! a statement of the log is [`Verdict::Indeterminate`]. **A judgement changes at moments that are known**: rules cannot
//! read the clock, they ask helpers whether a moment is reached, and the next one that changes the answer is part of it.
//! **Evaluation ends**: each rule has a number of steps, and what takes more is `Indeterminate`, with that as its reason.
//!
//! The grammar is that of the `cel` crate. Checking types and evaluating are ours, because that crate does neither check
//! rules before they run nor end those that do not: `ops/decisions/control-packs.md`.
//!
//! Nothing here reads a clock, a file or a network, and nothing here decides what an event means: whether an approval
//! covers a version, and where it serves, is in the dossier as `probity_domain` says it.

pub mod dossier;
mod evaluate;
pub mod examples;
mod language;
pub mod pack;
mod questions;
pub mod shipped;
pub mod verdict;

pub use dossier::{Dossier, Fact};
pub use language::helpers;
pub use pack::{Control, Pack, PackFault};
pub use questions::Question;
pub use verdict::{Judgement, Moment, Verdict};
