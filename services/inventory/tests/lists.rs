//! Lists: filters alone and together, pages, what a caller may see, and counts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use probity_inventory::query::{self, Filter, Problems};
use probity_proto::v1::InventoryFilter;
use probity_query::{Page, QueryError};
use scenes::{ANNA, BO, Life, all, at, in_pages, scope};
use serde_json::json;

const A: &str = "model:credit/alpha";
const B: &str = "model:credit/retail/beta";
const C: &str = "model:fraud/gamma";
const D: &str = "model:fraud2/delta";

/// Four models in four namespaces that share properties two by two.
fn four() -> Life {
    let mut life = Life::new();
    let register = |life: &mut Life, model: &str, title: &str, supplier: &str, centre: &str| {
        let data = json!({ "$title": title, "$attributes": { "centre": centre, "critical": centre == "C1" },
            "purpose": "To judge loans", "supplier": supplier, "kind": "ml" });
        life.say("model.registered", model, data);
    };
    register(&mut life, A, "Probability of default", "supplier:vendor/acme", "C1");
    register(&mut life, B, "Default of Müller", "supplier:vendor/best", "C2");
    register(&mut life, C, "Cards", "supplier:vendor/acme", "C2");
    register(&mut life, D, "Transfers", "supplier:vendor/best", "C1");
    for (model, person) in [(A, ANNA), (B, BO), (C, ANNA), (D, BO)] {
        life.say_by(person, "model.ownership_accepted", model, json!({ "role": "owner" }));
    }
    for (model, class) in [(A, "high-risk"), (B, "high-risk"), (C, "limited-risk")] {
        life.say("model.classified", model, json!({ "framework": "eu-ai-act", "class": class }));
    }
    for (use_case, jurisdictions, models) in
        [("usecase:credit/lending", json!(["DE", "AT"]), vec![A, B]), ("usecase:fraud/cards", json!(["DE"]), vec![C])]
    {
        life.say(
            "usecase.proposed",
            use_case,
            json!({ "problem": "Who?", "jurisdictions": jurisdictions, "owner": ANNA }),
        );
        for model in models {
            life.say("usecase.linked", use_case, json!({ "model": model, "role": "primary" }));
        }
    }
    let start = |life: &mut Life, endpoint: &str, model: &str, environment: &str, region: &str| {
        let data = json!({ "version": format!("{model}@1"), "environment": environment, "region": region });
        life.say("deployment.started", endpoint, data);
    };
    start(&mut life, "endpoint:credit/one", A, "production", "eu");
    start(&mut life, "endpoint:credit/two", A, "staging", "us");
    start(&mut life, "endpoint:fraud/three", C, "production", "us");
    start(&mut life, "endpoint:fraud2/four", D, "test", "eu");
    life.say("deployment.suspended", "endpoint:fraud2/four", json!({ "reason": "It harms.", "scope": "endpoint" }));
    for dataset in ["dataset:credit/loans", "dataset:fraud/cards"] {
        life.say("data.registered", dataset, json!({ "kind": "raw" }));
    }
    for (subject, monitor) in [(A, "drift"), (A, "bias"), (C, "drift"), ("endpoint:fraud/three", "latency")] {
        life.say("monitor.reported", subject, json!({ "monitor": monitor, "value": 1.0 }));
    }
    for subject in [A, C, D, A, "endpoint:fraud/three"] {
        life.say("issue.opened", subject, json!({ "title": "It drifts." }));
    }
    for subject in [A, "usecase:credit/lending", C] {
        let cost = json!({ "amount": 1.0, "currency": "EUR" });
        life.say("value.cost_reported", subject, json!({ "period": {}, "cost": cost }));
    }
    life
}

fn by(change: impl FnOnce(&mut InventoryFilter)) -> InventoryFilter {
    let mut filter = InventoryFilter::default();
    change(&mut filter);
    filter
}

