//! Where versions run, what watches them, what goes wrong, and what it is worth.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_inventory::query::Problems;
use scenes::{ANNA, BO, E, LENDING, Life, PD, at, digest, version};
use serde_json::{Value, json};

const OTHER: &str = "endpoint:credit/other";

fn live() -> Life {
    let mut life = Life::new();
    life.register(PD);
    life.start(E, &version(1));
    life
}

fn expose(life: &mut Life, version: &str, exposure: &str) -> u64 {
    life.say("deployment.started", E, json!({ "version": version, "exposure": exposure }))
}

#[test]
fn a_live_version_takes_over_from_the_earlier_one_of_its_model_and_from_no_other() {
    let mut life = live();
    life.start(E, "model:fraud/net@1");
    life.start(E, &version(2));
    assert_eq!(life.serving(E), ["model:fraud/net@1 live", "@2 live"]);
    assert_eq!(life.version_state(&version(2)), "live");
    assert!(life.version(&version(2)).endpoints == [E]);
    assert_eq!((life.model(PD).endpoints, life.model("model:fraud/net").endpoints), (1, 1));
}

#[test]
fn canary_and_shadow_serve_beside_what_is_live() {
    let mut life = live();
    expose(&mut life, &version(2), "canary");
    expose(&mut life, &version(3), "shadow");
    assert_eq!(life.serving(E), ["@1 live", "@2 canary", "@3 shadow"]);
    assert_eq!(life.model(PD).endpoints, 3);
    expose(&mut life, &version(2), "live");
    assert_eq!(life.serving(E), ["@3 shadow", "@2 live"]);
    assert_eq!(life.model(PD).endpoints, 2);
}

#[test]
fn traffic_that_is_divided_replaces_what_serves_except_in_the_shadow() {
    let mut life = live();
    expose(&mut life, &version(4), "shadow");
    let allocations = json!([
        { "version": version(1), "percent": 90.0, "segment": "old customers" },
        { "version": version(2), "percent": 10.0 },
        { "version": version(3), "percent": 0.0 },
    ]);
    life.say("deployment.traffic_changed", E, json!({ "allocations": allocations, "champion": version(1) }));
    assert_eq!(life.serving(E), ["@1 live", "@2 live", "@4 shadow"]);
    let shown = life.endpoint(E);
    assert_eq!(shown.champion, version(1));
    let parts: Vec<_> = shown.shares.iter().map(|share| (share.percent, share.segment.as_str())).collect();
    assert_eq!(parts, [(Some(90.0), "old customers"), (Some(10.0), ""), (None, "")]);
    assert_eq!(life.model(PD).endpoints, 3);
}

#[test]
fn upgrades_and_rollbacks_put_one_version_in_the_place_of_another() {
    let mut life = live();
    life.say("deployment.upgraded", E, json!({ "to": version(2), "to_digest": digest(2) }));
    assert_eq!(life.serving(E), ["@2 live"]);
    assert_eq!(life.endpoint(E).shares[0].digest, digest(2));
    life.say("deployment.rolled_back", E, json!({ "from": version(2), "to": version(1), "reason": "It was worse." }));
    assert_eq!(life.serving(E), ["@1 live"]);
    life.say("deployment.downgraded", E, json!({ "to": version(0) }));
    assert_eq!(life.serving(E), ["@0 live"]);
    assert_eq!(life.version_state(&version(0)), "live");
}

#[test]
fn an_emergency_stop_reaches_as_far_as_it_says() {
    let stop = |life: &mut Life, scope: &str, version: Option<String>| {
        let mut data = json!({ "reason": "It harms.", "scope": scope });
        if let Some(version) = version {
            data["version"] = version.into();
        }
        life.say("deployment.suspended", E, data)
    };
    let mut life = live();
    expose(&mut life, &version(2), "canary");
    life.start(E, "model:fraud/net@1");
    stop(&mut life, "version", Some(version(2)));
    assert_eq!(life.serving(E), ["@1 live", "(@2 canary)", "model:fraud/net@1 live"]);
    assert_eq!((life.version_state(&version(2)), life.state(PD)), ("suspended".into(), "live".into()));
    stop(&mut life, "model", Some(version(1)));
    assert_eq!(life.serving(E), ["(@1 live)", "(@2 canary)", "model:fraud/net@1 live"]);
    assert_eq!((life.state(PD), life.endpoint(E).state), ("suspended".into(), "running".into()));
    assert_eq!(life.model(PD).endpoints, 2, "it is there, and stopped");
    stop(&mut life, "endpoint", None);
    assert_eq!(life.endpoint(E).state, "suspended");
    life.say_by(BO, "deployment.resumed", E, json!({ "rationale": "It does not." }));
    assert_eq!(life.serving(E), ["@1 live", "@2 canary", "model:fraud/net@1 live"]);
}

