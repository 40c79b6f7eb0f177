//! Columns with personal data that are recorded sealed: whom a text is sealed for, later editions, and what is left when
//! a key is gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::cell::RefCell;
use std::collections::HashMap;

use probity_importer::{Effect, History, Mapping, MappingProblem, Plan, Sealer, SealerError, Sheet};
use probity_schemas::{Event, EventId, Origin, Text};
use probity_statement::{SealingKey, SealingKeyId};
use serde_json::json;
use support::*;

/// A vault in memory, with real keys.
#[derive(Default)]
struct Keys {
    keys: RefCell<HashMap<String, SealingKey>>,
}

fn origin() -> Origin {
    "ledger.test/import".parse().unwrap()
}

impl Keys {
    fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = self.keys.borrow().keys().cloned().collect();
        labels.sort();
        labels
    }
}

impl Sealer for Keys {
    fn seal(&self, text: &Text, label: &str, event: &EventId, place: &str) -> Result<Text, SealerError> {
        let mut keys = self.keys.borrow_mut();
        let number = u8::try_from(keys.len()).unwrap();
        let key = keys.entry(label.to_owned()).or_insert_with(|| SealingKey::from_bytes([number; 32]));
        let mut nonce = [0_u8; 12];
        for (at, byte) in event.as_uuid().as_bytes().iter().chain(place.as_bytes()).chain(text.as_bytes()).enumerate() {
            nonce[at % 12] = nonce[at % 12].wrapping_mul(31).wrapping_add(*byte);
        }
        key.seal(text, &origin(), event, nonce).map_err(|error| SealerError(Box::new(error)))
    }

    fn open(&self, sealed: &str, event: &EventId) -> Result<Option<String>, SealerError> {
        let id = SealingKeyId::of(sealed);
        let keys = self.keys.borrow();
        let Some(key) = keys.values().find(|key| Some(key.id()) == id) else { return Ok(None) };
        let opened = key.open(sealed, &origin(), event).map_err(|error| SealerError(Box::new(error)))?;
        Ok(Some(opened.as_str().to_owned()))
    }
}

/// [`MAPPING`] with two more columns: an owner, and a note about the owner.
fn sealing() -> Mapping {
    mapping(&MAPPING.replace(
        "started = \"Started\"\n",
        "started = \"Started\"\nowner = { header = \"Owner\", personal = \"seal\" }\n\
         note = { header = \"Note\", personal = \"seal\", for = \"owner\" }\n",
    ))
}

fn planned(mapping: &Mapping, rows: &str, history: &History, keys: &Keys) -> Plan {
    let file = format!("Area,Name,Purpose,State,Started,Owner,Note\n{rows}");
    let sheet = Sheet::read(file.as_bytes(), mapping).unwrap();
    Plan::sealed(mapping, &sheet, history, &importer(), None, keys)
}

const ROWS: &str =
    "credit,pd,Scores,,,Ada Lovelace,Ill in May\ncredit,lgd,Losses,,,Ada Lovelace,\ncredit,ead,Sums,,,,Nobody's\n";

fn attribute(event: &Event, name: &str) -> String {
    event.attributes.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
}

#[test]
fn a_column_is_recorded_sealed_for_whom_it_is_about_and_the_same_each_time() {
    let (mapping, keys) = (sealing(), Keys::default());
    let first = planned(&mapping, ROWS, &fresh(&mapping), &keys);
    let events: Vec<&Event> = first.events().collect();
    let [owner, note] = ["owner", "note"].map(|name| attribute(events[0], name));
    assert!(owner.starts_with("sealed:") && note.starts_with("sealed:"), "{owner} {note}");
    assert_eq!(keys.open(&owner, &events[0].id).unwrap().as_deref(), Some("Ada Lovelace"));
    assert_eq!(keys.open(&note, &events[0].id).unwrap().as_deref(), Some("Ill in May"));
    assert_eq!(SealingKeyId::of(&owner), SealingKeyId::of(&attribute(events[1], "owner")), "one person, one key");
    assert_eq!(SealingKeyId::of(&owner), SealingKeyId::of(&note), "the note is about the owner");
    assert_eq!(keys.labels(), ["Ada Lovelace", "Nobody's"], "a note about nobody is its own");
    let text = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect::<String>();
    assert!(!text.contains("Ada") && !text.contains("Ill in May"), "{text}");
    assert!(
        named(&first).iter().any(|(effect, _, header, _)| *effect == Effect::ColumnSealed && *header == Some("Owner"))
    );

    let again = planned(&mapping, ROWS, &fresh(&mapping), &keys);
    assert!(first.events().eq(again.events()), "the same file and vault make the same events");
}

