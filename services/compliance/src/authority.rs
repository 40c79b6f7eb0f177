//! Persons who left, services and who answers for them, keys in other hands, and acts that take a second person.

use probity_projection::{Batch, Parts, ProjectionError, Recorded};
use probity_schemas::authority::AuthorityEvent;
use probity_schemas::{Digest, Identity, Subject};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::catalogue::{COMPROMISED, IDS, OWNED, PENDING, PENDING_BY, PERSONS};
use crate::judging;

/// What is known of someone who signs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// The last moment, and where that was recorded.
    pub(crate) departed: Option<(u64, u64)>,
    /// Of a service: who answers for it.
    pub(crate) responsible: Vec<String>,
}

/// An act that takes effect with a second person's yes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) event_type: String,
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) signer: String,
    pub(crate) at_ms: u64,
}

/// An act is recorded that takes a second person.
pub(crate) fn propose(batch: &mut Batch<'_>, recorded: &Recorded) {
    let digest = Digest::from_bytes(Sha256::digest(recorded.statement.bytes()).into()).to_string();
    let pending = Pending {
        event_type: recorded.event.event_type().to_owned(),
        id: recorded.event.id.to_string(),
        subject: recorded.event.subject.to_string(),
        signer: recorded.signer(),
        at_ms: recorded.recorded_at_ms(),
    };
    batch.put(&PENDING, PENDING.key().number(recorded.index), pending);
    batch.put(&PENDING_BY, PENDING_BY.key().text(&digest), recorded.index);
}

/// Takes in what is said of someone who signs.
pub(crate) fn fold(batch: &mut Batch<'_>, recorded: &Recorded, event: &AuthorityEvent) -> Result<(), ProjectionError> {
    let identity = Identity::from_subject(&recorded.event.subject).map(|identity| identity.to_string());
    let key = identity.as_ref().map(|identity| PERSONS.key().text(identity));
    match (event, key) {
        (AuthorityEvent::Enrolled(enrolled), Some(key)) => {
            let person = batch.record(&PERSONS, key)?;
            person.responsible = enrolled.responsible.iter().map(ToString::to_string).collect();
            propose(batch, recorded);
        }
        (AuthorityEvent::RoleGranted(_), _) => propose(batch, recorded),
        (AuthorityEvent::Confirmed(confirmed), _) => {
            let key = PENDING_BY.key().text(&confirmed.statement_digest.to_string());
            if let Some(index) = batch.read(&PENDING_BY, &key)? {
                batch.remove(key);
                batch.remove(PENDING.key().number(index));
            }
        }
        (AuthorityEvent::Departed(departed), Some(key)) => {
            let last_ms = departed.last_day.map_or_else(|| recorded.sorted_at_ms(), |day| day.as_ms());
            IDS.remember(batch, recorded)?;
            batch.record(&PERSONS, key)?.departed = Some((last_ms, recorded.index));
            judge_models(batch, &identity.unwrap_or_default())?;
        }
        (AuthorityEvent::KeyRevoked(revoked), _) => {
            if let Some(since) = revoked.compromised_since {
                let kid = revoked.kid.to_string();
                batch.put(&COMPROMISED, COMPROMISED.key().text(&kid), since.as_ms());
                judging::signed(batch, &[], &[kid])?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Judges what a person took on.
fn judge_models(batch: &mut Batch<'_>, person: &str) -> Result<(), ProjectionError> {
    for key in batch.keys(&OWNED.key().text(person))? {
        let mut parts = Parts::of(&key);
        let (_, model) = (parts.text(), parts.text().unwrap_or_default().to_owned());
        judging::model(batch, &model)?;
    }
    Ok(())
}

/// Somebody has not left after all.
pub(crate) fn forget(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    let identity = subject.parse::<Subject>().ok().and_then(|subject| Identity::from_subject(&subject));
    let Some(identity) = identity.map(|identity| identity.to_string()) else { return Ok(()) };
    let person = batch.record(&PERSONS, PERSONS.key().text(&identity))?;
    person.departed = person.departed.filter(|(_, at)| *at != index);
    judge_models(batch, &identity)
}
