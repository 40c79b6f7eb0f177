//! What a later edition makes of the events that earlier ones led to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use probity_importer::{Effect, History, Mapping, Plan, Sheet, digest};
use probity_schemas::{Data, Event, correction::CorrectionEvent};
use serde_json::{Value, json};
use support::*;

/// Class, vendor, dates and a stage, each with an event that hangs on it.
const LIVES: &str = r#"
    source = { system = "list", coverage = "full" }
    dates = { columns = ["live", "retired"], forms = ["{yyyy}-{mm}-{dd}", "{yyyy}"] }
    tables = { classes = { high = "high", low = "low" } }
    row = { identity = ["name"], namespace = ["desk"], name = { column = "name" } }

    [columns]
    name = "Name"
    class = "Class"
    vendor = "Vendor"
    live = "Live"
    stage = "Stage"
    retired = "Retired"

    [[event]]
    type = "model.registered"
    subject = "model"
    data.purpose = "scoring"

    [[event]]
    type = "model.classified"
    subject = "model"
    when = { column = "class", present = true }
    data.framework = "tiers"
    data.class = { column = "class", table = "classes" }

    [[event]]
    type = "dependency.declared"
    subject = "model"
    when = { column = "vendor", present = true }
    data = { direction = "upstream", kind = "service", reference = { column = "vendor" } }

    [[event]]
    type = "deployment.started"
    subject = "endpoint"
    occurred = "live"
    ended = "retired"
    when = { column = "stage", equals = "live" }
    data = { version = { subject = "model" }, environment = "production" }

    [[event]]
    type = "retirement.completed"
    subject = "model"
    occurred = "retired"
    when = { column = "stage", equals = "retired" }
"#;

const LIVE: &str = "one,high,Acme,2020-03-01,live,";

fn edition(mapping: &Mapping, row: &str, label: &str, history: &History) -> Plan {
    let file = format!("Name,Class,Vendor,Live,Stage,Retired\n{row}\n");
    let sheet = Sheet::read(file.as_bytes(), mapping).unwrap();
    Plan::new(mapping, &sheet, history, &importer(), Some(label))
}

