//! What waits for a person: what names them, and what their roles let them answer.

use probity_domain::authority::CONFIRMATION_MAX_WAIT_MS;
use probity_domain::exceptions::SECOND_SIGNATURE_MAX_WAIT_MS;
use probity_domain::ids::model_of;
use probity_projection::View;
use probity_proto::v1;
use probity_query::{Access, Page, QueryError, Scope};
use probity_schemas::{Identity, Namespace, Subject};

use crate::records::approvals::{
    EXCEPTIONS, LAST_APPROVED, OPEN_REQUESTS, REQUESTS, UNSIGNED, exception_key, request_key,
};
use crate::records::authority::PENDING;
use crate::records::items::{FINDINGS, ISSUES, REVIEWS, WAITING, waiting_index};
use crate::records::proposals::PROPOSALS;
use crate::records::subjects::{OWNED, VALIDATIONS, VERSIONS};

/// Items in an inbox, at most; of each kind the newest.
const MAX_ITEMS: usize = 500;

/// Who asks for their inbox, and when.
#[derive(Debug)]
pub struct Asker<'a> {
    /// Whose inbox it is.
    pub identity: &'a Identity,
    /// What says which roles they hold.
    pub access: &'a dyn Access,
    /// The moment, in Unix milliseconds.
    pub at_ms: u64,
}

impl Asker<'_> {
    fn name(&self) -> String {
        self.identity.to_string()
    }

    fn roles(&self, namespace: &Namespace) -> Vec<String> {
        self.access.roles(self.identity, namespace, self.at_ms / 1_000)
    }

    /// The roles in which the person may record events of a type about a subject.
    fn roles_for(&self, event_type: &str, subject: &str) -> Vec<String> {
        let roles =
            |subject: Subject| self.access.roles_for(self.identity, event_type, &subject.namespace, self.at_ms / 1_000);
        subject.parse().map(roles).unwrap_or_default()
    }

    fn roles_about(&self, subject: &str) -> Vec<String> {
        subject.parse::<Subject>().map(|subject| self.roles(&subject.namespace)).unwrap_or_default()
    }
}

/// What waits for someone, the most urgent first: what has a due time before what has none, then the oldest.
///
/// # Errors
/// The view could not be read.
pub fn items(view: &View, asker: &Asker<'_>, scope: &Scope) -> Result<Vec<v1::InboxItem>, QueryError> {
    let mut items = named(view, asker)?;
    requests(view, asker, &mut items)?;
    emergencies(view, asker, &mut items)?;
    confirmations(view, asker, &mut items)?;
    proposals(view, asker, &mut items)?;
    owned(view, asker, &mut items)?;
    items.retain(|item| scope.covers_subject(&item.subject) || item.subject.starts_with("identity:"));
    items.sort_by_key(|item| (item.due_ms.unwrap_or(u64::MAX), item.index));
    Ok(items)
}

/// The indices under a prefix, the newest first.
fn newest<'a>(view: &'a View, prefix: &probity_projection::Key) -> impl Iterator<Item = Result<u64, QueryError>> + 'a {
    let pairs = view.scan_before(prefix, None).take(MAX_ITEMS);
    pairs.map(|pair| Ok(pair?.0.last_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()))
}

