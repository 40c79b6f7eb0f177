//! Mappings that can't be used: every error names its key and says what would do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use probity_importer::{Mapping, Sheet};
use support::*;

/// What is said of the mapping with `from` replaced by `to`.
fn error(from: &str, to: &str) -> String {
    assert!(MAPPING.contains(from), "{from}");
    Mapping::parse(&MAPPING.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn every_error_names_its_key() {
    for (from, to, key, says) in [
        ("[row]", "[row", "", "TOML"),
        ("coverage = \"full\"", "coverage = \"all\"", "source.coverage", "full"),
        ("coverage = \"full\"", "coverage = \"full\", encoding = \"latin\"", "source.encoding", "windows-1252"),
        ("coverage = \"full\"", "coverage = \"full\", delimiter = \"é\"", "source.delimiter", "ASCII"),
        ("coverage = \"full\"", "coverage = \"full\", as_of = \"12/31/24\"", "source.as_of", "2024-12-31"),
        ("system = \"list\"", "system = \" \"", "source.system", "empty"),
        ("\"N/A -*\"", "\"*\"", "text.empty", "blank"),
        ("area = \"Area\"", "Area = \"Area\"", "columns.\"Area\"", "lower-case"),
        ("area = \"Area\"", "area = [1]", "columns.area", "position"),
        ("columns = [\"started\"]", "columns = [\"stated\"]", "dates.columns[0]", "did you mean \"started\""),
        ("\"{yyyy}\"", "\"{year}\"", "dates.forms[4]", "{yyyy}"),
        ("\"{yyyy}\"", "\"{yyyy\"", "dates.forms[4]", "not closed"),
        ("\"{yyyy}\"", "\"{d} {yyyy}\"", "dates.forms[4]", "month"),
        ("fiscal_year_starts = 10", "fiscal_year_starts = 13", "dates.fiscal_year_starts", "1 to 12"),
        ("fiscal_year_starts = 10", "months = [\"May\"]", "dates.months", "twelve"),
        ("rules = \"rules\"", "rules = [\"rules\"]", "tables.kinds.\"rules\"", "texts"),
        ("rules = \"rules\"", "\"learnt \" = \"rules\"", "tables.kinds.\"learnt \"", "twice"),
        ("identity = [\"area\", \"name\"]", "identity = []", "row.identity", "empty"),
        ("identity = [\"area\", \"name\"]", "identity = [\"nam\"]", "row.identity[0]", "did you mean \"name\""),
        ("{ column = \"area\" }", "{ colum = \"area\" }", "row.namespace[0]", "colum"),
        ("{ column = \"area\" }", "{ number = \"area\", date = \"area\" }", "row.namespace[0]", "exactly one"),
        (
            "{ column = \"name\" }",
            "{ column = \"name\", table = \"kind\" }",
            "row.name.table",
            "did you mean \"kinds\"",
        ),
        ("{ column = \"name\" }", "{ number = \"name\", split = \",\" }", "row.name.split", "column"),
        ("{ column = \"name\" }", "{ date = \"name\", edge = \"latest\" }", "row.name.date", "dates.columns"),
        ("{ column = \"name\" }", "{ date = \"started\" }", "row.name.edge", "earliest"),
        ("{ column = \"name\" }", "{ first = [] }", "row.name.first", "empty"),
        ("{ column = \"name\" }", "{ subject = \"modell\" }", "row.name.subject", "did you mean \"model\""),
        ("model.registered", "model.registred", "event[0].type", "did you mean \"model.registered\""),
        ("model.registered", "usecase.accepted", "event[0].type", "an act"),
        ("subject = \"model\"", "subject = \"endpoint\"", "event[0].subject", "can't be about"),
        ("data.purpose", "data.porpose", "event[0].data.porpose", "did you mean \"purpose\""),
        (
            "data.purpose",
            "when = { column = \"state\", equals = \"x\" }\ndata.purpose",
            "event[0]",
            "without key and condition",
        ),
        ("occurred = \"started\"", "occurred = \"state\"", "event[1].occurred", "dates.columns"),
        ("occurred = \"started\"", "about = [\"modle\"]", "event[1].about[0]", "did you mean \"model\""),
        ("occurred = \"started\"", "colour = 1", "event[1].colour", "unknown field"),
        ("present = true", "", "event[1].when", "exactly one"),
        ("{ column = \"started\", present = true }", "{ any_of = [] }", "event[1].when.any_of", "empty"),
        (
            "{ column = \"started\", present = true }",
            "{ not = { column = \"x\", equals = \"y\" } }",
            "event[1].when.not.column",
            "columns",
        ),
        (
            "{ column = \"started\", present = true }",
            "{ column = \"state\", dated = true }",
            "event[1].when.column",
            "dates.columns",
        ),
        ("deployment.started\"\n", "model.registered\"\n", "event[1].subject", "can't be about"),
    ] {
        let said = error(from, to);
        assert!(said.starts_with(key) && said.contains(says), "{to}: {said}");
    }
}

#[test]
fn two_events_of_one_type_need_keys() {
    let event = "\n[[event]]\ntype = \"risk.assessed\"\nsubject = \"model\"\ndata.kind = \"impact\"\n";
    let said = Mapping::parse(&format!("{MAPPING}{event}{event}")).unwrap_err().to_string();
    assert!(said.starts_with("event[3].key"), "{said}");
    let keyed = event.replace("data.kind", "key = \"second\"\ndata.kind");
    let mapping = mapping(&format!("{MAPPING}{event}{keyed}"));
    let plan = plan(&mapping, format!("{HEADER}a,b,c,,\n"), &fresh(&mapping));
    let ids: Vec<_> = plan.events().map(|event| event.id).collect();
    assert_eq!(ids.len(), 3);
    assert_ne!(ids[1], ids[2]);
}

#[test]
fn a_mapping_that_does_not_fit_the_file_says_which_column_is_missing() {
    let error = Sheet::read(b"Area,Nmae,Purpose,State,Started\n", &mapping(MAPPING)).unwrap_err().to_string();
    assert!(error.contains("columns.name: the file has no column \"Name\"; did you mean \"Nmae\"?"), "{error}");
    let twice = mapping(&MAPPING.replace("state = \"State\"", "state = 2"));
    let error = Sheet::read(HEADER.as_bytes(), &twice).unwrap_err().to_string();
    assert!(error.contains("columns.state: is the same column as \"name\""), "{error}");
    assert!(Sheet::read(b"", &twice).is_err());
}

#[test]
fn a_mapping_registers_models() {
    let kind = "type = \"model.registered\"\n    subject = \"model\"\n    data.purpose = { column = \"purpose\" }";
    let said = error(kind, "type = \"risk.assessed\"\nsubject = \"model\"\ndata.kind = \"impact\"");
    assert_eq!(
        said,
        "event: takes exactly one model.registered, without key and condition: it is what later editions amend"
    );
}

#[test]
fn the_example_of_the_documentation_is_a_mapping() {
    let page = include_str!("../../../ops/import/README.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mapping = mapping(example);
    let file = "No.;Model;Kind;Live since;Vendor;;;;;;;Remark;Contact;Owner;Note\n\
                7;Scorecard;Bought;Mrz 2024;Acme Corp.;;;;;;;Estimates defaults;J. Roe;;\n";
    let plan = plan(&mapping, file, &fresh(&mapping));
    assert_eq!(types(&plan), ["model.registered", "deployment.started"]);
    assert_eq!(subjects(&plan, "model.registered"), ["model:credit/bought/scorecard"]);
    assert_eq!(plan.summary().refused, 0);
    let registered = serde_json::to_value(plan.events().next().unwrap()).unwrap();
    assert_eq!(registered["data"]["supplier"]["name"], "acme-corp");
    assert!(!registered.to_string().contains("Roe"));
}
