//! Names have one spelling, as text and as fields.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use probity_schemas::{
    Digest, EventId, Identity, Name, Namespace, NamespacePattern, ParseError, Subject, SubjectKind, Version,
};
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = SubjectKind> {
    prop::sample::select(SubjectKind::ALL)
}

prop_compose! {
    fn subject()(
        kind in kind(),
        namespace in "[a-z0-9][a-z0-9_-]{0,20}(/[a-z0-9][a-z0-9_-]{0,20}){0,3}",
        name in "[a-z0-9][a-z0-9_-]{0,40}",
        version in prop::option::of("[a-z0-9][a-z0-9_.-]{0,20}"),
    ) -> Subject {
        Subject {
            kind,
            namespace: namespace.parse().unwrap(),
            name: name.parse().unwrap(),
            version: version.map(|version| version.parse().unwrap()),
        }
    }
}

proptest! {
    #[test]
    fn a_subject_is_read_back_from_its_text(subject in subject()) {
        prop_assert_eq!(subject.to_string().parse::<Subject>(), Ok(subject));
    }

    #[test]
    fn a_subject_is_read_back_from_its_fields(subject in subject()) {
        let tree = serde_json::to_value(&subject).unwrap();
        prop_assert_eq!(serde_json::from_value::<Subject>(tree).unwrap(), subject);
    }

    #[test]
    fn a_text_that_is_read_as_a_subject_is_its_only_spelling(text in "\\PC{0,60}") {
        if let Ok(subject) = text.parse::<Subject>() {
            prop_assert_eq!(subject.to_string(), text);
        }
    }

    #[test]
    fn a_text_close_to_a_subject_is_read_exactly_or_not_at_all(
        text in "(model|usecase|Model|identity)?:?[a-zA/@.:0_-]{0,24}"
    ) {
        if let Ok(subject) = text.parse::<Subject>() {
            prop_assert_eq!(subject.to_string(), text);
        }
    }

    #[test]
    fn an_identity_is_read_back_from_its_text_and_its_subject(id in any::<u128>(), name in "[a-z0-9][a-z0-9_-]{0,40}") {
        prop_assume!(id != 0);
        for identity in [Identity::Person(uuid::Uuid::from_u128(id)), Identity::Service(name.parse().unwrap())] {
            prop_assert_eq!(identity.to_string().parse::<Identity>(), Ok(identity.clone()));
            let subject = identity.subject();
            prop_assert_eq!(subject.to_string().parse::<Subject>(), Ok(subject.clone()));
            prop_assert_eq!(Identity::from_subject(&subject), Some(identity));
        }
    }

    #[test]
    fn a_digest_is_read_back_from_its_text(bytes in any::<[u8; 32]>()) {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
    }

    #[test]
    fn an_event_id_is_read_back_from_its_text(ms in 0_u64..1 << 48, random in any::<[u8; 10]>(), hash in any::<[u8; 16]>()) {
        for id in [EventId::from_time(ms, random), EventId::from_hash(hash)] {
            prop_assert_eq!(id.to_string().parse::<EventId>(), Ok(id));
        }
    }
}

#[test]
fn a_subject_reads_as_people_write_it() {
    let subject: Subject = "model:credit/retail/pd-scorecard@3.1.0".parse().unwrap();
    assert_eq!(subject.kind, SubjectKind::Model);
    assert_eq!(subject.namespace.as_str(), "credit/retail");
    assert_eq!(subject.name.as_str(), "pd-scorecard");
    assert_eq!(subject.version.as_ref().map(Version::as_str), Some("3.1.0"));
    assert_eq!(subject.without_version().to_string(), "model:credit/retail/pd-scorecard");
}

#[test]
fn what_is_not_a_subject_is_refused() {
    for text in [
        "",
        "model",
        "model:",
        "model:name",
        "model:/name",
        "model:ns/",
        "model:ns//name",
        "model:ns/name@",
        "Model:ns/name",
        "model:Ns/name",
        "model:ns/name.x",
        "model:n.s/name",
        "model:ns/name@1@2",
        "model:ns/-name",
        "model: ns/name",
        "model:ns/näme",
        "pipeline:ns/name",
        "model:ns/name@.1",
    ] {
        assert!(text.parse::<Subject>().is_err(), "{text:?}");
    }
}

#[test]
fn names_end_where_their_limit_is() {
    assert!("x".repeat(128).parse::<Name>().is_ok());
    assert_eq!("x".repeat(129).parse::<Name>(), Err(ParseError::TooLong { what: "name", max: 128, found: 129 }));
}

#[test]
fn a_kind_that_is_none_gets_the_nearest_one() {
    assert_eq!(
        "modle:ns/name".parse::<Subject>(),
        Err(ParseError::Unknown { what: "subject kind", found: "modle".to_owned(), nearest: Some("model") })
    );
}

#[test]
fn an_identity_has_one_spelling() {
    for text in [
        "person:6E7C1D52-0B7E-4C0E-9D52-3F1F6A2B9C01",
        "person:6e7c1d520b7e4c0e9d523f1f6a2b9c01",
        "person:{6e7c1d52-0b7e-4c0e-9d52-3f1f6a2b9c01}",
        "person:00000000-0000-0000-0000-000000000000",
        "person:alice",
        "service:A",
        "service:a/b",
        "ledger:",
        "robot:x",
    ] {
        assert!(text.parse::<Identity>().is_err(), "{text:?}");
    }
}

#[test]
fn the_ledger_is_its_own_subject() {
    assert_eq!(Subject::this_ledger().to_string(), "ledger:probity/ledger");
    let ledger: Identity = "ledger:ledger.bank.example/models".parse().unwrap();
    assert_eq!(ledger.subject(), Subject::this_ledger());
    assert_eq!(Identity::from_subject(&Subject::this_ledger()), None);
}

#[test]
fn a_pattern_covers_a_namespace_and_what_is_nested_in_it() {
    let covers = |pattern: &str, namespace: &str| {
        pattern.parse::<NamespacePattern>().unwrap().covers(&namespace.parse::<Namespace>().unwrap())
    };
    assert!(covers("*", "credit/retail"));
    assert!(covers("credit/*", "credit"));
    assert!(covers("credit/*", "credit/retail/cards"));
    assert!(!covers("credit/*", "creditors"));
    assert!(!covers("credit/*", "creditors/retail"));
    assert!(!covers("credit/*", "fraud/credit"));
    assert!(covers("credit", "credit"));
    assert!(!covers("credit", "credit/retail"));
    for text in ["", "**", "*/credit", "credit*", "credit/*/x", "/*"] {
        assert!(text.parse::<NamespacePattern>().is_err(), "{text:?}");
    }
}
