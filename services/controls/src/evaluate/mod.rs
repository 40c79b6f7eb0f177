//! Evaluating a rule over a dossier.

pub(crate) mod helpers;
pub(crate) mod value;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::dossier::{Dossier, Fact, subject_text};
use crate::language::term::{Comparison, Each, Envelope, Literal, Reading, Term, TextTest, Walk};
use crate::verdict::Moment;
use value::{Judged, Truth, Value};

/// How many steps a rule may take: some milliseconds.
pub(crate) const STEPS_MAX: u32 = 200_000;
/// How many statements are cited at most.
const CITED_MAX: usize = 64;

/// A rule took more than [`STEPS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// One evaluation: of what, when, and what was met on the way.
pub(crate) struct Evaluation<'d> {
    dossier: &'d Dossier,
    moment: Moment,
    /// Whether words are asked for.
    words: bool,
    steps: Cell<u32>,
    /// The next moment at which something that was asked changes.
    next: Cell<Option<u64>>,
    locals: RefCell<Vec<Judged<'d>>>,
}

type Evaluated<'d> = Result<Judged<'d>, TooLong>;

impl<'d> Evaluation<'d> {
    pub(crate) fn new(dossier: &'d Dossier, moment: Moment, words: bool) -> Self {
        let (steps, next, locals) = (Cell::new(0), Cell::new(None), RefCell::default());
        Self { dossier, moment, words, steps, next, locals }
    }

    /// The next moment at which the answer may change by itself.
    pub(crate) fn next_change(&self) -> Option<u64> {
        self.next.get()
    }

    /// Whether a moment is reached; that it is not yet is noted.
    fn reached(&self, time_ms: u64) -> bool {
        let reached = time_ms <= self.moment.at_ms;
        if !reached && self.next.get().is_none_or(|next| time_ms < next) {
            self.next.set(Some(time_ms));
        }
        reached
    }

    fn step(&self, steps: usize) -> Result<(), TooLong> {
        let taken = self.steps.get().saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        self.steps.set(taken);
        if taken > STEPS_MAX { Err(TooLong) } else { Ok(()) }
    }

    fn say(&self, words: impl FnOnce() -> String) -> Option<String> {
        self.words.then(words)
    }

