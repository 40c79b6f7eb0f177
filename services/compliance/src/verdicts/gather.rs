//! What the view knows of a version, as rules ask for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use probity_controls::dossier::{Finding, Served, Standing};
use probity_controls::{Dossier, Fact};
use probity_domain::ids::model_of;
use probity_domain::{Asking, Bytes, Denial, EndpointId, Evaluator, Purpose, Timeline, Use, Verdict, VersionId};
use probity_projection::{StoreError, View};
use probity_query::QueryError;
use probity_schemas::shared::Environment;
use probity_schemas::{Name, word};

use super::adopted::Adopted;
use crate::facts::Folded;
use crate::records::approvals::EXCEPTIONS_OF;
use crate::records::deficiencies::found_of;
use crate::records::dossiers::{FACTS, FACTS_ABOUT, Kept, fact_key};
use crate::records::endpoints::{ENDPOINTS, EndpointState, Stay, endpoint_key, namespace};
use crate::records::subjects::{MODELS, VERSIONS, place_of, places_of};

/// Facts of one subject that are looked at, the newest: what many thousand reports say of an endpoint says no more.
const FACTS_MOST: usize = 20_000;
/// Subjects that are about the ledger as a whole, by how their names begin.
const OF_THE_LEDGER: [&str; 3] = ["identity:", "ledger:", "policy:"];

/// Puts dossiers together, for one position of the view.
pub(crate) struct Gatherer<'v> {
    view: &'v View,
    /// The types that rules ask for.
    types: BTreeSet<&'static str>,
    /// What is recorded of the ledger as a whole, read once.
    of_ledger: Vec<Fact>,
    /// Statements from this index on are not known.
    known: u64,
    /// The names that exceptions from controls have.
    controls: BTreeSet<String>,
}

impl<'v> Gatherer<'v> {
    pub(crate) fn new(view: &'v View, packs: &[Arc<Adopted>], known: u64) -> Result<Self, QueryError> {
        let read = || packs.iter().filter_map(|adopted| adopted.pack.as_ref().ok());
        let types: BTreeSet<&'static str> = read().flat_map(|pack| pack.types()).collect();
        let named = read().flat_map(|pack| pack.controls.iter().map(|control| pack.waiver_name(control)));
        let mut gatherer = Self { view, types, of_ledger: Vec::new(), known, controls: named.collect() };
        let families = ["authority.", "ledger.", "policy.", "export.", "reconciliation."];
        if gatherer.types.iter().any(|name| families.iter().any(|family| name.starts_with(family))) {
            for beginning in OF_THE_LEDGER {
                let facts = gatherer.facts_under(FACTS.key().beginning(beginning))?;
                gatherer.of_ledger.extend(facts);
            }
        }
        Ok(gatherer)
    }

