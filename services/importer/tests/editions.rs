//! Importing again, and importing a later edition.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use probity_importer::{Effect, History, Plan, Refusal, Sheet, digest};
use probity_schemas::{Data, Event, import::ImportEvent, model::ModelEvent};
use probity_statement::{SecretKey, Unsigned, derived_event_id};
use support::*;

const FIRST: &str = "a,one,p1,live,2020\na,two,p2,live,Nov-23\nb,three,p3,,\n";

fn file(rows: &str) -> String {
    format!("{HEADER}{rows}")
}

/// The ledger after the import of these rows.
fn after(rows: &str) -> History {
    let mapping = mapping(MAPPING);
    let mut history = fresh(&mapping);
    record(&plan(&mapping, file(rows), &history), &mut history);
    history
}

/// What a plan amends: attribute or field, old, new.
fn amended(plan: &Plan) -> Vec<(String, Option<String>, Option<String>)> {
    let amended = |event: &Event| match &event.data {
        Data::Model(ModelEvent::Amended(amended)) => {
            let field = serde_json::to_value(amended.field).unwrap().as_str().unwrap().to_owned();
            let what = amended.attribute.as_ref().map_or(field, ToString::to_string);
            Some((what, amended.old.as_ref().map(ToString::to_string), amended.new.as_ref().map(ToString::to_string)))
        }
        _ => None,
    };
    plan.events().filter_map(amended).collect()
}

fn change(what: &str, old: Option<&str>, new: Option<&str>) -> (String, Option<String>, Option<String>) {
    (what.to_owned(), old.map(str::to_owned), new.map(str::to_owned))
}

#[test]
fn the_same_file_makes_the_same_bytes() {
    let key = SecretKey::from_seed(&[7; 32]).unwrap();
    let statements = || -> Vec<_> {
        let plan = plan_of(FIRST);
        let completed = plan.completed(digest(b"report")).unwrap();
        let sign = |event: &Event| {
            let unsigned = Unsigned::new(event, &importer(), "ledger.example", key.public().id()).unwrap();
            unsigned.sign(&key).unwrap().bytes().clone()
        };
        plan.events().chain(&completed).map(sign).collect()
    };
    assert_eq!(statements(), statements());
    assert_eq!(statements().len(), 6);
}

#[test]
fn event_ids_are_derived_from_what_was_found() {
    let plan = plan_of(FIRST);
    let first = plan.events().next().unwrap();
    assert_eq!(first.id, derived_event_id(&importer(), "list", "a | one", "model.registered"));
    assert_eq!(first.external_ids[0].id.as_str(), "a | one");
}

#[test]
fn a_second_run_adds_nothing() {
    let mapping = mapping(MAPPING);
    let history = after(FIRST);
    let plan = plan(&mapping, file(FIRST), &history);
    assert_eq!(plan.events().len(), 0);
    assert_eq!(plan.completed(digest(b"report")).unwrap(), None);
    let summary = plan.summary();
    assert_eq!((summary.already_recorded, summary.events_already_recorded), (3, 5));
    assert_eq!((summary.recorded, summary.changed, summary.refused, summary.vanished), (0, 0, 0, 0));
}

#[test]
fn a_run_that_was_cut_off_is_finished_by_the_next() {
    let mapping = mapping(MAPPING);
    let whole = plan(&mapping, file(FIRST), &fresh(&mapping));
    for recorded in 0..whole.events().len() {
        let mut history = fresh(&mapping);
        whole.events().take(recorded).for_each(|event| history.take_in(event));
        let rest = plan(&mapping, file(FIRST), &history);
        assert!(rest.events().eq(whole.events().skip(recorded)), "after {recorded}");
        assert!(rest.completed(digest(b"report")).unwrap().is_some());
    }
}

#[test]
fn a_changed_cell_amends_the_registration() {
    let mapping = mapping(MAPPING);
    let mut history = after(FIRST);
    let second = FIRST.replace("p1,live", "p1,ended").replace("three,p3,,", "three,P3,live,");
    let plan = plan(&mapping, file(&second), &history);
    assert_eq!(
        amended(&plan),
        [
            change("state", Some("live"), Some("ended")),
            change("purpose", Some("p3"), Some("P3")),
            change("purpose", Some("p3"), Some("P3")),
            change("state", None, Some("live")),
        ]
    );
    let event = plan.events().next().unwrap();
    assert_eq!(event.regarding, Some(derived_event_id(&importer(), "list", "a | one", "model.registered")));
    assert_eq!(event.subject.to_string(), "model:a/one");
    let summary = plan.summary();
    assert_eq!((summary.changed, summary.already_recorded, summary.recorded), (2, 1, 0));

    // Recorded, it is the record's; the edition before is a change again, with ids of its own.
    record(&plan, &mut history);
    let again = support::plan(&mapping, file(&second), &history);
    assert_eq!(again.events().len(), 0);
    assert_eq!(again.completed(digest(b"report")).unwrap(), None);
    for rows in [FIRST, &second, FIRST] {
        let next = support::plan(&mapping, file(rows), &history);
        assert_eq!(amended(&next).len(), 4);
        assert!(next.events().all(|event| !plan.events().any(|earlier| earlier.id == event.id)));
        record(&next, &mut history);
    }
}

