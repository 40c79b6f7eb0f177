//! The mapping: how the rows of one inventory become events.
//!
//! A mapping is read and checked as a whole before a file is opened: every column, table, type and
//! field it names must exist, so that what goes wrong afterwards is the file's doing. The language
//! is described in `ops/import/README.md`.

mod condition;
mod error;
mod event;
mod names;
mod raw;
mod rules;
mod value;

use probity_schemas::import::Coverage;
use probity_schemas::{Digest, Timestamp, Title};

pub(crate) use condition::{Condition, Test};
pub(crate) use error::nearest;
pub use error::{MappingError, MappingProblem};
pub(crate) use event::EventSpec;
pub(crate) use names::{Column, ColumnId, Names, Place};
use raw::{RawEncoding, RawIdentical, RawMapping, RawNamedAfter};
pub(crate) use rules::{Changed, Gone};
pub(crate) use value::{Edge, SubjectSpec, Value};

use crate::cell::Markers;
use crate::dates::{Calendar, Dates, Form, end_of};
use crate::digest::digest;

const ENGLISH_MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september|sept",
    "october",
    "november",
    "december",
];

/// A checked mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(crate) digest: Digest,
    pub(crate) system: Title,
    pub(crate) coverage: Coverage,
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) encoding: Encoding,
    pub(crate) delimiter: u8,
    pub(crate) names: Names,
    pub(crate) empty: Markers,
    pub(crate) empty_dates: Markers,
    pub(crate) dates: Dates,
    pub(crate) identity: Vec<ColumnId>,
    pub(crate) disambiguate: Vec<ColumnId>,
    pub(crate) namespace: Vec<Value>,
    pub(crate) name: Value,
    /// Rows for which it does not hold are skipped.
    pub(crate) when: Option<Condition>,
    /// Whether rows that are the same in every cell are one row.
    pub(crate) identical_are_one: bool,
    pub(crate) expect: Vec<Condition>,
    pub(crate) events: Vec<EventSpec>,
}

/// How the bytes of a file become text.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Windows1252,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and the key it is about.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let deserializer = toml::Deserializer::parse(text).map_err(|error| MappingError::Toml(Box::new(error)))?;
        let raw: RawMapping = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let key = error.path().to_string();
            let source = Box::new(error.into_inner());
            let line = source.span().map(|span| 1 + text[..span.start].matches('\n').count());
            MappingError::Shape { key, line, source }
        })?;
        Self::resolve(raw, digest(text.as_bytes()))
    }

    fn resolve(raw: RawMapping, digest: Digest) -> Result<Self, MappingError> {
        let RawMapping { source, text, dates, columns, tables, row, expect, events } = raw;
        let names = Names::new(columns, tables, &dates.columns, text.ignore_case)?;
        let system =
            source.system.parse().map_err(|error| MappingError::key("source.system", MappingProblem::Parse(error)))?;
        let as_of = source.as_of.as_deref().map(as_of).transpose()?;
        let delimiter = u8::try_from(source.delimiter).ok().filter(|byte| byte.is_ascii() && !b"\"\r\n".contains(byte));
        let delimiter =
            delimiter.ok_or_else(|| range("source.delimiter", "one ASCII character, not a quote or line end"))?;
        for (key, markers) in [("text.empty", &text.empty), ("dates.empty", &dates.empty)] {
            if !Markers::are_texts(markers) {
                return Err(MappingError::key(key, MappingProblem::BlankMarker));
            }
        }
        let nonempty = |list: bool, key: &str| match list {
            true => Err(MappingError::key(key, MappingProblem::Empty)),
            false => Ok(()),
        };
        nonempty(row.identity.is_empty(), "row.identity")?;
        nonempty(row.namespace.is_empty(), "row.namespace")?;
        let namespace = row.namespace.into_iter().enumerate();
        let expect = expect.into_iter().enumerate();
        Ok(Self {
            digest,
            system,
            coverage: source.coverage,
            as_of,
            encoding: match source.encoding {
                RawEncoding::Utf8 => Encoding::Utf8,
                RawEncoding::Windows1252 => Encoding::Windows1252,
            },
            delimiter,
            empty: Markers::new(&text.empty, text.ignore_case),
            empty_dates: Markers::new(text.empty.iter().chain(&dates.empty), text.ignore_case),
            dates: calendar(&dates)?,
            identity: names.columns(&row.identity, "row.identity")?,
            disambiguate: names.columns(&row.disambiguate, "row.disambiguate")?,
            namespace: namespace
                .map(|(index, value)| Value::resolve(value, &format!("row.namespace[{index}]"), &names))
                .collect::<Result<_, _>>()?,
            name: Value::resolve(row.name, "row.name", &names)?,
            when: row.when.map(|when| Condition::resolve(when, "row.when", &names)).transpose()?,
            identical_are_one: row.identical == RawIdentical::One,
            expect: expect
                .map(|(index, condition)| Condition::resolve(condition, &format!("expect[{index}]"), &names))
                .collect::<Result<_, _>>()?,
            events: event::resolve_all(events, &names)?,
            names,
        })
    }

    /// Whether cells of some columns are to be sealed.
    pub fn seals(&self) -> bool {
        self.names.sealed().next().is_some()
    }

    /// The system the file comes from, as it stands in every event's `external_ids`.
    pub fn system(&self) -> &Title {
        &self.system
    }
}

fn range(key: &str, expected: &'static str) -> MappingError {
    MappingError::key(key, MappingProblem::Range { expected })
}

/// The last moment of the day that a file shows.
fn as_of(text: &str) -> Result<Timestamp, MappingError> {
    let day: Option<jiff::civil::Date> = text.parse().ok();
    day.and_then(end_of).ok_or_else(|| range("source.as_of", "a date such as 2024-12-31"))
}

fn calendar(raw: &raw::RawDates) -> Result<Dates, MappingError> {
    let fiscal_year_starts = raw.fiscal_year_starts.unwrap_or(1);
    if !(1..=12).contains(&fiscal_year_starts) {
        return Err(range("dates.fiscal_year_starts", "a month, 1 to 12"));
    }
    let two_digit_years_from = raw.two_digit_years_from.unwrap_or(1970);
    if !(1900..=2900).contains(&two_digit_years_from) {
        return Err(range("dates.two_digit_years_from", "a year from 1900 to 2900"));
    }
    let spellings = |names: &str| names.split('|').map(|name| name.trim().to_lowercase()).collect();
    let months: Vec<Vec<String>> = match &raw.months {
        Some(months) => months.iter().map(|names| spellings(names)).collect(),
        None => ENGLISH_MONTHS.iter().map(|names| spellings(names)).collect(),
    };
    if months.len() != 12 {
        return Err(range("dates.months", "twelve names"));
    }
    let form = |(index, text): (usize, &String)| {
        Form::parse(text).map_err(|problem| MappingError::key(format!("dates.forms[{index}]"), problem))
    };
    let named_after_start = raw.fiscal_year_named_after == RawNamedAfter::Start;
    let calendar = Calendar { fiscal_year_starts, named_after_start, two_digit_years_from, months };
    Ok(Dates { calendar, forms: raw.forms.iter().enumerate().map(form).collect::<Result<_, _>>()? })
}