    /// What a rule comes out as.
    ///
    /// # Errors
    /// It takes too long.
    pub(crate) fn eval(&self, term: &Term) -> Evaluated<'d> {
        self.step(1)?;
        Ok(match term {
            Term::Literal(literal) => Judged::new(literal_value(literal)),
            Term::Version => Judged::new(Value::Text(Cow::Borrowed(&self.dossier.version))),
            Term::Model => Judged::new(Value::Text(Cow::Borrowed(&self.dossier.model))),
            Term::Facts(event_type) => {
                let facts = self.facts(event_type);
                self.step(facts.len())?;
                Judged::new(Value::List(facts.into_iter().map(Value::Fact).collect()))
            }
            Term::Local(place) => {
                self.locals.borrow().get(*place).cloned().unwrap_or_else(|| Judged::new(Value::Missing))
            }
            Term::Defined(definition) => self.eval(&definition.term)?,
            Term::Envelope(of, what) => self.envelope(of, *what)?,
            Term::Data(of) => {
                let of = self.eval(of)?;
                let fact = of.value.fact();
                let words = self.say(|| fact.map_or_else(|| "nothing".to_owned(), placed));
                Judged { value: fact.map_or(Value::Missing, |fact| Value::Record(fact.data())), words, ..of }
            }
            Term::Field(of, name, reading) => {
                let of = self.eval(of)?;
                let field = match &of.value {
                    Value::Record(record) => record.get(&**name),
                    _ => None,
                };
                let value = field.and_then(|field| read(field, *reading)).unwrap_or(Value::Missing);
                let words = self.say(|| {
                    let place = of.words.as_deref().unwrap_or_default();
                    match value {
                        Value::Record(_) => format!("{place}, {name}"),
                        Value::List(_) if *reading == Reading::Records => format!("{place}, {name}"),
                        Value::Missing => format!("{place} does not state {name}"),
                        _ => format!("{place}: {name} is {}", value.shown()),
                    }
                });
                Judged { value, words, ..of }
            }
            Term::Has(of, name) => {
                let of = self.eval(of)?;
                let there = matches!(&of.value, Value::Record(record) if record.get(&**name).is_some());
                let words = self.say(|| {
                    let place = of.words.as_deref().unwrap_or_default();
                    format!("{place} {} {name}", if there { "states" } else { "does not state" })
                });
                Judged::truth(Truth::of(there)).citing(of.cites).saying(words)
            }
            Term::Not(of) => {
                let of = self.eval(of)?;
                Judged { value: Value::Truth(of.holds().not()), ..of }
            }
            Term::All(clauses) => self.chain(clauses, Truth::No)?,
            Term::Any(clauses) => self.chain(clauses, Truth::Yes)?,
            Term::If(parts) => {
                let [asked, yes, no] = &**parts;
                let asked = self.eval(asked)?;
                let chosen = match asked.holds() {
                    Truth::Yes => self.eval(yes)?,
                    Truth::No => self.eval(no)?,
                    open => Judged { value: Value::Truth(open), ..asked.clone() },
                };
                chosen.citing(asked.cites)
            }
            Term::Compare(comparison, sides) => self.compare(*comparison, &sides[0], &sides[1])?,
            Term::In(sides) => self.is_in(&sides[0], &sides[1])?,
            Term::Texts(test, sides) => self.texts(*test, &sides[0], &sides[1])?,
            Term::List(items) => {
                let mut list = Judged::new(Value::Missing);
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    let item = self.eval(item)?;
                    list.cites.extend(item.cites);
                    values.push(item.value);
                }
                Judged { value: Value::List(values), ..list }
            }
            Term::Union(lists) => {
                let mut all: Vec<&Fact> = Vec::new();
                let mut unsure = false;
                for list in lists {
                    let list = self.eval(list)?;
                    unsure |= list.unsure;
                    all.extend(list.facts());
                }
                all.sort_by_key(|fact| fact.place());
                Judged { unsure, ..Judged::new(Value::List(all.into_iter().map(Value::Fact).collect())) }
            }
            Term::Add(sides) => self.arithmetic(&sides[0], &sides[1], |one, other| match (one, other) {
                (Value::Number(one), Value::Number(other)) => Value::Number(one + other),
                (Value::Time(time), Value::Span(span)) => Value::Time(span.after(time)),
                _ => Value::Missing,
            })?,
            Term::Subtract(sides) => self.arithmetic(&sides[0], &sides[1], |one, other| match (one, other) {
                (Value::Number(one), Value::Number(other)) => Value::Number(one - other),
                (Value::Time(time), Value::Span(span)) => Value::Time(time.saturating_sub(span.after(0))),
                (Value::Time(one), Value::Time(other)) => {
                    Value::Span(crate::language::term::Span::Exact(one.saturating_sub(other)))
                }
                _ => Value::Missing,
            })?,
            Term::Each(walk) => self.walk(walk)?,
            Term::Help(helper, arguments) => self.help(*helper, arguments)?,
        })
    }

    fn facts(&self, event_type: &str) -> Vec<&'d Fact> {
        self.dossier.facts(event_type, self.moment.at_ms, self.moment.known).collect()
    }

    fn envelope(&self, of: &Term, what: Envelope) -> Evaluated<'d> {
        let of = self.eval(of)?;
        let Some(fact) = of.value.fact() else { return Ok(Judged { value: Value::Missing, ..of }) };
        let text = |text: &'d str| Value::Text(Cow::Borrowed(text));
        let (name, value) = match what {
            Envelope::Time => ("time", Value::Time(fact.time_ms)),
            Envelope::Recorded => ("time of recording", Value::Time(fact.recorded_ms)),
            Envelope::Subject => ("subject", text(&fact.subject)),
            Envelope::Signer => ("signer", text(&fact.signer)),
            Envelope::Persons => ("persons", Value::List(fact.persons.iter().map(|person| text(person)).collect())),
            Envelope::Roles => ("roles", Value::List(fact.roles.iter().map(|role| text(role)).collect())),
            Envelope::Kinds => ("evidence", Value::List(fact.evidence.iter().map(|(_, kind)| text(kind)).collect())),
        };
        let words = self.say(|| format!("{}: {name} is {}", placed(fact), value.shown()));
        Ok(Judged { value, words, ..of })
    }

    /// Clauses of which each has to hold, or one: `decisive` settles it.
    fn chain(&self, clauses: &[Term], decisive: Truth) -> Evaluated<'d> {
        let is_all = decisive == Truth::No;
        let mut result = if is_all { Truth::Yes } else { Truth::No };
        let mut gathered: Vec<Judged<'d>> = Vec::new();
        for clause in clauses {
            let judged = self.eval(clause)?;
            let holds = judged.holds();
            if holds == decisive {
                return Ok(judged);
            }
            result = if is_all { result.and(holds) } else { result.or(holds) };
            gathered.push(judged);
        }
        // What is open is told by what is open; what is settled, by all.
        let tells = |judged: &&Judged<'d>| std::mem::discriminant(&judged.holds()) == std::mem::discriminant(&result);
        let words = self.say(|| joined(gathered.iter().filter(tells).filter_map(|judged| judged.words.as_deref())));
        let cites: Vec<u64> = gathered.iter().filter(tells).flat_map(|judged| judged.cites.iter().copied()).collect();
        Ok(Judged::truth(result).citing(cites).saying(words))
    }

    fn compare(&self, comparison: Comparison, one: &Term, other: &Term) -> Evaluated<'d> {
        let (one, other) = (self.eval(one)?, self.eval(other)?);
        let ordering = order(&one.value, &other.value);
        let truth = match ordering {
            Some(ordering) => Truth::of(comparison.holds(ordering)),
            None => Truth::Unknown,
        };
        let truth = if one.unsure || other.unsure { Truth::Unknown } else { truth };
        let words = self.say(|| {
            let said = one.words.clone().or_else(|| other.words.clone());
            let said = said.unwrap_or_else(|| one.value.shown());
            match truth {
                Truth::No => format!("{said}, not {}{}", comparison.in_words(), other.value.shown()),
                _ => said,
            }
        });
        Ok(Judged::truth(truth).citing(one.cites).citing(other.cites).saying(words))
    }

    fn is_in(&self, element: &Term, list: &Term) -> Evaluated<'d> {
        let (element, list) = (self.eval(element)?, self.eval(list)?);
        let truth = match (&element.value, &list.value) {
            (Value::Missing, _) | (_, Value::Missing) => Truth::Unknown,
            (value, Value::List(items)) => {
                self.step(items.len())?;
                Truth::of(items.iter().any(|item| order(value, item) == Some(Ordering::Equal)))
            }
            _ => Truth::Unknown,
        };
        let words = self.say(|| {
            let said = element.words.clone().or_else(|| list.words.clone());
            let not = if truth == Truth::No { format!(", not among {}", list.value.shown()) } else { String::new() };
            format!("{}{not}", said.unwrap_or_else(|| element.value.shown()))
        });
        Ok(Judged::truth(truth).citing(element.cites).citing(list.cites).saying(words))
    }

    fn texts(&self, test: TextTest, one: &Term, other: &Term) -> Evaluated<'d> {
        let (one, other) = (self.eval(one)?, self.eval(other)?);
        let truth = match (&one.value, &other.value) {
            (Value::Text(text), Value::Text(part)) => {
                self.step(text.len() / 64)?;
                Truth::of(match test {
                    TextTest::Contains => text.contains(&**part),
                    TextTest::Starts => text.starts_with(&**part),
                    TextTest::Ends => text.ends_with(&**part),
                })
            }
            _ => Truth::Unknown,
        };
        let words = one.words.clone();
        Ok(Judged::truth(truth).citing(one.cites).citing(other.cites).saying(words))
    }

    fn arithmetic(
        &self,
        one: &Term,
        other: &Term,
        result: impl FnOnce(Value<'d>, Value<'d>) -> Value<'d>,
    ) -> Evaluated<'d> {
        let (one, other) = (self.eval(one)?, self.eval(other)?);
        let unsure = one.unsure || other.unsure;
        let value = result(one.value, other.value);
        Ok(Judged { unsure, ..Judged::new(value).citing(one.cites).citing(other.cites).saying(one.words) })
    }

    fn walk(&self, walk: &Walk) -> Evaluated<'d> {
        let over = self.eval(&walk.over)?;
        let Value::List(items) = over.value else { return Ok(Judged::truth(Truth::Unknown)) };
        let mut unsure = over.unsure;
        let mut kept = Vec::new();
        let mut cites = Vec::new();
        let mut result = if walk.each == Each::All { Truth::Yes } else { Truth::No };
        let mut told: Option<Judged<'d>> = None;
        let mut count = 0_u32;
        let total = items.len();
        let (over_cites, over_words) = (over.cites, over.words);
        for item in items {
            let index = item.fact().map(|fact| fact.index);
            // What stands in a fact's own list is cited, and told, as the fact is.
            let local = match index {
                Some(index) => Judged::new(item).citing([index]),
                None => Judged::new(item).citing(over_cites.iter().copied()).saying(over_words.clone()),
            };
            if let Some(guard) = &walk.guard {
                match self.within(guard, &local)?.holds() {
                    Truth::Yes => {}
                    Truth::No => continue,
                    Truth::Pending(_) | Truth::Unknown => {
                        unsure = true;
                        continue;
                    }
                }
            }
            let judged = self.within(&walk.body, &local)?;
            let item = local.value;
            if walk.each == Each::Map {
                cites.extend(judged.cites);
                kept.push(judged.value);
                continue;
            }
            let holds = judged.holds();
            let with_item = |judged: Judged<'d>| {
                let words = judged.words.clone();
                judged.citing(index).saying(words)
            };
            match (walk.each, holds) {
                (Each::All, Truth::No) | (Each::Exists, Truth::Yes) => return Ok(with_item(judged)),
                (Each::Filter, Truth::Yes) => kept.push(item),
                (Each::Filter, Truth::No) => {}
                (Each::Filter, _) => unsure = true,
                (Each::One, Truth::Yes) => {
                    count += 1;
                    cites.extend(index);
                }
                (Each::One, Truth::No) => {}
                (Each::One, _) => unsure = true,
                (Each::All, holds) => {
                    result = result.and(holds);
                    if holds == Truth::Yes {
                        cites.extend(judged.cites.iter().copied().chain(index));
                    }
                    keep_telling(&mut told, with_item(judged), holds != Truth::Yes);
                }
                (Each::Exists, holds) => {
                    result = result.or(holds);
                    keep_telling(&mut told, with_item(judged), holds != Truth::No);
                }
                (Each::Map, _) => {}
            }
        }
        match walk.each {
            Each::Filter | Each::Map => {
                return Ok(Judged { value: Value::List(kept), cites, words: over_words, unsure });
            }
            Each::One => result = Truth::of(count == 1),
            Each::All | Each::Exists => {}
        }
        let open = matches!(result, Truth::Pending(_) | Truth::Unknown);
        // More may belong to the list, and could have settled it.
        if unsure && !open {
            result = Truth::Unknown;
        }
        let words = self.say(|| {
            let what = named(&walk.over);
            match (&told, walk.each) {
                _ if total == 0 => format!("nothing is recorded: {what}"),
                (Some(told), Each::Exists) if total > 1 && !open => {
                    format!("none of {total} fits: {what}; the last: {}", told.words.clone().unwrap_or_default())
                }
                (Some(told), _) => told.words.clone().unwrap_or_else(|| what.clone()),
                (None, _) => format!("{count} of {total} fit: {what}"),
            }
        });
        let cites = match (open, told) {
            (true, Some(told)) => told.cites,
            (false, Some(told)) if walk.each == Each::Exists => told.cites,
            _ => cites,
        };
        Ok(Judged::truth(result).citing(cites).saying(words))
    }

    fn within(&self, term: &Term, item: &Judged<'d>) -> Evaluated<'d> {
        self.locals.borrow_mut().push(item.clone());
        let judged = self.eval(term);
        self.locals.borrow_mut().pop();
        judged
    }
}

