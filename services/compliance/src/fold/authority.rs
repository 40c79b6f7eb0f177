//! Who holds which role with which key, folded as the door folds it; who left; what waits for a second person.

use probity_domain::authority::{Authority, Enacted, Power, TWO_PERSONS_SINCE};
use probity_domain::{At, Signed, SignedBy};
use probity_projection::{Batch, Parts, ProjectionError, Recorded};
use probity_schemas::authority::AuthorityEvent;
use probity_schemas::ledger::LedgerEvent;
use probity_schemas::{Data, Digest, Event, Identity, Kid, Subject};
use probity_statement::SignedStatement;
use sha2::{Digest as _, Sha256};

use crate::judging;
use crate::records::authority::{AUTHORITY, COMPROMISED, Enacting, PENDING, PERSONS, Waiting};
use crate::records::subjects::OWNED;

/// Who may do what at the present position. Kept in memory only: it comes back from the statements that
/// the view keeps.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    authority: Authority,
    rule_set: u32,
}

impl Roster {
    /// The roster up to where the batch begins.
    pub(crate) fn open(batch: &Batch<'_>) -> Result<Self, ProjectionError> {
        let mut roster = Self::default();
        for (key, enacting) in batch.records(&AUTHORITY, &AUTHORITY.key())? {
            let index = Parts::of(&key).number().unwrap_or_default();
            // Both could be read when they were recorded.
            let Ok(statement) = SignedStatement::parse(enacting.statement.into()) else { continue };
            let Ok(event) = statement.event() else { continue };
            roster.take(&statement, &event, index, enacting.time_ms);
        }
        Ok(roster)
    }

    /// The authority.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// With which key a statement was signed, where and when.
    pub(crate) fn signed(&self, statement: &SignedStatement, index: u64, time_ms: u64) -> Signed {
        let key = self.authority.key_of(&Kid::from_bytes(statement.kid().0));
        Signed { key: key.map_or(u32::MAX, |(_, number)| number), index, time_ms }
    }

    fn take(&mut self, statement: &SignedStatement, event: &Event, index: u64, time_ms: u64) -> Enacted {
        match &event.data {
            Data::Ledger(LedgerEvent::Founded(founded)) => {
                self.authority = Authority::found(founded);
                self.rule_set = founded.rule_set;
            }
            Data::Ledger(LedgerEvent::RulesAdopted(adopted)) => self.rule_set = adopted.rule_set,
            _ => {}
        }
        let issuer = statement.issuer();
        let by = SignedBy {
            issuer,
            number: self.authority.number(issuer).unwrap_or(u32::MAX),
            subject: statement.subject(),
            signed: self.signed(statement, index, time_ms),
        };
        let digest = || Digest::from_bytes(Sha256::digest(statement.bytes()).into());
        self.authority.enact(event, by, digest, self.rule_set >= TWO_PERSONS_SINCE)
    }

    /// Takes a statement in and keeps it, if it says who may do what. Gives what took effect.
    pub(crate) fn fold(&mut self, batch: &mut Batch<'_>, recorded: &Recorded) -> Result<Enacted, ProjectionError> {
        let event = &recorded.event;
        if !matches!(event.data, Data::Authority(_) | Data::Policy(_) | Data::Ledger(_)) {
            return Ok(Enacted::Nothing);
        }
        let (index, time_ms) = (recorded.index, recorded.recorded_at_ms());
        let statement = recorded.statement.bytes().to_vec();
        batch.put(&AUTHORITY, AUTHORITY.key().number(index), Enacting { time_ms, statement });
        let enacted = self.take(&recorded.statement, event, index, time_ms);
        match &enacted {
            Enacted::Waits => batch.put(&PENDING, PENDING.key().number(index), waiting(recorded)),
            Enacted::InForce { index: act, .. } if *act != index => batch.remove(PENDING.key().number(*act)),
            _ => {}
        }
        if let Enacted::InForce { power: Power::Revoke { compromised_since_ms: Some(_), .. }, .. } = &enacted {
            let mut compromised: Vec<(u32, Kid, u64, At)> = self.authority.all_compromised().collect();
            compromised.sort_unstable_by_key(|(number, ..)| *number);
            for (number, kid, since_ms, at) in compromised {
                batch.put(&COMPROMISED, COMPROMISED.key().small(number), Some((kid, since_ms, at)));
            }
        }
        Ok(enacted)
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
