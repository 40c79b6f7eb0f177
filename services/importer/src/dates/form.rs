//! How a date is written: a form such as `{m}/{d}/{yyyy}`, and what a cell of that form says.

use jiff::civil::Date;
use probity_schemas::{Occurred, Timestamp};

use super::{Calendar, DateProblem, days};

/// Why a text isn't a form of dates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormProblem {
    /// A brace without its counterpart.
    #[error("a brace is opened and not closed")]
    Brace,
    /// A placeholder nobody defined.
    #[error("{{{found}}} is no placeholder; known: {known}")]
    Placeholder {
        /// What stands between the braces.
        found: String,
        /// All placeholders.
        known: &'static str,
    },
    /// Placeholders that together don't make a date.
    #[error("its placeholders don't make a date: a day needs a month, and everything needs exactly one year")]
    Parts,
}

const KNOWN: &str = "{d} {dd} {m} {mm} {mon} {yy} {yyyy} {q} {fq} {fy} {fyyyy} {before} {first} {last} {rfc3339} {*}";

/// One form of dates, as a mapping lists it.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pieces: Vec<Piece>,
    shape: Shape,
}

/// What a date of a form is made of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Shape {
    Day,
    Month,
    Quarter,
    Year,
    FiscalQuarter,
    FiscalYear,
    BeforeYear,
    Years,
    Moment,
}

#[derive(Clone, Debug)]
enum Piece {
    /// A character, whatever its case.
    Character(char),
    /// One or more white space characters.
    Space,
    /// From `least` to `most` digits.
    Digits { part: Part, least: usize, most: usize },
    /// The name of a month.
    MonthName,
    /// A moment as RFC 3339 has it; always alone.
    Moment,
    /// Anything up to the character that follows in the form, or to the end: a remark.
    Remark,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Part {
    Day,
    Month,
    Year,
    ShortYear,
    Quarter,
    FiscalQuarter,
    FiscalYear,
    ShortFiscalYear,
    Before,
    First,
    Last,
}

/// What was found in a cell.
#[derive(Copy, Clone, Debug, Default)]
struct Found {
    day: i16,
    month: i16,
    year: i16,
    quarter: i16,
    last: i16,
    moment: Option<Timestamp>,
    remark: bool,
}

/// What a cell of a form says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) occurred: Occurred,
    /// Whether the cell says more than the date.
    pub(crate) remark: bool,
}

impl Form {
    pub(crate) fn parse(text: &str) -> Result<Self, FormProblem> {
        let mut pieces = Vec::new();
        let mut rest = text.trim();
        while let Some(next) = rest.chars().next() {
            if next == '{' {
                let (name, after) = rest[1..].split_once('}').ok_or(FormProblem::Brace)?;
                pieces.push(placeholder(name)?);
                rest = after;
                continue;
            }
            rest = &rest[next.len_utf8()..];
            match next {
                '}' => return Err(FormProblem::Brace),
                _ if !next.is_whitespace() => pieces.push(Piece::Character(next)),
                _ if matches!(pieces.last(), Some(Piece::Space)) => {}
                _ => pieces.push(Piece::Space),
            }
        }
        let shape = shape(&pieces).ok_or(FormProblem::Parts)?;
        Ok(Self { pieces, shape })
    }

    /// What `text` says by this form; `None` when it has another form.
    pub(crate) fn read(&self, text: &str, calendar: &Calendar) -> Option<Result<Reading, DateProblem>> {
        let found = walk(&self.pieces, text, Found::default(), calendar)?;
        let occurred = self.occurred(&found, calendar);
        Some(occurred.map(|occurred| Reading { occurred, remark: found.remark }))
    }

    fn occurred(&self, found: &Found, calendar: &Calendar) -> Result<Occurred, DateProblem> {
        let impossible = |_| DateProblem::Impossible;
        let date = |year, month, day| Date::new(year, month, day).map_err(impossible);
        let narrow = |number: i16| i8::try_from(number).map_err(|_| DateProblem::Impossible);
        match self.shape {
            Shape::Day => {
                let day = date(found.year, narrow(found.month)?, narrow(found.day)?)?;
                days(day, day)
            }
            Shape::Month => months(date(found.year, narrow(found.month)?, 1)?, 1),
            Shape::Quarter => months(quarter(date(found.year, 1, 1)?, found.quarter)?, 3),
            Shape::Year => months(date(found.year, 1, 1)?, 12),
            Shape::FiscalQuarter => months(quarter(calendar.fiscal_year(found.year)?, found.quarter)?, 3),
            Shape::FiscalYear => months(calendar.fiscal_year(found.year)?, 12),
            Shape::BeforeYear if found.year <= 1970 => Err(DateProblem::BeforeEpoch { hint: None }),
            Shape::BeforeYear => days(date(1970, 1, 1)?, date(found.year - 1, 12, 31)?),
            Shape::Years if found.last < found.year => Err(DateProblem::Impossible),
            Shape::Years => days(date(found.year, 1, 1)?, date(found.last, 12, 31)?),
            Shape::Moment => found.moment.map(Occurred::at).ok_or(DateProblem::Impossible),
        }
    }
}

