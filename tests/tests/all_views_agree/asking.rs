//! What each of them says, and whether it is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::scene::world::*;
use probity_admission::{Refusal, RuleViolation};
use probity_audit::AuditProjector;
use probity_compliance::{ComplianceProjector, Question};
use probity_domain::ids::model_of;
use probity_domain::signed::is_dated_ahead;
use probity_domain::{EndpointId, Lapse, Purpose};
use probity_inventory::InventoryProjector;
use probity_lineage::LineageProjector;
use probity_projection::testing::Scene;
use probity_projection::{Recorded, View};
use probity_proto::v1;
use probity_query::{Page, QueryError, Scope};
use probity_schemas::deployment::DeploymentEvent;
use probity_schemas::{Data, Subject};
use serde_json::Value;

use crate::history::{Move, authorization};

pub(crate) const MODEL: &str = "model:credit/pd";
pub(crate) const VERSIONS: [&str; 3] = ["model:credit/pd@1", "model:credit/pd@2", "model:credit/pd@3"];
pub(crate) const PLACES: [&str; 3] = ["endpoint:credit/eu", "endpoint:credit/us", "endpoint:sandbox/x"];
pub(crate) const USES: [&str; 2] = ["usecase:credit/loans", "usecase:credit/cards"];
pub(crate) const DATASETS: [&str; 3] = ["dataset:credit/loans", "dataset:credit/cards", "dataset:sandbox/x"];

/// All views of one history.
#[derive(Default)]
pub(crate) struct Views {
    /// What audit said before: of which place, at which moment, as known by when, and what.
    pub(crate) said: Vec<(&'static str, u64, u64, Vec<v1::Served>)>,
    pub(crate) inventory: Scene<InventoryProjector>,
    pub(crate) audit: Scene<AuditProjector>,
    pub(crate) compliance: Scene<ComplianceProjector>,
    pub(crate) lineage: Scene<LineageProjector>,
    folded: usize,
}

impl Views {
    /// Folds what was recorded since.
    pub(crate) fn follow(&mut self, world: &World) {
        for (place, (statement, event, recorded_at)) in world.door.log.iter().enumerate().skip(self.folded) {
            let recorded = Recorded::new(place as u64, *recorded_at, statement.clone(), event.clone());
            self.inventory.fold(recorded.clone());
            self.audit.fold(recorded.clone());
            self.compliance.fold(recorded.clone());
            self.lineage.fold(recorded);
        }
        self.folded = world.door.log.len();
    }
}

pub(crate) fn all() -> Page {
    Page { size: 10_000, after: None }
}

/// What is found, or nothing of a subject that nothing is recorded about.
pub(crate) fn known<T: Default>(answer: Result<T, QueryError>) -> T {
    match answer {
        Ok(found) => found,
        Err(QueryError::UnknownSubject { .. } | QueryError::NotFound { .. }) => T::default(),
        Err(error) => panic!("{error}"),
    }
}

/// A version that serves somewhere: which, which bytes, how, and whether it is stopped in an emergency.
type Served = (String, String, String, bool);

/// What the inventory says.
pub(crate) struct Inventory<'v>(pub(crate) &'v View);

