//! Random histories, against plain lists that know nothing of indexes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use std::collections::{BTreeMap, BTreeSet};

use probity_inventory::query::{self, Filter};
use probity_proto::v1::{self, InventoryFilter};
use proptest::prelude::*;
use scenes::{ANNA, BO, CI, Life, all, at, in_pages};
use serde_json::json;

const PERSONS: [&str; 2] = [ANNA, BO];
const ROLES: [&str; 2] = ["owner", "technical-owner"];
const CLASSES: [&str; 2] = ["high-risk", "limited-risk"];
const ENVIRONMENTS: [&str; 2] = ["production", "staging"];
const JURISDICTIONS: [&str; 3] = ["AT", "DE", "FR"];
const TITLES: [&str; 3] = ["Cards and loans", "Loans", "Fraud"];
const MODELS: [&str; 3] = ["model:credit/pd", "model:credit/retail/pd", "model:fraud/net"];
const ENDPOINTS: [&str; 3] = ["endpoint:credit/one", "endpoint:credit/two", "endpoint:fraud/three"];
const USES: [&str; 2] = ["usecase:credit/lending", "usecase:fraud/cards"];

/// What is said; what it is about is drawn by number.
#[derive(Debug, Clone)]
enum Said {
    Model { model: usize, title: usize, centre: usize },
    Version { model: usize, version: usize },
    Trained { model: usize, version: usize },
    Validated { model: usize, version: usize, passed: bool },
    Approved { model: usize, version: usize },
    Owned { model: usize, role: usize, person: usize },
    Classified { model: usize, class: usize },
    Proposed { use_case: usize, jurisdiction: usize },
    Linked { use_case: usize, model: usize },
    Started { endpoint: usize, model: usize, version: usize, environment: usize, shadow: bool },
    Stopped { endpoint: usize, version: Option<(usize, usize)> },
    Upgraded { endpoint: usize, model: usize, version: usize },
    Suspended { endpoint: usize },
    Resumed { endpoint: usize },
    Retired { model: usize, version: Option<usize>, reversed: bool },
    Issue { model: usize },
    Answered { which: usize, reopened: bool },
    Void { which: usize },
}

fn said() -> impl Strategy<Value = Said> {
    let (m, v, e) = (0..3_usize, 0..3_usize, 0..3_usize);
    let mv = || (0..3_usize, 0..3_usize);
    prop_oneof![
        3 => (m.clone(), 0..3_usize, 0..2_usize).prop_map(|(model, title, centre)| Said::Model { model, title, centre }),
        1 => mv().prop_map(|(model, version)| Said::Version { model, version }),
        1 => mv().prop_map(|(model, version)| Said::Trained { model, version }),
        1 => (mv(), any::<bool>()).prop_map(|((model, version), passed)| Said::Validated { model, version, passed }),
        1 => mv().prop_map(|(model, version)| Said::Approved { model, version }),
        2 => (m.clone(), 0..2_usize, 0..2_usize).prop_map(|(model, role, person)| Said::Owned { model, role, person }),
        2 => (m.clone(), 0..2_usize).prop_map(|(model, class)| Said::Classified { model, class }),
        1 => (0..2_usize, 0..3_usize).prop_map(|(use_case, jurisdiction)| Said::Proposed { use_case, jurisdiction }),
        1 => (0..2_usize, m.clone()).prop_map(|(use_case, model)| Said::Linked { use_case, model }),
        5 => (e.clone(), mv(), 0..2_usize, prop::bool::weighted(0.25)).prop_map(
            |(endpoint, (model, version), environment, shadow)| Said::Started { endpoint, model, version, environment, shadow }
        ),
        2 => (e.clone(), proptest::option::of(mv())).prop_map(|(endpoint, version)| Said::Stopped { endpoint, version }),
        2 => (e.clone(), m.clone(), v).prop_map(|(endpoint, model, version)| Said::Upgraded { endpoint, model, version }),
        1 => e.clone().prop_map(|endpoint| Said::Suspended { endpoint }),
        1 => e.prop_map(|endpoint| Said::Resumed { endpoint }),
        1 => (m.clone(), proptest::option::of(0..3_usize), any::<bool>()).prop_map(
            |(model, version, reversed)| Said::Retired { model, version, reversed }
        ),
        1 => m.prop_map(|model| Said::Issue { model }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(which, reversed)| Said::Answered { which, reopened: reversed }),
        4 => any::<usize>().prop_map(|which| Said::Void { which }),
    ]
}

