//! From records to the messages of answers.

use probity_projection::{Stated, View};
use probity_proto::v1;
use probity_query::{Citation, QueryError, Scope};

use crate::records::datasets::DatasetRecord;
use crate::records::endpoints::EndpointRecord;
use crate::records::models::{Class, DependencyRecord, ModelRecord};
use crate::records::monitors::MonitorRecord;
use crate::records::open_items::{HandOff, OpenItemRecord};
use crate::records::uses::{USES, UseCaseRecord};
use crate::records::values::{KpiRecord, ValueRecord};
use crate::records::versions::{Decision, VersionRecord};

pub(crate) fn model(view: &View, subject: &str, record: &ModelRecord, scope: &Scope) -> Result<v1::Model, QueryError> {
    // What it is used for elsewhere is not for everyone who sees the model.
    let uses = || record.current_uses().filter(|used| scope.covers_subject(&used.use_case));
    let mut jurisdictions = Vec::new();
    for used in uses() {
        let use_case = view.record(&USES, &USES.key().text(&used.use_case))?;
        let proposal = use_case.and_then(|use_case| use_case.proposals.into_iter().next_back());
        jurisdictions.extend(proposal.into_iter().flat_map(|proposal| proposal.jurisdictions));
    }
    jurisdictions.sort_unstable();
    jurisdictions.dedup();
    let registration = record.registration();
    Ok(v1::Model {
        subject: subject.to_owned(),
        title: registration.map(|entry| entry.title.clone()).unwrap_or_default(),
        kind: registration.map(|entry| entry.kind.clone()).unwrap_or_default(),
        state: record.state().to_string(),
        purpose: registration.map(|entry| entry.purpose.clone()).unwrap_or_default(),
        owners: record.holders().map(|owner| owner.stated.fact(format!("{} {}", owner.role, owner.person))).collect(),
        classes: record.current_classes().map(Into::into).collect(),
        supplier: registration.map(|entry| entry.supplier.clone()).unwrap_or_default(),
        origin_platform: registration.map(|entry| entry.origin_platform.clone()).unwrap_or_default(),
        use_cases: uses().map(|used| used.use_case.clone()).collect(),
        jurisdictions,
        environments: record.environments.keys().filter(|name| !name.is_empty()).cloned().collect(),
        versions: record.version_count,
        endpoints: record.running + record.suspended,
        open_issues: record.open_issues,
        open_incidents: record.open_incidents,
        open_findings: record.open_findings,
        last_activity_ms: record.last_activity_ms,
        indices: record.indices(),
    })
}

pub(crate) fn version(subject: &str, record: &VersionRecord, model_is_retired: bool) -> v1::Version {
    let content = record.registrations.last();
    let component = |(role, what): &(String, String)| v1::Component { role: role.clone(), what: what.clone() };
    v1::Version {
        subject: subject.to_owned(),
        state: record.state(model_is_retired).to_string(),
        digests: content.map(|content| content.digests.clone()).unwrap_or_default(),
        reference: content.map(|content| content.reference.clone()).unwrap_or_default(),
        pinned: content.is_some_and(|content| content.pinned),
        components: content.map(|content| content.components.iter().map(component).collect()).unwrap_or_default(),
        parents: content.map(|content| content.parents.clone()).unwrap_or_default(),
        code: content.map(|content| content.code.clone()).unwrap_or_default(),
        datasets: record.trainings.last().map(|(_, datasets)| datasets.clone()).unwrap_or_default(),
        validation: record.validations.last().map(|found| found.stated.fact(found.outcome.clone())),
        approvals: record.approvals.iter().rev().map(approval).collect(),
        endpoints: record.places.iter().map(|(endpoint, _)| endpoint.clone()).collect(),
        last_activity_ms: record.last_activity_ms,
        indices: record.indices(),
        conflicting_digests: record.conflicting_digests(),
    }
}

fn approval(decision: &Decision) -> v1::Approval {
    v1::Approval {
        gate: decision.gate.clone(),
        state: decision.state.clone(),
        expires_at_ms: decision.expires_at_ms,
        source: Some(decision.stated.source()),
    }
}

pub(crate) fn use_case(subject: &str, record: &UseCaseRecord) -> v1::UseCase {
    let proposal = record.proposals.last();
    let fact = |value: &str, stated: &Stated| (!value.is_empty()).then(|| stated.fact(value));
    v1::UseCase {
        subject: subject.to_owned(),
        title: proposal.map(|entry| entry.title.clone()).unwrap_or_default(),
        state: record.state().to_owned(),
        problem: proposal.map(|entry| entry.problem.clone()).unwrap_or_default(),
        decision_type: proposal.map(|entry| entry.decision_type.clone()).unwrap_or_default(),
        population: proposal.map(|entry| entry.population.clone()).unwrap_or_default(),
        jurisdictions: proposal.map(|entry| entry.jurisdictions.clone()).unwrap_or_default(),
        owner: proposal.and_then(|entry| fact(&entry.owner, &entry.stated)),
        sponsor: proposal.and_then(|entry| fact(&entry.sponsor, &entry.stated)),
        models: record
            .current_models()
            .map(|linked| v1::LinkedModel {
                model: linked.model.clone(),
                role: linked.role.clone(),
                index: linked.index,
            })
            .collect(),
        assessments: record
            .current_assessments()
            .map(|(kind, outcome, stated)| stated.fact(format!("{kind} {outcome}").trim_end()))
            .collect(),
        classes: record.current_classes().map(Into::into).collect(),
        last_activity_ms: record.last_activity_ms,
        indices: record.indices(),
    }
}

