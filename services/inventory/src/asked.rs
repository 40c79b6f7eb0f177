//! What may be asked for: a word or a name that is none is refused, so that a slip is never answered
//! with nothing.

use probity_domain::ids::model_of;
use probity_domain::lifecycle::State;
use probity_projection::{Parts, Subjects, View};
use probity_proto::v1;
use probity_query::{QueryError, Scope, one_of, unknown};
use probity_schemas::{NamespacePattern, nearest};

use crate::facets::{COUNTS, namespace_of};
use crate::records::models::MODELS;
use crate::records::uses::USES;
use crate::records::versions::version_key;

/// The subjects that statements are about.
pub(crate) const SUBJECTS: Subjects = Subjects::new(40);

/// The states of use cases.
pub(crate) const USE_CASE_STATES: &[&str] = &["proposed", "accepted", "declined", "retired", "unregistered"];
/// The states of datasets.
pub(crate) const DATASET_STATES: &[&str] = &["registered", "withdrawn", "unregistered"];
/// The states of endpoints.
pub(crate) const ENDPOINT_STATES: &[&str] = &["running", "suspended", "stopped", "observed", "requested"];
/// The states of monitors.
pub(crate) const MONITOR_STATES: &[&str] = &["ok", "breached", "silent", "configured"];
const PROBLEM_STATES: &[&str] = &["open", "closed"];
const PROBLEM_KINDS: &[&str] = &["issue", "incident"];
const TEAMS: &[&str] = &["data", "it", "devops", "data-science", "compliance"];
const ENVIRONMENTS: &[&str] = &["development", "test", "staging", "production"];
/// What is counted, and by what.
const COUNTED: [(&str, &[&str]); 4] = [
    ("model", &["namespace", "state", "kind", "environment", "owner", "supplier", "jurisdiction", "class"]),
    ("usecase", &["namespace", "state", "owner", "jurisdiction", "class"]),
    ("dataset", &["namespace", "state"]),
    ("endpoint", &["namespace", "state", "environment", "region", "use_case"]),
];
/// Properties that are read to find the nearest, at most.
const COMPARED: usize = 10_000;

/// The states of models and versions.
pub(crate) fn states() -> impl Iterator<Item = &'static str> + Clone {
    State::ALL.iter().map(|state| state.as_str())
}

/// Makes sure that the words of a filter are such as there are.
///
/// # Errors
/// One is not.
pub(crate) fn filter(
    filter: &v1::InventoryFilter,
    states: impl Iterator<Item = &'static str> + Clone,
) -> Result<(), QueryError> {
    one_of("filter.state", &filter.state, states)?;
    one_of("filter.environment", &filter.environment, ENVIRONMENTS.iter().copied())
}

/// The same for the production map.
///
/// # Errors
/// One is not.
pub(crate) fn deployments(request: &v1::ListDeploymentsRequest) -> Result<(), QueryError> {
    one_of("state", &request.state, ENDPOINT_STATES.iter().copied())?;
    one_of("environment", &request.environment, ENVIRONMENTS.iter().copied())
}

/// The same for issues and incidents.
///
/// # Errors
/// One is not.
pub(crate) fn problems(request: &v1::ListProblemsRequest) -> Result<(), QueryError> {
    one_of("state", &request.state, PROBLEM_STATES.iter().copied())?;
    one_of("kind", &request.kind, PROBLEM_KINDS.iter().copied())?;
    one_of("team", &request.team, TEAMS.iter().copied())
}

/// Whether a subject is within what was asked for and may be seen.
pub(crate) fn within(subject: &str, namespace: Option<&NamespacePattern>, scope: &Scope) -> bool {
    let asked = namespace.is_none_or(|pattern| namespace_of(subject).parse().is_ok_and(|found| pattern.covers(&found)));
    asked && scope.covers_subject(subject)
}

/// Makes sure that a subject is named by some statement, and that it may be seen. An empty one is
/// none.
///
/// # Errors
/// It is not, or may not be seen.
pub(crate) fn known(view: &View, subject: &str, scope: &Scope) -> Result<(), QueryError> {
    scope.must_cover(subject)?;
    if subject.is_empty() || SUBJECTS.has(view, subject)? {
        return Ok(());
    }
    // What others name without being about it.
    let (whole, version) = (model_of(subject), subject.contains('@'));
    let named = match version {
        true => view.contains(&version_key(subject))?,
        false => view.contains(&MODELS.key().text(whole))? || view.contains(&USES.key().text(subject))?,
    };
    if named {
        return Ok(());
    }
    Err(unknown_subject(view, subject, scope)?)
}

/// The refusal of a subject that no statement is about.
///
/// # Errors
/// The view could not be read.
pub(crate) fn unknown_subject(view: &View, subject: &str, scope: &Scope) -> Result<QueryError, QueryError> {
    let nearest = SUBJECTS.nearest(view, subject, |name| scope.covers_subject(name))?;
    Ok(QueryError::UnknownSubject { what: subject.to_owned(), nearest })
}

/// Makes sure that there is such a kind, and that things of it can be counted by a property.
///
/// # Errors
/// There is none, or they cannot.
pub(crate) fn counted(view: &View, kind: &str, property: &str, scope: &Scope) -> Result<(), QueryError> {
    let kinds = COUNTED.iter().map(|(kind, _)| *kind);
    let Some((_, properties)) = COUNTED.iter().find(|(known, _)| *known == kind) else {
        return Err(unknown("kind", kind, kinds));
    };
    let family = match property.split_once(':') {
        Some((family @ ("class" | "attribute"), name)) if !name.is_empty() => family,
        _ if properties.contains(&property) => return Ok(()),
        _ => {
            let also = ["class:FRAMEWORK", "attribute:NAME"];
            return Err(unknown("by", property, properties.iter().copied().chain(also)));
        }
    };
    // Frameworks and fields of one's own are whatever statements call them.
    let beginning = format!("{family}:");
    let there_are = by_family(view, kind, &beginning, scope)?;
    let own = |property: &str| property.strip_prefix(&beginning).unwrap_or_default().to_owned();
    let names: Vec<String> = there_are.iter().map(|property| own(property)).collect();
    let asked = own(property);
    match names.contains(&asked) || nearest(&asked, names.iter().map(String::as_str)).is_none() {
        true => Ok(()),
        false => Err(unknown("by", property, there_are.iter().map(String::as_str))),
    }
}

/// The properties that begin so and that something in sight has.
fn by_family(view: &View, kind: &str, beginning: &str, scope: &Scope) -> Result<Vec<String>, QueryError> {
    let prefix = COUNTS.key().text(kind).beginning(beginning);
    let mut found: Vec<String> = Vec::new();
    for pair in view.scan_after(&prefix, None).take(COMPARED) {
        let (key, _) = pair?;
        let mut parts = Parts::of(&key);
        let (_, property, namespace) =
            (parts.text(), parts.text().unwrap_or_default(), parts.text().unwrap_or_default());
        let seen = within(&format!("{kind}:{namespace}/x"), None, scope);
        if seen && found.last().is_none_or(|last| last != property) {
            found.push(property.to_owned());
        }
    }
    Ok(found)
}
