//! What isn't an event is refused, and the refusal helps to mend it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use probity_schemas::{Event, EventError, EventId, EventSeed, SubjectKind, Timestamp, Title, find};
use serde::de::DeserializeSeed;
use serde_json::{Value, json};

fn sample(event_type: &str) -> Value {
    serde_json::to_value(find(event_type, 1).unwrap().sample().unwrap()).unwrap()
}

/// Why `event` is refused on the exact way in, having made sure that the fast one refuses it too.
fn refusal(event: &Value) -> EventError {
    let text = event.to_string();
    let known = (event["type"].as_str().unwrap(), event["v"].as_u64().unwrap().try_into().unwrap());
    if let Ok(seed) = EventSeed::new(known.0, known.1) {
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        seed.deserialize(&mut deserializer).expect_err("must be refused on the fast way");
    }
    Event::from_json(&text).expect_err("must be refused")
}

/// Puts `value` at `pointer`, whose last part is a field of an object.
fn with(mut event: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[field] = value;
    event
}

#[test]
fn an_unknown_type_gets_the_nearest_name() {
    let error = refusal(&with(sample("model.registered"), "/type", json!("model.registred")));
    assert!(
        matches!(&error, EventError::UnknownType { found, nearest: Some("model.registered") }
            if found == "model.registred"),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "unknown type \"model.registred\"; did you mean \"model.registered\"?");
}

#[test]
fn a_type_like_no_other_gets_no_name() {
    let error = refusal(&with(sample("model.registered"), "/type", json!("xyzzy")));
    assert!(matches!(error, EventError::UnknownType { nearest: None, .. }), "{error:?}");
}

#[test]
fn an_unknown_version_names_the_known_ones() {
    let error = refusal(&with(sample("model.registered"), "/v", json!(7)));
    assert!(
        matches!(&error, EventError::UnsupportedVersion { event_type: "model.registered", found: 7, known }
            if known == &[1]),
        "{error:?}"
    );
}

#[test]
fn an_unknown_field_gets_its_path_and_the_nearest_name() {
    let event = with(sample("training.completed"), "/data/cost/curency", json!("EUR"));
    let error = refusal(&event);
    assert!(
        matches!(&error, EventError::UnknownField { path, field, nearest: Some("currency") }
            if path == "data.cost" && field == "curency"),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "unknown field data.cost.curency; did you mean \"currency\"?");
}

#[test]
fn an_unknown_field_of_the_envelope_is_named_too() {
    let error = refusal(&with(sample("model.registered"), "/ocurred", json!(1)));
    assert!(
        matches!(&error, EventError::UnknownField { path, nearest: Some("occurred"), .. } if path.is_empty()),
        "{error:?}"
    );
}

#[test]
fn attributes_take_any_field() {
    let event = with(sample("model.registered"), "/attributes", json!({ "anything": [1, { "goes": null }] }));
    Event::from_json(&event.to_string()).unwrap();
}

#[test]
fn a_missing_field_is_named_with_its_path() {
    let mut event = sample("model.version_registered");
    event["data"]["artifacts"][0].as_object_mut().unwrap().remove("digest");
    let error = refusal(&event);
    assert!(
        matches!(&error, EventError::MissingField { path, field: "digest" } if path == "data.artifacts[0]"),
        "{error:?}"
    );
}

#[test]
fn a_word_outside_its_set_gets_the_nearest_one() {
    let error = refusal(&with(sample("model.registered"), "/data/kind", json!("statistic")));
    assert!(
        matches!(&error, EventError::UnknownValue { path, nearest: Some("statistical"), .. }
            if path == "data.kind"),
        "{error:?}"
    );
}

#[test]
fn a_subject_of_the_wrong_kind_is_told_the_right_ones() {
    let error = refusal(&with(sample("model.registered"), "/subject/kind", json!("dataset")));
    assert!(
        matches!(
            error,
            EventError::SubjectKind {
                event_type: "model.registered",
                found: SubjectKind::Dataset,
                allowed: &[SubjectKind::Model],
            }
        ),
        "{error:?}"
    );
}

#[test]
fn null_does_not_stand_for_an_absent_field() {
    for pointer in ["/title", "/data/kind", "/subject/version", "/occurred", "/data/intended_uses"] {
        let error = refusal(&with(sample("model.registered"), pointer, Value::Null));
        assert!(
            matches!(&error, EventError::WrongShape { path, found, .. }
                if *path == pointer[1..].replace('/', ".") && found == "null"),
            "{pointer}: {error:?}"
        );
    }
}

#[test]
fn an_empty_list_does_not_stand_for_an_absent_one() {
    let error = refusal(&with(sample("model.registered"), "/about", json!([])));
    assert!(matches!(&error, EventError::Refused { path, .. } if path == "about"), "{error:?}");
}