#[test]
fn a_later_edition_is_compared_with_what_the_vault_opens() {
    let (mapping, keys) = (sealing(), Keys::default());
    let mut history = fresh(&mapping);
    record(&planned(&mapping, ROWS, &history, &keys), &mut history);
    assert_eq!(types(&planned(&mapping, ROWS, &history, &keys)), [""; 0], "nothing is new");

    let changed = ROWS.replacen("Ada Lovelace", "Ben Okri", 1);
    let plan = planned(&mapping, &changed, &history, &keys);
    assert_eq!(types(&plan), ["model.amended"]);
    let event = plan.events().next().unwrap();
    let amended = json!(event)["data"].clone();
    let opened = |field: &str| keys.open(amended[field].as_str().unwrap(), &event.id).unwrap();
    assert_eq!(amended["attribute"], "owner");
    assert_eq!((opened("old").as_deref(), opened("new").as_deref()), (Some("Ada Lovelace"), Some("Ben Okri")));
    record(&plan, &mut history);
    assert_eq!(types(&planned(&mapping, &changed, &history, &keys)), [""; 0], "an amendment is opened as well");
    assert_eq!(types(&planned(&mapping, ROWS, &history, &keys)), ["model.amended"], "and goes back");
}

#[test]
fn what_was_erased_is_not_compared_and_not_recorded_again() {
    let (mapping, keys) = (sealing(), Keys::default());
    let mut history = fresh(&mapping);
    record(&planned(&mapping, ROWS, &history, &keys), &mut history);
    keys.keys.borrow_mut().remove("Ada Lovelace").unwrap();
    let plan = planned(&mapping, &ROWS.replace("Ill in May", "Well again"), &history, &keys);
    assert_eq!(types(&plan), [""; 0]);
    assert_eq!(keys.labels(), ["Nobody's"], "no key is made for who was erased");
    let gone: Vec<_> = named(&plan).into_iter().filter(|(effect, ..)| *effect == Effect::CellNoted).collect();
    assert_eq!(gone.len(), 3, "{gone:?}");
    assert!(gone.iter().all(|(_, _, _, reason)| reason.contains("not in the vault")), "{gone:?}");
    assert!(
        plan.report().entries().iter().all(|entry| entry.value.as_deref().is_none_or(|value| !value.contains("Ada")))
    );
}

#[test]
fn what_is_sealed_is_made_nothing_of_and_takes_a_vault() {
    let mapping = sealing();
    let sheet =
        Sheet::read(format!("Area,Name,Purpose,State,Started,Owner,Note\n{ROWS}").as_bytes(), &mapping).unwrap();
    let plan = Plan::new(&mapping, &sheet, &fresh(&mapping), &importer(), None);
    assert_eq!(types(&plan), [""; 0]);
    let refused = named(&plan).into_iter().filter(|(effect, ..)| *effect == Effect::RowRefused).collect::<Vec<_>>();
    assert!(refused.len() == 3 && refused[0].3.contains("no vault was given"), "{refused:?}");

    let seal = "owner = { header = \"Owner\", personal = \"seal\" }\n";
    for (columns, data, problem) in [
        (seal, "data.kind = { column = \"owner\" }", "is sealed as personal data"),
        ("owner = { header = \"Owner\", for = \"name\" }\n", "", "add personal = \"seal\""),
        ("owner = { header = \"Owner\", personal = \"seal\", for = \"nmae\" }\n", "", "did you mean"),
    ] {
        let text = MAPPING.replace("started = \"Started\"\n", &format!("started = \"Started\"\n{columns}"));
        let text = text.replace(
            "data.purpose = { column = \"purpose\" }",
            &format!("data.purpose = {{ column = \"purpose\" }}\n{data}"),
        );
        let error = Mapping::parse(&text).unwrap_err().to_string();
        assert!(error.contains(problem), "{problem}: {error}");
    }
    let _ = MappingProblem::ForNothing;
}