#[test]
fn a_version_that_stops_goes_and_without_one_named_all_go() {
    let mut life = live();
    expose(&mut life, &version(2), "canary");
    life.say("deployment.stopped", E, json!({ "version": version(1) }));
    assert_eq!(life.serving(E), ["@2 canary"]);
    life.say("deployment.stopped", E, json!({}));
    assert_eq!((life.serving(E).len(), life.endpoint(E).state.as_str()), (0, "stopped"));
    assert_eq!((life.model(PD).endpoints, life.model(PD).environments.len()), (0, 0));
    assert_eq!(life.deployments(PD), []);
}

#[test]
fn what_was_seen_serving_is_observed_until_somebody_says_what_it_is() {
    let mut life = Life::new();
    let seen = json!({ "digest": digest(9), "environment": "production", "how_found": "In the traffic." });
    life.say("deployment.observed", E, seen.clone());
    assert_eq!((life.endpoint(E).state.as_str(), life.serving(E)), ("observed", vec![" live".to_owned()]));
    assert_eq!(life.counts("endpoint", "state"), [("observed".to_owned(), 1)]);
    let said = json!({ "version": version(1), "false_alarm": false });
    life.say("deployment.attributed", E, said);
    assert_eq!((life.endpoint(E).state.as_str(), life.serving(E)), ("running", vec!["@1 live".to_owned()]));
    assert_eq!(
        (life.version_state(&version(1)), life.model(PD).environments),
        ("live".into(), vec!["production".to_owned()])
    );
    life.say("deployment.observed", E, seen);
    assert_eq!(life.endpoint(E).state, "running", "it is known that this serves");
    life.say("deployment.observed", OTHER, json!({ "how_found": "By chance." }));
    life.say("deployment.attributed", OTHER, json!({ "false_alarm": true }));
    assert_eq!(life.endpoint(OTHER).state, "stopped");
}

#[test]
fn a_start_that_was_asked_for_is_requested() {
    let mut life = Life::new();
    life.say("deployment.requested", E, json!({ "version": version(1) }));
    assert_eq!(life.endpoint(E).state, "requested");
    life.say("deployment.failed", OTHER, json!({ "reason": "No memory." }));
    assert_eq!(life.deployments("").len(), 1, "a failure is no endpoint");
    life.start(E, &version(1));
    assert_eq!(life.endpoint(E).state, "running");
}

#[test]
fn statements_are_folded_in_the_order_of_what_happened() {
    let mut life = Life::new();
    // All of it happened before it is recorded.
    for _ in 0..40 {
        life.say("model.registered", "model:credit/other", json!({ "purpose": "To lend." }));
    }
    let start = |life: &mut Life, number: u8, occurred: Value| {
        let data = json!({ "$occurred": occurred, "version": version(number), "environment": "production" });
        life.say("deployment.started", E, data)
    };
    start(&mut life, 3, json!(at(30)));
    start(&mut life, 1, json!(at(10)));
    assert_eq!(life.serving(E), ["@3 live"]);
    let late = life.say("deployment.stopped", E, json!({ "$occurred": at(20), "version": version(3) }));
    assert_eq!(life.serving(E), ["@3 live"], "it was stopped before it started");
    life.void(late);
    life.say("deployment.suspended", E, json!({ "$occurred": at(31), "reason": "It harms.", "scope": "endpoint" }));
    start(&mut life, 2, json!([at(20), at(40)]));
    assert_eq!(life.serving(E), ["@2 live"], "the latest that it can have been");
}

