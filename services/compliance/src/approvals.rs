//! Requests for approval, the signatures given to them, and plans that cover what is made within their bounds.

use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_schemas::approval::{ApprovalEvent, Before, Granted, Requested};
use probity_schemas::plan::PlanEvent;
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::word;
use probity_schemas::{Namespace, NamespacePattern};
use serde::{Deserialize, Serialize};

use crate::catalogue::{
    DOCUMENTS, GATES, IDS, LAST_APPROVED, OPEN_REQUESTS, PLANS, PLANS_OF, REQUESTS, SEEN, SIGNED_WITH,
};
use crate::judging;
use crate::subjects;

/// `approval.requested`, and what was answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) gate: String,
    pub(crate) digests: Vec<String>,
    /// Everyone behind it.
    pub(crate) actors: Vec<String>,
    pub(crate) evidence: Vec<String>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) rejected: Option<u64>,
    /// The policy that was in force: its subject, and where it was published.
    pub(crate) policy: Option<(String, u64)>,
    /// Roles, and how many persons of each.
    pub(crate) wanted: Vec<(String, u32)>,
    pub(crate) environments: Vec<String>,
    pub(crate) index: u64,
}

/// `approval.granted`: one signature of perhaps several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) on_behalf_of: String,
    pub(crate) kid: String,
    pub(crate) meaning: String,
    pub(crate) digests: Vec<String>,
    pub(crate) uses: Vec<String>,
    pub(crate) environments: Vec<String>,
    pub(crate) max_traffic_percent: Option<f64>,
    pub(crate) evidence_seen: Vec<String>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) expires_at_ms: Option<u64>,
    /// Where it was revoked, and from which moment on.
    pub(crate) revoked: Option<(u64, u64)>,
    pub(crate) at_ms: u64,
    /// What of its evidence did not exist yet.
    pub(crate) premature: Vec<(String, Option<u64>)>,
    pub(crate) stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Condition {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) due_ms: Option<u64>,
    pub(crate) before_deployment: bool,
    pub(crate) met: Option<u64>,
}

/// `plan.proposed`, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) expires_at_ms: u64,
    pub(crate) approved: Option<(u64, u64)>,
    pub(crate) revoked: Option<(u64, u64)>,
}

impl Grant {
    /// Who it counts for: a delegate and whom they sign for are one person.
    pub(crate) fn person(&self) -> &str {
        if self.on_behalf_of.is_empty() { &self.stated.signer } else { &self.on_behalf_of }
    }
}

impl Request {
    /// How many persons have to sign.
    pub(crate) fn persons(&self) -> usize {
        self.wanted.iter().map(|(_, persons)| *persons as usize).sum::<usize>().max(1)
    }

    fn is_settled(&self) -> bool {
        let mut persons: Vec<&str> = self.grants.iter().map(Grant::person).collect();
        persons.sort_unstable();
        persons.dedup();
        self.rejected.is_some() || persons.len() >= self.persons()
    }
}

/// A gate policy and where it came into force.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gate {
    pub(crate) subject: String,
    pub(crate) index: u64,
    namespaces: Vec<NamespacePattern>,
    pub(crate) environments: Vec<String>,
    /// Roles, and how many persons of each.
    wanted: Vec<(String, u32)>,
}

/// The gate's policy for models of a namespace, of those published before `index`: the one that names the namespace most
/// closely, of those the newest.
pub(crate) fn gate(
    batch: &Batch<'_>,
    gate: &str,
    namespace: &Namespace,
    index: u64,
) -> Result<Option<Gate>, ProjectionError> {
    let published = batch.read(&GATES, &GATES.key().text(gate))?.unwrap_or_default();
    let before = |gate: &&Gate| gate.index < index;
    // A later policy of the same name takes an earlier one's place.
    let replaced = |gate: &Gate| {
        published.iter().any(|other| other.subject == gate.subject && other.index > gate.index && other.index < index)
    };
    let standing = published.iter().filter(before).filter(|gate| !replaced(gate));
    let fitting =
        standing.filter_map(|gate| Some((NamespacePattern::closeness(&gate.namespaces, namespace)?, gate.index, gate)));
    Ok(fitting.max_by_key(|(closeness, at, _)| (*closeness, *at)).map(|(_, _, gate)| gate.clone()))
}

