//! Keys in other hands, who left, and what waits for a second person.

use probity_domain::At;
use probity_domain::authority::{Enacted, Power};
use probity_projection::{Batch, Parts, ProjectionError, Recorded};
use probity_schemas::authority::AuthorityEvent;
use probity_schemas::{Identity, Kid, Subject};

use crate::judging;
use crate::records::authority::{COMPROMISED, PENDING, PERSONS, Waiting};
use crate::records::subjects::OWNED;

/// Notes what waits for a second person, and which keys turned out to have been in other hands.
pub(crate) fn enacted(batch: &mut Batch<'_>, recorded: &Recorded) {
    let index = recorded.index;
    match &recorded.enacted {
        Enacted::Waits => batch.put(&PENDING, PENDING.key().number(index), waiting(recorded)),
        Enacted::InForce { index: act, .. } if *act != index => batch.remove(PENDING.key().number(*act)),
        _ => {}
    }
    if let Enacted::InForce { power: Power::Revoke { compromised_since_ms: Some(_), .. }, .. } = &recorded.enacted {
        let mut compromised: Vec<(u32, Kid, u64, At)> = recorded.authority.all_compromised().collect();
        compromised.sort_unstable_by_key(|(number, ..)| *number);
        for (number, kid, since_ms, at) in compromised {
            batch.put(&COMPROMISED, COMPROMISED.key().small(number), Some((kid, since_ms, at)));
        }
    }
}

fn waiting(recorded: &Recorded) -> Waiting {
    Waiting {
        event_type: recorded.event.event_type().to_owned(),
        id: recorded.event.id.to_string(),
        subject: recorded.event.subject.to_string(),
        signer: recorded.signer(),
        at_ms: recorded.recorded_at_ms(),
    }
}

/// Takes in what is said of someone who signs, beside their rights.
pub(crate) fn fold(batch: &mut Batch<'_>, recorded: &Recorded, event: &AuthorityEvent) -> Result<(), ProjectionError> {
    match event {
        AuthorityEvent::Departed(departed) => {
            let Some(identity) = Identity::from_subject(&recorded.event.subject) else { return Ok(()) };
            let last_ms = departed.last_day.map_or_else(|| recorded.sorted_at_ms(), |day| day.as_ms());
            let person = batch.record(&PERSONS, PERSONS.key().text(&identity.to_string()))?;
            person.departed = Some((last_ms, recorded.index));
            judge_models(batch, &identity)
        }
        _ => Ok(()),
    }
}

/// Judges the models that a person owns.
fn judge_models(batch: &mut Batch<'_>, person: &Identity) -> Result<(), ProjectionError> {
    for key in batch.keys(&OWNED.key().text(&person.to_string()))? {
        let mut parts = Parts::of(&key);
        let (_, model) = (parts.text(), parts.text().unwrap_or_default().to_owned());
        judging::model(batch, &model)?;
    }
    Ok(())
}

/// Somebody has not left after all.
pub(crate) fn leave_out(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    let identity = subject.parse::<Subject>().ok().and_then(|subject| Identity::from_subject(&subject));
    let Some(identity) = identity else { return Ok(()) };
    let person = batch.record(&PERSONS, PERSONS.key().text(&identity.to_string()))?;
    person.departed = person.departed.filter(|(_, at)| *at != index);
    judge_models(batch, &identity)
}