/// What names the person.
fn named(view: &View, asker: &Asker<'_>) -> Result<Vec<v1::InboxItem>, QueryError> {
    let mut items = Vec::new();
    for pair in view.scan_before(&WAITING.key().text(&asker.name()), None).take(MAX_ITEMS) {
        let (key, value) = pair?;
        let (Some(index), kind) = (waiting_index(&key), WAITING.decode(&value)?) else { continue };
        let item = |subject: String, task: String, id: String, due_ms: Option<u64>| v1::InboxItem {
            kind: kind.clone(),
            subject,
            task,
            id,
            index,
            due_ms,
            why: "it names you".to_owned(),
            ..v1::InboxItem::default()
        };
        items.push(match kind.as_str() {
            "finding" => {
                let finding = view.record(&FINDINGS, &FINDINGS.key().number(index))?.unwrap_or_default();
                let task = format!("answer the finding: {} ({})", finding.title, finding.severity);
                item(finding.subject, task, finding.id, finding.due_ms)
            }
            "review" => {
                let review = view.record(&REVIEWS, &REVIEWS.key().number(index))?.unwrap_or_default();
                let task = format!("review it {}", review.scope).trim_end().to_owned();
                item(review.subject, task, review.id, Some(review.due_ms))
            }
            "issue" => {
                let issue = view.record(&ISSUES, &ISSUES.key().number(index))?.unwrap_or_default();
                item(issue.subject, format!("resolve the issue: {}", issue.title), issue.id, issue.due_ms)
            }
            _ => {
                let asked = view.record(&VALIDATIONS, &VALIDATIONS.key().number(index))?.unwrap_or_default();
                item(asked.0, "validate it".to_owned(), asked.1, None)
            }
        });
    }
    Ok(items)
}

/// Requests for approval that lack a signature by one of the person's roles, and that the person had no hand in.
fn requests(view: &View, asker: &Asker<'_>, items: &mut Vec<v1::InboxItem>) -> Result<(), QueryError> {
    let me = asker.name();
    for index in newest(view, &OPEN_REQUESTS.key()) {
        let index = index?;
        let Some(request) = view.record(&REQUESTS, &request_key(index))?.flatten() else { continue };
        let roles = asker.roles_about(&request.version);
        let missing = request.missing();
        let version = view.record(&VERSIONS, &VERSIONS.key().text(&request.version))?.unwrap_or_default();
        let involved = version.said.involved.iter().any(|hand| hand.person == *asker.identity);
        let signed = request.request.grants.iter().any(|grant| grant.signatories.persons.contains(asker.identity));
        let held = |role: &&String| missing.iter().any(|missing| missing.as_str() == role.as_str());
        let roles: Vec<String> = roles.iter().filter(held).cloned().collect();
        if involved || request.actors.contains(&me) || signed || roles.is_empty() {
            continue;
        }
        let last = view.record(&LAST_APPROVED, &LAST_APPROVED.key().text(&me).text(model_of(&request.version)))?;
        let places = request.places();
        let signatures = match places.saturating_sub(missing.len() as u32) {
            0 => String::new(),
            given => format!(", {given} of {places} signatures are there"),
        };
        items.push(v1::InboxItem {
            kind: "approval".to_owned(),
            task: format!("approve or reject it at gate {}{signatures}", request.request.gate),
            subject: request.version,
            id: request.id.to_string(),
            index,
            due_ms: None,
            last_approved: last.map(|(version, _)| version).unwrap_or_default(),
            evidence: request.evidence.iter().map(ToString::to_string).collect(),
            why: as_role(&roles),
            roles,
        });
    }
    Ok(())
}

/// Emergencies that wait for a second signature.
fn emergencies(view: &View, asker: &Asker<'_>, items: &mut Vec<v1::InboxItem>) -> Result<(), QueryError> {
    let me = asker.name();
    for index in newest(view, &UNSIGNED.key()) {
        let index = index?;
        let Some(emergency) = view.record(&EXCEPTIONS, &exception_key(index))?.flatten() else { continue };
        let roles = asker.roles_for("exception.granted", &emergency.subject);
        if !roles.is_empty() && emergency.signer != me {
            let control = &emergency.exception.control;
            items.push(v1::InboxItem {
                kind: "emergency".to_owned(),
                task: format!("sign the emergency about {control} a second time: {}", emergency.reason),
                subject: emergency.subject,
                id: emergency.id,
                index,
                due_ms: Some(emergency.at_ms + SECOND_SIGNATURE_MAX_WAIT_MS),
                why: as_role(&roles),
                roles,
                ..v1::InboxItem::default()
            });
        }
    }
    Ok(())
}