#[test]
fn a_start_that_is_void_never_was() {
    let mut life = live();
    let second = life.start(E, &version(2));
    life.void_by(BO, second);
    assert_eq!(life.serving(E), ["@2 live"], "somebody else's fact stays");
    life.void(second);
    assert_eq!(life.serving(E), ["@1 live"]);
    assert_eq!(life.endpoint(E).shares[0].since.as_ref().unwrap().index, 1, "since when is known again");
    assert_eq!(
        (life.version_state(&version(1)), life.version_state(&version(2))),
        ("live".into(), "unregistered".into())
    );
    life.void(1);
    assert_eq!((life.serving(E).len(), life.state(PD)), (0, "registered".to_owned()));
    assert_eq!(life.counts("model", "environment"), []);
    let failed = life.say("deployment.failed", OTHER, json!({ "reason": "No memory." }));
    life.void(failed);
    assert_eq!(life.deployments("").len(), 1, "a failure that is void is no endpoint either");
}

#[test]
fn a_resumption_is_an_act_and_stays_when_it_is_called_void() {
    let mut life = live();
    life.say("deployment.suspended", E, json!({ "reason": "It harms.", "scope": "endpoint" }));
    let resumed = life.say_by(BO, "deployment.resumed", E, json!({ "rationale": "It does not." }));
    life.void_by(BO, resumed);
    assert_eq!(life.serving(E), ["@1 live"]);
}

#[test]
fn a_model_shows_all_places_and_environments_where_it_runs() {
    let mut life = live();
    let data = json!({ "version": version(2), "environment": "staging", "region": "eu", "serving": "batch",
        "use_case": LENDING, "log_sink": { "uri": "s3://answers" } });
    life.say("deployment.started", OTHER, data);
    assert_eq!(life.model(PD).environments, ["production", "staging"]);
    assert_eq!(life.deployments(PD).len(), 2);
    let of_one: Vec<String> = life.deployments(&version(2)).into_iter().map(|it| it.endpoint).collect();
    assert_eq!(of_one, [OTHER]);
    let shown = life.endpoint(OTHER);
    assert_eq!(
        (shown.region, shown.serving, shown.use_case, shown.log_sink),
        ("eu".into(), "batch".into(), LENDING.into(), "s3://answers".into())
    );
    assert_eq!(shown.shares[0].since.as_ref().unwrap().index, 2);
    assert_eq!(life.dossier(PD).deployments.len(), 2);
}

#[test]
fn what_a_monitor_said_and_is_void_counts_no_more() {
    let mut life = Life::new();
    life.register(PD);
    let said = |life: &mut Life, what: &str, data: Value| life.say(&format!("monitor.{what}"), PD, data);
    said(&mut life, "reported", json!({ "monitor": "drift", "value": 0.1 }));
    let breached = said(&mut life, "breached", json!({ "monitor": "drift", "value": 0.9 }));
    let other = said(&mut life, "silent", json!({ "monitor": "bias" }));
    let later = said(&mut life, "reported", json!({ "monitor": "drift", "value": 0.2 }));
    let stands = |life: &Life| {
        let monitors = life.monitors(PD, "").into_iter();
        monitors.map(|it| (it.name, it.state, it.value)).collect::<Vec<_>>()
    };
    let drift = |state: &str, value: f64| ("drift".to_owned(), state.to_owned(), Some(value));
    let bias = ("bias".to_owned(), "silent".to_owned(), None);
    assert_eq!(stands(&life), [bias.clone(), drift("breached", 0.2)]);
    life.void(breached);
    assert_eq!(stands(&life), [bias, drift("ok", 0.2)]);
    life.void(other);
    life.void(later);
    assert_eq!(stands(&life), [drift("ok", 0.1)]);
}