    /// The view that it reads.
    pub(crate) fn view(&self) -> &'v View {
        self.view
    }

    /// The facts whose keys begin so, of the types that are asked for.
    fn facts_under(&self, prefix: probity_projection::Key) -> Result<Vec<Fact>, QueryError> {
        let mut facts = Vec::new();
        for pair in self.view.scan_after(&prefix, None) {
            let (_, value) = pair?;
            let kept = FACTS.decode(&value).map_err(StoreError::from)?;
            if self.types.contains(kept.fact.event_type.as_str()) && kept.fact.index < self.known {
                facts.push(self.amended(kept));
            }
        }
        if facts.len() > FACTS_MOST {
            facts.drain(..facts.len() - FACTS_MOST);
        }
        Ok(facts)
    }

    fn amended(&self, kept: Kept) -> Fact {
        let mut fact = kept.fact;
        for amendment in kept.amendments.iter().filter(|amendment| amendment.index < self.known) {
            fact.amend(&amendment.field, amendment.new.as_deref());
        }
        fact
    }

    /// What is recorded about a subject: under its own name, and what names it besides.
    fn facts_of(&self, subject: &str, facts: &mut Vec<Fact>) -> Result<(), QueryError> {
        facts.extend(self.facts_under(FACTS.key().text(subject))?);
        for pair in self.view.scan_after(&FACTS_ABOUT.key().text(subject), None) {
            let (key, value) = pair?;
            let index = key.last_chunk().copied().map_or(0, u64::from_be_bytes);
            let own = FACTS_ABOUT.decode(&value).map_err(StoreError::from)?;
            if index >= self.known {
                continue;
            }
            if let Some(kept) = self.view.record(&FACTS, &fact_key(&own, index))?
                && self.types.contains(kept.fact.event_type.as_str())
            {
                facts.push(self.amended(kept));
            }
        }
        Ok(())
    }

    /// The dossier of a version; `None` for what is none.
    pub(crate) fn dossier(&self, version: &str) -> Result<Option<Dossier>, QueryError> {
        let Some(id) = VersionId::parse(version) else { return Ok(None) };
        let Some(namespace) = namespace(version) else { return Ok(None) };
        let model = model_of(version).to_owned();
        let state = self.view.record(&VERSIONS, &VERSIONS.key().text(version))?.unwrap_or_default();
        let of_model = self.view.record(&MODELS, &MODELS.key().text(&model))?.unwrap_or_default();
        let places = self.places(version)?;
        let mut facts = self.of_ledger.clone();
        let mut subjects = vec![version.to_owned(), model.clone()];
        subjects.extend(of_model.said.uses.iter().map(|(used, _)| used.to_string()));
        subjects.extend(state.said.datasets.iter().map(ToString::to_string));
        let mut used: BTreeSet<String> = BTreeSet::new();
        for (place, endpoint) in &places {
            let stays: Vec<Served> = stays(place, endpoint, version).collect();
            used.extend(stays_use(endpoint, version));
            let mut there = Vec::new();
            self.facts_of(place, &mut there)?;
            // What an endpoint says while something else answers there is said of that.
            facts.extend(there.into_iter().filter(|fact| concerns(fact, version, &stays)));
        }
        subjects.extend(used);
        subjects.sort_unstable();
        subjects.dedup();
        for subject in &subjects {
            self.facts_of(subject, &mut facts)?;
        }
        let mut dossier = Dossier::new(version, facts);
        dossier.artifacts = state.said.artifacts.iter().map(|artifact| artifact.digest.to_string()).collect();
        dossier.served = places.iter().flat_map(|(place, endpoint)| stays(place, endpoint, version)).collect();
        dossier.findings = self.findings(version)?;
        let bytes = state.said.artifacts.first().map_or(Bytes::Unstated, |artifact| Bytes::Digest(artifact.digest));
        let purpose = Purpose {
            version: id,
            namespace,
            bytes,
            use_case: Use::Any,
            environment: Some(Environment::Production),
            jurisdiction: None,
        };
        dossier.approved = self.approved(&purpose, &places)?;
        let about: Vec<&str> = [version, &model].into_iter().chain(places.keys().map(String::as_str)).collect();
        dossier.waived = self.waived(&purpose, &about)?;
        Ok(Some(dossier))
    }

    /// The endpoints where the version serves or served.
    fn places(&self, version: &str) -> Result<HashMap<String, EndpointState>, QueryError> {
        let mut places = HashMap::new();
        for pair in self.view.scan_after(&places_of(version), None) {
            let (key, _) = pair?;
            let Some((named, _, place)) = place_of(&key) else { continue };
            if named != version || places.contains_key(&place) {
                continue;
            }
            if let Some(endpoint) = self.view.record(&ENDPOINTS, &endpoint_key(&place))? {
                places.insert(place, endpoint);
            }
        }
        Ok(places)
    }

    fn findings(&self, version: &str) -> Result<Vec<Finding>, QueryError> {
        let mut findings = Vec::new();
        for subject in [version, model_of(version)] {
            for found in found_of(self.view, subject)? {
                findings.push(Finding {
                    question: found.question.name().to_owned(),
                    reason: found.reason,
                    from_ms: found.from_ms,
                    until_ms: found.until_ms,
                    indices: found.indices,
                });
            }
        }
        Ok(findings)
    }

    /// When it may serve in production: at each place where it does, by every gate that guards it; where it serves
    /// nowhere, by the gates that would.
    fn approved(
        &self,
        purpose: &Purpose,
        places: &HashMap<String, EndpointState>,
    ) -> Result<Timeline<Standing>, QueryError> {
        let facts = Folded(self.view);
        let evaluator = Evaluator::new(&facts, self.known)?;
        let mut lines: Vec<Timeline<Verdict>> = Vec::new();
        for (place, endpoint) in places {
            let Some(id) = EndpointId::parse(place) else { continue };
            let here = |stay: &Stay<'_>| stay.share.version == purpose.version.as_str();
            for stay in endpoint.running().filter(here) {
                let Some(purpose) = endpoint.purpose(stay) else { continue };
                if stay.environment == Environment::Production {
                    for gate in evaluator.guarding(stay.environment, &purpose.namespace) {
                        lines.push(evaluator.passage(&purpose, Some(&id), gate.name(), Asking::ToServe)?);
                    }
                }
            }
        }
        if lines.is_empty() {
            for gate in evaluator.guarding(Environment::Production, &purpose.namespace) {
                lines.push(evaluator.approved(purpose, gate.name())?);
            }
        }
        let moments = lines.iter().flat_map(Timeline::moments);
        Ok(Timeline::changing_at(moments, |time_ms| {
            let mut rests_on = Vec::new();
            for line in &lines {
                match line.at(time_ms) {
                    Ok(pass) => rests_on.extend(pass.rests_on.iter().copied()),
                    Err(Denial { lapse, rests_on }) => return Err((lapse.to_string(), rests_on.clone())),
                }
            }
            Ok(rests_on)
        }))
    }

    /// The controls that exceptions about any of these subjects name, and when they may be done without.
    fn waived(&self, purpose: &Purpose, about: &[&str]) -> Result<Vec<(String, Timeline<Standing>)>, QueryError> {
        let facts = Folded(self.view);
        let mut waived = Vec::new();
        let mut known = false;
        for subject in about {
            known |= self.view.record(&EXCEPTIONS_OF, &EXCEPTIONS_OF.key().text(subject))?.is_some();
        }
        if !known {
            return Ok(waived);
        }
        let evaluator = Evaluator::new(&facts, self.known)?;
        for control in &self.controls {
            let Ok(name) = control.parse::<Name>() else { continue };
            let line = evaluator.excused(purpose, &name, about)?;
            if line.spans().any(|(_, _, verdict)| verdict.is_ok()) {
                let standing = |time_ms: u64| match line.at(time_ms) {
                    Ok(pass) => Ok(pass.rests_on.clone()),
                    Err(denial) => Err((denial.lapse.to_string(), denial.rests_on.clone())),
                };
                waived.push((control.clone(), Timeline::changing_at(line.moments(), standing)));
            }
        }
        Ok(waived)
    }
}