pub(crate) fn dataset(subject: &str, record: &DatasetRecord) -> v1::Dataset {
    let last = record.registrations.last().cloned();
    let state = record.state().to_owned();
    let (last_activity_ms, indices) = (record.last_activity_ms, record.indices());
    let mut dataset =
        v1::Dataset { subject: subject.to_owned(), state, last_activity_ms, indices, ..v1::Dataset::default() };
    if let Some(last) = last {
        dataset.title = last.title;
        dataset.kind = last.kind;
        dataset.digest = last.digest;
        dataset.source = last.source;
        dataset.license = last.license;
        dataset.personal_data = last.personal_data;
        dataset.derived_from = last.derived_from;
    }
    dataset
}

pub(crate) fn deployment(endpoint: &str, record: &EndpointRecord) -> v1::Deployment {
    let serving = record.serving();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let share = |share: &probity_domain::serving::Share| v1::Share {
        version: share.version.clone(),
        digest: text(&share.digest),
        exposure: share.exposure.clone(),
        percent: share.percent,
        segment: text(&share.segment),
        suspended: share.suspended,
        unresumed: share.unresumed,
        since: record.sources.iter().find(|stated| stated.index == share.index).map(Citation::source),
    };
    v1::Deployment {
        endpoint: endpoint.to_owned(),
        state: serving.state().to_owned(),
        environment: text(&serving.environment),
        region: text(&serving.region),
        serving: text(&serving.serving),
        use_case: text(&serving.use_case),
        shares: serving.shares.iter().map(share).collect(),
        champion: text(&serving.champion),
        log_sink: text(&serving.log_sink),
        indices: serving.indices.clone(),
    }
}

pub(crate) fn dependency(index: u64, record: DependencyRecord) -> v1::Dependency {
    v1::Dependency { direction: record.direction, kind: record.kind, what: record.what, index }
}

pub(crate) fn monitor(subject: &str, name: &str, record: &MonitorRecord) -> v1::Monitor {
    let mut indices: Vec<u64> = record.configured.into_iter().chain([record.index]).collect();
    indices.dedup();
    v1::Monitor {
        subject: subject.to_owned(),
        name: name.to_owned(),
        state: record.state.clone(),
        family: record.family.clone(),
        metric: record.metric.clone(),
        threshold: record.threshold.clone(),
        value: record.value,
        unit: record.unit.clone(),
        last_report_ms: record.last_report_ms,
        indices,
    }
}

pub(crate) fn problem(record: &OpenItemRecord) -> v1::Problem {
    let hand_off = |hand_off: &HandOff| v1::HandOff {
        team: hand_off.team.clone(),
        assignee: hand_off.assignee.clone(),
        ticket: hand_off.ticket.clone(),
        due_ms: hand_off.due_ms,
        index: hand_off.index,
    };
    let class = |(regime, reportable, class, index): &(String, String, String, u64)| v1::Classification {
        framework: regime.clone(),
        class: class.clone(),
        basis: format!("reportable: {reportable}"),
        source: Some(v1::Source { index: *index, ..v1::Source::default() }),
        ..v1::Classification::default()
    };
    v1::Problem {
        kind: record.kind.clone(),
        id: record.id.clone(),
        subject: record.subject.clone(),
        title: record.title.clone(),
        severity: record.severity.clone(),
        state: record.state.clone(),
        hand_offs: record.hand_offs.iter().map(hand_off).collect(),
        root_cause: record.root_cause.clone(),
        classes: record.regimes.iter().map(class).collect(),
        indices: record.indices.clone(),
        opened: record.opened.map(|(earliest_ms, latest_ms)| v1::Occurred { earliest_ms, latest_ms }),
    }
}

pub(crate) fn value(subject: &str, record: &ValueRecord) -> v1::Value {
    let sums = |sums: &std::collections::BTreeMap<String, f64>| {
        sums.iter().map(|(currency, amount)| v1::Money { amount: *amount, currency: currency.clone() }).collect()
    };
    let kpi = |kpi: &KpiRecord| v1::Kpi {
        name: kpi.name.clone(),
        unit: kpi.unit.clone(),
        baseline: kpi.baseline,
        target: kpi.target,
        value: kpi.value.map(|(value, _)| value),
    };
    v1::Value {
        subject: subject.to_owned(),
        value: sums(&record.value),
        cost: sums(&record.cost),
        kpis: record.kpis.iter().map(kpi).collect(),
        verdict: record.reviews.last().map(|(verdict, stated)| stated.fact(verdict.clone())),
        indices: record.indices.clone(),
    }
}

impl From<&Class> for v1::Classification {
    fn from(class: &Class) -> Self {
        Self {
            framework: class.framework.clone(),
            class: class.class.clone(),
            basis: class.basis.clone(),
            use_case: class.use_case.clone(),
            regulatory_role: class.regulatory_role.clone(),
            expires_at_ms: class.expires_at_ms,
            source: Some(class.stated.source()),
        }
    }
}
