//! What is said of a control.

use std::fmt;

/// Whether the record supports a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It does not.
    Fail,
    /// It cannot be told: what the rule asks for is not stated, or nothing recorded supports it.
    Indeterminate,
    /// Not yet, and it is not due yet.
    Pending,
    /// It does not, and somebody who may do so gave leave.
    Waived,
    /// It does.
    Pass,
    /// The control does not concern this version.
    NotApplicable,
    /// The control is not in force yet.
    NotYetEffective,
}

impl Verdict {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 7] = [
        Self::Fail,
        Self::Indeterminate,
        Self::Pending,
        Self::Waived,
        Self::Pass,
        Self::NotApplicable,
        Self::NotYetEffective,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Indeterminate => "indeterminate",
            Self::Pending => "pending",
            Self::Waived => "waived",
            Self::Pass => "pass",
            Self::NotApplicable => "not_applicable",
            Self::NotYetEffective => "not_yet_effective",
        }
    }

    /// The verdict of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As of when is judged: on the clock of what happened, and on that of what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// In Unix milliseconds.
    pub at_ms: u64,
    /// Statements from this index on were not known.
    pub known: u64,
}

impl Moment {
    /// A moment, by all that is known.
    #[must_use]
    pub const fn at(at_ms: u64) -> Self {
        Self { at_ms, known: u64::MAX }
    }
}

/// A verdict, why, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// In plain words; empty where no words were asked for.
    pub reason: String,
    /// The indices of the statements that it rests on, in order.
    pub rests_on: Vec<u64>,
    /// When it may change without another statement, in Unix milliseconds.
    pub until_ms: Option<u64>,
    /// When what is pending falls due, in Unix milliseconds; `None` where that is not known yet.
    pub due_ms: Option<u64>,
}