/// The last element that leaves it open tells why, else the last of all.
fn keep_telling<'d>(told: &mut Option<Judged<'d>>, judged: Judged<'d>, open: bool) {
    let is_open = told.as_ref().is_some_and(|told| matches!(told.holds(), Truth::Pending(_) | Truth::Unknown));
    if open || !is_open {
        *told = Some(judged);
    }
}

/// In order and without repetition, as many as are cited.
pub(crate) fn cited(mut cites: Vec<u64>) -> Vec<u64> {
    cites.sort_unstable();
    cites.dedup();
    if cites.len() > CITED_MAX {
        cites.drain(..cites.len() - CITED_MAX);
    }
    cites
}

fn joined<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut said: Vec<&str> = Vec::new();
    for words in words.filter(|words| !words.is_empty()) {
        if !said.contains(&words) {
            said.push(words);
        }
    }
    said.join("; ")
}

/// A fact, as sentences name it.
fn placed(fact: &Fact) -> String {
    format!("{} at {}", fact.event_type, fact.index)
}

/// What a list is of, for sentences.
pub(crate) fn named(term: &Term) -> String {
    match term {
        Term::Facts(event_type) => (*event_type).to_owned(),
        Term::Union(lists) => lists.iter().map(named).collect::<Vec<_>>().join(" or "),
        Term::Each(walk) if walk.each == Each::Filter => format!("{} as asked for", named(&walk.over)),
        Term::Each(walk) => named(&walk.over),
        Term::Help(helper, arguments) => match (helper.name(), arguments.first()) {
            ("current", Some(of)) => format!("{} that still holds", named(of)),
            ("same_version", Some(of)) => format!("{} of this version", named(of)),
            ("answers", Some(of)) => format!("{} about it", named(of)),
            ("with_evidence", Some(of)) => format!("{} with such a document", named(of)),
            (_, Some(of)) => named(of),
            (name, None) => name.to_owned(),
        },
        Term::Defined(definition) => match &definition.term {
            Term::Facts(_) | Term::Each(_) | Term::Union(_) | Term::Help(..) => named(&definition.term),
            _ => definition.name.clone(),
        },
        Term::Field(_, name, _) => name.to_string(),
        _ => "such a fact".to_owned(),
    }
}

