//! What a mapping can say of rows, columns and values beyond the plain case.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use probity_importer::{Effect, Mapping, Plan, digest};
use probity_schemas::{Data, Event, import::ImportEvent};
use serde_json::{Value, json};
use support::*;

/// [`MAPPING`] with one text for another.
fn varied(from: &str, to: &str) -> Mapping {
    assert!(MAPPING.contains(from), "{from}");
    mapping(&MAPPING.replacen(from, to, 1))
}

fn json_of(event: &Event) -> Value {
    serde_json::to_value(event).unwrap()
}

fn first(plan: &Plan) -> Value {
    json_of(plan.events().next().unwrap())
}

#[test]
fn rows_that_the_mapping_skips_are_counted_and_named() {
    let mapping = varied("[row]", "[row]\nwhen = { not = { column = \"state\", equals = \"withdrawn\" } }");
    let mut history = fresh(&mapping);
    let both = format!("{HEADER}a,one,p,withdrawn,2020\na,two,p,live,\n");
    let plan = support::plan(&mapping, &both, &history);
    assert_eq!(subjects(&plan, "model.registered"), ["model:a/two"]);
    assert_eq!(named(&plan), [(Effect::RowSkipped, Some(2), None, "skipped by the mapping".to_owned())]);
    let summary = plan.summary();
    assert_eq!((summary.rows, summary.recorded, summary.skipped, summary.refused), (2, 1, 1, 0));
    let completed = plan.completed(digest(b"report")).unwrap().unwrap();
    let Data::Import(ImportEvent::Completed(completed)) = completed.data else { panic!("no import.completed") };
    assert_eq!((completed.rows.skipped, completed.rows.repeated), (Some(1), None));

    // A row that an earlier edition recorded is still in the file: it has not vanished.
    record(&plan, &mut history);
    let plan = support::plan(&mapping, format!("{HEADER}a,two,p,withdrawn,\n"), &history);
    let reason = "skipped by the mapping; recorded by an earlier import as model:a/two".to_owned();
    assert_eq!(named(&plan), [(Effect::RowSkipped, Some(2), None, reason)]);
    assert_eq!((plan.events().len(), plan.summary().vanished), (0, 0));
}

#[test]
fn identical_rows_are_one_where_the_mapping_says_so() {
    let rows = "a,one,p,live,2020\na,one,p,live,2020\na,one,p,ended,2020\n";
    let same = |line| (Effect::RowRefused, Some(line), None, "same as line 2".to_owned());
    assert_eq!(named(&plan_of(rows)), [same(3), same(4)]);

    let mapping = varied("[row]", "[row]\nidentical = \"one\"");
    let plan = plan(&mapping, format!("{HEADER}{rows}"), &fresh(&mapping));
    let reason = "the same as line 2 in every cell, and taken for one row with it".to_owned();
    // The fourth line differs in a cell, so it is a row of its own that nothing tells apart.
    assert_eq!(named(&plan), [(Effect::RowRepeated, Some(3), None, reason), same(4)]);
    let summary = plan.summary();
    assert_eq!((summary.rows, summary.recorded, summary.repeated, summary.refused), (3, 1, 1, 1));
}

#[test]
fn a_cell_gives_a_subject_its_name_and_a_blank_one_gives_none() {
    let supplier = r#"{ subject = "supplier", namespace = ["suppliers"], name = { column = "state" } }"#;
    let text = format!(
        "{}\n[[event]]\ntype = \"vendor.assessed\"\nsubject = {supplier}\nabout = [\"model\", {supplier}]\n\
         data.outcome = \"passed\"\n",
        MAPPING.replacen("data.purpose", &format!("about = [{supplier}]\ndata.purpose"), 1)
    );
    let mapping = mapping(&text);
    let plan = plan(&mapping, format!("{HEADER}a,one,p,Acme Corp.,\na,two,p,,\na,three,p,N/A,\n"), &fresh(&mapping));
    assert_eq!(subjects(&plan, "model.registered"), ["model:a/one", "model:a/two", "model:a/three"]);
    let about: Vec<Value> = plan
        .events()
        .filter(|event| event.event_type() == "model.registered")
        .map(|event| json_of(event)["about"].clone())
        .collect();
    let acme = json!({ "kind": "supplier", "namespace": "suppliers", "name": "acme-corp" });
    assert_eq!(about, [json!([acme]), Value::Null, Value::Null]);
    assert_eq!(subjects(&plan, "vendor.assessed"), ["supplier:suppliers/acme-corp"]);
    assert!(plan.report().entries().is_empty(), "{:?}", named(&plan));
}

#[test]
fn a_subject_can_be_the_value_of_a_field() {
    let field = "data.supplier = { subject = \"supplier\", name = { column = \"state\" } }\ndata.purpose";
    let mapping = varied("data.purpose", field);
    let plan = plan(&mapping, format!("{HEADER}a,one,p,Acme Corp.,\na,two,p,,\n"), &fresh(&mapping));
    let suppliers: Vec<Value> = plan.events().map(|event| json_of(event)["data"]["supplier"].clone()).collect();
    assert_eq!(suppliers, [json!({ "kind": "supplier", "namespace": "a", "name": "acme-corp" }), Value::Null]);
    assert!(plan.report().entries().is_empty(), "{:?}", named(&plan));
}

