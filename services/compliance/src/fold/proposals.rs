//! Use cases and retirements that are proposed, until somebody decides.

use probity_projection::{Batch, ProjectionError, Recorded};
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::{Data, Text};

use crate::records::proposals::{PROPOSALS, Proposal};

/// Takes in what is proposed and what is decided.
pub(crate) fn fold(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
    match &recorded.event.data {
        Data::Usecase(UsecaseEvent::Proposed(proposed)) => {
            propose(batch, recorded, "usecase.accepted", &proposed.problem)
        }
        Data::Retirement(RetirementEvent::Proposed(proposed)) => {
            propose(batch, recorded, "retirement.approved", &proposed.reason);
        }
        Data::Usecase(UsecaseEvent::Accepted(_) | UsecaseEvent::Declined(_) | UsecaseEvent::Retired(_))
        | Data::Retirement(
            RetirementEvent::Approved(_) | RetirementEvent::Completed(_) | RetirementEvent::Reversed(_),
        ) => {
            // A decision about a subject settles whatever was proposed about it.
            let prefix = PROPOSALS.key().text(&recorded.event.subject.to_string());
            batch.keys(&prefix)?.into_iter().for_each(|key| batch.remove(key));
        }
        _ => {}
    }
    Ok(())
}

fn propose(batch: &mut Batch<'_>, recorded: &Recorded, decided_by: &str, text: &Text) {
    let by = recorded.by();
    let actors = recorded.authority.actors(by.issuer, &recorded.event, by.signed.time_ms);
    let proposal = Proposal {
        id: recorded.event.id.to_string(),
        decided_by: decided_by.to_owned(),
        text: text.to_string(),
        persons: actors.persons.iter().map(ToString::to_string).collect(),
    };
    let key = PROPOSALS.key().text(&recorded.event.subject.to_string()).number(recorded.index);
    batch.put(&PROPOSALS, key, proposal);
}

/// What was proposed is void.
pub(crate) fn leave_out(batch: &mut Batch<'_>, subject: &str, index: u64) {
    batch.remove(PROPOSALS.key().text(subject).number(index));
}
