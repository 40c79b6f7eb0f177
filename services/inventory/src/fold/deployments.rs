//! What events say of endpoints: what serves there now.

use std::collections::BTreeMap;

use probity_domain::ids::model_of;
use probity_domain::serving::{Serving, Step};
use probity_projection::{Batch, ProjectionError, Recorded, Stated};

use crate::fold::{models, open_items, versions};
use crate::records::endpoints::{Counted, ENDPOINTS, SERVED_AT, SOURCES, STEPS, ServedAt};

/// Takes in what happened at an endpoint.
pub(crate) fn fold(batch: &mut Batch<'_>, endpoint: &str, recorded: &Recorded) -> Result<(), ProjectionError> {
    let Some(step) = Step::of(&recorded.event, recorded.index, recorded.sorted_at_ms()) else { return Ok(()) };
    let at_ms = step.at_ms;
    batch.put(&SOURCES, SOURCES.key().text(endpoint).number(recorded.index), vec![Stated::of(recorded)]);
    let record = batch.record(&ENDPOINTS, ENDPOINTS.key().text(endpoint))?;
    record.reached.note(&step, |subject| recorded.reaches(subject));
    let mut followed = std::mem::take(&mut record.followed);
    STEPS.take(batch, endpoint, &mut followed, (step.place(), step), Serving::step)?;
    batch.record(&ENDPOINTS, ENDPOINTS.key().text(endpoint))?.followed = followed;
    settle(batch, endpoint, at_ms)
}

/// Takes a step back that is void.
pub(crate) fn forget(
    batch: &mut Batch<'_>,
    endpoint: &str,
    step: (u64, u64),
    now_ms: u64,
) -> Result<(), ProjectionError> {
    let key = ENDPOINTS.key().text(endpoint);
    // Of an endpoint of which only failures are known there is nothing to take back.
    if !batch.contains(&key)? {
        return Ok(());
    }
    let mut followed = std::mem::take(&mut batch.record(&ENDPOINTS, key)?.followed);
    STEPS.take_back(batch, endpoint, &mut followed, step, Serving::step)?;
    batch.record(&ENDPOINTS, ENDPOINTS.key().text(endpoint))?.followed = followed;
    settle(batch, endpoint, now_ms)
}

/// Brings everything that depends on what serves up to date with it.
fn settle(batch: &mut Batch<'_>, endpoint: &str, at_ms: u64) -> Result<(), ProjectionError> {
    let key = ENDPOINTS.key().text(endpoint);
    let indices = batch.record(&ENDPOINTS, key.clone())?.serving().indices.clone();
    let mut sources = Vec::new();
    for index in indices {
        sources.extend(batch.read(&SOURCES, &SOURCES.key().text(endpoint).number(index))?.unwrap_or_default());
    }
    let record = batch.record(&ENDPOINTS, key.clone())?;
    record.sources = sources;
    let now = record.counts();
    let before = std::mem::replace(&mut record.counted, now.clone());
    let properties = record.properties(endpoint);
    let mut indexed = std::mem::take(&mut record.indexed);
    indexed.change(properties, endpoint, batch)?;
    let record = batch.record(&ENDPOINTS, key)?;
    record.indexed = indexed;
    let concerned = record.concerned();
    if std::mem::replace(&mut record.concerns, concerned.clone()) != concerned {
        open_items::serves_otherwise(batch, endpoint)?;
    }

    let mut changed: BTreeMap<&str, ()> = BTreeMap::new();
    for gone in before.iter().filter(|counted| !now.contains(counted)) {
        count(batch, endpoint, gone, at_ms, false)?;
        changed.insert(&gone.version, ());
    }
    for come in now.iter().filter(|counted| !before.contains(counted)) {
        count(batch, endpoint, come, at_ms, true)?;
        changed.insert(&come.version, ());
    }
    // What serves on is none the less alive.
    for counted in now.iter().filter(|counted| !changed.contains_key(counted.version.as_str())) {
        models::active(batch, model_of(&counted.version), at_ms)?;
    }
    Ok(())
}

/// A version comes to serve at an endpoint, or goes.
fn count(
    batch: &mut Batch<'_>,
    endpoint: &str,
    counted: &Counted,
    at_ms: u64,
    comes: bool,
) -> Result<(), ProjectionError> {
    let Counted { version, environment, suspended } = counted;
    let model = model_of(version);
    let key = SERVED_AT.key().text(model).text(endpoint).text(version);
    match comes {
        true => batch.put(&SERVED_AT, key, ServedAt { suspended: *suspended }),
        false => batch.remove(key),
    }
    models::change(batch, model, |record| {
        let places = if *suspended { &mut record.suspended } else { &mut record.running };
        let here = record.environments.entry(environment.clone()).or_default();
        for number in [places, here] {
            *number = if comes { *number + 1 } else { number.saturating_sub(1) };
        }
        record.environments.retain(|_, count| *count > 0);
    })?;
    versions::change(batch, version, at_ms, |record| {
        record.places.retain(|(place, stopped)| place != endpoint || stopped != suspended);
        if comes {
            record.places.push((endpoint.to_owned(), *suspended));
        }
    })
}
