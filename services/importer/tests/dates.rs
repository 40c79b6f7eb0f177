//! How dates are read: exact moments, intervals, unknown times, and cells that are named instead.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use jiff::civil::Date;
use probity_importer::Effect;
use probity_schemas::{Event, Occurred, Timestamp};
use proptest::prelude::*;
use support::*;

/// The first millisecond of one day to the last of another.
fn days(first: &str, last: &str) -> Option<Occurred> {
    let ms = |day: &str| {
        let day: Date = day.parse().unwrap();
        let since = Date::constant(1970, 1, 1).until(day).unwrap().get_days();
        u64::try_from(since).unwrap() * 86_400_000
    };
    let moment = |ms| Timestamp::from_ms(ms).unwrap();
    Some(Occurred::between(moment(ms(first)), moment(ms(last) + 86_399_999)).unwrap())
}

/// What is known of the start of a deployment whose cell says `cell`, read by these forms.
fn read_by(forms: &str, cell: &str) -> Option<Occurred> {
    let text = MAPPING.replace(r#"forms = ["#, &format!("forms = [{forms}, "));
    let mapping = mapping(&text);
    let plan = plan(&mapping, format!("{HEADER}a,b,c,,\"{cell}\"\n"), &fresh(&mapping));
    let started: Vec<&Event> = plan.events().filter(|event| event.event_type() == "deployment.started").collect();
    let occurred = started.first().and_then(|event| event.occurred);
    let unread =
        named(&plan).iter().any(|(effect, _, column, _)| (*effect, *column) == (Effect::CellNotRead, Some("Started")));
    assert_eq!(unread, occurred.is_none(), "{cell:?} is either read or named");
    occurred
}

#[test]
fn a_date_becomes_the_interval_it_stands_for() {
    let forms = r#""{d}. {mon} {yyyy}", "{yyyy}{mm}{dd}", "Q{q}/{yyyy}", "FY{fyyyy}", "{first}-{last}", "{yy}-{mon}""#;
    for (cell, first, last) in [
        ("10/1/2023", "2023-10-01", "2023-10-01"),
        (" 2/29/2024 ", "2024-02-29", "2024-02-29"),
        ("Nov-23", "2023-11-01", "2023-11-30"),
        ("23-Nov", "2023-11-01", "2023-11-30"),
        ("feb-24", "2024-02-01", "2024-02-29"),
        ("Sept-24", "2024-09-01", "2024-09-30"),
        ("Q2FY24", "2024-01-01", "2024-03-31"),
        ("q1fy24", "2023-10-01", "2023-12-31"),
        ("Q4FY24", "2024-07-01", "2024-09-30"),
        ("FY2025", "2024-10-01", "2025-09-30"),
        ("Q4/2024", "2024-10-01", "2024-12-31"),
        ("Pre-2019", "1970-01-01", "2018-12-31"),
        ("2021", "2021-01-01", "2021-12-31"),
        ("2015-2022", "2015-01-01", "2022-12-31"),
        ("1. December 1999", "1999-12-01", "1999-12-01"),
        ("20240229", "2024-02-29", "2024-02-29"),
        ("2022-08 (estimated)", "2022-08-01", "2022-08-31"),
    ] {
        assert_eq!(read_by(forms, cell), days(first, last), "{cell}");
    }
}

#[test]
fn a_moment_with_its_zone_is_exact() {
    let exact = read_by(r#""{rfc3339}""#, "2024-02-29T12:00:00+02:00").unwrap();
    assert_eq!(exact.exact().map(Timestamp::as_ms), Some(1_709_200_800_000));
}

#[test]
fn what_is_no_date_is_named_and_its_time_stays_unknown() {
    for cell in ["2/30/2024", "13/1/2024", "10/12023", "Foo-23", "Q5FY24", "Pre-1970", "1/1/1969", "soon", "ju-24"] {
        assert_eq!(read_by(r#""{d}. {mon} {yyyy}""#, cell), None, "{cell}");
    }
}

#[test]
fn a_cell_that_two_forms_read_differently_is_not_read_at_all() {
    let forms = r#""{d}/{m}/{yyyy}""#;
    assert_eq!(read_by(forms, "3/4/2024"), None);
    assert_eq!(read_by(forms, "4/4/2024"), days("2024-04-04", "2024-04-04"));
    assert_eq!(read_by(forms, "3/14/2024"), days("2024-03-14", "2024-03-14"));
}

#[test]
fn a_missing_date_stays_unknown_without_a_word() {
    for cell in ["", "  ", "N/A", "None", "N/A - part of another one"] {
        let plan = plan_of(&format!("a,b,c,,{cell}\n"));
        assert_eq!(types(&plan), ["model.registered"], "{cell:?}");
        assert!(plan.report().entries().is_empty(), "{cell:?}");
    }
}

#[test]
fn a_remark_beside_a_date_is_named() {
    let plan = plan_of("a,b,c,,2022-08 (estimated)\n");
    let reason = "only the date was read, not the remark beside it".to_owned();
    assert_eq!(named(&plan), [(Effect::CellNoted, Some(2), Some("Started"), reason)]);
    // Two dates in one cell are no date with a remark.
    assert_eq!(read_by(r#""{yyyy}""#, "2022-08 (first); 2023-09 (second)"), None);
}

#[test]
fn a_year_that_a_spreadsheet_took_for_a_day_is_named_as_such() {
    let plan = plan_of("a,b,c,,7/16/1905\n");
    assert_eq!(types(&plan), ["model.registered", "deployment.started"]);
    assert_eq!(plan.events().last().unwrap().occurred, None);
    let (effect, line, column, reason) = named(&plan).remove(0);
    assert_eq!((effect, line, column), (Effect::CellNotRead, Some(2), Some("Started")));
    assert!(reason.contains("perhaps the year 2024"), "{reason}");
}

#[test]
fn a_date_after_the_state_of_the_file_is_recorded_and_named() {
    let text = MAPPING.replace(r#"coverage = "full""#, r#"coverage = "full", as_of = "2024-12-31""#);
    let mapping = mapping(&text);
    let plan = plan(&mapping, format!("{HEADER}a,b,c,,12/31/2024\na,d,e,,1/1/2025\n"), &fresh(&mapping));
    assert_eq!(plan.events().last().unwrap().occurred, days("2025-01-01", "2025-01-01"));
    let (effect, line, ..) = named(&plan).remove(0);
    assert_eq!((effect, line, plan.report().entries().len()), (Effect::CellNoted, Some(3), 1));
}

const FORMS: &str = r#""{yyyy}-{m}-{d}", "{d}.{m}.{yyyy}", "{yyyy}/{m}", "Q{q} {yyyy}", "FQ{fq} {fyyyy}""#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_interval_contains_the_day_it_was_written_for(number in 0..25_000_i64, fiscal in 1..=12_i8) {
        let day = Date::constant(1971, 1, 1).checked_add(jiff::Span::new().days(number)).unwrap();
        let (year, month) = (day.year(), day.month());
        // The fiscal year, by counting months from its start.
        let months = i32::from(year) * 12 + i32::from(month) - 1 - (i32::from(fiscal) - 1);
        let fiscal_year = months.div_euclid(12) + i32::from(fiscal > 1);
        let fiscal_quarter = months.rem_euclid(12) / 3 + 1;
        let text = MAPPING
            .replace("fiscal_year_starts = 10", &format!("fiscal_year_starts = {fiscal}"))
            .replace(r#"forms = ["#, &format!("forms = [{FORMS}, "));
        let mapping = mapping(&text);
        let cells = [
            format!("{year}-{month}-{}", day.day()),
            format!("{}.{month:02}.{year}", day.day()),
            format!("{month}/{}/{year}", day.day()),
            format!("{year}/{month}"),
            format!("{}-{:02}", day.strftime("%b"), year % 100),
            format!("Q{} {year}", (month - 1) / 3 + 1),
            format!("FQ{fiscal_quarter} {fiscal_year}"),
            format!("{year}"),
            format!("Pre-{}", year + 1),
        ];
        let rows: String = cells.iter().enumerate().map(|(n, cell)| format!("a,{n},c,,{cell}\n")).collect();
        let plan = plan(&mapping, format!("{HEADER}{rows}"), &fresh(&mapping));
        let wanted = days(&day.to_string(), &day.to_string()).unwrap();
        let started: Vec<_> = plan.events().filter(|event| event.event_type() == "deployment.started").collect();
        prop_assert_eq!(started.len(), cells.len());
        for (event, cell) in started.iter().zip(&cells) {
            let occurred = event.occurred.unwrap_or_else(|| panic!("{cell} is not read"));
            // Two digits stand for 1970 to 2069.
            prop_assert!(occurred.earliest() <= wanted.earliest() && wanted.latest() <= occurred.latest(), "{}", cell);
        }
    }

    #[test]
    fn no_cell_makes_it_panic(cell in "[ -!#-~äß\n]{0,24}") {
        let text = MAPPING.replace(r#"forms = ["#, &format!("forms = [\"{{d}}. {{mon}} {{yyyy}}{{*}}\", \"{{rfc3339}}\", {FORMS}, "));
        let mapping = mapping(&text);
        plan(&mapping, format!("{HEADER}a,b,c,,\"{cell}\"\n"), &fresh(&mapping));
    }
}
