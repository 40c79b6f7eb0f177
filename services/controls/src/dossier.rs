//! What the ledger holds about one version of a model, as rules see it.

use std::cmp::Ordering;
use std::sync::OnceLock;

use probity_domain::Timeline;
use probity_schemas::{Event, SubjectKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One statement of the log, as far as rules ask for it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Fact {
    /// Its position in the log.
    pub index: u64,
    /// Its type, such as `risk.assessed`.
    pub event_type: String,
    /// When it happened, in Unix milliseconds; never later than it was recorded.
    pub time_ms: u64,
    /// When it was recorded, in Unix milliseconds.
    pub recorded_ms: u64,
    /// What it is about, such as `model:credit/pd@3`.
    pub subject: String,
    /// Who signed it.
    pub signer: String,
    /// The persons behind it: the signer, those it was signed for, and for a service those who set it in motion or are
    /// responsible for it.
    pub persons: Vec<String>,
    /// The roles that its signer held there and then.
    pub roles: Vec<String>,
    /// The statement that it answers, continues or closes.
    pub answers: Option<u64>,
    /// The documents it rests on: digest and kind.
    pub evidence: Vec<(String, String)>,
    /// What it says: the event's `data`, as JSON.
    pub said: Vec<u8>,
    /// The statement with which its signer took it back.
    pub taken_back: Option<u64>,
    /// What [`Self::said`] holds, once it was asked for.
    #[serde(skip)]
    read: OnceLock<Value>,
}

/// From how many bytes on the free texts of a fact are shortened.
const SAID_LONG: usize = 2 * 1024;
/// How many characters of a text are kept then.
const TEXT_KEPT: usize = 256;

/// Who signed a statement, when and where.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// Its position in the log.
    pub index: u64,
    /// When it happened, in Unix milliseconds.
    pub time_ms: u64,
    /// When it was recorded, in Unix milliseconds.
    pub recorded_ms: u64,
    /// Who signed it.
    pub signer: String,
    /// The persons behind it.
    pub persons: Vec<String>,
    /// The roles that the signer held there and then.
    pub roles: Vec<String>,
    /// The statement that it answers, continues or closes.
    pub answers: Option<u64>,
}

impl Fact {
    /// What an event says, as it was signed. Of one that says a lot, long texts are shortened: rules ask whether they
    /// are there.
    #[must_use]
    pub fn of(event: &Event, signing: Signing) -> Self {
        // Every event of the vocabulary has a form in JSON.
        let mut said = serde_json::to_vec(&event.data).unwrap_or_default();
        if said.len() > SAID_LONG {
            let mut data: Value = serde_json::from_slice(&said).unwrap_or_default();
            shorten(&mut data);
            said = data.to_string().into_bytes();
        }
        let evidence = event.evidence.iter().map(|it| (it.digest.to_string(), it.kind.to_string()));
        Self { evidence: evidence.collect(), ..Self::new(event.event_type(), &subject_of(event), said, signing) }
    }

    /// A fact of a type about a subject, with its data as JSON.
    #[must_use]
    pub fn new(event_type: &str, subject: &str, said: Vec<u8>, signing: Signing) -> Self {
        let Signing { index, time_ms, recorded_ms, signer, persons, roles, answers } = signing;
        let (event_type, subject) = (event_type.to_owned(), subject.to_owned());
        let (evidence, taken_back, read) = (Vec::new(), None, OnceLock::new());
        Self {
            index,
            event_type,
            time_ms,
            recorded_ms,
            subject,
            signer,
            persons,
            roles,
            answers,
            evidence,
            said,
            taken_back,
            read,
        }
    }

    /// Puts a value in the place of a field, as a correction says; takes the field away where there is none. The field is
    /// named as in `cost.amount` or `data.cost.amount`. One that the fact does not have, or that stands in a list, stays as it is.
    pub fn amend(&mut self, field: &str, new: Option<&str>) {
        let mut data: Value = serde_json::from_slice(&self.said).unwrap_or_default();
        // As people write it: `duration_s`, or `data.duration_s` as the event has it.
        let path = field.strip_prefix("data.").unwrap_or(field);
        let (parents, name) = path.rsplit_once('.').map_or(("", path), |(parents, name)| (parents, name));
        let mut at = &mut data;
        for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
            let Some(next) = at.get_mut(parent) else { return };
            at = next;
        }
        let Value::Object(fields) = at else { return };
        match (new, fields.get(name)) {
            // As the field was written: a number stays one, a text stays one.
            (Some(new), Some(Value::String(_)) | None) => drop(fields.insert(name.to_owned(), new.into())),
            (Some(new), Some(_)) => {
                let value = serde_json::from_str(new).unwrap_or_else(|_| new.into());
                fields.insert(name.to_owned(), value);
            }
            (None, _) => drop(fields.remove(name)),
        }
        self.said = data.to_string().into_bytes();
        self.read = OnceLock::new();
    }

    /// What it says; nothing where that is not readable.
    pub(crate) fn data(&self) -> &Value {
        self.read.get_or_init(|| serde_json::from_slice(&self.said).unwrap_or_default())
    }

    /// The version that it names, where it names one.
    #[must_use]
    pub fn names_version(&self) -> Option<String> {
        NAMES_VERSION.iter().find_map(|name| subject_text(self.data().get(*name)?))
    }

    /// Whether it is void for those who know the statements before `known`.
    fn is_void(&self, known: u64) -> bool {
        self.taken_back.is_some_and(|index| index < known)
    }

    pub(crate) fn place(&self) -> (u64, u64) {
        (self.time_ms, self.index)
    }
}

