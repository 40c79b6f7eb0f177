//! A rule that was checked.

use std::cmp::Ordering;
use std::sync::Arc;

use super::helpers::Helper;

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Span {
    /// Milliseconds.
    Exact(u64),
    /// To the end of the day (UTC) that is so many days later.
    Days {
        count: u64,
        /// Where that is a Saturday or Sunday, to the end of the Monday.
        working: bool,
    },
}

/// A value that stands in a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Truth(bool),
    Number(f64),
    Text(Arc<str>),
    Time(u64),
    Span(Span),
}

/// What is asked of a fact beside its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    Time,
    Recorded,
    Subject,
    Signer,
    Persons,
    Roles,
    Kinds,
}

/// How the elements of a list are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Each {
    All,
    Exists,
    One,
    Filter,
    Map,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    pub(crate) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Unequal => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::More => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }

    /// In words, of two values.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::Unequal => "anything but ",
            Self::Less => "less than ",
            Self::AtMost => "at most ",
            Self::More => "more than ",
            Self::AtLeast => "at least ",
        }
    }
}

/// A part of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    Literal(Literal),
    /// The version in question, or its model.
    Version,
    Model,
    /// All facts of a type.
    Facts(&'static str),
    /// What a macro goes through, by its depth.
    Local(usize),
    /// A definition of the pack.
    Defined(Arc<Definition>),
    /// What a fact's envelope says.
    Envelope(Box<Term>, Envelope),
    /// What a fact says.
    Data(Box<Term>),
    /// A field, which may be absent, and how it is read.
    Field(Box<Term>, Arc<str>, Reading),
    /// Whether a field is there.
    Has(Box<Term>, Arc<str>),
    Not(Box<Term>),
    All(Vec<Term>),
    Any(Vec<Term>),
    If(Box<[Term; 3]>),
    Compare(Comparison, Box<[Term; 2]>),
    /// Whether the first is an element of the second.
    In(Box<[Term; 2]>),
    /// Of texts.
    Texts(TextTest, Box<[Term; 2]>),
    /// A list of other values than facts.
    List(Vec<Term>),
    /// The facts of several lists.
    Union(Vec<Term>),
    Add(Box<[Term; 2]>),
    Subtract(Box<[Term; 2]>),
    Each(Box<Walk>),
    Help(Helper, Vec<Term>),
}

impl Term {
    /// Calls `visit` with this part and all parts of it.
    pub(crate) fn each(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        let mut many = |terms: &[Self]| terms.iter().for_each(|term| term.each(visit));
        match self {
            Self::Literal(_) | Self::Version | Self::Model | Self::Facts(_) | Self::Local(_) => {}
            Self::Defined(definition) => definition.term.each(visit),
            Self::Envelope(of, _) | Self::Data(of) | Self::Field(of, ..) | Self::Has(of, _) | Self::Not(of) => {
                of.each(visit);
            }
            Self::All(terms) | Self::Any(terms) | Self::List(terms) | Self::Union(terms) | Self::Help(_, terms) => {
                many(terms);
            }
            Self::If(terms) => many(&**terms),
            Self::Compare(_, terms) | Self::In(terms) | Self::Texts(_, terms) => many(&**terms),
            Self::Add(terms) | Self::Subtract(terms) => many(&**terms),
            Self::Each(walk) => {
                walk.guard.iter().for_each(|guard| guard.each(visit));
                walk.over.each(visit);
                walk.body.each(visit);
            }
        }
    }
}

/// What is asked of two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    Starts,
    Ends,
}

/// How a field of a JSON object becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Truth,
    Number,
    Text,
    Time,
    /// A subject's object, as its text.
    Subject,
    /// An object.
    Record,
    /// A list of such.
    Texts,
    Subjects,
    Records,
}

/// Going through a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Walk {
    pub(crate) each: Each,
    pub(crate) over: Term,
    /// Only those elements, where a condition is given beside the body.
    pub(crate) guard: Option<Term>,
    pub(crate) body: Term,
}

/// A rule that others name.
#[derive(Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) term: Term,
}