fn literal_value<'d>(literal: &Literal) -> Value<'d> {
    match literal {
        Literal::Truth(value) => Value::Truth(Truth::of(*value)),
        Literal::Number(value) => Value::Number(*value),
        Literal::Text(text) => Value::Text(Cow::Owned(text.to_string())),
        Literal::Time(time) => Value::Time(*time),
        Literal::Span(span) => Value::Span(*span),
    }
}

fn read<'d>(json: &'d Json, reading: Reading) -> Option<Value<'d>> {
    let many = |of: Reading| Some(Value::List(json.as_array()?.iter().filter_map(|item| read(item, of)).collect()));
    Some(match reading {
        Reading::Truth => Value::Truth(Truth::of(json.as_bool()?)),
        Reading::Number => Value::Number(json.as_f64()?),
        Reading::Text => Value::Text(Cow::Borrowed(json.as_str()?)),
        Reading::Time => Value::Time(json.as_u64()?),
        Reading::Subject => Value::Text(Cow::Owned(subject_text(json)?)),
        Reading::Record => Value::Record(json),
        Reading::Texts => many(Reading::Text)?,
        Reading::Subjects => many(Reading::Subject)?,
        Reading::Records => many(Reading::Record)?,
    })
}

fn order(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.partial_cmp(other),
        (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
        (Value::Time(one), Value::Time(other)) => Some(one.cmp(other)),
        (Value::Span(one), Value::Span(other)) => Some(one.after(0).cmp(&other.after(0))),
        (Value::Truth(one @ (Truth::Yes | Truth::No)), Value::Truth(other @ (Truth::Yes | Truth::No))) => {
            Some((*one == Truth::Yes).cmp(&(*other == Truth::Yes)))
        }
        _ => None,
    }
}
