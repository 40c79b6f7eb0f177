//! What is called by a name that a person wrote.

use probity_projection::View;
use probity_proto::v1;
use probity_query::{QueryError, Scope};
use probity_schemas::{Subject, SubjectKind};

use crate::layout::SUBJECTS;

fn invalid(reason: impl ToString) -> QueryError {
    QueryError::Invalid { field: "name", reason: reason.to_string() }
}

/// The subjects that a name can mean: itself, or one of each kind where it has none in front.
///
/// # Errors
/// It is the name of nothing.
pub(crate) fn meant(name: &str) -> Result<Vec<Subject>, QueryError> {
    if name.contains(':') {
        return Ok(vec![name.parse().map_err(invalid)?]);
    }
    let of_kind = |kind: &SubjectKind| format!("{}:{name}", kind.as_str()).parse::<Subject>();
    let meant: Vec<Subject> = SubjectKind::ALL.iter().filter_map(|kind| of_kind(kind).ok()).collect();
    match meant.is_empty() {
        true => Err(invalid(format!("{name:?} is no name such as credit/pd or model:credit/pd@3"))),
        false => Ok(meant),
    }
}

/// Those that statements are about, or the nearest.
pub(crate) fn subjects(view: &View, scope: &Scope, meant: &[Subject]) -> Result<v1::FindSubjectsResponse, QueryError> {
    let names: Vec<String> = meant.iter().map(ToString::to_string).collect();
    // All are in one namespace, but that of a kind that has none of its own.
    for name in &names {
        scope.must_cover(name)?;
    }
    let mut found = v1::FindSubjectsResponse::default();
    for name in &names {
        if SUBJECTS.has(view, name)? {
            found.subjects.push(name.clone());
        }
    }
    if !found.subjects.is_empty() {
        return Ok(found);
    }
    let seen = |name: &str| scope.covers_subject(name);
    for name in &names {
        if let Some(nearest) = SUBJECTS.nearest(view, name, seen)? {
            found.nearest = nearest;
            break;
        }
    }
    Ok(found)
}