fn version(model: usize, version: usize) -> String {
    format!("{}@{version}", MODELS[model])
}

/// Tells it, by `signer` where it is a fact; it happened on the day `day`, which need not be today.
fn tell(life: &mut Life, said: &Said, day: Option<u64>) {
    let occurred = |life: &Life| at(day.unwrap_or(life.scene.recorded().len() as u64));
    match *said {
        Said::Model { model, title, centre } => {
            let centre = ["C1", "C2"][centre];
            let data = json!({ "$title": TITLES[title], "$attributes": { "centre": centre }, "purpose": "To see." });
            life.say("model.registered", MODELS[model], data);
        }
        Said::Version { model, version: v } => {
            life.say("model.version_registered", &version(model, v), json!({}));
        }
        Said::Trained { model, version: v } => {
            life.say("training.completed", MODELS[model], json!({ "produced_version": version(model, v) }));
        }
        Said::Validated { model, version: v, passed } => {
            let outcome = if passed { "passed" } else { "failed" };
            life.say("validation.completed", &version(model, v), json!({ "outcome": outcome }));
        }
        Said::Approved { model, version: v } => {
            life.approve(&version(model, v));
        }
        Said::Owned { model, role, person } => {
            life.say_by(PERSONS[person], "model.ownership_accepted", MODELS[model], json!({ "role": ROLES[role] }));
        }
        Said::Classified { model, class } => {
            let data = json!({ "framework": "eu-ai-act", "class": CLASSES[class] });
            life.say("model.classified", MODELS[model], data);
        }
        Said::Proposed { use_case, jurisdiction } => {
            let data = json!({ "problem": "Who?", "jurisdictions": [JURISDICTIONS[jurisdiction]] });
            life.say("usecase.proposed", USES[use_case], data);
        }
        Said::Linked { use_case, model } => {
            life.say("usecase.linked", USES[use_case], json!({ "model": MODELS[model], "role": "primary" }));
        }
        Said::Started { endpoint, model, version: v, environment, shadow } => {
            let exposure = if shadow { "shadow" } else { "live" };
            let data = json!({ "$occurred": occurred(life), "version": version(model, v), "exposure": exposure,
                "environment": ENVIRONMENTS[environment] });
            life.say("deployment.started", ENDPOINTS[endpoint], data);
        }
        Said::Stopped { endpoint, version: which } => {
            let mut data = json!({ "$occurred": occurred(life) });
            if let Some((model, v)) = which {
                data["version"] = version(model, v).into();
            }
            life.say("deployment.stopped", ENDPOINTS[endpoint], data);
        }
        Said::Upgraded { endpoint, model, version: v } => {
            let data = json!({ "$occurred": occurred(life), "to": version(model, v) });
            life.say("deployment.upgraded", ENDPOINTS[endpoint], data);
        }
        Said::Suspended { endpoint } => {
            let data = json!({ "$occurred": occurred(life), "reason": "It harms.", "scope": "endpoint" });
            life.say("deployment.suspended", ENDPOINTS[endpoint], data);
        }
        Said::Resumed { endpoint } => {
            let data = json!({ "$occurred": occurred(life), "rationale": "It does not." });
            life.say("deployment.resumed", ENDPOINTS[endpoint], data);
        }
        Said::Retired { model, version: which, reversed } => {
            let subject = which.map_or_else(|| MODELS[model].to_owned(), |v| version(model, v));
            match reversed {
                true => life.say("retirement.reversed", &subject, json!({ "reason": "It is needed." })),
                false => life.say("retirement.completed", &subject, json!({})),
            };
        }
        Said::Issue { model } => {
            life.say("issue.opened", MODELS[model], json!({ "title": "It drifts." }));
        }
        Said::Answered { which, reopened } => {
            let recorded = life.scene.recorded();
            let issues = recorded.iter().filter(|it| it.event.event_type() == "issue.opened").map(|it| it.index);
            let issues: Vec<u64> = issues.collect();
            if !issues.is_empty() {
                let index = issues[which % issues.len()];
                // Now and then about a model that it is not about, and so not for its signer to settle.
                let subject = match which % 5 {
                    0 => MODELS[0].to_owned(),
                    _ => recorded[index as usize].event.subject.to_string(),
                };
                match reopened {
                    true => life.answer("issue.reopened", &subject, index, json!({ "reason": "Again." })),
                    false => life.answer("issue.resolved", &subject, index, json!({ "resolution": "Done." })),
                };
            }
        }
        Said::Void { which } => {
            let known = life.scene.recorded().len();
            if known > 0 {
                let index = (which % known) as u64;
                // Now and then by somebody whose fact it is not.
                let signer = if which.is_multiple_of(7) { BO } else { CI };
                life.void_by(signer, index);
            }
        }
    }
}

