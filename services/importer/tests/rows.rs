//! From a file to rows: encodings, lines, columns, identities, names, and every cell that is at fault.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use probity_importer::{Effect, Mapping, Plan, QuoteError, Sheet, SheetError, TextError};
use probity_schemas::{Data, Event, Text, model::ModelEvent};
use support::*;

fn purposes(plan: &Plan) -> Vec<String> {
    let purpose = |event: &Event| match &event.data {
        Data::Model(ModelEvent::Registered(registered)) => Some(registered.purpose.to_string()),
        _ => None,
    };
    plan.events().filter_map(purpose).collect()
}

#[test]
fn the_lines_in_the_report_are_those_of_the_file_whatever_stands_in_quotes() {
    for end in ["\n", "\r\n"] {
        let rows = [
            "a,one,\"first line",
            "second line, \"\"quoted\"\"\",,soon",
            "",
            "a,two,p,,soon",
            "a,three,\"",
            "",
            "p\",,\"soon",
            "\"",
            "a,four,p,,soon",
        ];
        let file = format!("{HEADER}{}", rows.join("\n")).replace('\n', end);
        let mapping = mapping(MAPPING);
        let plan = plan(&mapping, file, &fresh(&mapping));
        let lines: Vec<_> = plan.report().entries().iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [Some(2), Some(5), Some(6), Some(10)], "{end:?}");
        assert_eq!(plan.summary().recorded, 4);
    }
}