#[test]
fn values_that_break_their_own_rule_are_refused_where_they_stand() {
    let long = "x".repeat(16 * 1024 + 1);
    let many = vec!["one"; 1025];
    for (event_type, pointer, value) in [
        ("model.registered", "/data/purpose", json!("  ")),
        ("model.registered", "/data/purpose", json!("\u{1b}[2J all is well")),
        ("model.registered", "/data/purpose", json!(long)),
        ("model.registered", "/data/intended_uses", json!(many)),
        ("model.registered", "/subject/name", json!("Upper")),
        ("model.registered", "/id", json!("0193fa1e-4f00-4000-8000-000000000000")),
        ("model.registered", "/occurred", json!([5, 5])),
        ("model.registered", "/occurred", json!([6, 5])),
        ("model.registered", "/occurred", json!([5])),
        ("model.registered", "/occurred", json!([5, 6, 7])),
        ("model.registered", "/occurred", json!(-1)),
        ("model.registered", "/occurred", json!(253_402_300_800_000_u64)),
        ("approval.granted", "/data/scope/max_traffic_percent", json!(100.5)),
        ("attestation.given", "/data/subjects", json!([])),
        ("training.completed", "/data/duration_s", json!(u64::MAX)),
        ("training.completed", "/data/parameters_digest", json!("sha256:00")),
    ] {
        let error = refusal(&with(sample(event_type), pointer, value));
        let place = match &error {
            EventError::Refused { path, .. } | EventError::WrongShape { path, .. } => path,
            other => panic!("{pointer}: {other:?}"),
        };
        assert_eq!(place.split('[').next().unwrap(), pointer[1..].replace('/', "."), "{error:?}");
    }
}

#[test]
fn an_act_without_an_exact_time_is_refused() {
    let mut event = with(sample("approval.granted"), "/occurred", json!([1, 2]));
    assert!(matches!(refusal(&event), EventError::ActWithoutTime { event_type: "approval.granted" }));
    event.as_object_mut().unwrap().remove("occurred");
    assert!(matches!(refusal(&event), EventError::ActWithoutTime { event_type: "approval.granted" }));
}

#[test]
fn a_fact_without_a_time_is_taken() {
    let mut event = sample("model.registered");
    event.as_object_mut().unwrap().remove("occurred");
    assert_eq!(Event::from_json(&event.to_string()).unwrap().occurred, None);
}

#[test]
fn a_key_given_twice_is_refused() {
    let text = sample("model.registered").to_string().replacen('{', r#"{"title":"a","#, 1);
    assert!(matches!(Event::from_json(&text), Err(EventError::Json(_))));
}

#[test]
fn an_event_that_calls_itself_something_else_than_announced_is_refused() {
    // Both types have the same fields, so only the name tells them apart.
    let text = sample("deployment.upgraded").to_string();
    let seed = EventSeed::new("deployment.downgraded", 1).unwrap();
    let error = seed.deserialize(&mut serde_json::Deserializer::from_str(&text)).unwrap_err();
    assert!(error.to_string().contains("deployment.upgraded"), "{error}");
    let open = || serde_json::from_str::<Value>(&text).unwrap();
    let error = Event::decode("deployment.downgraded", 1, open).unwrap_err();
    assert!(matches!(error, EventError::Unreadable { .. }), "{error:?}");
}

#[test]
fn the_fast_way_in_explains_failures_like_the_exact_one() {
    let event = with(sample("model.registered"), "/data/porpose", json!("x"));
    let error = Event::decode("model.registered", 1, || &event).unwrap_err();
    assert_eq!(error.to_string(), refusal(&event).to_string());
}

#[test]
fn nesting_without_end_is_refused() {
    let mut deep = json!(1);
    for _ in 0..11 {
        deep = json!({ "deeper": deep });
    }
    let error = refusal(&with(sample("model.registered"), "/attributes", deep.clone()));
    assert!(matches!(&error, EventError::Refused { path, .. } if path.starts_with("attributes.deeper")), "{error:?}");
    let bottomless = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(Event::from_json(&bottomless), Err(EventError::Json(_))));
}

#[test]
fn what_the_types_refuse_their_schema_refuses_too() {
    for (event_type, pointer, value) in [
        ("model.registered", "/data/porpose", json!("x")),
        ("model.registered", "/data/kind", Value::Null),
        ("model.registered", "/data/kind", json!("magic")),
        ("model.registered", "/subject/kind", json!("dataset")),
        ("model.registered", "/subject/name", json!("Upper")),
        ("model.registered", "/data/purpose", json!(" ")),
        ("model.registered", "/data/purpose", json!("bell \u{7}")),
        ("model.registered", "/about", json!([])),
        ("model.registered", "/ocurred", json!(1)),
        ("approval.granted", "/occurred", json!([1, 2])),
        ("attestation.given", "/data/subjects", json!([])),
        ("approval.granted", "/data/scope/max_traffic_percent", json!(100.5)),
        ("policy.published", "/data/kind", json!("magic")),
    ] {
        let schema = find(event_type, 1).unwrap().json_schema().to_value();
        let event = with(sample(event_type), pointer, value);
        assert!(!jsonschema::is_valid(&schema, &event), "{event_type} {pointer}");
        refusal(&event);
    }
}

