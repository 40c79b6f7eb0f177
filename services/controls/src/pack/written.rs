//! A pack as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::{Interpretation, Parameter, Severity, Source};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) pack: Head,
    #[serde(default)]
    pub(super) interpretation: BTreeMap<Spanned<String>, Interpretation>,
    #[serde(default)]
    pub(super) parameter: BTreeMap<Spanned<String>, Parameter>,
    #[serde(default)]
    pub(super) define: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) control: Vec<Spanned<WrittenControl>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) name: Spanned<String>,
    pub(super) edition: Spanned<String>,
    pub(super) title: Spanned<String>,
    pub(super) jurisdiction: String,
    pub(super) sources: Spanned<Vec<Source>>,
    pub(super) not_covered: Spanned<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenControl {
    pub(super) id: Spanned<String>,
    pub(super) article: Spanned<String>,
    pub(super) requirement: Spanned<String>,
    pub(super) applies_to: Spanned<String>,
    pub(super) applies: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) effective: Vec<Effective>,
    pub(super) rule: Spanned<String>,
    pub(super) evidence: Spanned<Vec<Spanned<String>>>,
    pub(super) severity: Severity,
    pub(super) responsible: Spanned<String>,
    pub(super) lacks: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effective {
    pub(super) from: Spanned<Datetime>,
    /// Only where this holds.
    pub(super) when: Option<Spanned<String>>,
}