#[test]
fn each_filter_alone_finds_what_has_the_property_and_nothing_else() {
    let life = four();
    assert_eq!(life.found(InventoryFilter::default()), [A, B, C, D]);
    let state = |state: &str| life.found(by(|filter| filter.state = state.into()));
    assert_eq!(state("live"), [A, C]);
    assert_eq!(state("suspended"), [D]);
    assert_eq!(state("registered"), [B]);
    assert!(state("retired").is_empty());
    let class = |class: &str| life.found(by(|filter| filter.class = class.into()));
    assert_eq!(class("high-risk"), [A, B]);
    assert_eq!(class("limited-risk"), [C]);
    assert_eq!(life.found(by(|filter| filter.owner = ANNA.into())), [A, C]);
    let jurisdiction = |of: &str| life.found(by(|filter| filter.jurisdiction = of.into()));
    assert_eq!(jurisdiction("DE"), [A, B, C]);
    assert_eq!(jurisdiction("AT"), [A, B]);
    let environment = |of: &str| life.found(by(|filter| filter.environment = of.into()));
    assert_eq!(environment("production"), [A, C]);
    assert_eq!(environment("test"), [D]);
    assert_eq!(life.found(by(|filter| filter.supplier = "supplier:vendor/acme".into())), [A, C]);
    let attribute = |of: &str| life.found(by(|filter| filter.attribute = of.into()));
    assert_eq!(attribute("centre=C2"), [B, C]);
    assert_eq!(attribute("critical=true"), [A, D]);
    assert!(attribute("centre=C3").is_empty());
}

#[test]
fn a_namespace_is_itself_or_with_all_within_it_and_never_one_that_only_begins_alike() {
    let life = four();
    let namespace = |of: &str| life.found(by(|filter| filter.namespace = of.into()));
    assert_eq!(namespace("credit"), [A]);
    assert_eq!(namespace("credit/*"), [A, B]);
    assert_eq!(namespace("fraud"), [C]);
    assert_eq!(namespace("fraud/*"), [C]);
    assert_eq!(namespace("*"), [A, B, C, D]);
    assert!(namespace("none").is_empty());
}

#[test]
fn text_is_found_by_words_and_their_beginnings_in_any_order_and_case() {
    let life = four();
    let text = |text: &str| life.found(by(|filter| filter.text = text.into()));
    assert_eq!(text("DEFAULT"), [A, B]);
    assert_eq!(text("def prob"), [A]);
    assert_eq!(text("müll"), [B]);
    assert_eq!(text("gamma"), [C], "its name");
    assert_eq!(text("judge"), [A, B, C, D], "its purpose");
    assert!(text("efault").is_empty());
    assert!(text("default cards").is_empty());
}

#[test]
fn filters_together_find_what_has_all_the_properties() {
    let life = four();
    let found = |change: fn(&mut InventoryFilter)| life.found(by(change));
    let both = found(|filter| (filter.owner, filter.state) = (ANNA.into(), "live".into()));
    assert_eq!(both, [A, C]);
    let three = found(|filter| {
        (filter.owner, filter.class, filter.jurisdiction) = (ANNA.into(), "high-risk".into(), "DE".into());
    });
    assert_eq!(three, [A]);
    let with_text = found(|filter| (filter.class, filter.text) = ("high-risk".into(), "default müller".into()));
    assert_eq!(with_text, [B]);
    let within = found(|filter| (filter.namespace, filter.attribute) = ("fraud/*".into(), "centre=C2".into()));
    assert_eq!(within, [C]);
    let text_within = found(|filter| (filter.namespace, filter.text) = ("credit".into(), "default".into()));
    assert_eq!(text_within, [A]);
    let all = found(|filter| {
        *filter = InventoryFilter {
            namespace: "credit/*".into(),
            state: "live".into(),
            class: "high-risk".into(),
            owner: ANNA.into(),
            jurisdiction: "AT".into(),
            environment: "staging".into(),
            text: "alpha".into(),
            supplier: "supplier:vendor/acme".into(),
            attribute: "centre=C1".into(),
        };
    });
    assert_eq!(all, [A]);
    let none = found(|filter| (filter.owner, filter.supplier) = (ANNA.into(), "supplier:vendor/best".into()));
    assert!(none.is_empty());
}