/// Plain answers: everything that counts is gone through again, nothing is kept.
struct Oracle {
    /// What was said and counts, with where, by whom and when.
    counts: Vec<(u64, &'static str, String, v1::Source, probity_projection::Recorded)>,
}

/// A model as the oracle sees it.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    state: String,
    owners: BTreeSet<String>,
    class: Option<String>,
    environments: BTreeSet<String>,
    places: u64,
    jurisdictions: BTreeSet<String>,
    title: String,
    centre: Option<String>,
    issues: u64,
}

/// Endpoint → version, whether in the shadow, whether stopped; and the environment.
type Serving = BTreeMap<&'static str, (Vec<(String, bool, bool)>, String)>;

impl Oracle {
    fn of(life: &Life) -> Self {
        let recorded = life.scene.recorded();
        let mut void = BTreeSet::new();
        for it in recorded.iter().filter(|it| it.event.event_type() == "correction.recorded") {
            let target = recorded[..it.index as usize].iter().find(|other| Some(other.event.id) == it.event.regarding);
            let target = target.filter(|target| target.signer() == it.signer() && !target.event.info().is_act());
            // What answers an issue is not taken back: the issue is resolved or reopened instead.
            let answers = |event_type: &str| event_type.starts_with("issue.") && event_type != "issue.opened";
            let target = target.filter(|target| !answers(target.event.event_type()));
            void.extend(target.map(|target| target.index));
        }
        let standing = recorded.iter().filter(|it| !void.contains(&it.index)).map(|it| {
            (it.index, it.event.event_type(), it.event.subject.to_string(), v1::Source::default(), it.clone())
        });
        Self { counts: standing.collect() }
    }

    fn data(it: &probity_projection::Recorded) -> serde_json::Value {
        serde_json::to_value(&it.event).unwrap()
    }

    fn text(subject: &serde_json::Value) -> String {
        serde_json::from_value::<probity_schemas::Subject>(subject.clone()).unwrap().to_string()
    }

    fn serving(&self) -> Serving {
        let mut found = Serving::new();
        for endpoint in ENDPOINTS {
            let mut steps: Vec<_> = self.counts.iter().filter(|it| it.2 == endpoint).collect();
            steps.sort_by_key(|it| (it.4.sorted_at_ms(), it.0));
            let (mut shares, mut environment): (Vec<(String, bool, bool)>, String) = Default::default();
            for (_, event_type, _, _, recorded) in steps {
                let data = Self::data(recorded)["data"].clone();
                let model = |version: &str| version.split_once('@').unwrap().0.to_owned();
                match *event_type {
                    "deployment.started" => {
                        let (version, shadow) = (Self::text(&data["version"]), data["exposure"] == "shadow");
                        shares.retain(|(other, in_shadow, _)| {
                            let taken_over = !shadow && !in_shadow && model(other) == model(&version);
                            *other != version && !taken_over
                        });
                        shares.push((version, shadow, false));
                        data["environment"].as_str().unwrap().clone_into(&mut environment);
                    }
                    "deployment.stopped" if data["version"].is_null() => shares.clear(),
                    "deployment.stopped" => shares.retain(|share| share.0 != Self::text(&data["version"])),
                    "deployment.upgraded" => {
                        let to = Self::text(&data["to"]);
                        let gone: Vec<_> = shares.iter().filter(|share| !share.1).cloned().collect();
                        shares.retain(|share| share.1 && share.0 != to);
                        shares.push((to, false, !gone.is_empty() && gone.iter().all(|share| share.2)));
                    }
                    "deployment.suspended" => shares.iter_mut().for_each(|share| share.2 = true),
                    "deployment.resumed" => shares.iter_mut().for_each(|share| share.2 = false),
                    _ => {}
                }
            }
            shares.sort();
            found.insert(endpoint, (shares, environment));
        }
        found
    }