/// Takes in a policy; whether it is one of gates, which can bind what serves already.
pub(crate) fn publish(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    event: &PolicyEvent,
) -> Result<bool, ProjectionError> {
    let PolicyEvent::Published(published) = event;
    let Published::Gate(policy) = published.as_ref() else { return Ok(false) };
    let subject = &recorded.event.subject;
    let gate = Gate {
        subject: subject.without_version().to_string(),
        index: recorded.index,
        namespaces: policy.namespaces.iter().cloned().collect(),
        environments: policy.environments.iter().map(word).collect(),
        wanted: policy.signatures.iter().map(|wanted| (wanted.role.to_string(), wanted.persons)).collect(),
    };
    batch.record(&GATES, GATES.key().text(subject.name.as_str()))?.push(gate);
    Ok(true)
}

/// Takes in what is said of an approval; the versions that have to be judged again.
pub(crate) fn fold(batch: &mut Batch<'_>, recorded: &Recorded, event: &ApprovalEvent) -> Result<(), ProjectionError> {
    let version = recorded.event.subject.to_string();
    match event {
        ApprovalEvent::Requested(requested) => request(batch, recorded, requested)?,
        ApprovalEvent::Granted(granted) => grant(batch, recorded, granted)?,
        ApprovalEvent::Rejected(_) => answer(batch, recorded, |request| request.rejected = Some(recorded.index))?,
        ApprovalEvent::ConditionMet(met) => change_grant(batch, recorded, |grant| {
            let named = grant.conditions.iter_mut().filter(|condition| condition.id == met.condition.as_str());
            named.for_each(|condition| condition.met = Some(recorded.index));
        })?,
        ApprovalEvent::Revoked(revoked) => change_grant(batch, recorded, |grant| {
            let from = revoked.effective.map_or_else(|| recorded.sorted_at_ms(), |at| at.as_ms());
            grant.revoked = Some((recorded.index, from));
        })?,
        ApprovalEvent::RecordedElsewhere(elsewhere) => {
            IDS.remember(batch, recorded)?;
            subjects::change(batch, &version, |state| {
                state.elsewhere = Some((recorded.index, elsewhere.approved_at.map(|at| at.as_ms())));
            })?;
        }
    }
    judging::version(batch, &version)
}

fn request(batch: &mut Batch<'_>, recorded: &Recorded, requested: &Requested) -> Result<(), ProjectionError> {
    let (event, index) = (&recorded.event, recorded.index);
    let policy = gate(batch, requested.gate.as_str(), &event.subject.namespace, index)?;
    let policy = policy.unwrap_or_default();
    let actors = subjects::actors(batch, recorded)?;
    let request = Request {
        id: event.id.to_string(),
        version: event.subject.to_string(),
        gate: requested.gate.to_string(),
        digests: requested.digests.iter().map(ToString::to_string).collect(),
        actors,
        evidence: event.evidence.iter().map(|evidence| evidence.digest.to_string()).collect(),
        grants: Vec::new(),
        rejected: None,
        wanted: policy.wanted,
        environments: policy.environments,
        policy: (!policy.subject.is_empty()).then_some((policy.subject, policy.index)),
        index,
    };
    let (version, makers) = (request.version.clone(), request.actors.clone());
    batch.put(&REQUESTS, REQUESTS.key().number(index), request);
    batch.put(&OPEN_REQUESTS, OPEN_REQUESTS.key().number(index), ());
    subjects::change(batch, &version, |state| {
        state.requests.push(index);
        state.involve(&makers, index);
    })
}

