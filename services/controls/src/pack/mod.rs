//! Control packs: reading and checking them, and judging by them.

mod fault;
mod judge;
mod read;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluate::helpers::{DESTROYS, ENDS};
use crate::language::term::Term;

pub use fault::PackFault;
pub use judge::History;

/// The longest pack, in bytes: it is embedded in one statement.
pub const PACK_MAX: usize = 56 * 1024;
/// The most controls of a pack.
pub const CONTROLS_MAX: usize = 64;

/// How much it matters that a control is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// To be mended in time.
    Medium,
    /// To be mended soon.
    High,
    /// To be mended now.
    Critical,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a framework asks of a model.
#[derive(Debug)]
pub struct Pack {
    /// Its name, such as `eu-ai-act-high-risk`.
    pub name: String,
    /// Which edition of it, such as `2026-11`.
    pub edition: String,
    /// Its title.
    pub title: String,
    /// Where it holds, such as `EU`.
    pub jurisdiction: String,
    /// The texts that it follows.
    pub sources: Vec<Source>,
    /// What it does not cover, in words.
    pub not_covered: Vec<String>,
    /// Where counsel may differ, and what was chosen.
    pub interpretations: BTreeMap<String, Interpretation>,
    /// Numbers and lengths that whoever adopts it sets.
    pub parameters: BTreeMap<String, Parameter>,
    /// What it asks for.
    pub controls: Vec<Control>,
    /// The SHA-256 of its text, as `sha256:<hex>`.
    pub digest: String,
}

/// A text that a pack follows.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its title, such as `Regulation (EU) 2024/1689`.
    pub title: String,
    /// Which parts of it.
    pub articles: String,
    /// Where it can be read.
    pub url: Option<String>,
}

/// A question on which counsel may differ.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpretation {
    /// The question, to be answered by yes or no.
    pub question: String,
    /// What was chosen.
    pub chosen: bool,
}

/// A value that whoever adopts a pack sets.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The value.
    pub value: f64,
    /// What it means, with its unit.
    pub meaning: String,
}

/// One thing that a framework asks for.
#[derive(Debug)]
pub struct Control {
    /// Its name within the pack, such as `art-9`.
    pub id: String,
    /// Where the framework asks for it, such as `Article 9(2)`.
    pub article: String,
    /// What is asked for, in plain words.
    pub requirement: String,
    /// To what it applies, in plain words.
    pub applies_to: String,
    /// The types of events that support it.
    pub evidence: Vec<String>,
    /// How much it matters.
    pub severity: Severity,
    /// Who answers for it: a role.
    pub responsible: String,
    /// What is missing where it is not supported, in plain words.
    pub lacks: String,
    /// From when on, in Unix milliseconds: the first whose condition holds; at all times where there is none.
    effective: Vec<(Option<Term>, u64)>,
    applies: Option<Term>,
    rule: Term,
    /// The line of the pack on which it begins.
    pub line: usize,
}

impl Control {
    /// What is different in a later edition of it, field by field.
    #[must_use]
    pub fn differences(&self, later: &Self) -> Vec<&'static str> {
        let fields = [
            ("article", self.article != later.article),
            ("requirement", self.requirement != later.requirement),
            ("to what it applies", self.applies_to != later.applies_to || self.applies != later.applies),
            ("from when on", self.effective != later.effective),
            ("rule", self.rule != later.rule),
            ("evidence", self.evidence != later.evidence),
            ("severity", self.severity != later.severity),
            ("who is responsible", self.responsible != later.responsible),
            ("what it says is lacking", self.lacks != later.lacks),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

impl Pack {
    /// The types of the facts that its rules ask for.
    #[must_use]
    pub fn types(&self) -> BTreeSet<&'static str> {
        let mut types: BTreeSet<&'static str> = ENDS.into_iter().chain(DESTROYS).collect();
        let mut note = |term: &Term| {
            if let Term::Facts(event_type) = term {
                types.insert(event_type);
            }
        };
        for control in &self.controls {
            let conditions = control.effective.iter().filter_map(|(when, _)| when.as_ref()).chain(&control.applies);
            conditions.chain([&control.rule]).for_each(|term| term.each(&mut note));
        }
        types
    }

    /// The control of a name.
    #[must_use]
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id == id)
    }

    /// The name by which an exception from a control calls it, such as `eu-ai-act-high-risk_art-9`.
    #[must_use]
    pub fn waiver_name(&self, control: &Control) -> String {
        format!("{}_{}", self.name, control.id)
    }
}