    fn of_subject<'a>(
        &'a self,
        subject: &'a str,
        event_type: &'a str,
    ) -> impl DoubleEndedIterator<Item = serde_json::Value> + 'a {
        let wanted = self.counts.iter().filter(move |it| it.2 == subject && it.1 == event_type);
        wanted.map(|it| Self::data(&it.4))
    }

    fn version_state(&self, version: &str, serving: &Serving) -> &'static str {
        let places: Vec<bool> =
            serving.values().flat_map(|it| &it.0).filter(|it| it.0 == version).map(|it| it.2).collect();
        let trained = self.counts.iter().any(|it| {
            it.1 == "training.completed" && Self::text(&Self::data(&it.4)["data"]["produced_version"]) == version
        });
        let retired = self.retired(version) || self.retired(version.split_once('@').unwrap().0);
        match () {
            () if retired && places.contains(&false) => "retired-still-serving",
            () if retired => "retired",
            () if places.contains(&false) => "live",
            () if !places.is_empty() => "suspended",
            // Of what was asked for in vain, or taken back, there is no approval.
            () if self.of_subject(version, "approval.requested").next().is_some() => "approved",
            () if self
                .of_subject(version, "validation.completed")
                .next_back()
                .is_some_and(|it| it["data"]["outcome"] == "passed") =>
            {
                "validated"
            }
            () if trained => "trained",
            () if self.of_subject(version, "model.version_registered").next().is_some() => "registered",
            () => "unregistered",
        }
    }

    fn retired(&self, subject: &str) -> bool {
        let marks = self.counts.iter().filter(|it| it.2 == subject && it.1.starts_with("retirement."));
        marks.last().is_some_and(|it| it.1 == "retirement.completed")
    }

    fn model(&self, model: &str) -> Seen {
        let serving = self.serving();
        let mut seen = Seen::default();
        let mut running = false;
        for (shares, environment) in serving.values() {
            for (_, _, stopped) in shares.iter().filter(|it| it.0.split_once('@').unwrap().0 == model) {
                seen.places += 1;
                running |= !stopped;
                seen.environments.extend((!environment.is_empty()).then(|| environment.clone()));
            }
        }
        let versions = || (0..3).map(|v| self.version_state(&format!("{model}@{v}"), &serving));
        let registration = self.of_subject(model, "model.registered").next_back();
        seen.state = match () {
            () if self.retired(model) && running => "retired-still-serving",
            () if self.retired(model) => "retired",
            () if running => "live",
            () if seen.places > 0 => "suspended",
            () if versions().any(|it| it == "approved") => "approved",
            () if versions().any(|it| it == "validated") => "validated",
            () if versions().any(|it| it == "trained") => "trained",
            () if registration.is_none() => "unregistered",
            () => "registered",
        }
        .to_owned();
        let mut owners = BTreeMap::new();
        for it in self.counts.iter().filter(|it| it.2 == model && it.1 == "model.ownership_accepted") {
            owners.insert(Self::data(&it.4)["data"]["role"].to_string(), it.4.signer());
        }
        seen.owners = owners.into_values().collect();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        seen.class = self.of_subject(model, "model.classified").next_back().map(|it| text(&it["data"]["class"]));
        if let Some(registration) = registration {
            seen.title = text(&registration["title"]);
            seen.centre = Some(text(&registration["attributes"]["centre"]));
        }
        for used in USES {
            let linked = self.of_subject(used, "usecase.linked").any(|it| Self::text(&it["data"]["model"]) == model);
            if let Some(proposal) = self.of_subject(used, "usecase.proposed").next_back().filter(|_| linked) {
                seen.jurisdictions.insert(text(&proposal["data"]["jurisdictions"][0]));
            }
        }
        for it in self.counts.iter().filter(|it| it.2 == model && it.1 == "issue.opened") {
            let id = it.4.event.id;
            let answers = self.counts.iter().filter(|other| other.4.event.regarding == Some(id));
            let answers = answers.filter(|other| other.1.starts_with("issue.") && other.2 == model);
            seen.issues += u64::from(answers.last().is_none_or(|other| other.1 == "issue.reopened"));
        }
        seen
    }
}