#[test]
fn a_filter_that_makes_no_sense_is_refused() {
    let attribute = Filter::of(by(|filter| filter.attribute = "centre".into()));
    assert!(matches!(attribute, Err(QueryError::Invalid { field: "filter.attribute", .. })));
    let namespace = Filter::of(by(|filter| filter.namespace = "Not One".into()));
    assert!(matches!(namespace, Err(QueryError::Invalid { field: "namespace", .. })));
    let life = four();
    let kind = query::counts(life.scene.view(), "supplier", "state", None, &life.scope);
    assert!(matches!(kind, Err(QueryError::UnknownWord { field: "kind", .. })));
    for (property, meant) in
        [("sttae", "state"), ("class:eu-ai-atc", "class:eu-ai-act"), ("attribute:center", "attribute:centre")]
    {
        match query::counts(life.scene.view(), "model", property, None, &life.scope) {
            Err(QueryError::UnknownWord { field: "by", nearest, .. }) => assert_eq!(nearest.as_deref(), Some(meant)),
            other => panic!("{property}: {other:?}"),
        }
    }
    let other = query::counts(life.scene.view(), "model", "attribute:nobody-has-it", None, &life.scope);
    assert!(other.unwrap().is_empty(), "a field of one's own that nothing is like");
}

#[test]
fn what_is_no_longer_so_is_no_longer_found_by_it() {
    let mut life = four();
    life.say_by(BO, "model.ownership_accepted", A, json!({ "role": "owner" }));
    life.say("model.classified", A, json!({ "framework": "eu-ai-act", "class": "limited-risk" }));
    life.say("deployment.stopped", "endpoint:credit/one", json!({}));
    life.say("model.amended", A, json!({ "field": "title", "new": "Risk", "reason": "Shorter." }));
    assert_eq!(life.found(by(|filter| filter.owner = ANNA.into())), [C]);
    assert_eq!(life.found(by(|filter| filter.class = "high-risk".into())), [B]);
    assert_eq!(life.found(by(|filter| filter.environment = "production".into())), [C]);
    assert_eq!(life.found(by(|filter| filter.text = "default".into())), [B]);
    assert_eq!(life.found(by(|filter| filter.text = "risk".into())), [A]);
    assert_eq!(life.counts("model", "owner"), [(ANNA.to_owned(), 1), (BO.to_owned(), 3)]);
}

#[test]
fn the_production_map_is_narrowed_by_place_and_by_model() {
    let life = four();
    let found = |namespace: &str, properties: &[(&str, &str)], model: &str| -> Vec<String> {
        let filter = Filter::by(namespace, properties).unwrap();
        let found = query::deployments(life.scene.view(), &filter, model, &life.scope, &all()).unwrap().items;
        found.into_iter().map(|it| it.endpoint.trim_start_matches("endpoint:").to_owned()).collect()
    };
    assert_eq!(found("", &[("environment", "production")], ""), ["credit/one", "fraud/three"]);
    assert_eq!(found("", &[("environment", "production"), ("region", "us")], ""), ["fraud/three"]);
    assert_eq!(found("credit/*", &[("region", "us")], ""), ["credit/two"]);
    assert_eq!(found("", &[("state", "suspended")], ""), ["fraud2/four"]);
    assert_eq!(found("", &[], A), ["credit/one", "credit/two"]);
    assert_eq!(found("", &[("environment", "staging")], A), ["credit/two"]);
    assert_eq!(found("", &[("environment", "staging"), ("region", "eu")], A), Vec::<String>::new());
    assert_eq!(found("fraud", &[], A), Vec::<String>::new());
    let unknown = query::deployments(
        life.scene.view(),
        &Filter::by("", &[]).unwrap(),
        "model:credit/alpha@2",
        &life.scope,
        &all(),
    );
    assert!(matches!(unknown, Err(QueryError::UnknownSubject { .. })), "nobody ever named it");
}