#[test]
fn near_misses_of_the_vocabulary_get_the_name_that_was_meant() {
    for (found, meant) in [
        ("plan.aproved", "plan.approved"),
        ("finding.rased", "finding.raised"),
        ("exception.grant", "exception.granted"),
        ("vendor.change_anounced", "vendor.change_announced"),
        ("monitors.reported", "monitor.reported"),
        ("issue.root_cause", "issue.root_cause_recorded"),
        ("experiment.conclude", "experiment.concluded"),
        ("hold.lift", "hold.lifted"),
        ("oversight.notice", "oversight.notice_sent"),
        ("subscription.configure", "subscription.configured"),
    ] {
        let error = refusal(&with(sample("model.registered"), "/type", json!(found)));
        assert!(
            matches!(&error, EventError::UnknownType { nearest: Some(nearest), .. } if *nearest == meant),
            "{error:?}"
        );
    }
}

#[test]
fn near_misses_of_fields_get_their_path_and_the_field_that_was_meant() {
    for (event_type, pointer, path, meant) in [
        ("plan.proposed", "/data/pipeline_digst", "data.pipeline_digst", "pipeline_digest"),
        ("plan.proposed", "/data/bounds/0/maxdrift", "data.bounds[0].maxdrift", "max_drift"),
        ("attestation.given", "/data/subjects/2/revison", "data.subjects[2].revison", "revision"),
        ("exception.granted", "/data/compensating_control", "data.compensating_control", "compensating_controls"),
        ("vendor.assessed", "/data/contract_end", "data.contract_end", "contract_ends_at"),
        ("experiment.opened", "/data/arms/1/per_cent", "data.arms[1].per_cent", "percent"),
        ("monitor.configured", "/data/threshhold", "data.threshhold", "threshold"),
        ("issue.routed", "/data/ticket/sytem", "data.ticket.sytem", "system"),
        ("value.cost_reported", "/data/cost/curency", "data.cost.curency", "currency"),
        ("export.produced", "/data/selection/subject", "data.selection.subject", "subjects"),
        ("policy.published", "/data/content/reader", "data.content.reader", "readers"),
    ] {
        let error = refusal(&with(sample(event_type), pointer, json!(1)));
        assert_eq!(error.to_string(), format!("unknown field {path}; did you mean {meant:?}?"));
    }
}

#[test]
fn near_misses_of_words_get_their_path_the_words_and_the_one_that_was_meant() {
    for (event_type, pointer, path, found, meant) in [
        ("plan.proposed", "/data/permitted_changes/0", "data.permitted_changes[0]", "dat", "data"),
        ("finding.raised", "/data/source", "data.source", "auditor", "audit"),
        ("finding.raised", "/data/severity", "data.severity", "hihg", "high"),
        ("payload.erased", "/data/kind", "data.kind", "sealing_key", "sealing-key"),
        ("correction.recorded", "/data/kind", "data.kind", "void", "voids"),
        ("gate.decided", "/data/decision", "data.decision", "allowed", "allow"),
        ("experiment.concluded", "/data/decision", "data.decision", "grew", "grow"),
        ("monitor.configured", "/data/family", "data.family", "etical", "ethical"),
        ("issue.routed", "/data/team", "data.team", "dev-ops", "devops"),
        ("value.reviewed", "/data/verdict", "data.verdict", "efective", "effective"),
        ("oversight.notice_sent", "/data/to", "data.to", "affected-person", "affected-persons"),
        ("conformity.registration_filed", "/data/status", "data.status", "registred", "registered"),
        ("dependency.declared", "/data/direction", "data.direction", "up-stream", "upstream"),
    ] {
        let mut event = sample(event_type);
        *event.pointer_mut(pointer).unwrap() = json!(found);
        let error = refusal(&event);
        assert!(
            matches!(&error, EventError::UnknownValue { path: at, nearest: Some(nearest), expected, .. }
                if at == path && *nearest == meant && expected.contains(&meant)),
            "{error:?}"
        );
    }
}

