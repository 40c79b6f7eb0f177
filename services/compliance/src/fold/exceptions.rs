//! What events say of exceptions and emergencies.

use probity_domain::approvals::Signatories;
use probity_domain::authority::Authority;
use probity_domain::exceptions::{Exception, Leave, SECOND_SIGNATURE_MAX_WAIT_MS};
use probity_domain::ids::model_of;
use probity_domain::{At, SignedBy};
use probity_projection::{Batch, ProjectionError, Recorded};
use probity_schemas::exception::ExceptionEvent;
use probity_schemas::{Text, Timestamp};

use crate::judging;
use crate::records::approvals::{EXCEPTIONS, EXCEPTIONS_OF, ExceptionState, UNSIGNED, exception_key};
use crate::records::deficiencies::{Found, replace};
use probity_controls::Question;

/// Takes in what is said of an exception.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    recorded: &Recorded,
    by: SignedBy<'_>,
    authority: &Authority,
    event: &ExceptionEvent,
) -> Result<(), ProjectionError> {
    let (index, subject) = (recorded.index, recorded.event.subject.to_string());
    let leave = |expires_at: Timestamp| Leave {
        signed: by.signed,
        signatories: Signatories::of(&recorded.event, by, authority),
        expires_at_ms: expires_at.as_ms(),
    };
    let opened = |exception: Exception, reason: &Text| ExceptionState {
        id: recorded.event.id.to_string(),
        subject: subject.clone(),
        exception,
        reason: reason.to_string(),
        signer: recorded.signer(),
        at_ms: recorded.sorted_at_ms(),
        revoked: None,
    };
    match event {
        ExceptionEvent::Requested(_) => return Ok(()),
        ExceptionEvent::Invoked(invoked) => {
            let exception = Exception::invoked(invoked.control.clone(), leave(invoked.expires_at));
            let emergency = opened(exception, &invoked.reason);
            if recorded.is_repeat {
                return Ok(());
            }
            batch.put(&UNSIGNED, UNSIGNED.key().number(index), ());
            judge(batch, index, &emergency, None)?;
            keep(batch, index, emergency)?;
        }
        ExceptionEvent::Granted(granted) => {
            let opener = recorded.answered();
            let at = match opener {
                Some(opener) => At { index: opener.index, time_ms: opener.at_ms },
                None => by.signed.at(),
            };
            let exception = Exception::granted(granted.control.clone(), at, leave(granted.expires_at));
            if !recorded.is_repeat {
                keep(batch, index, opened(exception, &granted.reason))?;
            }
            if let Some(emergency) = opener.filter(|opener| opener.event_type == "exception.invoked") {
                batch.remove(UNSIGNED.key().number(emergency.index));
                if let Some(state) = batch.read(&EXCEPTIONS, &exception_key(emergency.index))?.flatten() {
                    judge(batch, emergency.index, &state, Some(recorded.sorted_at_ms()))?;
                }
            }
        }
        ExceptionEvent::Extended(extended) => change(batch, recorded, |state| {
            state.exception.leaves.push(leave(extended.expires_at));
        })?,
        ExceptionEvent::Revoked(_) => change(batch, recorded, |state| state.revoked = Some(by.signed))?,
    }
    match subject.split_once(':') {
        Some(("model", _)) => judging::endpoints_of(batch, model_of(&subject)),
        Some(("endpoint", _)) => judging::endpoint(batch, &subject),
        _ => Ok(()),
    }
}

/// Judges an emergency, which was signed for the second time at a moment or was not yet.
fn judge(
    batch: &mut Batch<'_>,
    index: u64,
    emergency: &ExceptionState,
    signed_ms: Option<u64>,
) -> Result<(), ProjectionError> {
    let reason = format!("the emergency about {} waits for its second signature", emergency.exception.control);
    let unsigned = Found::new(Question::EmergencyUnsigned, &emergency.subject, reason).until_or_on(signed_ms);
    let unsigned = unsigned.from(emergency.at_ms + SECOND_SIGNATURE_MAX_WAIT_MS).about(&emergency.id);
    replace(batch, &format!("emergency {index}"), vec![unsigned.resting_on([index])])
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
    let Some(opener) = recorded.answered() else { return Ok(()) };
    if let Some(state) = batch.record(&EXCEPTIONS, exception_key(opener.index))? {
        change(state);
    }
    Ok(())
}