/// Where and when the version answered at an endpoint.
fn stays<'a>(place: &'a str, endpoint: &'a EndpointState, version: &'a str) -> impl Iterator<Item = Served> + 'a {
    let former = endpoint.followed.value.before.iter().map(|stretch| endpoint.over(stretch));
    endpoint.running().chain(former).filter(move |stay| stay.share.version == version).map(move |stay| Served {
        endpoint: place.to_owned(),
        environment: word(&stay.environment),
        from_ms: stay.share.began_ms,
        until_ms: stay.ended.map(|(until_ms, _)| until_ms),
        indices: [Some(stay.share.began), stay.ended.map(|(_, index)| index)].into_iter().flatten().collect(),
    })
}

fn stays_use(endpoint: &EndpointState, version: &str) -> Vec<String> {
    let here = endpoint.running().filter(|stay| stay.share.version == version);
    here.filter_map(|stay| stay.use_case.cloned()).collect()
}

/// Whether what is said of an endpoint concerns the version: while it answered there; and how it is watched.
fn concerns(fact: &Fact, version: &str, stays: &[Served]) -> bool {
    if fact.event_type == "monitor.configured" {
        return true;
    }
    let names_version = fact.names_version();
    if let Some(named) = names_version {
        return named == version;
    }
    stays
        .iter()
        .any(|stay| stay.from_ms <= fact.time_ms && stay.until_ms.is_none_or(|until_ms| fact.time_ms <= until_ms))
}