impl Inventory<'_> {
    pub(crate) fn places(&self) -> BTreeMap<String, v1::Deployment> {
        let filter = probity_inventory::query::Filter::default();
        let found = probity_inventory::query::deployments(self.0, &filter, "", &Scope::Everything, &all()).unwrap();
        found.items.into_iter().map(|place| (place.endpoint.clone(), place)).collect()
    }

    pub(crate) fn versions(&self) -> BTreeMap<String, v1::Version> {
        let found = probity_inventory::query::versions(self.0, MODEL, "", &Scope::Everything, &all()).unwrap();
        found.items.into_iter().map(|version| (version.subject.clone(), version)).collect()
    }

    pub(crate) fn model(&self) -> v1::Model {
        let named = [MODEL.to_owned()];
        let found = probity_inventory::query::models_named(self.0, &named, &Scope::Everything, &all()).unwrap();
        found.items.into_iter().next().unwrap()
    }

    pub(crate) fn datasets(&self) -> BTreeMap<String, v1::Dataset> {
        let filter = probity_inventory::query::Filter::default();
        let found = probity_inventory::query::datasets(self.0, &filter, &Scope::Everything, &all()).unwrap();
        found.items.into_iter().map(|dataset| (dataset.subject.clone(), dataset)).collect()
    }

    /// The ids of open incidents.
    pub(crate) fn incidents(&self, subject: &str) -> BTreeSet<String> {
        let asked = probity_inventory::query::Problems {
            subject: subject.to_owned(),
            kind: "incident".to_owned(),
            open: Some(true),
            ..Default::default()
        };
        let found = known(
            probity_inventory::query::problems(self.0, &asked, &Scope::Everything, &all()).map(|page| page.items),
        );
        found.into_iter().map(|problem| problem.id).collect()
    }
}

/// What lineage says of a version: whether it is retired, and where it runs.
pub(crate) fn lineage(view: &View, version: &str) -> Option<v1::Affected> {
    let request = v1::GetImpactRequest { node: version.to_owned(), ..v1::GetImpactRequest::default() };
    let found = probity_lineage::impact(view, &Scope::Everything, &request, &all());
    let found = known(found.map(|(page, _)| page.items));
    found.into_iter().find(|affected| affected.version == version)
}

pub(crate) fn lineage_node(view: &View, name: &str) -> Option<v1::LineageNode> {
    let (node, direction) = (name.to_owned(), "downstream".to_owned());
    let request = v1::WalkRequest { node, direction, ..v1::WalkRequest::default() };
    let found = probity_lineage::walk(view, &Scope::Everything, &request);
    known(found.map(|walk| walk.nodes)).into_iter().find(|node| node.name == name)
}

/// What audit says serves at a place.
pub(crate) fn audit(view: &View, place: &str, at_ms: u64, known_by: Option<u64>) -> Vec<v1::Served> {
    let place: Subject = place.parse().unwrap();
    known(probity_audit::serving::at(view, &Scope::Everything, &place, at_ms, known_by))
}

pub(crate) fn found(view: &View, subject: &str, at_ms: u64, over: bool) -> Vec<v1::Deficiency> {
    use probity_compliance::query::{Wanted, deficiencies};
    let wanted = Wanted { subject: subject.to_owned(), at_ms, over, ..Wanted::default() };
    known(deficiencies(view, &wanted, &Scope::Everything, &all()).map(|page| page.items))
}

pub(crate) fn of(found: &[v1::Deficiency], question: Question) -> impl Iterator<Item = &v1::Deficiency> {
    found.iter().filter(move |deficiency| deficiency.question == question.name())
}

pub(crate) fn standings(view: &View, subject: &str, at_ms: u64) -> Vec<v1::ApprovalStanding> {
    known(probity_compliance::query::approvals(view, subject, &Scope::Everything, at_ms))
}

/// Whether the door lets a version through, and if it comes to a gate and does not, why.
pub(crate) fn at_the_door(world: &World, asked: Value) -> Option<Option<(String, Lapse)>> {
    match world.door.clone().say(DEPLOYER, asked) {
        Ok(_) => Some(None),
        Err(Refusal::RuleViolation(broken)) => match *broken {
            RuleViolation::GateClosed { gate, lapse, .. } => Some(Some((gate.to_string(), lapse))),
            _ => None,
        },
        Err(other) => panic!("{other}"),
    }
}

/// Where two of them say different things.
#[derive(Default)]
pub(crate) struct Disagreements(pub(crate) Vec<String>);

impl Disagreements {
    /// What two of them say of one thing.
    pub(crate) fn hold<T: PartialEq + Debug>(&mut self, one: T, other: T, what: impl FnOnce() -> String) {
        if one != other {
            self.0.push(format!("{}: {one:?} and {other:?}", what()));
        }
    }

    pub(crate) fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }
}