#[test]
fn a_monitor_stands_as_it_was_reported_last() {
    let mut life = live();
    let threshold = json!({ "comparison": "at-most", "value": 0.2 });
    let configured =
        json!({ "monitor": "drift", "family": "statistical", "metric": "psi", "threshold": threshold, "unit": "1" });
    life.say("monitor.configured", &version(1), configured);
    let stands = |life: &Life| {
        let monitor = life.monitors(PD, "").remove(0);
        (monitor.state, monitor.value)
    };
    assert_eq!(stands(&life), ("configured".to_owned(), None));
    life.say("monitor.reported", &version(1), json!({ "monitor": "drift", "value": 0.1 }));
    assert_eq!(stands(&life), ("ok".to_owned(), Some(0.1)));
    life.say("monitor.breached", &version(1), json!({ "monitor": "drift", "value": 0.3 }));
    life.say("monitor.reported", &version(1), json!({ "monitor": "drift", "value": 0.15 }));
    assert_eq!(stands(&life), ("breached".to_owned(), Some(0.15)), "a breach ends with a recovery");
    life.say("monitor.recovered", &version(1), json!({ "monitor": "drift" }));
    assert_eq!(stands(&life), ("ok".to_owned(), Some(0.15)));
    life.say("monitor.silent", &version(1), json!({ "monitor": "drift" }));
    assert_eq!(stands(&life), ("silent".to_owned(), Some(0.15)));
    life.say("monitor.breached", &version(1), json!({ "$occurred": at(0), "monitor": "drift", "value": 0.9 }));
    assert_eq!(stands(&life), ("silent".to_owned(), Some(0.15)), "what is late does not tell how it stands now");
    life.say("monitor.reported", &version(1), json!({ "monitor": "drift", "value": 0.1 }));
    assert_eq!(stands(&life), ("ok".to_owned(), Some(0.1)));
    let monitor = life.monitors(&version(1), "ok").remove(0);
    assert_eq!(
        (monitor.threshold.as_str(), monitor.family.as_str(), monitor.unit.as_str()),
        ("at-most 0.2", "statistical", "1")
    );
}

#[test]
fn monitors_are_found_by_subject_and_state_and_are_in_the_dossier() {
    let mut life = live();
    for (subject, state) in [(PD, "silent"), (E, "breached"), ("model:credit/pd2", "silent"), (OTHER, "silent")] {
        life.say(&format!("monitor.{state}"), subject, json!({ "monitor": "drift" }));
    }
    let subjects = |found: Vec<probity_proto::v1::Monitor>| -> Vec<String> {
        found.into_iter().map(|monitor| monitor.subject).collect()
    };
    assert_eq!(subjects(life.monitors("", "")), [OTHER, E, PD, "model:credit/pd2"]);
    assert_eq!(subjects(life.monitors(PD, "")), [PD]);
    assert_eq!(subjects(life.monitors("", "breached")), [E]);
    assert_eq!(subjects(life.dossier(PD).monitors), [PD, E], "its own and those of where it serves");
}

fn open_issue(life: &mut Life, subject: &str) -> u64 {
    life.say("issue.opened", subject, json!({ "title": "It drifts.", "severity": "high" }))
}

#[test]
fn an_issue_is_handed_on_until_it_is_resolved_and_counts_for_its_model_while_open() {
    let mut life = live();
    let issue = open_issue(&mut life, &version(1));
    assert_eq!(life.model(PD).open_issues, 1);
    let ticket = json!({ "system": "jira", "id": "R-1" });
    life.answer("issue.routed", PD, issue, json!({ "team": "data" }));
    let handed = json!({ "team": "data-science", "assignee": ANNA, "due": at(9), "ticket": ticket });
    life.answer("issue.routed", PD, issue, handed);
    life.answer("issue.root_cause_recorded", PD, issue, json!({ "class": "pipeline" }));
    let shown = life.dossier(PD).problems.remove(0);
    let hands: Vec<_> = shown.hand_offs.iter().map(|it| (it.team.as_str(), it.ticket.as_str(), it.due_ms)).collect();
    assert_eq!(hands, [("data", "", None), ("data-science", "jira R-1", Some(at(9)))]);
    assert_eq!(
        (shown.root_cause.as_str(), shown.state.as_str(), shown.severity.as_str()),
        ("pipeline", "open", "high")
    );
    let of_team =
        |life: &Life, team: &str| life.problems(&Problems { team: team.to_owned(), ..Problems::default() }).len();
    assert_eq!((of_team(&life, "data"), of_team(&life, "data-science")), (0, 1), "who has it now");
    life.answer("issue.resolved", PD, issue, json!({ "resolution": "Retrained." }));
    assert_eq!((life.model(PD).open_issues, life.dossier(PD).problems.len()), (0, 0));
    life.answer("issue.reopened", PD, issue, json!({ "reason": "Again." }));
    assert_eq!((life.model(PD).open_issues, life.dossier(PD).problems.len()), (1, 1));
    life.answer("incident.closed", PD, issue, json!({}));
    assert_eq!(life.model(PD).open_issues, 1, "an issue is not closed as an incident");
}