fn placeholder(name: &str) -> Result<Piece, FormProblem> {
    let digits = |part, least, most| Piece::Digits { part, least, most };
    Ok(match name {
        "d" => digits(Part::Day, 1, 2),
        "dd" => digits(Part::Day, 2, 2),
        "m" => digits(Part::Month, 1, 2),
        "mm" => digits(Part::Month, 2, 2),
        "mon" => Piece::MonthName,
        "yy" => digits(Part::ShortYear, 2, 2),
        "yyyy" => digits(Part::Year, 4, 4),
        "q" => digits(Part::Quarter, 1, 1),
        "fq" => digits(Part::FiscalQuarter, 1, 1),
        "fy" => digits(Part::ShortFiscalYear, 2, 2),
        "fyyyy" => digits(Part::FiscalYear, 4, 4),
        "before" => digits(Part::Before, 4, 4),
        "first" => digits(Part::First, 4, 4),
        "last" => digits(Part::Last, 4, 4),
        "rfc3339" => Piece::Moment,
        "*" => Piece::Remark,
        _ => return Err(FormProblem::Placeholder { found: name.to_owned(), known: KNOWN }),
    })
}

/// What the placeholders make together, each of them at most once.
fn shape(pieces: &[Piece]) -> Option<Shape> {
    let mut letters: Vec<char> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Digits { part, .. } => letters.push(match part {
                Part::Day => 'd',
                Part::Month => 'm',
                Part::Year | Part::ShortYear => 'y',
                Part::Quarter => 'q',
                Part::FiscalQuarter => 'p',
                Part::FiscalYear | Part::ShortFiscalYear => 'f',
                Part::Before => 'b',
                Part::First => 'i',
                Part::Last => 'l',
            }),
            Piece::MonthName => letters.push('m'),
            Piece::Moment if pieces.len() == 1 => letters.push('t'),
            Piece::Moment => return None,
            Piece::Character(_) | Piece::Space | Piece::Remark => {}
        }
    }
    letters.sort_unstable();
    match letters.as_slice() {
        ['d', 'm', 'y'] => Some(Shape::Day),
        ['m', 'y'] => Some(Shape::Month),
        ['q', 'y'] => Some(Shape::Quarter),
        ['y'] => Some(Shape::Year),
        ['f', 'p'] => Some(Shape::FiscalQuarter),
        ['f'] => Some(Shape::FiscalYear),
        ['b'] => Some(Shape::BeforeYear),
        ['i', 'l'] => Some(Shape::Years),
        ['t'] => Some(Shape::Moment),
        _ => None,
    }
}

/// Holds the pieces against the text, trying the longer of two ways first.
fn walk(pieces: &[Piece], text: &str, found: Found, calendar: &Calendar) -> Option<Found> {
    let Some((piece, pieces)) = pieces.split_first() else { return text.is_empty().then_some(found) };
    match piece {
        Piece::Character(expected) => {
            let next = text.chars().next()?;
            let same = next == *expected || next.to_lowercase().eq(expected.to_lowercase());
            if same { walk(pieces, &text[next.len_utf8()..], found, calendar) } else { None }
        }
        Piece::Space => {
            let rest = text.trim_start();
            if rest.len() < text.len() { walk(pieces, rest, found, calendar) } else { None }
        }
        Piece::Digits { part, least, most } => {
            let digits = text.bytes().take(*most).take_while(u8::is_ascii_digit).count();
            (*least..=digits).rev().find_map(|length| {
                let number = text[..length].parse().ok()?;
                walk(pieces, &text[length..], found.with(*part, number, calendar), calendar)
            })
        }
        Piece::MonthName => {
            let word = text.chars().take_while(|c| c.is_alphabetic()).map(char::len_utf8).sum();
            let month = calendar.month(&text[..word])?;
            walk(pieces, &text[word..], Found { month, ..found }, calendar)
        }
        Piece::Moment => {
            let moment: jiff::Timestamp = text.parse().ok()?;
            let ms = u64::try_from(moment.as_millisecond()).ok()?;
            Some(Found { moment: Some(Timestamp::from_ms(ms).ok()?), ..found })
        }
        Piece::Remark => {
            let end = match pieces.first() {
                Some(Piece::Character(next)) => text.find(*next)?,
                _ => text.len(),
            };
            walk(pieces, &text[end..], Found { remark: true, ..found }, calendar)
        }
    }
}

impl Found {
    fn with(mut self, part: Part, number: i16, calendar: &Calendar) -> Self {
        match part {
            Part::Day => self.day = number,
            Part::Month => self.month = number,
            Part::Year | Part::FiscalYear | Part::Before | Part::First => self.year = number,
            Part::ShortYear | Part::ShortFiscalYear => self.year = calendar.long_year(number),
            Part::Quarter | Part::FiscalQuarter => self.quarter = number,
            Part::Last => self.last = number,
        }
        self
    }
}

/// The first day of a quarter of the year that begins on `start`.
fn quarter(start: Date, quarter: i16) -> Result<Date, DateProblem> {
    if !(1..=4).contains(&quarter) {
        return Err(DateProblem::Impossible);
    }
    later(start, quarter * 3 - 3)
}

/// `count` whole months from `start` on, which is the first of a month.
fn months(start: Date, count: i16) -> Result<Occurred, DateProblem> {
    days(start, later(start, count - 1)?.last_of_month())
}

fn later(start: Date, months: i16) -> Result<Date, DateProblem> {
    let month = i16::from(start.month()) - 1 + months;
    let narrow = i8::try_from(month % 12 + 1).map_err(|_| DateProblem::Impossible)?;
    Date::new(start.year() + month / 12, narrow, 1).map_err(|_| DateProblem::Impossible)
}
