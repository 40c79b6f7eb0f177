//! What the tests of the importer share: a small mapping to vary, and ways to run a plan.

#![allow(dead_code, reason = "every test file uses a part of it")]

use probity_importer::{Effect, History, Mapping, Plan, Sheet, digest};
use probity_schemas::{Event, Identity};

/// Names, an area, a purpose, a state and a start; enough to go wrong in every way.
pub(crate) const MAPPING: &str = r#"
    source = { system = "list", coverage = "full" }
    text = { empty = ["N/A", "None", "N/A -*"] }

    [columns]
    area = "Area"
    name = "Name"
    purpose = "Purpose"
    state = "State"
    started = "Started"

    [dates]
    columns = ["started"]
    forms = ["{m}/{d}/{yyyy}", "{mon}-{yy}", "Q{fq}FY{fy}", "Pre-{before}", "{yyyy}", "{yyyy}-{mm} ({*})"]
    fiscal_year_starts = 10

    [tables.kinds]
    learnt = "ml"
    rules = "rules"

    [row]
    identity = ["area", "name"]
    disambiguate = ["purpose"]
    namespace = [{ column = "area" }]
    name = { column = "name" }

    [[event]]
    type = "model.registered"
    subject = "model"
    data.purpose = { column = "purpose" }

    [[event]]
    type = "deployment.started"
    subject = "endpoint"
    occurred = "started"
    when = { column = "started", present = true }
"#;

pub(crate) const HEADER: &str = "Area,Name,Purpose,State,Started\n";

pub(crate) fn importer() -> Identity {
    "service:importer".parse().unwrap()
}

pub(crate) fn mapping(text: &str) -> Mapping {
    Mapping::parse(text).unwrap()
}

/// A history of nothing.
pub(crate) fn fresh(mapping: &Mapping) -> History {
    History::new(mapping.system())
}

pub(crate) fn plan(mapping: &Mapping, file: impl AsRef<[u8]>, history: &History) -> Plan {
    let sheet = Sheet::read(file.as_ref(), mapping).unwrap();
    Plan::new(mapping, &sheet, history, &importer(), None)
}

/// The plan of a file with these rows by [`MAPPING`], into an empty ledger.
pub(crate) fn plan_of(rows: &str) -> Plan {
    let mapping = mapping(MAPPING);
    plan(&mapping, format!("{HEADER}{rows}"), &fresh(&mapping))
}

/// Records everything a plan holds, `import.completed` included.
pub(crate) fn record(plan: &Plan, history: &mut History) {
    plan.events().for_each(|event| history.take_in(event));
    if let Some(completed) = plan.completed(digest(b"report")).unwrap() {
        history.take_in(&completed);
    }
}

pub(crate) fn types(plan: &Plan) -> Vec<&'static str> {
    plan.events().map(Event::event_type).collect()
}

pub(crate) fn subjects(plan: &Plan, event_type: &str) -> Vec<String> {
    plan.events().filter(|event| event.event_type() == event_type).map(|event| event.subject.to_string()).collect()
}

/// What the report says, in short: effect, line, header, reason.
pub(crate) fn named(plan: &Plan) -> Vec<(Effect, Option<u64>, Option<&str>, String)> {
    let mut short = Vec::new();
    for entry in plan.report().entries() {
        let header = entry.column.as_ref().map(|column| column.header.as_str());
        short.push((entry.effect, entry.line, header, entry.reason.to_string()));
    }
    short
}