#[test]
fn a_list_in_a_cell_is_taken_apart() {
    let mapping = varied("data.purpose", "data.intended_uses = { column = \"state\", list = true }\ndata.purpose");
    for (cell, uses) in [
        ("['a', 'b']", json!(["a", "b"])),
        (r#"[""a"", ""b, c""]"#, json!(["a", "b, c"])),
        (r#"['it\'s', ""say 'b'"", bare]"#, json!(["it's", "say 'b'", "bare"])),
        ("[ 'a' ,, ]", json!(["a"])),
        ("[]", Value::Null),
    ] {
        let plan = plan(&mapping, format!("{HEADER}x,y,p,\"{cell}\",\n"), &fresh(&mapping));
        assert_eq!(first(&plan)["data"]["intended_uses"], uses, "{cell}");
        assert!(plan.report().entries().is_empty(), "{cell}: {:?}", named(&plan));
    }
    for cell in ["a, b", "['a' 'b']", "['a", "'a', 'b'"] {
        let plan = plan(&mapping, format!("{HEADER}x,y,p,\"{cell}\",\n"), &fresh(&mapping));
        let reason = "not a list in square brackets".to_owned();
        assert_eq!(named(&plan), [(Effect::CellNotRead, Some(2), Some("State"), reason)], "{cell}");
    }
}

#[test]
fn a_column_has_texts_of_its_own_that_mean_nothing() {
    let text = MAPPING.replacen("data.purpose", "data.intended_uses = [{ column = \"state\" }]\ndata.purpose", 1);
    for (column, file, uses) in [
        (r#"{ header = "State", empty = ["tbd", "to be *"] }"#, "tbd", Value::Null),
        (r#"{ header = "State", empty = ["tbd", "to be *"] }"#, "to be decided", Value::Null),
        // Instead of the general ones: "None" says something here.
        (r#"{ position = 4, empty = ["tbd"] }"#, "None", json!(["None"])),
        (r#"{ position = 4, empty = [] }"#, "N/A", json!(["N/A"])),
        (r#"{ position = 4 }"#, "N/A", Value::Null),
    ] {
        let mapping = mapping(&text.replacen("state = \"State\"", &format!("state = {column}"), 1));
        let plan = plan(&mapping, format!("{HEADER}x,y,p,{file},\n"), &fresh(&mapping));
        assert_eq!(first(&plan)["data"]["intended_uses"], uses, "{column}");
    }
}

#[test]
fn a_column_with_personal_data_is_left_out() {
    let left_out = r#"state = { header = "State", personal = "leave-out" }"#;
    let conditions = "[[event]]\ntype = \"retirement.completed\"\nsubject = \"model\"\n\
                      when = { column = \"state\", present = true }\n";
    let text = format!("{}\n{conditions}", MAPPING.replacen("state = \"State\"", left_out, 1));
    let mapping = mapping(&text);
    // Recorded in clear by an edition that did not know better.
    let mut history = fresh(&mapping);
    let before = support::mapping(MAPPING);
    record(
        &support::plan(&before, format!("{HEADER}a,one,p,Jane Roe <jane.roe@example.org>,\n"), &history),
        &mut history,
    );
    let file = format!("{HEADER}a,one,p,John Doe <john.doe@example.org>,\na,two,p,Jane Roe,\n");
    let plan = support::plan(&mapping, &file, &history);
    let recorded: Vec<String> = plan.events().map(|event| json_of(event).to_string()).collect();
    assert!(recorded.iter().all(|event| !event.contains("Jane") && !event.contains("John")), "{recorded:?}");
    assert_eq!(types(&plan), ["retirement.completed", "model.registered", "retirement.completed"]);
    let reason = "left out as personal data".to_owned();
    assert_eq!(named(&plan), [(Effect::ColumnLeftOut, None, Some("State"), reason)]);
    assert!(plan.addresses().is_empty());

    let used = MAPPING.replacen("state = \"State\"", left_out, 1).replacen(
        "data.purpose",
        "data.origin_platform = { column = \"state\" }\ndata.purpose",
        1,
    );
    let error = Mapping::parse(&used).unwrap_err().to_string();
    assert!(error.starts_with("event[0].data.origin_platform.column: \"state\" is left out"), "{error}");
}

#[test]
fn e_mail_addresses_that_would_be_recorded_in_clear_are_named_before() {
    let rows = "a,one,p,ask jane.roe@example.org,\na,two,p@x,me@home,\na,three,p,<j.d+x@mail.example.co.uk>;,\n";
    let plan = plan_of(rows);
    let reason = "holds an e-mail address, which the ledger keeps in clear for ever".to_owned();
    let noted = |line| (Effect::CellNoted, Some(line), Some("State"), reason.clone());
    assert_eq!(named(&plan), [noted(2), noted(4)]);
    assert_eq!(plan.addresses().into_iter().collect::<Vec<_>>(), [("State", 2)]);

    let kept = varied("state = \"State\"", r#"state = { header = "State", personal = "keep" }"#);
    let plan = support::plan(&kept, format!("{HEADER}{rows}"), &fresh(&kept));
    assert!(plan.addresses().is_empty() && plan.report().entries().is_empty());

    // What is recorded can't be kept out any more.
    let mapping = mapping(MAPPING);
    let mut history = fresh(&mapping);
    record(&plan_of(rows), &mut history);
    assert!(support::plan(&mapping, format!("{HEADER}{rows}"), &history).addresses().is_empty());
}
