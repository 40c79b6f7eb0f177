//! What a later edition does to an event that an earlier one led to.

use probity_schemas::TypeInfo;

use super::error::{MappingError, MappingProblem};
use super::raw::{RawChanged, RawGone};

/// What is recorded when the file says otherwise than the event.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// The event was wrong: it is made void, and what the file says is recorded.
    Correct,
    /// The event was right until now: what the file says is recorded beside it, and holds from then
    /// on.
    Add,
    /// What the event says has ended: its end is recorded, and what the file says.
    End,
    /// Nothing; the event is named in the report.
    Keep,
}

/// What is recorded when the file no longer says anything of the kind.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// What the event says has ended: its end is recorded.
    End,
    /// The event was wrong: it is made void.
    Void,
    /// Nothing; the event is named in the report.
    Keep,
}

/// Whether the vocabulary has an end for what a type says.
pub(crate) fn has_end(event_type: &str) -> bool {
    matches!(event_type, "deployment.started" | "dependency.declared" | "evidence.attached")
}

/// Whether others answer events of a type: one that is made void would leave their answers without
/// what they answer.
fn is_answered(event_type: &str) -> bool {
    matches!(event_type, "issue.opened" | "incident.declared" | "usecase.proposed")
        || [".requested", ".raised", ".proposed"].iter().any(|ending| event_type.ends_with(ending))
}

impl Changed {
    pub(super) fn resolve(raw: Option<RawChanged>, info: &TypeInfo, key: &str) -> Result<Self, MappingError> {
        Ok(match raw {
            Some(RawChanged::Correct) => Self::Correct,
            Some(RawChanged::Add) => Self::Add,
            Some(RawChanged::End) if has_end(info.event_type) => Self::End,
            Some(RawChanged::End) => return Err(no_end(info, key)),
            Some(RawChanged::Keep) => Self::Keep,
            // The views go by the latest of these.
            None if matches!(info.event_type, "model.classified" | "usecase.proposed") => Self::Add,
            None if info.event_type == "dependency.declared" => Self::End,
            None if is_answered(info.event_type) => Self::Keep,
            None => Self::Correct,
        })
    }
}

impl Gone {
    pub(super) fn resolve(raw: Option<RawGone>, info: &TypeInfo, key: &str) -> Result<Self, MappingError> {
        Ok(match raw {
            Some(RawGone::End) if has_end(info.event_type) => Self::End,
            Some(RawGone::End) => return Err(no_end(info, key)),
            Some(RawGone::Void) => Self::Void,
            Some(RawGone::Keep) => Self::Keep,
            None if has_end(info.event_type) => Self::End,
            None if is_answered(info.event_type) => Self::Keep,
            None => Self::Void,
        })
    }
}

fn no_end(info: &TypeInfo, key: &str) -> MappingError {
    MappingError::key(key, MappingProblem::NoEnd { event_type: info.event_type })
}