#[test]
fn an_incident_is_open_until_it_is_closed_whatever_was_done_in_between() {
    let mut life = live();
    let data = json!({ "$about": [PD], "summary": "Refused all.", "severity": "high" });
    let incident = life.say("incident.declared", E, data);
    assert_eq!(life.model(PD).open_incidents, 1);
    let classify = |life: &mut Life, reportable: &str| {
        let data = json!({ "regime": "eu-ai-act-73", "reportable": reportable, "class": "serious" });
        life.answer("incident.classified", E, incident, data)
    };
    classify(&mut life, "undetermined");
    classify(&mut life, "yes");
    life.answer("incident.updated", E, incident, json!({ "summary": "Worse.", "severity": "critical" }));
    life.answer("incident.mitigated", E, incident, json!({ "measures": ["Stopped."] }));
    let open = Problems { open: Some(true), kind: "incident".to_owned(), ..Problems::default() };
    let shown = life.problems(&open).remove(0);
    assert_eq!((shown.state.as_str(), shown.severity.as_str()), ("mitigated", "critical"));
    let classes: Vec<_> = shown.classes.iter().map(|it| (it.framework.as_str(), it.basis.as_str())).collect();
    assert_eq!(classes, [("eu-ai-act-73", "reportable: yes")]);
    assert_eq!(life.model(PD).open_incidents, 1);
    life.answer("incident.closed", E, incident, json!({ "root_cause": "A unit." }));
    assert_eq!((life.model(PD).open_incidents, life.problems(&open).len()), (0, 0));
    let closed = life.problems(&Problems { open: Some(false), ..Problems::default() }).remove(0);
    assert_eq!((closed.state.as_str(), closed.root_cause.as_str()), ("closed", "A unit."));
}

#[test]
fn an_issue_that_is_void_was_none_and_nothing_that_answers_it_brings_it_back() {
    let mut life = live();
    let issue = life.say("issue.opened", PD, json!({ "$about": [E], "title": "It drifts." }));
    life.void_by(BO, issue);
    assert_eq!(life.model(PD).open_issues, 1, "somebody else's fact stays");
    life.void(issue);
    assert_eq!(life.model(PD).open_issues, 0);
    life.answer("issue.reopened", PD, issue, json!({ "reason": "Again." }));
    life.void(issue);
    for subject in ["", PD, E] {
        let asked = Problems { subject: subject.to_owned(), ..Problems::default() };
        assert_eq!(life.problems(&asked), [], "of {subject}");
    }
    assert_eq!(life.model(PD).open_issues, 0);
}

#[test]
fn problems_are_listed_the_newest_first_by_subject_kind_and_state() {
    let mut life = live();
    let one = open_issue(&mut life, PD);
    let two = life.say("incident.declared", E, json!({ "summary": "Refused all." }));
    let three = open_issue(&mut life, "model:fraud/net");
    life.answer("issue.resolved", PD, one, json!({ "resolution": "Retrained." }));
    let found = |asked: &Problems| -> Vec<u64> { life.problems(asked).iter().map(|it| it.indices[0]).collect() };
    let of = |subject: &str, kind: &str, open: Option<bool>| {
        found(&Problems { subject: subject.into(), kind: kind.into(), open, ..Problems::default() })
    };
    assert_eq!(of("", "", None), [three, two, one]);
    assert_eq!(of("", "issue", None), [three, one]);
    assert_eq!(of("", "", Some(true)), [three, two]);
    assert_eq!(of("", "", Some(false)), [one]);
    // What is open about an endpoint concerns the model that serves there.
    assert_eq!(of(PD, "", None), [two, one]);
    assert_eq!(of(PD, "", Some(true)), [two]);
    assert_eq!(of(E, "", None), [two]);
    let namespace = Some("fraud".parse().unwrap());
    assert_eq!(found(&Problems { namespace, ..Problems::default() }), [three]);
}