fn seen(model: &v1::Model, dossier: &v1::GetModelResponse) -> Seen {
    let attributes: serde_json::Value = serde_json::from_str(&dossier.attributes_json).unwrap_or_default();
    Seen {
        state: model.state.clone(),
        owners: model.owners.iter().map(|it| it.value.split_once(' ').unwrap().1.to_owned()).collect(),
        class: model.classes.first().map(|class| class.class.clone()),
        environments: model.environments.iter().cloned().collect(),
        places: model.endpoints,
        jurisdictions: model.jurisdictions.iter().cloned().collect(),
        title: model.title.clone(),
        centre: attributes["centre"].as_str().map(str::to_owned),
        issues: model.open_issues,
    }
}

/// Whether what the view says of every model and endpoint is what the oracle finds.
fn compare(life: &Life) -> Result<BTreeMap<String, Seen>, TestCaseError> {
    let oracle = Oracle::of(life);
    let mut found = BTreeMap::new();
    let everything = query::models(life.scene.view(), &Filter::default(), &life.scope, &all()).unwrap().items;
    for model in &everything {
        let expected = oracle.model(&model.subject);
        prop_assert_eq!(&seen(model, &life.dossier(&model.subject)), &expected, "{}", &model.subject);
        found.insert(model.subject.clone(), expected);
    }
    for model in MODELS.iter().filter(|model| !found.contains_key(**model)) {
        let expected = Seen { state: "unregistered".to_owned(), ..Seen::default() };
        prop_assert_eq!(&oracle.model(model), &expected, "nothing is known of {}", model);
    }
    let serving = oracle.serving();
    let deployments = life.deployments("");
    for (endpoint, (shares, _)) in &serving {
        let told =
            deployments.iter().find(|it| it.endpoint == *endpoint).map(|it| it.shares.clone()).unwrap_or_default();
        let mut told: Vec<_> = told.into_iter().map(|it| (it.version, it.exposure == "shadow", it.suspended)).collect();
        told.sort();
        prop_assert_eq!(&told, shares, "at {}", endpoint);
    }
    for model in found.keys() {
        for version in query::versions(life.scene.view(), model, "", &life.scope, &all()).unwrap().items {
            prop_assert_eq!(
                version.state.as_str(),
                oracle.version_state(&version.subject, &serving),
                "{}",
                version.subject
            );
        }
    }
    Ok(found)
}