/// The events of a row in a second edition, besides amendments.
fn second(mapping: &Mapping, first: &str, row: &str) -> (Plan, Vec<Value>) {
    let mut history = fresh(mapping);
    record(&edition(mapping, first, "2024", &history), &mut history);
    let plan = edition(mapping, row, "2025", &history);
    let events = plan.events().filter(|event| event.event_type() != "model.amended");
    let events = events.map(|event| serde_json::to_value(event).unwrap()).collect();
    // Recorded, it is what the file says, however often it is imported.
    record(&plan, &mut history);
    let again = edition(mapping, row, "2025", &history);
    assert_eq!(again.events().len(), 0, "{:?}", types(&again));
    assert_eq!(again.completed(digest(b"report")).unwrap(), None);
    (plan, events)
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[test]
fn another_class_is_classified_anew() {
    let (plan, events) = second(&mapping(LIVES), LIVE, "one,low,Acme,2020-03-01,live,");
    assert_eq!(kinds(&events), ["model.classified"]);
    assert_eq!(events[0]["data"]["class"], "low");
    assert!(plan.report().entries().is_empty());
    assert_eq!(plan.summary().changed, 1);
}

#[test]
fn a_class_that_the_file_no_longer_gives_is_made_void() {
    let (plan, events) = second(&mapping(LIVES), LIVE, "one,,Acme,2020-03-01,live,");
    assert_eq!(kinds(&events), ["correction.recorded"]);
    assert_eq!(events[0]["subject"]["kind"], "model");
    assert_eq!(events[0]["data"]["kind"], "voids");
    assert_eq!(events[0]["data"]["reason"], "The source no longer says so since its edition 2025.");
    assert!(plan.report().entries().is_empty());
}

#[test]
fn another_vendor_ends_a_dependency_and_begins_one() {
    let (_, events) = second(&mapping(LIVES), LIVE, "one,high,Bolt,2020-03-01,live,");
    assert_eq!(kinds(&events), ["dependency.ended", "dependency.declared"]);
    assert_eq!(events[1]["data"]["reference"], "Bolt");
    let (_, events) = second(&mapping(LIVES), LIVE, "one,high,,2020-03-01,live,");
    assert_eq!(kinds(&events), ["dependency.ended"]);
}

#[test]
fn another_date_corrects_the_event_that_had_it() {
    let (_, events) = second(&mapping(LIVES), LIVE, "one,high,Acme,2021-05-01,live,");
    assert_eq!(kinds(&events), ["correction.recorded", "deployment.started"]);
    assert_eq!(events[0]["subject"]["kind"], "endpoint");
    assert_eq!(events[1]["occurred"], json!([1_619_827_200_000_u64, 1_619_913_599_999_u64]));
}

#[test]
fn a_date_that_cannot_be_read_takes_nothing_back() {
    let (plan, events) = second(&mapping(LIVES), LIVE, "one,high,Acme,soon,live,");
    assert_eq!(events, [] as [Value; 0]);
    assert_eq!(plan.report().count(Effect::CellNotRead), 1);
}

#[test]
fn a_row_that_goes_from_deployed_to_retired_ends_what_was_started() {
    let (plan, events) = second(&mapping(LIVES), LIVE, "one,high,Acme,2020-03-01,retired,2024-11-30");
    assert_eq!(kinds(&events), ["deployment.stopped", "retirement.completed"]);
    assert_eq!(events[0]["occurred"], events[1]["occurred"]);
    assert_eq!(events[0]["data"]["version"]["name"], "one");
    assert!(plan.report().entries().is_empty());

    // Even where the condition of the start goes by its date and still holds.
    let by_date =
        LIVES.replace("when = { column = \"stage\", equals = \"live\" }", "when = { column = \"live\", dated = true }");
    let (_, events) = second(&mapping(&by_date), LIVE, "one,high,Acme,2020-03-01,retired,2024-11-30");
    assert_eq!(kinds(&events), ["deployment.stopped", "retirement.completed"]);

    // Without a day of its start, or before it, the day of the end would lie on its wrong side.
    for live in ["", "2025-01-01"] {
        let row = |stage: &str, retired: &str| format!("one,high,Acme,{live},{stage},{retired}");
        let (_, events) = second(&mapping(LIVES), &row("live", ""), &row("retired", "2024-11-30"));
        assert_eq!(kinds(&events), ["deployment.stopped", "retirement.completed"]);
        assert_eq!(events[0]["occurred"], Value::Null);
    }
}

#[test]
fn a_row_that_is_retired_in_its_first_edition_is_not_left_running() {
    let by_date = mapping(&LIVES.replace("when = { column = \"stage\", equals = \"live\" }", ""));
    let plan = edition(&by_date, "one,,,2020,retired,2023", "2024", &fresh(&by_date));
    assert_eq!(types(&plan), ["model.registered", "deployment.started", "deployment.stopped", "retirement.completed"]);
    let kept = mapping(
        &LIVES
            .replace("occurred = \"retired\"", "occurred = \"retired\"\nends = []")
            .replace("when = { column = \"stage\", equals = \"live\" }", ""),
    );
    let plan = edition(&kept, "one,,,2020,retired,2023", "2024", &fresh(&kept));
    assert_eq!(types(&plan), ["model.registered", "deployment.started", "retirement.completed"]);
}

#[test]
fn a_row_that_comes_back_runs_again() {
    let mapping = mapping(LIVES);
    let mut history = fresh(&mapping);
    let retired = "one,high,Acme,2020-03-01,retired,2024-11-30";
    record(&edition(&mapping, LIVE, "2023", &history), &mut history);
    for (row, label, expected) in [
        (retired, "2024", ["deployment.stopped", "retirement.completed"]),
        (LIVE, "2025", ["correction.recorded", "correction.recorded"]),
        (retired, "2026", ["deployment.stopped", "retirement.completed"]),
        (LIVE, "2027", ["correction.recorded", "correction.recorded"]),
    ] {
        let plan = edition(&mapping, row, label, &history);
        let found: Vec<_> = types(&plan).into_iter().filter(|event_type| *event_type != "model.amended").collect();
        assert_eq!(found, expected, "{label}");
        assert!(plan.events().all(|event| history_lacks(&history, event)), "{label}");
        record(&plan, &mut history);
        assert_eq!(edition(&mapping, row, label, &history).events().len(), 0, "{label}");
    }
}

/// Whether recording the event adds something: an id that is in the record would add nothing.
fn history_lacks(history: &History, event: &Event) -> bool {
    let mut more = history.clone();
    more.take_in(event);
    format!("{more:?}").len() != format!("{history:?}").len()
}

#[test]
fn a_run_that_was_cut_off_amid_changes_is_finished_by_the_next() {
    let mapping = mapping(LIVES);
    let mut before = fresh(&mapping);
    record(&edition(&mapping, LIVE, "2024", &before), &mut before);
    for row in ["one,low,Bolt,2021,live,", "one,,,2020-03-01,retired,2024-11-30"] {
        let whole = edition(&mapping, row, "2025", &before);
        for recorded in 0..whole.events().len() {
            let mut history = before.clone();
            whole.events().take(recorded).for_each(|event| history.take_in(event));
            let rest = edition(&mapping, row, "2025", &history);
            assert!(rest.events().eq(whole.events().skip(recorded)), "{row} after {recorded}");
        }
    }
}

#[test]
fn the_mapping_states_another_rule() {
    let ruled = |event: &str, rule: &str| {
        mapping(&LIVES.replace(&format!("type = \"{event}\""), &format!("type = \"{event}\"\n{rule}")))
    };
    let later = "one,low,Acme,2020-03-01,live,";
    let (_, events) = second(&ruled("model.classified", "changed = \"correct\""), LIVE, later);
    assert_eq!(kinds(&events), ["correction.recorded", "model.classified"]);
    let (plan, events) = second(&ruled("model.classified", "changed = \"keep\""), LIVE, later);
    assert_eq!(events, [] as [Value; 0]);
    let reason = "model.classified: the file says otherwise; what is recorded stays, by the rule for changed events";
    assert_eq!(named(&plan), [(Effect::EventKept, Some(2), None, reason.to_owned())]);
    let gone = "one,,Acme,2020-03-01,live,";
    let (plan, events) = second(&ruled("model.classified", "gone = \"keep\""), LIVE, gone);
    assert_eq!((events.len(), plan.report().count(Effect::EventKept)), (0, 1));
    let (_, events) = second(&ruled("dependency.declared", "gone = \"void\""), LIVE, "one,high,,2020-03-01,live,");
    assert_eq!(kinds(&events), ["correction.recorded"]);
    for (event, rule, says) in [
        ("model.classified", "gone = \"end\"", "event[1].gone: the vocabulary has no end of model.classified"),
        ("model.classified", "changed = \"end\"", "event[1].changed: the vocabulary has no end of model.classified"),
        ("model.registered", "changed = \"keep\"", "event[0]: a registration is amended"),
        ("retirement.completed", "ends = [\"deployment.start\"]", "did you mean \"deployment.started\"?"),
    ] {
        let text = LIVES.replace(&format!("type = \"{event}\""), &format!("type = \"{event}\"\n{rule}"));
        let error = Mapping::parse(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn what_others_may_have_answered_is_not_made_void() {
    let finding = "data = { title = { column = \"vendor\" }, severity = \"high\", source = \"audit\" }";
    let declared = LIVES.lines().find(|line| line.contains("direction")).unwrap().trim();
    let mapping = mapping(&LIVES.replace(declared, finding).replace("dependency.declared", "finding.raised"));
    let (plan, events) = second(&mapping, LIVE, "one,high,Bolt,2020-03-01,live,");
    assert_eq!(events, [] as [Value; 0]);
    assert_eq!(plan.report().count(Effect::EventKept), 1);
}

#[test]
fn a_correction_is_about_the_subject_of_what_it_corrects() {
    let mapping = mapping(LIVES);
    let mut history = fresh(&mapping);
    let first = edition(&mapping, LIVE, "2024", &history);
    record(&first, &mut history);
    let plan = edition(&mapping, "one,high,Acme,2021,live,", "2025", &history);
    let correction = plan.events().find(|event| matches!(event.data, Data::Correction(CorrectionEvent::Recorded(_))));
    let started = first.events().find(|event| event.event_type() == "deployment.started").unwrap();
    assert_eq!(correction.map(|event| (event.regarding, &event.subject)), Some((Some(started.id), &started.subject)));
}
