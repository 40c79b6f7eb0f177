//! Dates as inventories write them, and the intervals they stand for.
//!
//! A mapping lists the forms that dates of its file have; nothing else is taken for a date. A date
//! that isn't exact becomes the interval from its first to its last possible moment in UTC. Where
//! two forms read a cell differently, it is not read at all.

mod form;

use jiff::civil::Date;
use probity_schemas::{Occurred, Timestamp};

pub use form::FormProblem;
pub(crate) use form::{Form, Reading};

const DAY_MS: u64 = 86_400_000;

/// Why a cell isn't a date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateProblem {
    /// None of the mapping's forms.
    #[error("not a date in any of the mapping's forms")]
    Form,
    /// The form of a date, but there is no such day, month or quarter.
    #[error("there is no such date")]
    Impossible,
    /// The record's time begins with 1970.
    #[error("lies before 1970, where the record's time begins{}", mistaken_year(.hint))]
    BeforeEpoch {
        /// The year that a spreadsheet program would have turned into this date.
        hint: Option<i64>,
    },
    /// Two of the mapping's forms fit and say different things.
    #[error("two of the mapping's forms read it as different dates")]
    Ambiguous,
}

fn mistaken_year(year: &Option<i64>) -> String {
    year.map(|year| format!(" (day {year} of a spreadsheet's calendar: perhaps the year {year}, mistaken for a day)"))
        .unwrap_or_default()
}

/// What the forms of one file mean.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    /// The month in which a fiscal year begins, 1 to 12.
    pub(crate) fiscal_year_starts: i8,
    /// Whether a fiscal year is called after the calendar year in which it begins.
    pub(crate) named_after_start: bool,
    /// The first of the hundred years that two digits stand for.
    pub(crate) two_digit_years_from: i16,
    /// The names of the months in lower case, each in all its spellings.
    pub(crate) months: Vec<Vec<String>>,
}

impl Calendar {
    /// The number of a month, by its name or the first three or more letters of it.
    fn month(&self, word: &str) -> Option<i16> {
        let word = word.to_lowercase();
        let names = |name: &String| *name == word || word.chars().count() >= 3 && name.starts_with(&word);
        let mut fitting = (1..).zip(&self.months).filter(|(_, spellings)| spellings.iter().any(names));
        let (month, _) = fitting.next()?;
        fitting.next().is_none().then_some(month)
    }

    fn long_year(&self, short: i16) -> i16 {
        let from = self.two_digit_years_from;
        from + (short - from).rem_euclid(100)
    }

    /// The first day of a fiscal year.
    fn fiscal_year(&self, year: i16) -> Result<Date, DateProblem> {
        let before = self.fiscal_year_starts > 1 && !self.named_after_start;
        Date::new(year - i16::from(before), self.fiscal_year_starts, 1).map_err(|_| DateProblem::Impossible)
    }
}

/// The dates of a mapping: its forms and what they mean.
#[derive(Clone, Debug)]
pub(crate) struct Dates {
    pub(crate) calendar: Calendar,
    pub(crate) forms: Vec<Form>,
}

impl Dates {
    /// Reads a cell that isn't empty.
    pub(crate) fn read(&self, text: &str) -> Result<Reading, DateProblem> {
        let mut result: Result<Reading, DateProblem> = Err(DateProblem::Form);
        for reading in self.forms.iter().filter_map(|form| form.read(text, &self.calendar)) {
            result = match (result, reading) {
                (Ok(first), Ok(second)) if first.occurred != second.occurred => return Err(DateProblem::Ambiguous),
                (Ok(first), Ok(second)) => Ok(Reading { remark: first.remark && second.remark, ..first }),
                (Ok(first), Err(_)) => Ok(first),
                (Err(_), reading) => reading,
            };
        }
        result
    }
}

/// From the first moment of one day to the last of another, in UTC.
pub(crate) fn days(first: Date, last: Date) -> Result<Occurred, DateProblem> {
    let (Some(earliest), Some(latest)) = (day_number(first), day_number(last)) else {
        return Err(DateProblem::BeforeEpoch {
            hint: spreadsheet_day(first).filter(|day| (1980..=2099).contains(day)),
        });
    };
    let moment = |ms| Timestamp::from_ms(ms).map_err(|_| DateProblem::Impossible);
    let (earliest, latest) = (moment(earliest * DAY_MS)?, moment(latest * DAY_MS + DAY_MS - 1)?);
    Occurred::between(earliest, latest).map_err(|_| DateProblem::Impossible)
}

/// The last moment of a day, in UTC.
pub(crate) fn end_of(day: Date) -> Option<Timestamp> {
    days(day, day).ok().map(|occurred| occurred.latest())
}

/// Days since 1970-01-01; `None` before.
fn day_number(day: Date) -> Option<u64> {
    let epoch = Date::constant(1970, 1, 1);
    u64::try_from(epoch.until(day).ok()?.get_days()).ok()
}

/// The number by which spreadsheet programs store a day: days since 1899-12-30.
fn spreadsheet_day(day: Date) -> Option<i64> {
    Date::constant(1899, 12, 30).until(day).ok().map(|span| i64::from(span.get_days()))
}