#[test]
fn findings_count_while_they_are_open() {
    let mut life = live();
    let raise = |life: &mut Life| {
        life.say("finding.raised", &version(1), json!({ "title": "No test.", "severity": "low", "source": "audit" }))
    };
    let (one, two) = (raise(&mut life), raise(&mut life));
    assert_eq!(life.model(PD).open_findings, 2);
    for _ in 0..2 {
        let id = life.scene.id(one);
        life.say_by(BO, "finding.closed", PD, json!({ "$regarding": id, "rationale": "Done." }));
        assert_eq!(life.model(PD).open_findings, 1, "however often it is closed");
    }
    life.void(two);
    assert_eq!(life.model(PD).open_findings, 0);
}

fn report(life: &mut Life, amount: f64, currency: &str, kpi: Option<f64>) -> u64 {
    let mut data = json!({ "period": {}, "value": { "amount": amount, "currency": currency } });
    if let Some(value) = kpi {
        data["kpi"] = json!({ "name": "losses", "value": value });
    }
    life.say("value.reported", LENDING, data)
}

fn sums(money: &[probity_proto::v1::Money]) -> Vec<(f64, &str)> {
    money.iter().map(|money| (money.amount, money.currency.as_str())).collect()
}

#[test]
fn value_and_cost_are_summed_by_currency_beside_what_was_aimed_at() {
    let mut life = live();
    life.say("usecase.linked", LENDING, json!({ "model": PD, "role": "primary" }));
    life.say("value.kpi_defined", LENDING, json!({ "name": "losses", "unit": "%", "baseline": 4.0, "target": 2.0 }));
    report(&mut life, 100.0, "EUR", Some(3.5));
    report(&mut life, 50.5, "EUR", Some(3.0));
    report(&mut life, 7.0, "CHF", None);
    life.say("value.cost_reported", LENDING, json!({ "period": {}, "cost": { "amount": 20.0, "currency": "EUR" } }));
    life.say("value.reviewed", LENDING, json!({ "rationale": "It works.", "verdict": "effective" }));
    let value = life.value(LENDING).unwrap();
    assert_eq!(sums(&value.value), [(7.0, "CHF"), (150.5, "EUR")]);
    assert_eq!(sums(&value.cost), [(20.0, "EUR")]);
    let kpi = &value.kpis[0];
    assert_eq!((kpi.unit.as_str(), kpi.baseline, kpi.target, kpi.value), ("%", Some(4.0), Some(2.0), Some(3.0)));
    assert_eq!(value.verdict.unwrap().value, "effective");
    assert_eq!(life.dossier(PD).value.len(), 1, "of the use it is put to");
    life.say(
        "value.reported",
        LENDING,
        json!({ "$occurred": at(0), "period": {}, "kpi": { "name": "losses", "value": 9.0 } }),
    );
    assert_eq!(life.value(LENDING).unwrap().kpis[0].value, Some(3.0), "a late report is not the newest");
}

#[test]
fn a_report_of_value_that_is_void_leaves_what_the_others_say_to_the_cent() {
    let mut life = live();
    report(&mut life, 0.1, "EUR", Some(3.5));
    let wrong = report(&mut life, 0.2, "EUR", Some(1.0));
    let other = report(&mut life, 5.0, "CHF", None);
    let cost = life.say(
        "value.cost_reported",
        LENDING,
        json!({ "period": {}, "cost": { "amount": 20.0, "currency": "EUR" } }),
    );
    let verdict = life.say("value.reviewed", LENDING, json!({ "rationale": "It works.", "verdict": "effective" }));
    life.void_by(BO, wrong);
    assert_eq!(life.value(LENDING).unwrap().kpis[0].value, Some(1.0), "somebody else's fact stays");
    for index in [wrong, wrong, other, cost, verdict] {
        life.void(index);
    }
    let value = life.value(LENDING).unwrap();
    assert_eq!((sums(&value.value), sums(&value.cost)), (vec![(0.1, "EUR")], vec![]));
    assert_eq!((value.kpis[0].value, value.verdict), (Some(3.5), None));
    life.void(2);
    assert_eq!(life.value(LENDING), None, "nothing is left");
}