/// Everything that two of them know is asked of both.
pub(crate) fn all_agree(world: &World, views: &Views, told: &mut Disagreements) {
    let now_ms = ms(world.door.time);
    let inventory = Inventory(views.inventory.view());
    let (compliance, lineage_view) = (views.compliance.view(), views.lineage.view());
    let places = inventory.places();
    let everything = found(compliance, "", now_ms, false);

    // What serves where.
    for place in PLACES {
        let shares = places.get(place).map(|place| place.shares.clone()).unwrap_or_default();
        let served = |version: &str, digest: &str, exposure: &str, suspended| {
            (version.to_owned(), digest.to_owned(), exposure.to_owned(), suspended)
        };
        let listed: Vec<Served> = shares
            .iter()
            .map(|share| served(&share.version, &share.digest, &share.exposure, share.suspended))
            .collect();
        let audited = audit(views.audit.view(), place, now_ms, None);
        let audited: Vec<Served> = audited
            .iter()
            .map(|share| served(&share.version, &share.digest, &share.exposure, share.suspended))
            .collect();
        told.hold(&listed, &audited, || format!("inventory and audit: what serves at {}", place));
        let running: BTreeSet<&str> =
            shares.iter().filter(|share| !share.suspended).map(|share| share.version.as_str()).collect();
        let judged = standings(compliance, place, now_ms);
        let judged: BTreeSet<&str> = judged.iter().map(|standing| standing.version.as_str()).collect();
        told.hold(&running, &judged, || format!("inventory and compliance: what answers at {}", place));
        let unresumed = shares.iter().any(|share| share.unresumed.is_some());
        let questioned = of(&everything, Question::ServingUnresumed).any(|it| it.subject == place);
        told.hold(unresumed, questioned, || format!("inventory and compliance: what nobody resumed at {}", place));
    }

    // As of what was known before, audit says what it said.
    for (place, at_ms, known_by, served) in &views.said {
        let again = audit(views.audit.view(), place, *at_ms, Some(*known_by));
        told.hold(served, &again, || format!("audit before and now: what served at {place}"));
    }

    // What was wrong at a moment was wrong with something that served then.
    for before in [0, 1, 4] {
        let at_ms = now_ms - before * ms(DAY);
        for it in found(compliance, "", at_ms, false) {
            let serves = [Question::LiveWithoutApproval, Question::RetiredStillServing, Question::ServingUnresumed];
            if !serves.iter().any(|question| question.name() == it.question) {
                continue;
            }
            // What was seen there may have got a name since.
            let runs = |at_ms| {
                let served = audit(views.audit.view(), &it.subject, at_ms, None);
                served.into_iter().find(|share| [&it.about, ""].contains(&share.version.as_str()) && !share.suspended)
            };
            told.must(runs(at_ms).is_some(), || format!("it did not serve {before} days ago: {it:?}"));
            told.must(runs(it.since_ms).is_some(), || format!("it did not serve since then: {it:?}"));
            // It begins with the last of its causes.
            let earlier = it.since_ms.saturating_sub(1);
            let where_to = |share: v1::Served| (share.exposure, share.environment, share.use_case, share.digest);
            let alike = runs(earlier).map(where_to) == runs(it.since_ms).map(where_to);
            let was_certain =
                runs(earlier).is_some_and(|share| share.certainty == "certain" && share.version == it.about);
            // A gate that came into force is a cause as well.
            let gate = world.door.log.iter().any(|(_, event, at)| {
                ms(*at) == it.since_ms && ["policy.published", "authority.confirmed"].contains(&event.event_type())
            });
            if it.question != Question::LiveWithoutApproval.name() || !alike || !was_certain || gate {
                continue;
            }
            // Of the place as it is now, or of the version by itself.
            let passed =
                [standings(compliance, &it.subject, earlier), standings(compliance, &it.about, earlier)].concat();
            let passed =
                passed.iter().any(|standing| standing.version == it.about && standing.standing.starts_with("valid"));
            let another = found(compliance, &it.subject, earlier, false);
            let another = another.iter().any(|other| other.question == it.question && other.about == it.about);
            told.must(passed || another, || format!("its causes held before: {it:?}"));
        }
    }

    // How far versions are, and where they run.
    let versions = inventory.versions();
    let model = inventory.model();
    for version in VERSIONS {
        let state = versions.get(version).map(|version| version.state.clone()).unwrap_or_default();
        let runs_at: BTreeSet<String> = places
            .values()
            .filter(|place| place.shares.iter().any(|share| share.version == version && !share.suspended))
            .map(|place| place.endpoint.clone())
            .collect();
        let in_lineage = lineage(lineage_view, version);
        let retired = state.starts_with("retired");
        told.hold(!runs_at.is_empty(), ["live", "retired-still-serving"].contains(&&*state), || {
            format!("{} is {}", version, state)
        });
        if let Some(in_lineage) = &in_lineage {
            told.hold(retired, in_lineage.retired, || {
                format!("inventory and lineage: whether {} is retired ({})", version, state)
            });
            let runs: BTreeSet<String> = in_lineage.endpoints.iter().cloned().collect();
            // Lineage follows bytes: what runs under no name, or another one, and has its digest is it.
            let digests = versions.get(version).cloned().unwrap_or_default();
            let digests = [digests.digests, digests.conflicting_digests].concat();
            let has_its_bytes = |share: &v1::Share| !share.suspended && digests.contains(&share.digest);
            let by_bytes = places.values().filter(|place| place.shares.iter().any(has_its_bytes));
            let runs_at: BTreeSet<String> =
                runs_at.iter().cloned().chain(by_bytes.map(|place| place.endpoint.clone())).collect();
            told.hold(&runs_at, &runs, || format!("inventory and lineage: where {} runs", version));
        }
        let still: BTreeSet<&str> = of(&everything, Question::RetiredStillServing)
            .filter(|it| it.about == version)
            .map(|it| it.subject.as_str())
            .collect();
        let expected: BTreeSet<&str> =
            runs_at.iter().map(String::as_str).filter(|_| state == "retired-still-serving").collect();
        told.hold(expected, still, || {
            format!("inventory and compliance: where {} serves though it is retired", version)
        });
        // An approval holds of nothing that is retired, and of nothing that was never approved.
        let holds = standings(compliance, version, now_ms).iter().any(|standing| standing.standing == "valid");
        let approved = ["approved", "suspended", "live"].contains(&&*state);
        told.must(!holds || approved, || format!("{version} is {state}, and an approval of it holds"));
    }
    for version in VERSIONS {
        let Some(state) = versions.get(version).map(|version| version.state.clone()) else { continue };
        let words = [
            "no approval of it was requested",
            "signatures are missing",
            "it was rejected",
            "the approval was revoked",
        ];
        let never = |standing: &v1::ApprovalStanding| words.iter().any(|word| standing.standing.starts_with(word));
        let all_never = standings(compliance, version, now_ms).iter().all(never);
        told.must(state != "approved" || !all_never, || {
            format!("approved, though none: {version} {:?}", standings(compliance, version, now_ms))
        });
    }
    let whole_retired = model.state.starts_with("retired");
    if let Some(node) = lineage_node(lineage_view, MODEL) {
        told.hold(whole_retired, node.withdrawn, || "inventory and lineage: whether the model is retired".to_owned());
    }
    for dataset in DATASETS {
        let listed = inventory.datasets().get(dataset).is_some_and(|dataset| dataset.state == "withdrawn");
        let node = lineage_node(lineage_view, dataset).is_some_and(|node| node.withdrawn);
        told.hold(listed, node, || format!("inventory and lineage: whether {} is withdrawn", dataset));
    }

    // What is wrong with an endpoint is wrong with what serves there.
    for deficiency in &everything {
        let mut subjects = vec![deficiency.subject.clone()];
        if deficiency.subject.starts_with("endpoint:credit/") && deficiency.about.starts_with("model:") {
            subjects.extend([deficiency.about.clone(), model_of(&deficiency.about).to_owned()]);
            subjects.extend(places.get(&deficiency.subject).map(|place| place.use_case.clone()));
        }
        for subject in subjects.iter().filter(|subject| subject.contains(":credit/")) {
            let of_it = found(compliance, subject, now_ms, false);
            told.must(of_it.contains(deficiency), || format!("of {subject} it is not told: {deficiency:?}"));
        }
    }
    for subject in [MODEL].iter().chain(&VERSIONS).chain(&PLACES).chain(&USES) {
        for deficiency in found(compliance, subject, now_ms, false) {
            told.must(everything.contains(&deficiency), || format!("of {subject} alone it is told: {deficiency:?}"));
        }
    }
    let counted = probity_compliance::query::counts(compliance, None, &Scope::Everything, now_ms).unwrap();
    for question in counted.questions {
        let listed = everything.iter().filter(|it| it.question == question.name).count() as u64;
        told.hold(question.count, listed, || format!("how many {}", question.name));
    }

    // What is open.
    for subject in ["", MODEL].iter().chain(&PLACES).chain(&USES) {
        let listed = inventory.incidents(subject);
        let mut at: BTreeSet<String> =
            of(&found(compliance, subject, now_ms, false), Question::IncidentOpen).map(|it| it.about.clone()).collect();
        let clocks = probity_compliance::query::incidents(compliance, None, true, &Scope::Everything, now_ms, &all());
        let clocks: BTreeSet<String> = clocks.unwrap().items.into_iter().map(|clock| clock.id).collect();
        at.retain(|id| clocks.contains(id));
        told.hold(listed, at, || format!("inventory and compliance: open incidents of {:?}", subject));
    }
    let findings = of(&found(compliance, MODEL, now_ms, false), Question::FindingOpen).count() as u64;
    told.hold(model.open_findings, findings, || "inventory and compliance: open findings of the model".to_owned());
    let incidents = of(&found(compliance, MODEL, now_ms, false), Question::IncidentOpen).count() as u64;
    told.hold(model.open_incidents, incidents, || "inventory and compliance: open incidents of the model".to_owned());

    // What is dated ahead.
    for (index, (_, event, recorded_at)) in world.door.log.iter().enumerate() {
        let ahead = event.occurred.is_some_and(|at| is_dated_ahead(at.earliest().as_ms(), ms(*recorded_at)));
        let asked = of(&everything, Question::DatedAhead).any(|it| it.indices == [index as u64]);
        let entered = probity_audit::timeline::event(views.audit.view(), &Scope::Everything, index as u64).unwrap();
        let void =
            entered.event.is_some_and(|event| event.corrections.iter().any(|correction| correction.kind == "voids"));
        told.hold(ahead && !void, asked, || format!("whether statement {} is dated ahead", index));
    }
}

/// The gates let through at the door what compliance lets through.
pub(crate) fn gates_agree(world: &World, views: &Views, told: &mut Disagreements) {
    let endpoint = EndpointId::parse("endpoint:credit/eu").unwrap();
    for later in [0, 6, 30] {
        let mut world = world.clone();
        world.pass(later * DAY);
        for (which, one, two) in (0..3).flat_map(|v| (0..2).flat_map(move |e| (0..2).map(move |u| (v, e, u)))) {
            let asked = authorization(&Move { what: 32, who: 0, which, one, two, later, when: 9 });
            let event = world.door.event(asked.clone());
            let Data::Deployment(DeploymentEvent::Authorized(authorized)) = &event.data else { unreachable!() };
            let Some(expected) = at_the_door(&world, asked) else { continue };
            let purpose = Purpose::of(authorized).unwrap();
            let verdict =
                probity_compliance::query::check(views.compliance.view(), &endpoint, &purpose, ms(world.door.time));
            let found = verdict.unwrap().err().map(|(gate, denial)| (gate.to_string(), denial.lapse));
            told.hold(found, expected, || format!("compliance and the door: {purpose:?}, {later} days later"));
        }
    }
}
