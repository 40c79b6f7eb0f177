//! Examples of a pack: what is recorded of a version, and what a control then says. They are run by
//! `probity compliance pack test` and stand in a file beside the pack.

use std::collections::BTreeMap;

use probity_domain::Timeline;
use probity_schemas::written::{of_type, settle};
use probity_schemas::{Event, EventId, newest};
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Spanned;

use crate::dossier::{Dossier, Fact, Finding, Served, Signing, Standing};
use crate::pack::{Pack, PackFault};
use crate::verdict::{Judgement, Moment, Verdict};

/// What an example shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// The record supports the control.
    Pass,
    /// It does not.
    Fail,
    /// Where one turns into the other, or neither holds.
    Edge,
}

/// An example.
#[derive(Debug)]
pub struct Example {
    /// The control.
    pub control: String,
    /// What it shows.
    pub case: Case,
    /// In words.
    pub says: String,
    /// What the control is to say.
    pub expected: Verdict,
    /// The line of the file.
    pub line: usize,
    at_ms: u64,
    dossier: Dossier,
}

impl Example {
    /// What is recorded in it.
    #[must_use]
    pub fn dossier(&self) -> &Dossier {
        &self.dossier
    }

    /// The moment that it asks about, in Unix milliseconds.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }
}

/// How an example came out.
#[derive(Debug)]
pub struct Outcome<'e> {
    /// The example.
    pub example: &'e Example,
    /// What the control says.
    pub judgement: Judgement,
}

impl Outcome<'_> {
    /// Whether it is as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.judgement.verdict == self.example.expected
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: String,
    #[serde(default)]
    given: Vec<Spanned<WrittenEvent>>,
    example: Vec<Spanned<WrittenExample>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenExample {
    control: String,
    case: Case,
    says: String,
    at: String,
    verdict: String,
    /// Labels of given events that are left out.
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    events: Vec<Spanned<WrittenEvent>>,
    #[serde(default)]
    served: Vec<Stretch>,
    #[serde(default)]
    approved: Vec<Stretch>,
    #[serde(default)]
    waived: Vec<Stretch>,
    #[serde(default)]
    findings: Vec<Stretch>,
    #[serde(default)]
    artifacts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEvent {
    #[serde(rename = "type")]
    event_type: String,
    time: String,
    /// The version, where it is not said.
    subject: Option<String>,
    label: Option<String>,
    /// The label of the event that it answers.
    answers: Option<String>,
    /// A person, in one word; `service:NAME` has nobody behind it.
    #[serde(default = "anna")]
    by: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    evidence: Vec<WrittenEvidence>,
    #[serde(default)]
    data: Value,
}

fn anna() -> String {
    "anna".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEvidence {
    kind: String,
    digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stretch {
    from: String,
    until: Option<String>,
    endpoint: Option<String>,
    question: Option<String>,
}

/// The examples in a file.
#[derive(Debug)]
pub struct Examples(Vec<Example>);

impl Examples {
    /// Reads a file of examples.
    ///
    /// # Errors
    /// It is not one, or holds events that cannot be recorded: what is wrong, and on which line.
    pub fn load(text: &str) -> Result<Self, PackFault> {
        let written: Written = toml::from_str(text)
            .map_err(|error| PackFault::at(text, error.span().map_or(0, |span| span.start), error.message()))?;
        let examples = written.example.iter().map(|example| {
            let at = example.span().start;
            read(&written, example.get_ref(), PackFault::at(text, at, "").line)
                .map_err(|(event, message)| PackFault::at(text, event.unwrap_or(at), message))
        });
        examples.collect::<Result<_, _>>().map(Self)
    }

    /// What the controls of a pack say of each.
    ///
    /// # Errors
    /// An example of a control that there is not: its name, and the line.
    pub fn run<'e>(&'e mut self, pack: &Pack) -> Result<Vec<Outcome<'e>>, (String, usize)> {
        let outcomes = self.0.iter_mut().map(|example| {
            let control = pack.control(&example.control).ok_or_else(|| (example.control.clone(), example.line))?;
            // What is waived in an example is the control that it is about.
            example.dossier.waived.iter_mut().for_each(|(name, _)| *name = pack.waiver_name(control));
            let judgement = pack.judge(control, &example.dossier, Moment::at(example.at_ms), true);
            Ok(Outcome { example, judgement })
        });
        outcomes.collect()
    }

    /// The controls that lack an example of a case, and which.
    #[must_use]
    pub fn missing(&self, pack: &Pack) -> Vec<(String, Case)> {
        let has = |control: &str, case| self.0.iter().any(|it| it.control == control && it.case == case);
        let cases = [Case::Pass, Case::Fail, Case::Edge];
        let missing = pack.controls.iter().flat_map(|control| {
            cases.into_iter().filter(|case| !has(&control.id, *case)).map(|case| (control.id.clone(), case))
        });
        missing.collect()
    }
}

type Wrong = (Option<usize>, String);

fn read(written: &Written, example: &WrittenExample, line: usize) -> Result<Example, Wrong> {
    let is_given = |event: &&Spanned<WrittenEvent>| {
        event.get_ref().label.as_ref().is_none_or(|label| !example.without.contains(label))
    };
    let mut events: Vec<&Spanned<WrittenEvent>> =
        written.given.iter().filter(is_given).chain(&example.events).collect();
    let mut times = BTreeMap::new();
    for event in &events {
        let time_ms = time(&event.get_ref().time).map_err(|message| (Some(event.span().start), message))?;
        times.insert(event.span().start, time_ms);
    }
    events.sort_by_key(|event| times[&event.span().start]);
    let place = |label: &String| events.iter().position(|event| event.get_ref().label.as_ref() == Some(label));
    let mut facts = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        let wrong = |message: String| (Some(event.span().start), message);
        let time_ms = times[&event.span().start];
        let answers = match &event.get_ref().answers {
            Some(label) => Some(place(label).ok_or_else(|| wrong(format!("no event is labelled {label}")))?),
            None => None,
        };
        let answers = answers.map(|index| index as u64);
        let signing = Signing { index: index as u64, time_ms, recorded_ms: time_ms, answers, ..Signing::default() };
        facts.push(fact(event.get_ref(), &written.version, signing).map_err(wrong)?);
    }
    let plain = |message| (None, message);
    let mut dossier = Dossier::new(&written.version, facts);
    dossier.artifacts.clone_from(&example.artifacts);
    for stretch in &example.served {
        let (from_ms, until_ms) = span(stretch).map_err(plain)?;
        let endpoint = stretch.endpoint.clone().unwrap_or_else(|| "endpoint:credit/scoring".to_owned());
        let environment = "production".to_owned();
        // The statement that says so: the first that there is.
        dossier.served.push(Served { endpoint, environment, from_ms, until_ms, indices: vec![0] });
    }
    for stretch in &example.findings {
        let (from_ms, until_ms) = span(stretch).map_err(plain)?;
        let question = stretch.question.clone().unwrap_or_default();
        let reason = format!("{question} finds it");
        dossier.findings.push(Finding { question, reason, from_ms, until_ms, indices: vec![0] });
    }
    if !example.approved.is_empty() {
        dossier.approved = standing(&example.approved).map_err(plain)?;
    }
    if !example.waived.is_empty() {
        dossier.waived.push((String::new(), standing(&example.waived).map_err(plain)?));
    }
    let word = &example.verdict;
    let words = || Verdict::ALL.map(Verdict::as_str).join(", ");
    Ok(Example {
        control: example.control.clone(),
        case: example.case,
        says: example.says.clone(),
        expected: Verdict::named(word).ok_or_else(|| (None, format!("{word:?} is none of {}", words())))?,
        line,
        at_ms: time(&example.at).map_err(plain)?,
        dossier,
    })
}