#[test]
fn windows_1252_is_read_where_the_mapping_says_so() {
    let mapping = mapping(&MAPPING.replace(r#"coverage = "full""#, r#"coverage = "full", encoding = "windows-1252""#));
    let plan = plan(&mapping, [HEADER.as_bytes(), b"a,b,\x93Z\xfcge\x94 \x96 \x80 5,,\n"].concat(), &fresh(&mapping));
    assert_eq!(purposes(&plan), ["“Züge” – € 5"]);
    // 0x81 has no meaning there.
    let file = [HEADER.as_bytes(), b"a,b,c,,\na,b,\x81,,\n"].concat();
    let error = Sheet::read(&file, &mapping).unwrap_err();
    assert_eq!(error.to_string(), "line 3: the bytes 81 are not Windows-1252");
}

#[test]
fn text_that_is_not_utf_8_is_refused_with_its_line() {
    let error = Sheet::read(b"Area,Name\na,Z\xfcge\n", &mapping(MAPPING)).unwrap_err();
    assert!(matches!(error, SheetError::Text(TextError::Undecodable { line: 2, .. })), "{error}");
    assert!(error.to_string().contains("windows-1252"), "{error}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_header() {
    let mapping = mapping(MAPPING);
    let plan = plan(&mapping, format!("\u{feff}{HEADER}a,b,c,,\n"), &fresh(&mapping));
    assert_eq!(plan.summary().recorded, 1);
}

#[test]
fn a_row_of_another_length_is_refused_and_the_others_are_recorded() {
    let plan = plan_of("a,b,c,,\na,short\na,d,e,,\na,f,g,,,\n");
    let reason = |found| format!("the row has {found} cells, the header 5");
    assert_eq!(
        named(&plan),
        [(Effect::RowRefused, Some(3), None, reason(2)), (Effect::RowRefused, Some(5), None, reason(6))]
    );
    assert_eq!((plan.summary().recorded, plan.summary().refused), (2, 2));
}

#[test]
fn a_quote_that_is_not_closed_is_refused_with_the_line_on_which_it_opens() {
    let mapping = mapping(
        r#"
        source = { system = "list", coverage = "full", delimiter = ";" }
        columns = { number = "No", name = "Name", note = "Note" }
        row = { identity = ["number"], namespace = ["a"], name = { column = "name" } }
        [[event]]
        type = "model.registered"
        subject = "model"
        data.purpose = { column = "note" }
        "#,
    );
    let read = |rows: &str| Sheet::read(format!("No;Name;Note\n{rows}").as_bytes(), &mapping);
    for (rows, opened, next) in [
        ("1;A;x\n2;B;\"open\n3;C;y\n4;D;\"z\"\n", 3, Some(5)),
        ("1;A;x\n2;B;\"open\n3;C;y\n", 3, None),
        ("1;A;\"two\nlines\"\n2;B;\"an \"inner\" quote\"\n", 4, Some(4)),
        ("1;A;\"x\"\n2;B;\"open \"\"doubled\"\"\n3;C;y\n", 3, None),
    ] {
        let Err(SheetError::Quotes(error)) = read(rows) else { panic!("{rows:?} is read") };
        let expected = match next {
            Some(next) => QuoteError::Stray { opened, next },
            None => QuoteError::NotClosed { opened },
        };
        assert_eq!(error, expected, "{rows:?}");
        assert!(error.to_string().starts_with(&format!("line {opened}: a quote is opened")), "{error}");
    }
    // Quotes inside a cell that has none around it, and blanks behind a closing one, hide nothing.
    let sheet = read("1;A;a 5\" disk\n2;B;\"b\" \n3;\"C\"\t;\"c;\"\"d\"\"\"\r\n").unwrap();
    let plan = Plan::new(&mapping, &sheet, &fresh(&mapping), &importer(), None);
    assert_eq!(purposes(&plan), ["a 5\" disk", "b", "c;\"d\""]);
    let header = Sheet::read(b"No;\"Name;Note\n1;A;x\n", &mapping).unwrap_err();
    assert!(matches!(header, SheetError::Quotes(QuoteError::NotClosed { opened: 1 })), "{header}");
}

#[test]
fn another_encoding_than_the_declared_one_is_named() {
    let utf_8 = mapping(MAPPING);
    let windows = mapping(&MAPPING.replace(r#"coverage = "full""#, r#"coverage = "full", encoding = "windows-1252""#));
    let text = format!("{HEADER}a,b,c,,\n");
    let bytes = |mark: &[u8], unit: fn(u16) -> [u8; 2]| {
        [mark.to_vec(), text.encode_utf16().flat_map(unit).collect::<Vec<u8>>()].concat()
    };
    for (file, mapping, found, declared) in [
        (bytes(&[0xff, 0xfe], u16::to_le_bytes), &utf_8, "UTF-16, little endian", "UTF-8"),
        (bytes(&[0xfe, 0xff], u16::to_be_bytes), &windows, "UTF-16, big endian", "Windows-1252"),
        (bytes(&[], u16::to_le_bytes), &utf_8, "UTF-16, little endian", "UTF-8"),
        (bytes(&[], u16::to_be_bytes), &windows, "UTF-16, big endian", "Windows-1252"),
        (format!("\u{feff}{text}").into_bytes(), &windows, "UTF-8", "Windows-1252"),
    ] {
        let error = Sheet::read(&file, mapping).unwrap_err();
        let SheetError::Text(error) = error else { panic!("{error}") };
        assert_eq!(error, TextError::OtherEncoding { found, declared });
        assert!(error.to_string().contains("encoding = \"utf-8\""), "{error}");
    }
}

#[test]
fn names_that_look_the_same_are_the_same() {
    // Composed and decomposed, with zero-width spaces, soft hyphens and other spaces at the end.
    let spellings =
        ["Café Über", "Cafe\u{301} U\u{308}ber", "Ca\u{200b}fé Über", "Café Ü\u{ad}ber \u{a0}", "\u{feff}Café Über"];
    let rows: String = spellings.iter().map(|name| format!("a,{name},p,,\n")).collect();
    let plan = plan_of(&rows);
    assert_eq!(subjects(&plan, "model.registered"), ["model:a/cafe-ueber"]);
    let same = |line| (Effect::RowRefused, Some(line), None, "same as line 2".to_owned());
    assert_eq!(named(&plan), [same(3), same(4), same(5), same(6)]);

    // Another spelling in a later edition is the same row, and nothing to amend.
    let mapping = mapping(MAPPING);
    let mut history = fresh(&mapping);
    let file = |name: &str| format!("{HEADER}a,{name},p,,\n");
    record(&support::plan(&mapping, file(spellings[0]), &history), &mut history);
    for name in spellings {
        let plan = support::plan(&mapping, file(name), &history);
        assert_eq!((plan.events().len(), plan.summary().already_recorded), (0, 1), "{name:?}");
    }
}

#[test]
fn headers_tables_and_markers_are_compared_as_they_look() {
    let text = MAPPING
        .replace("data.purpose", "data.kind = { column = \"state\", table = \"kinds\" }\ndata.purpose")
        .replace("\"State\"", "\"Zustand für\"")
        .replace("learnt = ", "\"gelernt, für\" = ");
    let mapping = mapping(&text);
    let file = "Area,Name,Purpose,Zustand fu\u{308}r,Started\na,b,c,\"gelernt,\u{200b} fu\u{308}r\",N/A\u{200b}\n";
    let plan = plan(&mapping, file, &fresh(&mapping));
    assert!(plan.report().entries().is_empty(), "{:?}", named(&plan));
    assert_eq!(serde_json::to_value(plan.events().next().unwrap()).unwrap()["data"]["kind"], "ml");
    assert_eq!(types(&plan), ["model.registered"]);
}

#[test]
fn one_of_nine_equal_headers_is_found_by_its_position() {
    let nine = ["\"If other, please explain.\""; 9].join(",");
    let text = MAPPING
        .replace(r#"state = "State""#, "state = 9")
        .replace(r#"{ column = "purpose" }"#, r#"{ column = "state" }"#);
    let file = format!("Area,Name,Purpose,Started,{nine}\na,b,c,,1,2,3,4,5,6,7,8,9\n");
    let by_position = mapping(&text);
    let found = plan(&by_position, &file, &fresh(&by_position));
    assert_eq!(purposes(&found), ["5"], "{:?}", named(&found));
    let by_header = mapping(&text.replace("state = 9", r#"state = "If other, please explain.""#));
    let error = Sheet::read(file.as_bytes(), &by_header).unwrap_err().to_string();
    assert!(error.contains("columns.state"), "{error}");
    assert!(error.contains("at positions 5, 6, 7, 8, 9, 10, 11, 12, 13"), "{error}");
    let beyond = mapping(&text.replace("state = 9", "state = 14"));
    let error = Sheet::read(file.as_bytes(), &beyond).unwrap_err().to_string();
    assert!(error.contains("columns.state: the file has 13 columns"), "{error}");
}

#[test]
fn columns_that_the_mapping_does_not_name_are_named_in_the_report() {
    let mapping = mapping(MAPPING);
    let plan = plan(&mapping, "Area,Name,Purpose,State,Started,Cost\na,b,c,,,12\n", &fresh(&mapping));
    let reason = "not named under [columns] of the mapping".to_owned();
    assert_eq!(named(&plan), [(Effect::ColumnNotMapped, None, Some("Cost"), reason)]);
}

#[test]
fn rows_of_one_name_are_told_apart_and_true_twins_are_refused() {
    let plan = plan_of("a,bot,one,,\na,bot,two,,\na,bot,one,,\na,other,one,,\n");
    assert_eq!(named(&plan), [(Effect::RowRefused, Some(4), None, "same as line 2".to_owned())]);
    let subjects = subjects(&plan, "model.registered");
    assert_eq!(subjects.len(), 3);
    assert!(subjects[..2].iter().all(|subject| subject.starts_with("model:a/bot-")), "{subjects:?}");
    assert_ne!(subjects[0], subjects[1]);
    assert_eq!(subjects[2], "model:a/other");
}

#[test]
fn different_names_that_look_alike_as_subjects_stay_apart() {
    let plan = plan_of("a,Chat Bot,one,,\na,chat-bot!,one,,\nb,chat bot,one,,\n");
    let subjects = subjects(&plan, "model.registered");
    assert_ne!(subjects[0], subjects[1]);
    assert_eq!(subjects[2], "model:b/chat-bot");
    assert!(plan.report().entries().is_empty());
}

#[test]
fn any_name_becomes_a_name_of_the_vocabulary() {
    let long = "word ".repeat(60);
    let plan = plan_of(&format!("Ämter & Co.,Größe’s «Straße»,p,,\na,{long},p,,\na,{long}!,p,,\na,模型,p,,\n"));
    let subjects = subjects(&plan, "model.registered");
    assert_eq!(subjects[0], "model:aemter-co/groesses-strasse");
    assert!(subjects[1].len() < 100 && subjects[1] != subjects[2], "{subjects:?}");
    assert!(subjects[3].starts_with("model:a/unnamed-"));
}

#[test]
fn a_row_without_identity_or_without_what_its_event_needs_is_refused_by_name() {
    let plan = plan_of(",,c,,\na,b,,,2024\na,d,N/A,,\n");
    let missing = "model.registered: missing field data.purpose".to_owned();
    assert_eq!(
        named(&plan),
        [
            (Effect::RowRefused, Some(2), None, "all cells that identify the row are empty".to_owned()),
            (Effect::RowRefused, Some(3), Some("Purpose"), missing.clone()),
            (Effect::RowRefused, Some(4), Some("Purpose"), missing),
        ]
    );
    assert_eq!(plan.events().len(), 0);
}

#[test]
fn a_cell_that_no_text_may_be_is_left_out_and_named() {
    let long = "x".repeat(Text::MAX + 1);
    let plan = plan_of(&format!("a,b,c,bad\u{7},\na,d,e,{long},\n"));
    let found: Vec<_> = named(&plan).into_iter().map(|(effect, line, column, _)| (effect, line, column)).collect();
    let left_out = |line| (Effect::CellLeftOut, Some(line), Some("State"));
    assert_eq!(found, [left_out(2), left_out(3)]);
    assert!(plan.events().all(|event| !event.attributes.contains_key("state")));
}

#[test]
fn a_row_too_large_for_a_statement_is_refused() {
    let part = "x".repeat(Text::MAX);
    let row = format!("a,b,{part},{part},{part}");
    let text = MAPPING
        .replace("[columns]", "[columns]\nmore = \"More\"\nthen = \"Then\"")
        .replace(r#"columns = ["started"]"#, "columns = []");
    let text = text.replace(r#"occurred = "started""#, "");
    let mapping = mapping(&text);
    let file = format!("{},More,Then\n{row},{part},x\n", HEADER.trim());
    let plan = plan(&mapping, file, &fresh(&mapping));
    let (effect, line, _, reason) = named(&plan).remove(0);
    assert_eq!((effect, line), (Effect::RowRefused, Some(2)));
    assert!(reason.contains("at most 65535"), "{reason}");
}

#[test]
fn every_cell_at_fault_is_named_with_line_column_and_text() {
    let text = format!(
        "{MAPPING}\n[[event]]\ntype = \"validation.completed\"\nsubject = \"model\"\n\
         data.latency_p50_ms = {{ number = \"state\" }}\n\
         [[expect]]\ncolumn = \"state\"\none_of = [\"5\"]\n"
    )
    .replace("data.purpose", "data.kind = { column = \"name\", table = \"kinds\" }\ndata.purpose");
    let mapping = mapping(&text);
    let plan = plan(&mapping, format!("{HEADER}a,learnt,c,5,1/1/2020\na,guess,d,fast,someday\n"), &fresh(&mapping));
    let all: Vec<_> = plan
        .report()
        .entries()
        .iter()
        .map(|entry| {
            let column = entry.column.as_ref().unwrap();
            (entry.line.unwrap(), column.position, column.header.as_str(), entry.value.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        all,
        [(3, 2, "Name", "guess"), (3, 4, "State", "fast"), (3, 4, "State", "fast"), (3, 5, "Started", "someday")]
    );
    assert_eq!(plan.summary().cells_reported, 4);
    assert_eq!(plan.summary().refused, 0);
}

#[test]
fn a_cell_that_several_fields_ask_for_is_named_once() {
    let kind = r#"{ column = "state", table = "kinds" }"#;
    let fields = format!("title = {kind}\ndata.kind = {kind}\ndata.purpose");
    let mapping = mapping(&MAPPING.replace("data.purpose", &fields));
    let plan = plan(&mapping, format!("{HEADER}a,b,c,guess,\n"), &fresh(&mapping));
    let reason = "not in the mapping's table kinds".to_owned();
    assert_eq!(named(&plan), [(Effect::CellNotRead, Some(2), Some("State"), reason)]);
}

#[test]
fn the_report_is_written_as_csv_and_as_json() {
    let plan = plan_of("a,\"b, \"\"c\"\"\",d,,soon\n");
    let csv = String::from_utf8(plan.report().to_csv().unwrap()).unwrap();
    assert_eq!(
        csv,
        "effect,line,position,column,row,value,reason\n\
         cell-not-read,2,5,Started,\"a | b, \"\"c\"\"\",soon,not a date in any of the mapping's forms\n"
    );
    let json: serde_json::Value = serde_json::from_slice(&plan.report().to_json().unwrap()).unwrap();
    assert_eq!(json[0]["line"], 2);
    assert_eq!(json[0]["column"], "Started");
    assert_eq!(plan_of("").report().to_csv().unwrap(), b"effect,line,position,column,row,value,reason\n");
}

#[test]
fn an_inventory_of_another_shape_and_language_needs_no_code() {
    let mapping = Mapping::parse(include_str!("data/werkzeuge.toml")).unwrap();
    let plan = plan(&mapping, include_bytes!("data/werkzeuge.csv"), &fresh(&mapping));
    assert_eq!(
        subjects(&plan, "model.registered"),
        [
            "model:abteilung-7/gelernt/pruefhelfer-groesse",
            "model:abteilung-7/regelwerk/ablage-waechter",
            "model:abteilung-7/eingekauft/uebersetzer",
            "model:abteilung-7/gemietet/stimme",
        ]
    );
    let event = |line: usize, event_type: &str| -> serde_json::Value {
        let number = (line - 1).to_string();
        let of_row = |event: &&Event| event.event_type() == event_type && event.external_ids[0].id.as_str() == number;
        plan.events().find(of_row).map(|event| serde_json::to_value(event).unwrap()).unwrap_or_default()
    };
    let first = event(2, "model.registered");
    assert_eq!(first["title"], "Prüfhelfer Größe – Nr. 1");
    assert_eq!(first["data"]["kind"], "ml");
    assert_eq!(first["data"]["excluded_uses"], serde_json::json!(["Personen", "Gesichter"]));
    assert_eq!(
        event(2, "validation.completed")["data"]["metrics"][0],
        serde_json::json!({ "name": "auc", "value": 0.91 })
    );
    // 1 to 31 March 2022, and the second quarter of 2023.
    assert_eq!(
        event(2, "validation.completed")["occurred"],
        serde_json::json!([1_646_092_800_000_u64, 1_648_771_199_999_u64])
    );
    assert_eq!(event(3, "retirement.completed")["data"]["last_served_at"], 1_688_169_599_999_u64);
    // The fiscal year 2022 from April 2022 to March 2023.
    assert_eq!(
        event(4, "deployment.started")["occurred"],
        serde_json::json!([1_648_771_200_000_u64, 1_680_307_199_999_u64])
    );
    assert!(event(5, "validation.completed").is_null() && event(5, "retirement.completed").is_null());
    let faults: Vec<_> = named(&plan).into_iter().map(|(_, line, column, _)| (line, column)).collect();
    let line = |line, column| (Some(line), Some(column));
    assert_eq!(faults, [line(6, "Art"), line(6, "Im Einsatz seit"), line(6, "Außer Betrieb")]);
}

#[test]
fn a_title_of_several_lines_is_one_and_one_that_hides_something_refuses_its_row() {
    let mapping =
        mapping(&MAPPING.replace("subject = \"model\"\n", "subject = \"model\"\n    title = { column = \"name\" }\n"));
    let file = format!("{HEADER}a,\"one \r\n\n(first)\",p,,\nb,\"pay\u{202e}lla\",p,,\nc,\"two\rlines\",p,,\n");
    let plan = plan(&mapping, file, &fresh(&mapping));
    let titles: Vec<String> = plan.events().filter_map(|event| event.title.as_ref().map(ToString::to_string)).collect();
    assert_eq!(titles, ["one (first)"]);
    let refused: Vec<_> = named(&plan).into_iter().filter(|(effect, ..)| *effect == Effect::RowRefused).collect();
    let said = |at: usize| (refused[at].1, refused[at].2, refused[at].3.as_str());
    assert!(
        matches!(said(0), (Some(5), Some("Name"), reason) if reason.contains("U+202E at position 4")),
        "{refused:?}"
    );
    assert!(
        matches!(said(1), (Some(_), Some("Name"), reason) if reason.contains("U+000D at position 4")),
        "{refused:?}"
    );
}
