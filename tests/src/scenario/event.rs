//! The signed events that steps stand for.

use anyhow::{Context, Result, bail};
use probity_schemas::{Event, EventId};
use probity_statement::SignedStatement;
use rand::Rng;
use serde_json::{Map, Value, json};

use super::cast::Cast;
use super::file::Step;
use super::words::{Words, digest, now_ms, subject};
use crate::ledger::ORIGIN;

/// A signed event, ready to be handed in.
pub(super) struct Prepared {
    pub(super) event: Event,
    pub(super) statement: SignedStatement,
}

/// Makes and signs the event of a step.
pub(super) fn prepare(step: &Step, words: &mut Words, cast: &Cast) -> Result<Prepared> {
    let now = now_ms();
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let id = EventId::from_time(now, random);
    let event_type = step.event_type.as_deref().context("a step without a type")?;
    let subject_of = |text: &str| subject(text, cast);
    let subject = subject_of(step.subject.as_deref().context("a step without a subject")?)?;
    let data: Map<String, Value> = step.data.clone().into_iter().collect();
    let mut tree = json!({
        "id": id, "type": event_type, "v": 1, "occurred": now, "subject": subject,
        "data": words.resolve(&data.into(), cast, &id)?,
    });
    if let Some(key) = &step.key {
        let identity = probity_schemas::Identity::from_subject(&subject).context("an enrolment is of somebody")?;
        let Value::Object(said) = cast.enrolment(&identity, key)? else { bail!("not an object") };
        said.into_iter().for_each(|(field, value)| tree["data"][field] = value);
    }
    let mut set = |field: &str, value: Value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            tree[field] = value;
        }
    };
    if let Some(occurred) = &step.occurred {
        set("occurred", words.resolve(occurred, cast, &id)?);
    }
    if let Some(title) = &step.title {
        set("title", words.resolve(&json!(title), cast, &id)?);
    }
    if let Some(label) = &step.regarding {
        // Also an id that nothing has.
        set("regarding", words.labelled(label).map_or_else(|_| json!(label), |labelled| json!(labelled.id)));
    }
    let causes = step.causes.iter().map(|label| Ok(json!(words.labelled(label)?.id)));
    set("causes", causes.collect::<Result<_>>()?);
    set("about", step.about.iter().map(|text| Ok(json!(subject_of(text)?))).collect::<Result<_>>()?);
    let evidence = step.evidence.iter().map(|evidence| {
            let digest = digest(evidence.document.as_bytes());
            json!({ "digest": digest, "kind": evidence.kind, "media_type": evidence.media_type, "title": evidence.document })
        });
    set("evidence", evidence.collect());
    let external = step.external_ids.iter().map(|(system, id)| json!({ "system": system, "id": id }));
    set("external_ids", external.collect());
    let person = |name: &String| cast.identity(name).map(|who| json!(who)).with_context(|| format!("nobody is {name}"));
    set("on_behalf_of", step.on_behalf_of.as_ref().map(person).transpose()?.unwrap_or_default());
    set("initiators", step.initiators.iter().map(person).collect::<Result<_>>()?);
    if !step.attributes.is_empty() {
        set("attributes", json!(step.attributes));
    }
    let event = Event::from_value(&tree)?;
    let statement = cast.signer(&step.who, step.with.as_deref())?.sign(&event, ORIGIN)?;
    Ok(Prepared { event, statement })
}

/// The second person's yes to an event.
pub(super) fn confirmation(by: &str, of: &Prepared, cast: &Cast) -> Result<Prepared> {
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let now = now_ms();
    let event = Event::from_value(&json!({
        "id": EventId::from_time(now, random), "type": "authority.confirmed", "v": 1, "occurred": now,
        "subject": of.event.subject, "regarding": of.event.id,
        "data": { "statement_digest": digest(of.statement.bytes()) },
    }))?;
    let statement = cast.signer(by, None)?.sign(&event, ORIGIN)?;
    Ok(Prepared { event, statement })
}
