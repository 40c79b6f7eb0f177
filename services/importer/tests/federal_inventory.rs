//! The published inventory of AI use cases of US federal agencies, as it is: every row ends up in
//! the plan or in the report.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, HashSet};

use probity_importer::{Effect, History, Mapping, Plan, Sheet, digest};
use probity_schemas::{Data, Event, Identity, model::ModelEvent};

const MAPPING: &str = include_str!("../../../ops/import/us-federal-2024.toml");

/// What an independent reading of the file gives: cells of a column by their text.
fn counts(rows: &[Vec<String>], position: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for cell in rows.iter().map(|row| row[position - 1].to_owned()).filter(|cell| !cell.trim().is_empty()) {
        *counts.entry(cell).or_default() += 1;
    }
    counts
}

#[test]
fn every_row_of_the_federal_inventory_is_recorded_or_named() {
    let Some(path) = std::env::var_os("PROBITY_INVENTORY") else {
        println!("did not run: PROBITY_INVENTORY does not name the federal inventory");
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let issuer: Identity = "service:importer".parse().unwrap();
    let mapping = Mapping::parse(MAPPING).unwrap();
    let sheet = Sheet::read(&bytes, &mapping).unwrap();
    let history = History::new(mapping.system());
    let plan = Plan::new(&mapping, &sheet, &history, &issuer, None);
    let summary = plan.summary();
    println!("{}", serde_json::to_string_pretty(&summary).unwrap());

    let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes);
    let rows: Vec<Vec<String>> = csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect();
    assert_eq!(summary.rows, rows.len() as u64);
    assert_eq!(summary.recorded + summary.refused, summary.rows);

    // Only rows that repeat another one to the last mapped cell are refused.
    let refused: Vec<_> = plan.report().entries().iter().filter(|entry| entry.effect == Effect::RowRefused).collect();
    assert_eq!(refused.len() as u64, summary.refused);
    let distinct: HashSet<_> = rows.iter().collect();
    assert_eq!(refused.len(), rows.len() - distinct.len());
    assert_eq!(plan.report().count(Effect::EventRefused), 0);
    assert_eq!(plan.report().count(Effect::ColumnNotMapped), 0);

    let events: Vec<&Event> = plan.events().collect();
    assert_eq!(summary.events["model.registered"], distinct.len() as u64);
    assert_eq!(summary.events["usecase.proposed"], distinct.len() as u64);
    let ids: HashSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), events.len());
    let models: Vec<_> = events.iter().filter(|event| event.event_type() == "model.registered").collect();
    let names: HashSet<_> = models.iter().map(|event| &event.subject).collect();
    assert_eq!(names.len(), models.len());

    // Counts by agency, stage, topic and impact are the file's own.
    let distinct: Vec<_> = distinct.into_iter().cloned().collect();
    for (name, position) in [("agency", 2), ("agency_abbreviation", 3), ("topic", 5), ("stage", 10), ("impact", 11)] {
        let mut recorded = BTreeMap::new();
        for cell in models.iter().filter_map(|event| event.attributes.get(name)) {
            *recorded.entry(cell.as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(recorded, counts(&distinct, position), "{name}");
    }
    let says = |position: usize, text: &str| {
        distinct.iter().filter(|row| row[position - 1].to_lowercase().starts_with(text)).count() as u64
    };
    assert_eq!(summary.events["risk.assessed"], says(46, "yes"));
    assert_eq!(summary.events["validation.completed"], says(49, "yes"));
    assert_eq!(summary.events["evidence.attached"], says(34, "yes"));
    let classified = events.iter().filter(|event| matches!(event.data, Data::Model(ModelEvent::Classified(_)))).count();
    let classes = ["neither", "both", "rights-impacting", "safety-impacting"];
    assert_eq!(classified as u64, classes.iter().map(|class| says(11, class)).sum::<u64>());

    // Again: the same bytes where nothing is recorded, nothing where all of it is.
    let again = Plan::new(&mapping, &sheet, &history, &issuer, None);
    assert!(again.events().eq(plan.events()));
    let report = digest(&plan.report().to_csv().unwrap());
    let completed = plan.completed(report).unwrap().unwrap();
    let mut history = history;
    events.into_iter().chain([&completed]).for_each(|event| history.take_in(event));
    let rerun = Plan::new(&mapping, &sheet, &history, &issuer, None);
    assert_eq!(rerun.events().len(), 0);
    assert_eq!(rerun.summary().already_recorded, summary.recorded);
    assert_eq!(rerun.summary().vanished, 0);
    assert!(rerun.completed(report).unwrap().is_none());
}