fn grant(batch: &mut Batch<'_>, recorded: &Recorded, granted: &Granted) -> Result<(), ProjectionError> {
    let event = &recorded.event;
    let at_ms = recorded.sorted_at_ms();
    let mut premature = Vec::new();
    for digest in &granted.evidence_seen {
        match batch.read(&DOCUMENTS, &DOCUMENTS.key().text(&digest.to_string()))? {
            None => premature.push((digest.to_string(), None)),
            Some((index, Some((earliest, _)))) if earliest > at_ms => {
                premature.push((digest.to_string(), Some(index)));
            }
            Some(_) => {}
        }
    }
    let kid = recorded.statement.kid().to_string();
    let conditions = granted.conditions.iter().map(|condition| Condition {
        id: condition.id.to_string(),
        text: condition.text.to_string(),
        due_ms: condition.due.map(|due| due.as_ms()),
        before_deployment: condition.before == Some(Before::Deployment),
        met: None,
    });
    let grant = Grant {
        id: event.id.to_string(),
        on_behalf_of: event.on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default(),
        kid: kid.clone(),
        meaning: granted.meaning.to_string(),
        digests: granted.digests.iter().map(ToString::to_string).collect(),
        uses: granted.scope.uses.iter().map(ToString::to_string).collect(),
        environments: granted.scope.environments.iter().map(word).collect(),
        max_traffic_percent: granted.scope.max_traffic_percent.map(|percent| percent.get()),
        evidence_seen: granted.evidence_seen.iter().map(ToString::to_string).collect(),
        conditions: conditions.collect(),
        expires_at_ms: granted.expires_at.map(|at| at.as_ms()),
        revoked: None,
        at_ms,
        premature,
        stated: Stated::of(recorded),
    };
    let Some(opener) = IDS.regarded(batch, recorded)?.filter(|it| it.event_type == "approval.requested") else {
        return Ok(());
    };
    for digest in &grant.evidence_seen {
        batch.put(&SEEN, SEEN.key().text(digest).number(opener.index), ());
    }
    batch.put(&SIGNED_WITH, SIGNED_WITH.key().text(&kid).number(opener.index), ());
    let model = probity_domain::ids::model_of(&opener.subject);
    let key = LAST_APPROVED.key().text(grant.person()).text(model);
    batch.put(&LAST_APPROVED, key, (opener.subject.clone(), recorded.index));
    IDS.remember(batch, recorded)?;
    answer(batch, recorded, |request| request.grants.push(grant))
}

/// Changes the request that an event answers, and takes it off the list when nothing more is waited for.
fn answer(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    change: impl FnOnce(&mut Request),
) -> Result<(), ProjectionError> {
    let opener = IDS.regarded(batch, recorded)?.filter(|it| it.event_type == "approval.requested");
    let Some(opener) = opener else { return Ok(()) };
    let request = batch.record(&REQUESTS, REQUESTS.key().number(opener.index))?;
    change(request);
    if request.is_settled() {
        batch.remove(OPEN_REQUESTS.key().number(opener.index));
    }
    Ok(())
}

fn change_grant(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    change: impl FnOnce(&mut Grant),
) -> Result<(), ProjectionError> {
    let Some(id) = recorded.event.regarding.map(|id| id.to_string()) else { return Ok(()) };
    let requests = batch.read(&crate::catalogue::VERSIONS, &subjects::key(&recorded.event.subject.to_string()))?;
    for index in requests.unwrap_or_default().requests {
        let request = batch.record(&REQUESTS, REQUESTS.key().number(index))?;
        if let Some(grant) = request.grants.iter_mut().find(|grant| grant.id == id) {
            change(grant);
            return Ok(());
        }
    }
    Ok(())
}

/// Takes in what is said of a plan.
pub(crate) fn plan(batch: &mut Batch<'_>, recorded: &Recorded, event: &PlanEvent) -> Result<(), ProjectionError> {
    let model = probity_domain::ids::model_of(&recorded.event.subject.to_string()).to_owned();
    let at = (recorded.index, recorded.sorted_at_ms());
    if let PlanEvent::Proposed(proposed) = event {
        let plan = Plan { expires_at_ms: proposed.expires_at.as_ms(), ..Plan::default() };
        batch.put(&PLANS, PLANS.key().number(recorded.index), plan);
        batch.put(&PLANS_OF, PLANS_OF.key().text(&model).number(recorded.index), ());
        return Ok(());
    }
    let Some(opener) = IDS.regarded(batch, recorded)?.filter(|it| it.event_type == "plan.proposed") else {
        return Ok(());
    };
    // One that is void was none.
    if !batch.contains(&PLANS.key().number(opener.index))? {
        return Ok(());
    }
    let plan = batch.record(&PLANS, PLANS.key().number(opener.index))?;
    match event {
        PlanEvent::Approved(_) => plan.approved = Some(at),
        PlanEvent::Revoked(_) => plan.revoked = Some(at),
        PlanEvent::Proposed(_) => {}
    }
    judging::endpoints_of(batch, &model)
}