/// Fields of an event's data by which it names a version.
pub(crate) const NAMES_VERSION: [&str; 4] = ["version", "produced_version", "to", "anchor"];

/// What an event is about, as text; of a person or service as it signs: `person:<uuid>`.
fn subject_of(event: &Event) -> String {
    let subject = &event.subject;
    match subject.kind {
        SubjectKind::Identity => format!("{}:{}", subject.namespace, subject.name),
        _ => subject.to_string(),
    }
}

/// The text of a subject that is given as an object.
pub(crate) fn subject_text(json: &Value) -> Option<String> {
    serde_json::from_value::<probity_schemas::Subject>(json.clone()).ok().map(|subject| subject.to_string())
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > TEXT_KEPT => *text = text.chars().take(TEXT_KEPT).collect(),
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// A stretch of time in which the version answered somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// The endpoint.
    pub endpoint: String,
    /// Its environment.
    pub environment: String,
    /// From when on, in Unix milliseconds.
    pub from_ms: u64,
    /// Until when; `None` while it goes on.
    pub until_ms: Option<u64>,
    /// The statements that say so.
    pub indices: Vec<u64>,
}

/// What a standing question found about the version.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The question's name.
    pub question: String,
    /// In words.
    pub reason: String,
    /// From when on, in Unix milliseconds.
    pub from_ms: u64,
    /// Until when; `None` while it goes on.
    pub until_ms: Option<u64>,
    /// The statements that show it.
    pub indices: Vec<u64>,
}

/// Whether something holds, and the statements that it rests on; or why not.
pub type Standing = Result<Vec<u64>, (String, Vec<u64>)>;

/// Everything that rules can ask about one version.
#[derive(Debug)]
pub struct Dossier {
    /// The version, such as `model:credit/pd@3`.
    pub version: String,
    /// Its model.
    pub model: String,
    /// The digests of its artefacts.
    pub artifacts: Vec<String>,
    /// Where it answered and answers.
    pub served: Vec<Served>,
    /// Whether it may serve in production: what the deployment gates say.
    pub approved: Timeline<Standing>,
    /// What the standing questions find about it.
    pub findings: Vec<Finding>,
    /// Controls that somebody may do without, and when.
    pub waived: Vec<(String, Timeline<Standing>)>,
    /// By type, then in the order in which they happened.
    facts: Vec<Fact>,
}

impl Dossier {
    /// The dossier of a version of which nothing is known but facts about it, in any order. One that is given several
    /// times, because it is about several things, counts once.
    #[must_use]
    pub fn new(version: &str, mut facts: Vec<Fact>) -> Self {
        let by_type = |one: &Fact, other: &Fact| {
            one.event_type.cmp(&other.event_type).then_with(|| one.place().cmp(&other.place()))
        };
        facts.sort_unstable_by(by_type);
        facts.dedup_by(|one, other| by_type(one, other) == Ordering::Equal);
        Self {
            version: version.to_owned(),
            model: probity_domain::ids::model_of(version).to_owned(),
            artifacts: Vec::new(),
            served: Vec::new(),
            approved: Timeline::always(Err(("no approval was requested".to_owned(), Vec::new()))),
            findings: Vec::new(),
            waived: Vec::new(),
            facts,
        }
    }

    /// All facts of a type, void ones too, in the order in which they happened.
    fn of_type(&self, event_type: &str) -> &[Fact] {
        let begin = self.facts.partition_point(|fact| fact.event_type.as_str() < event_type);
        let end = self.facts.partition_point(|fact| fact.event_type.as_str() <= event_type);
        &self.facts[begin..end]
    }

    /// The facts of a type at a moment, for those who know the statements before `known`.
    pub(crate) fn facts(&self, event_type: &str, at_ms: u64, known: u64) -> impl Iterator<Item = &Fact> {
        let happened = move |fact: &&Fact| fact.time_ms <= at_ms && fact.index < known && !fact.is_void(known);
        self.of_type(event_type).iter().filter(happened)
    }

    /// The fact at an index.
    #[must_use]
    pub fn fact_at(&self, index: u64) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.index == index)
    }

    /// The moments at which facts are added, in order and without repetition.
    #[must_use]
    pub fn moments(&self) -> Vec<u64> {
        let mut moments: Vec<u64> = self.facts.iter().map(|fact| fact.time_ms).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// How many facts there are, void ones too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether nothing is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}
