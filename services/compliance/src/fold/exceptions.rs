//! What events say of exceptions and emergencies.

use probity_domain::Signed;
use probity_domain::exceptions::{Exception, SECOND_SIGNATURE_MAX_WAIT_MS};
use probity_domain::ids::model_of;
use probity_projection::{Batch, ProjectionError, Recorded};
use probity_schemas::exception::ExceptionEvent;
use probity_schemas::{Name, Text};

use crate::judging;
use crate::questions::Question;
use crate::records::IDS;
use crate::records::approvals::{EXCEPTIONS, EXCEPTIONS_OF, ExceptionState, UNSIGNED, exception_key};
use crate::records::deficiencies::{Found, replace};

/// Takes in what is said of an exception.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    signed: Signed,
    event: &ExceptionEvent,
) -> Result<(), ProjectionError> {
    let (index, subject) = (recorded.index, recorded.event.subject.to_string());
    let opened = |control: &Name, reason: &Text, expires_at_ms| ExceptionState {
        id: recorded.event.id.to_string(),
        subject: subject.clone(),
        exception: Exception { control: control.clone(), signed, expires_at_ms, second: None },
        reason: reason.to_string(),
        signer: recorded.signer(),
        at_ms: recorded.sorted_at_ms(),
        revoked: None,
    };
    match event {
        ExceptionEvent::Requested(_) => return Ok(()),
        ExceptionEvent::Invoked(invoked) => {
            let emergency = opened(&invoked.control, &invoked.reason, invoked.expires_at.as_ms());
            let reason = format!("the emergency about {} waits for its second signature", invoked.control);
            let unsigned = Found::new(Question::EmergencyUnsigned, &subject, reason);
            let unsigned = unsigned.from(emergency.at_ms + SECOND_SIGNATURE_MAX_WAIT_MS).about(&emergency.id);
            batch.put(&UNSIGNED, UNSIGNED.key().number(index), ());
            keep(batch, index, emergency)?;
            replace(batch, &format!("emergency {index}"), vec![unsigned.resting_on([index])])?;
        }
        ExceptionEvent::Granted(granted) => {
            let exception = opened(&granted.control, &granted.reason, granted.expires_at.as_ms());
            keep(batch, index, exception)?;
            let opener = IDS.regarded(batch, recorded)?.filter(|opener| opener.event_type == "exception.invoked");
            if let Some(emergency) = opener {
                batch.remove(UNSIGNED.key().number(emergency.index));
                replace(batch, &format!("emergency {}", emergency.index), Vec::new())?;
            }
        }
        ExceptionEvent::Extended(extended) => change(batch, recorded, |state| {
            state.exception.expires_at_ms = extended.expires_at.as_ms();
        })?,
        ExceptionEvent::Revoked(_) => change(batch, recorded, |state| state.revoked = Some(signed))?,
    }
    match subject.split_once(':') {
        Some(("model", _)) => judging::endpoints_of(batch, model_of(&subject)),
        Some(("endpoint", _)) => judging::endpoint(batch, &subject),
        _ => Ok(()),
    }
}

fn keep(batch: &mut Batch<'_>, index: u64, state: ExceptionState) -> Result<(), ProjectionError> {
    batch.record(&EXCEPTIONS_OF, EXCEPTIONS_OF.key().text(&state.subject))?.push(index);
    batch.put(&EXCEPTIONS, exception_key(index), Some(state));
    Ok(())
}

/// Changes the exception that an event answers.
fn change(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    change: impl FnOnce(&mut ExceptionState),
) -> Result<(), ProjectionError> {
    let Some(opener) = IDS.regarded(batch, recorded)? else { return Ok(()) };
    if let Some(state) = batch.record(&EXCEPTIONS, exception_key(opener.index))? {
        change(state);
    }
    Ok(())
}
