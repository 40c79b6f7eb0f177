//! The language of rules: what can be said, and what it means for types.
//!
//! [`parse`] reads a rule as CEL, [`check`](check::Checker) gives every part of it a [`Kind`](kind::Kind) and turns it into
//! a [`Term`](term::Term), in which nothing is left to look up by name.

pub(crate) mod check;
pub(crate) mod helpers;
pub(crate) mod kind;
mod macros;
pub(crate) mod parse;
pub(crate) mod term;

/// The functions that rules have beside those of CEL: how each is called, and what it is for.
pub fn helpers() -> impl Iterator<Item = (String, &'static str)> {
    helpers::Helper::ALL.iter().map(|helper| (helper.signature(), helper.doc()))
}
