//! What helpers answer.

use serde_json::Value as Json;

use super::value::{Judged, Truth, Value, moment};
use super::{Evaluated, Evaluation, named};
use crate::dossier::{Fact, NAMES_VERSION, Standing, subject_text};
use crate::language::helpers::Helper;
use crate::language::term::{Span, Term};
use probity_domain::Timeline;

/// What ends what it answers.
pub(crate) const ENDS: [&str; 8] = [
    "approval.revoked",
    "data.withdrawn",
    "dependency.ended",
    "evidence.withdrawn",
    "exception.revoked",
    "hold.lifted",
    "plan.revoked",
    "retirement.reversed",
];
/// What destroys the bytes that it names.
pub(crate) const DESTROYS: [&str; 3] = ["evidence.withdrawn", "payload.erased", "retirement.artifact_destroyed"];

impl<'d> Evaluation<'d> {
    pub(super) fn help(&self, helper: Helper, arguments: &[Term]) -> Evaluated<'d> {
        let mut given = Vec::with_capacity(arguments.len());
        for argument in arguments {
            given.push(self.eval(argument)?);
        }
        let what = |place: usize| arguments.get(place).map(named).unwrap_or_default();
        let count = |value: &Value<'_>| match value {
            Value::Number(number) => number.max(0.0) as u64,
            _ => 0,
        };
        let Some(first) = given.first() else { return Ok(self.ask(helper)) };
        let facts = first.facts();
        self.step(facts.len())?;
        let unsure = first.unsure;
        let list = |facts: Vec<&'d Fact>| Judged {
            unsure,
            ..Judged::new(Value::List(facts.into_iter().map(Value::Fact).collect()))
        };
        Ok(match (helper, given.as_slice()) {
            (Helper::Size, [of]) => {
                let Value::List(items) = &of.value else { return Ok(Judged::new(Value::Missing)) };
                let cites = items.iter().filter_map(Value::fact).map(|fact| fact.index);
                let words = self.say(|| match items.len() {
                    0 => format!("nothing is recorded: {}", what(0)),
                    count => format!("{count} recorded: {}", what(0)),
                });
                Judged { unsure, ..Judged::new(Value::Number(items.len() as f64)).citing(cites).saying(words) }
            }
            (Helper::First, _) => one_of(facts.first().copied()),
            (Helper::Last, _) => one_of(facts.last().copied()),
            (Helper::Current, _) => {
                let mut current = Vec::with_capacity(facts.len());
                for fact in facts {
                    if self.still_holds(fact)? {
                        current.push(fact);
                    }
                }
                list(current)
            }
            (Helper::SameVersion, _) => list(facts.into_iter().filter(|fact| self.is_of_version(fact)).collect()),
            (Helper::Answers, [_, to]) => {
                let to = to.value.fact().map(|fact| fact.index);
                list(facts.into_iter().filter(|fact| to.is_some() && fact.answers == to).collect())
            }
            (Helper::WithEvidence, [_, kind]) => {
                let Value::Text(wanted) = &kind.value else { return Ok(list(Vec::new())) };
                let has = |fact: &&Fact| fact.evidence.iter().any(|(_, kind)| *kind == **wanted);
                list(facts.into_iter().filter(has).collect())
            }
            (Helper::Before, [_, others]) => self.before(&facts, &others.facts(), &what(0), &what(1)),
            (Helper::Renewed, [_, others]) => self.renewed(&facts, &others.facts(), &what(0), &what(1)),
            (Helper::Fresh, [_, Judged { value: Value::Span(span), .. }]) => match facts.last() {
                None => self.nothing(&what(0)),
                Some(newest) => {
                    let fresh = !self.reached(span.after(newest.time_ms));
                    let words = self.say(|| {
                        format!(
                            "the newest {}, at {}, is of {}; it counts for {span}",
                            newest.event_type,
                            newest.index,
                            moment(newest.time_ms)
                        )
                    });
                    Judged::truth(Truth::of(fresh)).citing([newest.index]).saying(words)
                }
            },
            (Helper::Every, [_, Judged { value: Value::Span(span), .. }, since]) => {
                self.every(&facts, *span, since, &what(0))
            }
            (Helper::Due, [from, Judged { value: Value::Span(span), .. }]) => {
                let value = match from.value {
                    Value::Time(time_ms) => Value::Time(span.after(time_ms)),
                    _ => Value::Missing,
                };
                Judged { value, ..from.clone() }
            }
            (Helper::Met | Helper::InTime, [deadline, by]) => {
                self.met(helper == Helper::InTime, deadline, &by.facts(), &what(1))
            }
            (Helper::Passed, [time]) => {
                let truth = match time.value {
                    Value::Time(time_ms) => Truth::of(self.reached(time_ms)),
                    _ => Truth::Unknown,
                };
                let words = self.say(|| match time.value {
                    Value::Time(time_ms) => format!("{} {} reached", moment(time_ms), is(truth == Truth::Yes)),
                    _ => time.words.clone().unwrap_or_default(),
                });
                Judged::truth(truth).citing(time.cites.iter().copied()).saying(words)
            }
            (Helper::Separate, [_, others]) => self.separate(&facts, &others.facts(), &what(0), &what(1)),
            (Helper::RoleAt, [of, Judged { value: Value::Text(role), .. }]) => match of.value.fact() {
                None => Judged::truth(Truth::Unknown).saying(self.say(|| format!("nothing is recorded: {}", what(0)))),
                Some(fact) => {
                    let held = fact.roles.iter().any(|held| *held == **role);
                    let words =
                        self.say(|| format!("{} {} {role} when they signed {}", fact.signer, is(held), fact.index));
                    Judged::truth(Truth::of(held)).citing([fact.index]).saying(words)
                }
            },
            (Helper::Retained, [_, Judged { value: Value::Span(span), .. }]) => {
                self.retained(&facts, *span, &what(0))?
            }
            (Helper::Finds, [Judged { value: Value::Text(question), .. }]) => self.finds(question),
            (Helper::Days, [n]) => Judged::new(Value::Span(Span::Exact(count(&n.value).saturating_mul(86_400_000)))),
            (Helper::Hours, [n]) => Judged::new(Value::Span(Span::Exact(count(&n.value).saturating_mul(3_600_000)))),
            (Helper::CalendarDays, [n, working]) => {
                let working = working.holds() == Truth::Yes;
                Judged::new(Value::Span(Span::Days { count: count(&n.value), working }))
            }
            _ => Judged::truth(Truth::Unknown).saying(self.say(|| format!("{} was not asked for", helper.name()))),
        })
    }

    fn nothing(&self, what: &str) -> Judged<'d> {
        Judged::truth(Truth::No).saying(self.say(|| format!("nothing is recorded: {what}")))
    }

    /// What the ledger knows of the version as a whole.
    fn ask(&self, helper: Helper) -> Judged<'d> {
        match helper {
            Helper::Approved => self.standing(&self.dossier.approved, "it may serve in production"),
            _ => self.serving(helper),
        }
    }

    fn serving(&self, helper: Helper) -> Judged<'d> {
        let produces = |place: &&crate::dossier::Served| place.environment == "production";
        let begun: Vec<_> =
            self.dossier.served.iter().filter(produces).filter(|place| self.reached(place.from_ms)).collect();
        let running: Vec<_> =
            begun.iter().copied().filter(|place| place.until_ms.is_none_or(|until| !self.reached(until))).collect();
        let first = begun.iter().map(|place| place.from_ms).min();
        let places = if helper == Helper::Serving { running } else { begun };
        let cites = places.iter().flat_map(|place| place.indices.iter().copied());
        let words = self.say(|| match (places.is_empty(), helper) {
            (false, _) => {
                let names: Vec<&str> = places.iter().map(|place| place.endpoint.as_str()).collect();
                format!("in production at {}", names.join(", "))
            }
            (true, Helper::Serving) => "it does not serve in production".to_owned(),
            (true, _) => "it never served in production".to_owned(),
        });
        let value = match (helper, first) {
            (Helper::FirstServed, Some(first)) => Value::Time(first),
            (Helper::FirstServed, None) => Value::Missing,
            _ => Value::Truth(Truth::of(!places.is_empty())),
        };
        Judged::new(value).citing(cites).saying(words)
    }

    fn standing(&self, timeline: &Timeline<Standing>, what: &str) -> Judged<'d> {
        if let Some(next) = timeline.moments().find(|moment| *moment > self.moment.at_ms) {
            self.reached(next);
        }
        let (truth, cites, why) = match timeline.at(self.moment.at_ms) {
            Ok(indices) => (Truth::Yes, indices.clone(), what.to_owned()),
            Err((why, indices)) => (Truth::No, indices.clone(), why.clone()),
        };
        Judged::truth(truth).citing(cites).saying(self.say(|| why))
    }

    fn finds(&self, question: &str) -> Judged<'d> {
        for finding in self.dossier.findings.iter().filter(|finding| finding.question == question) {
            let over = finding.until_ms.is_some_and(|until_ms| self.reached(until_ms));
            if self.reached(finding.from_ms) && !over {
                let words = self.say(|| finding.reason.clone());
                return Judged::truth(Truth::Yes).citing(finding.indices.iter().copied()).saying(words);
            }
        }
        Judged::truth(Truth::No).saying(self.say(|| format!("{question} finds nothing")))
    }

    fn before(&self, facts: &[&'d Fact], others: &[&'d Fact], what: &str, than: &str) -> Judged<'d> {
        let (Some(first), other) = (facts.first(), others.first()) else {
            return match others.first() {
                None => {
                    let words = self.say(|| format!("{what} is due before the first {than}"));
                    Judged::truth(Truth::Pending(None)).saying(words)
                }
                Some(other) => self.nothing(what).citing([other.index]),
            };
        };
        let in_order = other.is_none_or(|other| first.place() < other.place());
        let words = self.say(|| match other {
            Some(other) => {
                let order = if in_order { "before" } else { "only after" };
                format!("{} at {} is {order} {} at {}", first.event_type, first.index, other.event_type, other.index)
            }
            None => format!("{} at {}, and no {than} yet", first.event_type, first.index),
        });
        Judged::truth(Truth::of(in_order)).citing([first.index]).citing(other.map(|other| other.index)).saying(words)
    }

    fn renewed(&self, facts: &[&'d Fact], others: &[&'d Fact], what: &str, than: &str) -> Judged<'d> {
        let Some(last) = facts.last() else { return self.nothing(what).citing(others.last().map(|it| it.index)) };
        let other = others.last();
        let since = other.is_none_or(|other| last.place() > other.place());
        let words = self.say(|| match (other, since) {
            (Some(other), true) => format!("{} at {} is after {than} at {}", last.event_type, last.index, other.index),
            (Some(other), false) => format!("no {what} since {} at {}", other.event_type, other.index),
            (None, _) => format!("{} at {}, and no {than}", last.event_type, last.index),
        });
        Judged::truth(Truth::of(since)).citing([last.index]).citing(other.map(|other| other.index)).saying(words)
    }

    fn every(&self, facts: &[&'d Fact], span: Span, since: &Judged<'d>, what: &str) -> Judged<'d> {
        let Value::Time(since_ms) = since.value else {
            return Judged::truth(Truth::Unknown).citing(since.cites.iter().copied()).saying(since.words.clone());
        };
        let newest = facts.last().filter(|fact| fact.time_ms >= since_ms);
        let due_ms = span.after(newest.map_or(since_ms, |fact| fact.time_ms));
        let overdue = self.reached(due_ms);
        let truth = match (newest, overdue) {
            (_, true) => Truth::No,
            (Some(_), false) => Truth::Yes,
            (None, false) => Truth::Pending(Some(due_ms)),
        };
        let words = self.say(|| {
            let last = newest.map_or_else(|| "none yet".to_owned(), |fact| format!("the last at {}", fact.index));
            format!(
                "{what} is due every {span}: {last}, {} {}",
                if overdue { "due since" } else { "due by" },
                moment(due_ms)
            )
        });
        let cites = newest.map_or_else(|| since.cites.clone(), |fact| vec![fact.index]);
        Judged::truth(truth).citing(cites).saying(words)
    }

    fn met(&self, strictly: bool, deadline: &Judged<'d>, facts: &[&'d Fact], what: &str) -> Judged<'d> {
        let Value::Time(due_ms) = deadline.value else {
            return Judged::truth(Truth::Unknown).citing(deadline.cites.iter().copied()).saying(deadline.words.clone());
        };
        let by = facts.first();
        let late = by.is_some_and(|fact| fact.time_ms > due_ms);
        let truth = match by {
            Some(_) if late && strictly => Truth::No,
            Some(_) => Truth::Yes,
            None if self.reached(due_ms) => Truth::No,
            None => Truth::Pending(Some(due_ms)),
        };
        let words = self.say(|| match by {
            Some(fact) if late => {
                format!(
                    "{} at {} is of {}, due by {}",
                    fact.event_type,
                    fact.index,
                    moment(fact.time_ms),
                    moment(due_ms)
                )
            }
            Some(fact) => format!("{} at {}, due by {}", fact.event_type, fact.index, moment(due_ms)),
            None => format!("nothing is recorded: {what}, due by {}", moment(due_ms)),
        });
        Judged::truth(truth).citing(deadline.cites.iter().copied()).citing(by.map(|fact| fact.index)).saying(words)
    }

    fn separate(&self, facts: &[&'d Fact], others: &[&'d Fact], what: &str, than: &str) -> Judged<'d> {
        let cites = || facts.iter().chain(others).map(|fact| fact.index);
        for (facts, what) in [(facts, what), (others, than)] {
            if facts.is_empty() {
                return self.nothing(what);
            }
        }
        if let Some(nobody) = facts.iter().chain(others).find(|fact| fact.persons.is_empty()) {
            let words = self.say(|| format!("nobody is named behind {} at {}", nobody.event_type, nobody.index));
            return Judged::truth(Truth::Unknown).citing([nobody.index]).saying(words);
        }
        for fact in facts {
            for person in &fact.persons {
                if let Some(other) = others.iter().find(|other| other.persons.contains(person)) {
                    let words = self.say(|| {
                        format!(
                            "{person} stands behind {} at {} and {} at {}",
                            fact.event_type, fact.index, other.event_type, other.index
                        )
                    });
                    return Judged::truth(Truth::No).citing([fact.index, other.index]).saying(words);
                }
            }
        }
        let words = self.say(|| format!("nobody stands behind both {what} and {than}"));
        Judged::truth(Truth::Yes).citing(cites()).saying(words)
    }

    fn retained(&self, facts: &[&'d Fact], span: Span, what: &str) -> Evaluated<'d> {
        if facts.is_empty() {
            return Ok(self.nothing(what));
        }
        for fact in facts {
            let until_ms = span.after(fact.time_ms);
            if let Some(gone) = self.destroyed(fact)?.filter(|gone| gone.time_ms < until_ms) {
                let words = self.say(|| {
                    format!(
                        "{} at {} was to be kept until {}; see {} at {}",
                        fact.event_type,
                        fact.index,
                        moment(until_ms),
                        gone.event_type,
                        gone.index
                    )
                });
                return Ok(Judged::truth(Truth::No).citing([fact.index, gone.index]).saying(words));
            }
        }
        let words = self.say(|| format!("{what} is kept"));
        Ok(Judged::truth(Truth::Yes).citing(facts.iter().map(|fact| fact.index)).saying(words))
    }

    /// Where what a fact is about, or what it rests on, was withdrawn, destroyed or erased: the first time.
    fn destroyed(&self, fact: &Fact) -> Result<Option<&'d Fact>, super::TooLong> {
        let digests = digests_of(fact);
        let mut first: Option<&'d Fact> = None;
        for event_type in DESTROYS {
            for gone in self.facts(event_type) {
                self.step(1 + digests.len())?;
                let about = gone.answers == Some(fact.index) || digests_of(gone).iter().any(|it| digests.contains(it));
                if about && gone.index != fact.index && first.is_none_or(|first| gone.place() < first.place()) {
                    first = Some(gone);
                }
            }
        }
        Ok(first)
    }

    /// Whether a fact still holds: nothing ended it, and the end that it states is not reached.
    fn still_holds(&self, fact: &Fact) -> Result<bool, super::TooLong> {
        let expires_ms = fact.data().get("expires_at").and_then(Json::as_u64);
        if expires_ms.is_some_and(|expires_ms| self.reached(expires_ms)) {
            return Ok(false);
        }
        for event_type in ENDS {
            let ends = self.facts(event_type);
            self.step(ends.len())?;
            if ends.iter().any(|end| end.answers == Some(fact.index)) {
                return Ok(false);
            }
        }
        Ok(self.destroyed(fact)?.is_none())
    }

    /// Whether a fact is about this very version, and about its bytes where it names any.
    fn is_of_version(&self, fact: &Fact) -> bool {
        let version = &self.dossier.version;
        let data = fact.data();
        let names = || NAMES_VERSION.iter().filter_map(|name| data.get(*name)).filter_map(subject_text);
        if fact.subject != *version && !names().any(|named| named == *version) {
            return false;
        }
        let mut bytes: Vec<&str> = data.get("model_digest").and_then(Json::as_str).into_iter().collect();
        bytes.extend(data.get("digests").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str));
        let artifacts = &self.dossier.artifacts;
        bytes.is_empty() || artifacts.is_empty() || bytes.iter().any(|digest| artifacts.iter().any(|it| it == digest))
    }
}

fn one_of<'d>(fact: Option<&'d Fact>) -> Judged<'d> {
    Judged::new(fact.map_or(Value::Missing, Value::Fact)).citing(fact.map(|fact| fact.index))
}

fn is(holds: bool) -> &'static str {
    if holds { "is" } else { "is not" }
}

/// Every digest that a fact names.
fn digests_of(fact: &Fact) -> Vec<&str> {
    fn gather<'j>(json: &'j Json, digests: &mut Vec<&'j str>) {
        match json {
            Json::String(text) if text.starts_with("sha256:") => digests.push(text),
            Json::Array(items) => items.iter().for_each(|item| gather(item, digests)),
            Json::Object(fields) => fields.values().for_each(|field| gather(field, digests)),
            _ => {}
        }
    }
    let mut digests = Vec::new();
    gather(fact.data(), &mut digests);
    digests.extend(fact.evidence.iter().map(|(digest, _)| digest.as_str()));
    digests
}
