//! What every type of event says in a line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;

use probity_audit::summary;
use probity_schemas::catalogue;

fn of_samples() -> BTreeMap<String, String> {
    let mut summaries = BTreeMap::new();
    for info in catalogue() {
        for (label, sample) in info.samples() {
            let label = label.map(|label| format!(" ({label})")).unwrap_or_default();
            summaries.insert(format!("{}{label}", info.event_type), summary(&sample.unwrap()));
        }
    }
    summaries
}

#[test]
fn every_type_says_something_in_one_line_without_holes() {
    for (event_type, summary) in of_samples() {
        assert!(!summary.is_empty(), "{event_type}");
        assert!(!summary.contains(['{', '}', '\n']), "{event_type}: {summary}");
        assert!(!summary.contains("  ") && !summary.ends_with([' ', ':', ',']), "{event_type}: {summary}");
    }
}

#[test]
fn times_are_told_as_dates_and_lists_in_words() {
    let summaries = of_samples();
    let granted = &summaries["approval.granted"];
    assert!(granted.starts_with("granted for gate ") && granted.contains(", until 20"), "{granted}");
    let traffic = &summaries["deployment.traffic_changed"];
    assert!(traffic.starts_with("traffic: model:") && traffic.contains('%'), "{traffic}");
}
