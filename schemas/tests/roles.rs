//! The roles a ledger begins with.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use probity_schemas::{DEFAULT_ROLES, Name, RolesPolicy, TypePattern, catalogue, find};

fn default_roles() -> RolesPolicy {
    serde_json::from_str(DEFAULT_ROLES).unwrap()
}

fn may(role: &str, event_type: &str) -> bool {
    default_roles().may_record(&role.parse::<Name>().unwrap(), find(event_type, 1).unwrap())
}

#[test]
fn every_type_can_be_recorded_by_somebody() {
    let policy = default_roles();
    for info in catalogue() {
        let by_role = policy.roles.keys().any(|role| policy.may_record(role, info));
        assert!(by_role || policy.anyone_may_record(info), "{info:?}");
    }
}

#[test]
fn an_importer_records_no_act() {
    let importer: Name = "importer".parse().unwrap();
    for info in catalogue().filter(|info| info.is_act()) {
        assert!(!default_roles().may_record(&importer, info), "{info:?}");
    }
    assert!(may("importer", "usecase.proposed"));
}

#[test]
fn nobody_but_the_ledger_speaks_for_it() {
    let policy = default_roles();
    for info in catalogue().filter(|info| info.family() == "ledger") {
        for role in policy.roles.keys().filter(|role| role.as_str() != "ledger") {
            assert!(!policy.may_record(role, info), "{role} {info:?}");
        }
    }
}

#[test]
fn an_administrator_records_authority_and_nothing_else() {
    for info in catalogue() {
        assert_eq!(may("administrator", info.event_type), info.family() == "authority", "{info:?}");
    }
}

#[test]
fn a_developer_trains_and_does_not_approve() {
    assert!(may("developer", "training.completed"));
    assert!(!may("developer", "approval.granted"));
}

#[test]
fn anyone_enrolled_may_declare_an_incident() {
    assert!(default_roles().anyone_may_record(find("incident.declared", 1).unwrap()));
    assert!(!default_roles().anyone_may_record(find("incident.closed", 1).unwrap()));
}

#[test]
fn a_pattern_is_read_back_from_its_text() {
    for text in ["*", "fact:*", "act:approval.*", "usecase.*", "plan.proposed", "fact:plan.proposed"] {
        assert_eq!(text.parse::<TypePattern>().unwrap().to_string(), text);
    }
    for text in ["", "usecase", "usecase.", ".x", "*.x", "usecase.*.x", "rumour:usecase.*", "Usecase.*"] {
        assert!(text.parse::<TypePattern>().is_err(), "{text:?}");
    }
}