#[test]
fn pages_of_any_size_have_together_what_one_page_has() {
    let mut life = four();
    for number in 0..5 {
        life.say("model.version_registered", &format!("{A}@v{number}"), json!({}));
    }
    let view = life.scene.view();
    let filters = [
        InventoryFilter::default(),
        by(|filter| filter.owner = ANNA.into()),
        by(|filter| filter.text = "judge".into()),
        by(|filter| filter.namespace = "credit/*".into()),
        by(|filter| (filter.owner, filter.text) = (BO.into(), "judge".into())),
    ];
    let scopes = [scope(&["*"]), scope(&["fraud", "credit/*"]), scope(&["credit/retail", "fraud2", "credit"])];
    for scope in &scopes {
        for size in 1..4 {
            for filter in &filters {
                let filter = Filter::of(filter.clone()).unwrap();
                let whole = query::models(view, &filter, scope, &all()).unwrap().items;
                let pages = in_pages(size, |page| query::models(view, &filter, scope, page));
                assert_eq!(pages, whole, "models by {filter:?} in {scope:?}, {size} at a time");
            }
            let none = Filter::default();
            let asked = Problems::default();
            macro_rules! same {
                ($list:expr) => {
                    let list = $list;
                    assert_eq!(in_pages(size, &list), list(&all()).unwrap().items, "{size} at a time");
                };
            }
            same!(|page: &Page| query::use_cases(view, &none, scope, page));
            same!(|page: &Page| query::datasets(view, &none, scope, page));
            same!(|page: &Page| query::deployments(view, &none, "", scope, page));
            same!(|page: &Page| query::deployments(view, &none, A, scope, page));
            same!(|page: &Page| query::monitors(view, None, "", "", scope, page));
            same!(|page: &Page| query::monitors(view, None, A, "", scope, page));
            same!(|page: &Page| query::problems(view, &asked, scope, page));
            same!(|page: &Page| query::value(view, None, "", scope, page));
            if scope.covers_subject(A) {
                same!(|page: &Page| query::versions(view, A, "", scope, page));
                same!(|page: &Page| query::versions(view, A, "registered", scope, page));
            }
        }
    }
}

#[test]
fn models_that_are_named_come_in_pages_in_the_order_of_their_names() {
    let life = four();
    let names = [C, "model:credit/unknown", A, B].map(str::to_owned);
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = Page::of(1, &token).unwrap();
        let paged = query::models_named(life.scene.view(), &names, &life.scope, &page).unwrap();
        assert!(paged.items.len() <= 1);
        found.extend(paged.items.into_iter().map(|model| model.subject));
        token = paged.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, [C, A, B]);
}