#[test]
fn a_policy_that_decides_admission_is_read_strictly() {
    let gate = |content: Value| {
        let event = with(sample("policy.published"), "/data", json!({ "kind": "gate", "content": content }));
        Event::from_json(&event.to_string()).map(drop).map_err(|error| error.to_string())
    };
    let signatures =
        |persons: Value| json!({ "namespaces": ["*"], "signatures": [{ "role": "approver", "persons": persons }] });
    assert_eq!(gate(signatures(json!(1))), Ok(()));
    assert_eq!(gate(signatures(json!(16))), Ok(()));
    for persons in [json!(0), json!(17), json!(-1), json!("two")] {
        let error = gate(signatures(persons)).unwrap_err();
        assert!(error.starts_with("data.content.signatures[0].persons: "), "{error}");
    }
    assert_eq!(gate(json!({ "namespaces": ["*"] })), Err("missing field data.content.signatures".to_owned()));
    let nobody = gate(json!({ "namespaces": ["*"], "signatures": [] })).unwrap_err();
    assert!(nobody.starts_with("data.content.signatures: "), "{nobody}");
    let lifecycle =
        json!({ "kind": "lifecycle", "content": { "namespaces": ["*"], "owner_accepted": true, "classified": true } });
    let error = refusal(&with(sample("policy.published"), "/data", lifecycle));
    assert_eq!(error.to_string(), "missing field data.content.use_case_accepted");
}

#[test]
fn the_gate_a_ledger_begins_with_is_one() {
    let gate: probity_schemas::GatePolicy = serde_json::from_str(probity_schemas::DEFAULT_GATE).unwrap();
    assert_eq!(gate.environments, [probity_schemas::shared::Environment::Production]);
    assert_eq!(
        gate.signatures.iter().map(|place| (place.role.as_str(), place.persons)).collect::<Vec<_>>(),
        [("approver", 1)]
    );
}

#[test]
fn a_title_or_name_that_reads_as_something_else_is_refused_with_its_place() {
    for (event_type, pointer, text, said) in [
        ("model.registered", "/title", "Kredit\u{202e}gnirocs", "title: title or name contains U+202E at position 7"),
        ("model.registered", "/title", "two\rlines", "title: title or name contains U+000D at position 4"),
        ("finding.raised", "/data/title", "cre\u{ad}dit", "data.title: title or name contains U+00AD at position 4"),
        ("model.classified", "/data/class", "high\u{200b}", "data.class: title or name contains U+200B at position 5"),
        (
            "evidence.attached",
            "/data/document_kind",
            "model\ncard",
            "data.document_kind: title or name contains U+000A",
        ),
    ] {
        let error = refusal(&with(sample(event_type), pointer, json!(text))).to_string();
        assert!(error.starts_with(said), "{error}");
    }
    // Texts that people write say what they say, and are written out where they are shown.
    let event = with(sample("finding.raised"), "/data/reference", json!("a\tb\u{202e}c"));
    assert!(Event::from_json(&event.to_string()).is_ok());
}

#[test]
fn the_schema_of_a_title_refuses_the_same_characters() {
    let schema = serde_json::to_value(find("model.registered", 1).unwrap().json_schema()).unwrap();
    let title = jsonschema::validator_for(&schema["$defs"]["Title"]).unwrap();
    for c in ('\0'..'\u{20000}').chain('\u{e0000}'..'\u{e0200}') {
        let (text, name) = (format!("a{c}b"), format!("U+{:04X}", u32::from(c)));
        assert_eq!(title.is_valid(&json!(text)), text.parse::<Title>().is_ok(), "{name}");
    }
}

#[test]
fn a_draft_may_be_written_in_short_and_an_event_may_not() {
    let draft = json!({
        "type": "deployment.started", "subject": "credit/scoring", "occurred": "2026-03-01",
        "data": { "version": "model:credit/pd@1", "log_sink": { "uri": "s3://log", "retention_days": 30 } },
    });
    let (id, now) = (EventId::from_time(1_772_000_000_000, [1; 10]), Timestamp::from_ms(1_772_000_000_000).unwrap());
    let event = Event::from_draft(draft.clone(), id, now).unwrap();
    assert_eq!(event.subject.to_string(), "endpoint:credit/scoring");
    let day = event.occurred.unwrap();
    assert_eq!(
        (day.earliest().as_ms(), day.latest().as_ms()),
        (1_772_323_200_000, 1_772_409_599_999),
        "a day is not its midnight"
    );
    assert!(Event::from_value(&with(with(draft.clone(), "/id", json!(id)), "/v", json!(1))).is_err());
    let ago = Event::from_draft(with(draft.clone(), "/occurred", json!("-2h")), id, now).unwrap();
    assert_eq!(ago.occurred.unwrap().latest().as_ms(), now.as_ms() - 7_200_000);
    let unclear =
        Event::from_draft(with(draft, "/data/version", json!("credit/pd@1")), id, now).unwrap_err().to_string();
    assert!(
        unclear.starts_with("data.version: ") && unclear.contains("write one in front, as in model:credit/pd@1"),
        "{unclear}"
    );
}
