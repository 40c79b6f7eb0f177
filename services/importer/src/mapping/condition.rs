//! When an event is recorded, and what a cell is expected to say.

use super::error::{MappingError, MappingProblem};
use super::names::{ColumnId, Names, TableId};
use super::raw::RawCondition;
use crate::cell::fold;

/// A question about a row.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// A cell passes one of these tests.
    Cell(ColumnId, Vec<Test>),
    /// One of these holds.
    Any(Vec<Condition>),
    /// All of these hold.
    All(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
}

/// A question about a cell.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// It is this text.
    Is(Pattern),
    /// It begins with this text.
    StartsWith(Pattern),
    /// A table has it.
    InTable(TableId),
    /// It is neither blank nor a marker (or, with `false`, it is).
    Present(bool),
    /// It is a date that could be read (or, with `false`, it isn't).
    Dated(bool),
}

/// A text to compare cells with.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    ignore_case: bool,
}

impl Pattern {
    fn new(text: &str, ignore_case: bool) -> Self {
        Self { text: fold(text, ignore_case), ignore_case }
    }

    pub(crate) fn is(&self, cell: &str) -> bool {
        fold(cell, self.ignore_case) == self.text
    }

    pub(crate) fn opens(&self, cell: &str) -> bool {
        fold(cell, self.ignore_case).starts_with(&self.text)
    }
}

const QUESTIONS: &str = "column (with a test), any_of, all_of, not";
const TESTS: &str = "equals, one_of, starts_with, in_table, present, dated";

impl Condition {
    pub(super) fn resolve(raw: RawCondition, key: &str, names: &Names) -> Result<Self, MappingError> {
        let wrong = |problem| Err(MappingError::key(key, problem));
        let RawCondition {
            column,
            equals,
            one_of,
            starts_with,
            in_table,
            present,
            dated,
            ignore_case,
            any_of,
            all_of,
            not,
        } = raw;
        let ignore_case = ignore_case.unwrap_or(names.ignore_case);
        let mut tests: Vec<Test> =
            equals.iter().chain(&one_of).map(|text| Test::Is(Pattern::new(text, ignore_case))).collect();
        tests.extend(starts_with.iter().map(|text| Test::StartsWith(Pattern::new(text, ignore_case))));
        if let Some(table) = in_table {
            tests.push(Test::InTable(names.table(&table, &format!("{key}.in_table"))?));
        }
        tests.extend(present.map(Test::Present));
        tests.extend(dated.map(Test::Dated));
        match (column, any_of, all_of, not) {
            (Some(_), None, None, None) if tests.is_empty() => wrong(MappingProblem::NotOne { allowed: TESTS }),
            (Some(column), None, None, None) => {
                let within = format!("{key}.column");
                let id = match dated {
                    Some(_) => names.date(&column, &within)?,
                    None => names.tested(&column, &within)?,
                };
                Ok(Self::Cell(id, tests))
            }
            _ if !tests.is_empty() => wrong(MappingProblem::NotOne { allowed: QUESTIONS }),
            (None, Some(parts), None, None) => all(parts, &format!("{key}.any_of"), names).map(Self::Any),
            (None, None, Some(parts), None) => all(parts, &format!("{key}.all_of"), names).map(Self::All),
            (None, None, None, Some(part)) => {
                let part = Self::resolve(*part, &format!("{key}.not"), names)?;
                Ok(Self::Not(Box::new(part)))
            }
            _ => wrong(MappingProblem::NotOne { allowed: QUESTIONS }),
        }
    }
}

fn all(parts: Vec<RawCondition>, key: &str, names: &Names) -> Result<Vec<Condition>, MappingError> {
    if parts.is_empty() {
        return Err(MappingError::key(key, MappingProblem::Empty));
    }
    let part = |(index, raw)| Condition::resolve(raw, &format!("{key}[{index}]"), names);
    parts.into_iter().enumerate().map(part).collect()
}