fn fact(event: &WrittenEvent, version: &str, signing: Signing) -> Result<Fact, String> {
    let info = newest(&event.event_type).map_err(|error| error.to_string())?;
    let name = event.subject.as_deref().unwrap_or(version);
    // Fields that every event has, and that no rule asks for.
    let mut value = json!({
        "id": EventId::from_time(signing.time_ms, [u8::try_from(signing.index % 256).unwrap_or_default(); 10]),
        "type": info.event_type,
        "v": info.version,
        "occurred": signing.time_ms,
        "subject": name,
        "data": if event.data.is_null() { json!({}) } else { event.data.clone() },
    });
    if !event.evidence.is_empty() {
        let evidence = event
            .evidence
            .iter()
            .map(|it| json!({ "digest": it.digest, "kind": it.kind, "media_type": "application/pdf" }));
        value["evidence"] = evidence.collect();
    }
    settle(&of_type(info), &mut value, signing.time_ms).map_err(|error| error.to_string())?;
    let read = Event::from_value(&value).map_err(|error| error.to_string())?;
    let is_service = event.by.starts_with("service:");
    let persons = if is_service { Vec::new() } else { vec![event.by.clone()] };
    let signing = Signing { signer: event.by.clone(), persons, roles: event.roles.clone(), ..signing };
    Ok(Fact::of(&read, signing))
}

fn span(stretch: &Stretch) -> Result<(u64, Option<u64>), String> {
    Ok((time(&stretch.from)?, stretch.until.as_deref().map(time).transpose()?))
}

fn standing(stretches: &[Stretch]) -> Result<Timeline<Standing>, String> {
    let spans = stretches.iter().map(span).collect::<Result<Vec<_>, _>>()?;
    let moments = spans.iter().flat_map(|(from, until)| [Some(*from), *until]).flatten();
    Ok(Timeline::changing_at(moments, |time_ms| {
        let holds = |(from, until): &(u64, Option<u64>)| *from <= time_ms && until.is_none_or(|until| time_ms < until);
        if spans.iter().any(holds) { Ok(vec![0]) } else { Err(("nothing covers it".to_owned(), Vec::new())) }
    }))
}

/// A date, at its first moment in UTC, or a time.
fn time(text: &str) -> Result<u64, String> {
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let moment = text.parse::<jiff::Timestamp>().ok().or_else(|| Some(date()?.timestamp()));
    let millis = moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
    millis.ok_or_else(|| format!("{text:?} is no time such as 2027-12-02 or 2027-12-02T08:00:00Z"))
}