/// Lists by each filter, and two filters together, and counts.
fn lists(life: &Life, models: &BTreeMap<String, Seen>) -> Result<(), TestCaseError> {
    type Has = Box<dyn Fn(&Seen) -> bool>;
    let mut filters: Vec<(InventoryFilter, Has)> = Vec::new();
    let mut add = |filter: InventoryFilter, has: Has| filters.push((filter, has));
    for state in probity_domain::lifecycle::State::ALL.iter().map(|state| state.as_str()) {
        add(InventoryFilter { state: state.into(), ..Default::default() }, Box::new(move |it| it.state == state));
    }
    for owner in PERSONS {
        add(
            InventoryFilter { owner: owner.into(), ..Default::default() },
            Box::new(move |it| it.owners.contains(owner)),
        );
    }
    for class in CLASSES {
        add(
            InventoryFilter { class: class.into(), ..Default::default() },
            Box::new(move |it| it.class.as_deref() == Some(class)),
        );
    }
    for of in ENVIRONMENTS {
        add(
            InventoryFilter { environment: of.into(), ..Default::default() },
            Box::new(move |it| it.environments.contains(of)),
        );
    }
    for of in JURISDICTIONS {
        add(
            InventoryFilter { jurisdiction: of.into(), ..Default::default() },
            Box::new(move |it| it.jurisdictions.contains(of)),
        );
    }
    for centre in ["C1", "C2"] {
        let attribute = format!("centre={centre}");
        add(
            InventoryFilter { attribute, ..Default::default() },
            Box::new(move |it| it.centre.as_deref() == Some(centre)),
        );
    }
    add(
        InventoryFilter { text: "loan".into(), ..Default::default() },
        Box::new(|it| it.title.to_lowercase().contains("loan")),
    );
    for (number, (filter, has)) in filters.iter().enumerate() {
        let expected: Vec<String> = models.iter().filter(|(_, it)| has(it)).map(|(name, _)| name.clone()).collect();
        prop_assert_eq!(life.found(filter.clone()), expected.clone(), "by {:?}", filter);
        let paged = Filter::of(filter.clone()).unwrap();
        let pages = in_pages(1, |page| query::models(life.scene.view(), &paged, &life.scope, page));
        prop_assert_eq!(pages.into_iter().map(|it| it.subject).collect::<Vec<_>>(), expected, "paged by {:?}", filter);
        // With the next property that is of another kind.
        let (other, has_too) = &filters[(number + 9) % filters.len()];
        let pick = |one: &String, two: &String| if one.is_empty() { two.clone() } else { one.clone() };
        let clash = [(&filter.state, &other.state), (&filter.owner, &other.owner), (&filter.class, &other.class)];
        let clash = clash.iter().any(|(one, two)| !one.is_empty() && !two.is_empty());
        let same = |one: &String, two: &String| !one.is_empty() && !two.is_empty();
        let clash = clash
            || same(&filter.environment, &other.environment)
            || same(&filter.jurisdiction, &other.jurisdiction)
            || same(&filter.attribute, &other.attribute);
        if !clash {
            let both = InventoryFilter {
                namespace: "credit/*".into(),
                state: pick(&filter.state, &other.state),
                class: pick(&filter.class, &other.class),
                owner: pick(&filter.owner, &other.owner),
                jurisdiction: pick(&filter.jurisdiction, &other.jurisdiction),
                environment: pick(&filter.environment, &other.environment),
                text: pick(&filter.text, &other.text),
                supplier: String::new(),
                attribute: pick(&filter.attribute, &other.attribute),
            };
            let fitting =
                models.iter().filter(|(name, it)| name.starts_with("model:credit/") && has(it) && has_too(it));
            let expected: Vec<String> = fitting.map(|(name, _)| name.clone()).collect();
            prop_assert_eq!(life.found(both.clone()), expected, "by {:?}", both);
        }
    }
    let counted = |values: &dyn Fn(&Seen) -> Vec<String>| -> Vec<(String, u64)> {
        let mut sums = BTreeMap::new();
        for value in models.values().flat_map(values) {
            *sums.entry(value).or_insert(0) += 1;
        }
        sums.into_iter().collect()
    };
    prop_assert_eq!(life.counts("model", "state"), counted(&|it| vec![it.state.clone()]));
    prop_assert_eq!(life.counts("model", "owner"), counted(&|it| it.owners.iter().cloned().collect()));
    prop_assert_eq!(life.counts("model", "class"), counted(&|it| it.class.iter().cloned().collect()));
    prop_assert_eq!(life.counts("model", "environment"), counted(&|it| it.environments.iter().cloned().collect()));
    prop_assert_eq!(life.counts("model", "jurisdiction"), counted(&|it| it.jurisdictions.iter().cloned().collect()));
    prop_assert_eq!(life.counts("model", "attribute:centre"), counted(&|it| it.centre.iter().cloned().collect()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_the_view_says_after_every_statement_is_what_the_statements_say(
        history in proptest::collection::vec((said(), proptest::option::weighted(0.3, 0..60_u64)), 1..60),
    ) {
        let mut life = Life::new();
        for (said, day) in &history {
            tell(&mut life, said, *day);
            compare(&life)?;
        }
        let models = compare(&life)?;
        lists(&life, &models)?;
        let digest = life.scene.view().digest().unwrap();
        for together in BTreeSet::from([1, 7, life.scene.recorded().len().max(1)]) {
            prop_assert_eq!(life.scene.fold_again(together).digest().unwrap(), digest, "in groups of {}", together);
        }
    }
}
