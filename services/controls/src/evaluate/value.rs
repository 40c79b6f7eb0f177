//! What a part of a rule comes out as.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::dossier::Fact;
use crate::language::term::Span;

/// Yes, no, or why neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    Yes,
    No,
    /// Not yet; until when there is time, where that is known.
    Pending(Option<u64>),
    /// What is asked for is not stated.
    Unknown,
}

impl Truth {
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// What is known of several things that all have to hold.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Pending(one), Self::Pending(other)) => Self::Pending(earlier(one, other)),
            (Self::Pending(due), _) | (_, Self::Pending(due)) => Self::Pending(due),
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// What is known of several things of which one has to hold.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Pending(one), Self::Pending(other)) => Self::Pending(one.max(other)),
            (Self::Pending(due), _) | (_, Self::Pending(due)) => Self::Pending(due),
            (Self::No, Self::No) => Self::No,
        }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            open => open,
        }
    }
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Value<'d> {
    Truth(Truth),
    Number(f64),
    Text(Cow<'d, str>),
    Time(u64),
    Span(Span),
    Fact(&'d Fact),
    Record(&'d Json),
    List(Vec<Value<'d>>),
    /// It is not stated.
    Missing,
}

/// A value, the statements it rests on, and in words what it is.
#[derive(Debug, Clone)]
pub(crate) struct Judged<'d> {
    pub(crate) value: Value<'d>,
    pub(crate) cites: Vec<u64>,
    /// Only where words were asked for.
    pub(crate) words: Option<String>,
    /// Of a list: that more may belong to it, for what decides is not stated.
    pub(crate) unsure: bool,
}

impl<'d> Judged<'d> {
    pub(crate) fn new(value: Value<'d>) -> Self {
        Self { value, cites: Vec::new(), words: None, unsure: false }
    }

    pub(crate) fn truth(truth: Truth) -> Self {
        Self::new(Value::Truth(truth))
    }

    pub(crate) fn citing(mut self, cites: impl IntoIterator<Item = u64>) -> Self {
        self.cites.extend(cites);
        self
    }

    pub(crate) fn saying(mut self, words: Option<String>) -> Self {
        self.words = words;
        self
    }

    /// Whether it holds; what is no condition does not say.
    pub(crate) fn holds(&self) -> Truth {
        match self.value {
            Value::Truth(truth) => truth,
            _ => Truth::Unknown,
        }
    }

    /// The facts in it: of a list, or the one that it is.
    pub(crate) fn facts(&self) -> Vec<&'d Fact> {
        match &self.value {
            Value::Fact(fact) => vec![*fact],
            Value::List(items) => items.iter().filter_map(Value::fact).collect(),
            _ => Vec::new(),
        }
    }
}

impl<'d> Value<'d> {
    pub(crate) fn fact(&self) -> Option<&'d Fact> {
        match self {
            Self::Fact(fact) => Some(fact),
            _ => None,
        }
    }

    /// As it is shown in a sentence.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Truth(Truth::Yes) => "true".to_owned(),
            Self::Truth(_) => "false".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.to_string(),
            Self::Time(time_ms) => moment(*time_ms),
            Self::Span(span) => span.to_string(),
            Self::Fact(fact) => format!("{} at {}", fact.event_type, fact.index),
            Self::Record(_) => "an object".to_owned(),
            Self::List(items) => items.iter().take(8).map(Self::shown).collect::<Vec<_>>().join(", "),
            Self::Missing => "not stated".to_owned(),
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const HOUR: u64 = 3_600_000;
        match self {
            Self::Exact(ms) if ms % (24 * HOUR) == 0 => write!(f, "{} days", ms / (24 * HOUR)),
            Self::Exact(ms) if ms % HOUR == 0 => write!(f, "{} hours", ms / HOUR),
            Self::Exact(ms) => write!(f, "{} s", ms / 1_000),
            Self::Days { count, .. } => write!(f, "{count} calendar days"),
        }
    }
}

const DAY_MS: u64 = 24 * 3_600_000;

impl Span {
    /// The moment that lies so much after another one, in Unix milliseconds.
    pub(crate) fn after(self, time_ms: u64) -> u64 {
        match self {
            Self::Exact(ms) => time_ms.saturating_add(ms),
            Self::Days { count, working } => {
                let mut last = (time_ms / DAY_MS).saturating_add(count);
                // The first day of 1970 was a Thursday.
                while working && matches!((last % 7 + 4) % 7, 0 | 6) {
                    last += 1;
                }
                last.saturating_add(1).saturating_mul(DAY_MS)
            }
        }
    }
}

/// A moment in UTC, to the minute.
pub(crate) fn moment(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "a time out of range".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}