#[test]
fn a_caller_sees_nothing_of_other_namespaces_neither_in_lists_nor_in_counts() {
    let mut life = four();
    life.scope = scope(&["credit/*"]);
    assert_eq!(life.found(InventoryFilter::default()), [A, B]);
    assert_eq!(life.found(by(|filter| filter.owner = ANNA.into())), [A]);
    assert_eq!(life.found(by(|filter| filter.text = "judge".into())), [A, B]);
    let view = life.scene.view();
    let outside = Filter::of(by(|filter| filter.namespace = "fraud".into())).unwrap();
    let outside = query::models(view, &outside, &life.scope, &all());
    assert!(matches!(outside, Err(QueryError::Denied(_))), "it says so, instead of nothing");
    let named = query::models_named(view, &[A.to_owned(), C.to_owned()], &life.scope, &all()).unwrap();
    assert_eq!(named.items.into_iter().map(|model| model.subject).collect::<Vec<_>>(), [A]);
    assert!(matches!(probity_inventory::dossier(view, C, &life.scope), Err(QueryError::Denied(_))));
    assert!(matches!(query::versions(view, C, "", &life.scope, &all()), Err(QueryError::Denied(_))));
    let endpoints: Vec<String> = life.deployments("").into_iter().map(|it| it.endpoint).collect();
    assert_eq!(endpoints, ["endpoint:credit/one", "endpoint:credit/two"]);
    let deployments = query::deployments(view, &Filter::default(), C, &life.scope, &all());
    assert!(matches!(deployments, Err(QueryError::Denied(_))));
    let subjects: Vec<String> = life.monitors("", "").into_iter().map(|it| it.subject).collect();
    assert_eq!(subjects, [A, A]);
    assert!(matches!(query::monitors(view, None, C, "", &life.scope, &all()), Err(QueryError::Denied(_))));
    assert_eq!(life.problems(&Problems::default()).len(), 2);
    let problems = Problems { subject: C.to_owned(), ..Problems::default() };
    assert!(matches!(query::problems(view, &problems, &life.scope, &all()), Err(QueryError::Denied(_))));
    assert!(matches!(query::value(view, None, C, &life.scope, &all()), Err(QueryError::Denied(_))));
    let datasets = query::datasets(view, &Filter::default(), &life.scope, &all()).unwrap().items;
    assert_eq!(datasets.len(), 1);
    let uses = query::use_cases(view, &Filter::default(), &life.scope, &all()).unwrap().items;
    assert_eq!(uses.len(), 1);
    assert_eq!(life.counts("model", "namespace"), [("credit".to_owned(), 1), ("credit/retail".to_owned(), 1)]);
    assert_eq!(life.counts("model", "owner"), [(ANNA.to_owned(), 1), (BO.to_owned(), 1)]);
    assert_eq!(life.counts("endpoint", "environment"), [("production".to_owned(), 1), ("staging".to_owned(), 1)]);
}

#[test]
fn what_runs_in_a_namespace_that_the_caller_may_not_see_is_not_in_the_dossier() {
    let mut life = four();
    life.start("endpoint:fraud/secret", "model:credit/alpha@1");
    life.say(
        "value.reported",
        "usecase:fraud/cards",
        json!({ "period": {}, "value": { "amount": 1.0, "currency": "EUR" } }),
    );
    life.say("usecase.linked", "usecase:fraud/cards", json!({ "model": A, "role": "primary" }));
    life.scope = scope(&["credit/*"]);
    let dossier = life.dossier(A);
    assert_eq!(dossier.deployments.len(), 2);
    assert!(dossier.value.iter().all(|value| value.subject != "usecase:fraud/cards"));
    assert_eq!(dossier.problems.len(), 2);
}

#[test]
fn counts_are_what_a_scan_counts_in_every_namespace() {
    let life = four();
    for (namespace, expected) in [("*", 4), ("credit/*", 2), ("credit", 1), ("fraud/*", 1)] {
        let pattern = query::namespace(namespace).unwrap();
        for property in ["state", "owner", "kind", "supplier", "namespace", "attribute:centre"] {
            let counts = query::counts(life.scene.view(), "model", property, pattern.as_ref(), &life.scope).unwrap();
            let sum: u64 = counts.iter().map(|counted| counted.count).sum();
            assert_eq!(sum, expected, "by {property} in {namespace}");
        }
    }
    assert_eq!(life.counts("dataset", "state"), [("registered".to_owned(), 2)]);
    assert_eq!(life.counts("usecase", "jurisdiction"), [("AT".to_owned(), 1), ("DE".to_owned(), 2)]);
    assert_eq!(life.counts("endpoint", "state"), [("running".to_owned(), 3), ("suspended".to_owned(), 1)]);
    assert_eq!(life.counts("model", "attribute:critical"), [("false".to_owned(), 2), ("true".to_owned(), 2)]);
    assert!(life.model(A).last_activity_ms > at(0));
}