/// Enrolments, roles and policies that wait for a second person's yes.
fn confirmations(view: &View, asker: &Asker<'_>, items: &mut Vec<v1::InboxItem>) -> Result<(), QueryError> {
    let me = asker.name();
    for index in newest(view, &PENDING.key()) {
        let index = index?;
        let pending = view.record(&PENDING, &PENDING.key().number(index))?.unwrap_or_default();
        let until_ms = pending.at_ms + CONFIRMATION_MAX_WAIT_MS;
        // Ordered by index, and so by time: what follows is older still.
        if until_ms <= asker.at_ms {
            break;
        }
        let roles = asker.roles_for("authority.confirmed", &pending.subject);
        if !roles.is_empty() && pending.signer != me {
            items.push(v1::InboxItem {
                kind: "confirmation".to_owned(),
                task: format!("confirm {}", pending.event_type),
                subject: pending.subject,
                id: pending.id,
                index,
                due_ms: Some(until_ms),
                why: as_role(&roles),
                roles,
                ..v1::InboxItem::default()
            });
        }
    }
    Ok(())
}

/// In which role something waits, in words.
fn as_role(roles: &[String]) -> String {
    format!("as {}", roles.join(", "))
}

/// Use cases and retirements that wait for a decision.
fn proposals(view: &View, asker: &Asker<'_>, items: &mut Vec<v1::InboxItem>) -> Result<(), QueryError> {
    let me = asker.name();
    for pair in view.scan_after(&PROPOSALS.key(), None).take(MAX_ITEMS) {
        let (key, value) = pair?;
        let mut parts = probity_projection::Parts::of(&key);
        let (subject, index) = (parts.text().unwrap_or_default(), parts.number().unwrap_or_default());
        let proposal = PROPOSALS.decode(&value)?;
        let roles = asker.roles_for(&proposal.decided_by, subject);
        // Whoever proposed it does not decide it.
        if roles.is_empty() || proposal.persons.contains(&me) {
            continue;
        }
        let task = match proposal.decided_by.as_str() {
            "usecase.accepted" => "accept or decline the use case",
            _ => "approve the retirement",
        };
        items.push(v1::InboxItem {
            kind: "proposal".to_owned(),
            subject: subject.to_owned(),
            task: format!("{task}: {}", proposal.text),
            id: proposal.id,
            index,
            why: as_role(&roles),
            roles,
            ..v1::InboxItem::default()
        });
    }
    Ok(())
}

/// Open conditions and open incidents of what the person owns.
fn owned(view: &View, asker: &Asker<'_>, items: &mut Vec<v1::InboxItem>) -> Result<(), QueryError> {
    let everything = Scope::Everything;
    for pair in view.scan_after(&OWNED.key().text(&asker.name()), None).take(MAX_ITEMS) {
        let (key, _) = pair?;
        let mut parts = probity_projection::Parts::of(&key);
        let (_, model) = (parts.text(), parts.text().unwrap_or_default());
        // A condition is told of before it is overdue, an incident while it is open.
        let asked = [
            ("condition", crate::Question::ConditionOverdue, u64::MAX),
            ("incident", crate::Question::IncidentOpen, asker.at_ms),
        ];
        for (kind, question, at_ms) in asked {
            let wanted = crate::query::Wanted {
                question: Some(question),
                subject: model.to_owned(),
                at_ms,
                ..crate::query::Wanted::default()
            };
            let page = Page { size: MAX_ITEMS, after: None };
            for found in crate::query::deficiencies(view, &wanted, &everything, &page)?.items {
                items.push(v1::InboxItem {
                    kind: kind.to_owned(),
                    task: found.reason,
                    subject: found.subject,
                    index: found.indices.first().copied().unwrap_or_default(),
                    due_ms: Some(found.since_ms).filter(|_| kind == "condition"),
                    why: format!("as owner of {model}"),
                    ..v1::InboxItem::default()
                });
            }
        }
    }
    Ok(())
}
