//! Which subjects statements are about, so that nothing found is told from nothing known.

use probity_projection::{Subjects, View};
use probity_query::{QueryError, Scope};
use probity_schemas::Subject;

use crate::records::byte;
use crate::records::deficiencies::DEFICIENCIES_OF;

pub(crate) const SUBJECTS: Subjects = Subjects::new(byte::SUBJECTS);

/// Makes sure that statements are about a subject, and that it may be seen.
///
/// # Errors
/// It is not written as one, nothing is recorded about it, or it may not be seen.
pub(crate) fn known(view: &View, subject: &str, scope: &Scope) -> Result<(), QueryError> {
    let invalid = |error| QueryError::Invalid { field: "subject", reason: format!("{subject:?}: {error}") };
    subject.parse::<Subject>().map_err(invalid)?;
    scope.must_cover(subject)?;
    // What serves may be named by nobody else.
    let of_versions = format!("{subject}@");
    let found = [DEFICIENCIES_OF.key().text(subject), DEFICIENCIES_OF.key().beginning(&of_versions)];
    if SUBJECTS.has(view, subject)? || found.iter().any(|prefix| view.scan_after(prefix, None).next().is_some()) {
        return Ok(());
    }
    let nearest = SUBJECTS.nearest(view, subject, |name| scope.covers_subject(name))?;
    Err(QueryError::UnknownSubject { what: subject.to_owned(), nearest })
}