#[test]
fn an_emptied_cell_is_a_change_too() {
    let mapping = mapping(MAPPING);
    let plan = plan(&mapping, file(&FIRST.replace("p1,live", "p1,")), &after(FIRST));
    assert_eq!(amended(&plan), [change("state", Some("live"), None)]);
}

#[test]
fn an_edition_is_called_by_its_label() {
    let mapping = mapping(MAPPING);
    let second = file(&FIRST.replace("p1,live", "p1,ended"));
    let sheet = Sheet::read(second.as_bytes(), &mapping).unwrap();
    let plan = Plan::new(&mapping, &sheet, &after(FIRST), &importer(), Some("2025"));
    let Data::Model(ModelEvent::Amended(amended)) = &plan.events().next().unwrap().data else { panic!("no amendment") };
    assert_eq!(amended.reason.as_str(), "The source says so since its edition 2025.");
}

#[test]
fn what_a_later_edition_adds_is_recorded_beside_what_it_changes() {
    let mapping = mapping(MAPPING);
    let plan = plan(&mapping, file(&FIRST.replace("three,p3,,", "three,p3,,2024")), &after(FIRST));
    assert_eq!(types(&plan), ["model.amended", "deployment.started"]);
    assert_eq!(amended(&plan), [change("started", None, Some("2024"))]);
}

#[test]
fn a_vanished_row_is_counted_and_named() {
    let mapping = mapping(MAPPING);
    let plan = plan(&mapping, file("a,one,p1,live,2020\n"), &after(FIRST));
    assert_eq!((plan.events().len(), plan.summary().vanished), (0, 2));
    let vanished: Vec<_> = plan.report().entries().iter().map(|entry| (entry.effect, entry.row.as_deref())).collect();
    let gone = |row| (Effect::RowVanished, Some(row));
    assert_eq!(vanished, [gone("a | two"), gone("b | three")]);
    let completed = plan.completed(digest(b"report")).unwrap().unwrap();
    let Data::Import(ImportEvent::Completed(completed)) = completed.data else { panic!("no import.completed") };
    let rows = completed.rows;
    assert_eq!((rows.taken, rows.unchanged, rows.changed, rows.vanished, rows.refused), (0, 1, 0, 2, 0));
}

#[test]
fn a_recorded_row_keeps_its_name_when_a_namesake_appears() {
    let mapping = mapping(MAPPING);
    let mut history = after("a,Bot,one,,\n");
    let second = "a,bot!,other,,\na,Bot,two,,\na,Bot,one,,\n";
    let plan = plan(&mapping, file(second), &history);
    let subjects = subjects(&plan, "model.registered");
    assert_eq!((subjects.len(), plan.summary().vanished, plan.summary().changed), (2, 0, 0));
    assert!(subjects.iter().all(|subject| subject.starts_with("model:a/bot-")), "{subjects:?}");
    record(&plan, &mut history);
    assert_eq!(support::plan(&mapping, file(second), &history).events().len(), 0);
    // And when the namesakes are gone, nobody is renamed.
    let third = support::plan(&mapping, file("a,Bot,two,,\n"), &history);
    assert_eq!((third.events().len(), third.summary().vanished), (0, 2));
}

#[test]
fn a_new_row_does_not_take_the_name_of_a_vanished_one() {
    let mapping = mapping(MAPPING);
    let plan = plan(&mapping, file("a,bot!,one,,\n"), &after("a,Bot,one,,\n"));
    let subjects = subjects(&plan, "model.registered");
    assert!(subjects.len() == 1 && subjects[0].starts_with("model:a/bot-"), "{subjects:?}");
    assert_eq!((plan.summary().recorded, plan.summary().vanished), (1, 1));
}

#[test]
fn what_the_ledger_refuses_is_named_and_counted() {
    let mut plan = plan_of(FIRST);
    let refusal = |event| Refusal { event, code: "NOT_AUTHORISED".to_owned(), message: "no role".to_owned() };
    plan.refuse([refusal(1)]);
    let reason = "deployment.started: refused by the ledger (NOT_AUTHORISED): no role".to_owned();
    assert_eq!(named(&plan), [(Effect::EventRefused, Some(2), None, reason)]);
    let summary = plan.summary();
    assert_eq!((summary.recorded, summary.refused), (2, 1));
    assert!(plan.completed(digest(b"report")).unwrap().is_some());
    plan.refuse((0..5).map(refusal));
    assert_eq!(plan.completed(digest(b"report")).unwrap(), None);
}

#[test]
fn statements_about_other_systems_are_passed_over() {
    let mapping = mapping(MAPPING);
    let other = support::mapping(&MAPPING.replace("system = \"list\"", "system = \"other\""));
    let mut history = fresh(&mapping);
    record(&plan(&other, file(FIRST), &fresh(&other)), &mut history);
    assert_eq!(plan(&mapping, file(FIRST), &history).summary().recorded, 3);
}
