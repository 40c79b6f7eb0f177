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
    conditions(view, asker, &mut items)?;
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
        let involved = version.said.whole().involved.iter().any(|hand| hand.person == *asker.identity);
        let signed = request.request.grants.iter().any(|grant| grant.signatories.persons.contains(asker.identity));
        let asked = missing.iter().any(|role| roles.iter().any(|held| held == role.as_str()));
        if involved || request.actors.contains(&me) || signed || !asked {
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
        let may = asker.roles_about(&emergency.subject).iter().any(|role| role == "approver" || role == "risk-officer");
        if may && emergency.signer != me {
            let control = &emergency.exception.control;
            items.push(v1::InboxItem {
                kind: "emergency".to_owned(),
                task: format!("sign the emergency about {control} a second time: {}", emergency.reason),
                subject: emergency.subject,
                id: emergency.id,
                index,
                due_ms: Some(emergency.at_ms + SECOND_SIGNATURE_MAX_WAIT_MS),
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
        let may =
            asker.roles_about(&pending.subject).iter().any(|role| role == "administrator" || role == "compliance");
        if may && pending.signer != me {
            items.push(v1::InboxItem {
                kind: "confirmation".to_owned(),
                task: format!("confirm {}", pending.event_type),
                subject: pending.subject,
                id: pending.id,
                index,
                due_ms: Some(until_ms),
                ..v1::InboxItem::default()
            });
        }
    }
    Ok(())
}

/// Open conditions of approvals of what the person owns.
fn conditions(view: &View, asker: &Asker<'_>, items: &mut Vec<v1::InboxItem>) -> Result<(), QueryError> {
    let everything = Scope::Everything;
    for pair in view.scan_after(&OWNED.key().text(&asker.name()), None).take(MAX_ITEMS) {
        let (key, _) = pair?;
        let mut parts = probity_projection::Parts::of(&key);
        let (_, model) = (parts.text(), parts.text().unwrap_or_default());
        let wanted = crate::query::Wanted {
            question: Some(crate::Question::ConditionOverdue),
            subject: model.to_owned(),
            at_ms: u64::MAX,
            ..crate::query::Wanted::default()
        };
        let page = Page { size: MAX_ITEMS, after: None };
        for found in crate::query::deficiencies(view, &wanted, &everything, &page)?.items {
            items.push(v1::InboxItem {
                kind: "condition".to_owned(),
                task: found.reason,
                subject: found.subject,
                index: found.indices.first().copied().unwrap_or_default(),
                due_ms: Some(found.since_ms),
                ..v1::InboxItem::default()
            });
        }
    }
    Ok(())
}
