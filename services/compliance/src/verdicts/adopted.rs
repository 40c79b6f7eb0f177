//! Which control packs are in force.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use probity_controls::Pack;
use probity_projection::{Parts, View};
use probity_proto::v1;
use probity_query::{QueryError, Scope};
use probity_schemas::{Namespace, NamespacePattern};

use crate::records::packs::{AdoptedPack, PACKS};

/// A pack that was adopted, read.
#[derive(Debug)]
pub(crate) struct Adopted {
    /// The policy's subject without its version.
    pub(crate) subject: String,
    /// Where it came into force.
    pub(crate) index: u64,
    /// When, in Unix milliseconds.
    pub(crate) since_ms: u64,
    namespaces: Vec<NamespacePattern>,
    /// What it asks for; or why it cannot be judged by.
    pub(crate) pack: Result<Pack, String>,
}

impl Adopted {
    fn of(adopted: &AdoptedPack) -> Self {
        let AdoptedPack { subject, index, since_ms, .. } = adopted;
        let (namespaces, pack) = (adopted.patterns().collect(), adopted.read());
        Self { subject: subject.clone(), index: *index, since_ms: *since_ms, namespaces, pack }
    }

    pub(crate) fn covers(&self, namespace: &Namespace) -> bool {
        self.namespaces.iter().any(|pattern| pattern.covers(namespace))
    }
}

/// The packs of one ledger: reading one takes milliseconds, and what was published stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packs(Arc<Mutex<HashMap<u64, Arc<Adopted>>>>);

impl Packs {
    /// Every pack that was ever adopted, in the order in which they came into force.
    pub(crate) fn all(&self, view: &View) -> Result<Vec<Arc<Adopted>>, QueryError> {
        let mut all = Vec::new();
        for pair in view.scan_after(&PACKS.key(), None) {
            let (key, value) = pair?;
            let index = Parts::of(&key).number().unwrap_or_default();
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&index).cloned();
            all.push(match known {
                Some(known) => known,
                None => {
                    let read =
                        Arc::new(Adopted::of(&PACKS.decode(&value).map_err(probity_projection::StoreError::from)?));
                    self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(index, Arc::clone(&read));
                    read
                }
            });
        }
        Ok(all)
    }

    /// The packs in force at a moment, in the order of their subjects: of each subject the newest edition.
    pub(crate) fn at(&self, view: &View, at_ms: u64, known: u64) -> Result<Vec<Arc<Adopted>>, QueryError> {
        let mut newest = BTreeMap::new();
        for adopted in self.all(view)? {
            if adopted.since_ms <= at_ms && adopted.index < known {
                newest.insert(adopted.subject.clone(), adopted);
            }
        }
        Ok(newest.into_values().collect())
    }
}

/// The packs in force at a moment, as they are listed; those of namespaces that may be seen.
pub(crate) fn list(packs: &Packs, view: &View, scope: &Scope, at_ms: u64) -> Result<Vec<v1::AdoptedPack>, QueryError> {
    let all = packs.all(view)?;
    let in_force = packs.at(view, at_ms, u64::MAX)?;
    let seen = |adopted: &&Arc<Adopted>| match scope {
        Scope::Everything => true,
        Scope::Namespaces(patterns) => {
            let meets = |one: &NamespacePattern, other: &NamespacePattern| one.includes(other) || other.includes(one);
            adopted.namespaces.iter().any(|own| patterns.iter().any(|held| meets(own, held)))
        }
    };
    let message = |adopted: &Arc<Adopted>| {
        let before = all.iter().rev().find(|it| it.subject == adopted.subject && it.index < adopted.index);
        let mut message = v1::AdoptedPack {
            subject: adopted.subject.clone(),
            index: adopted.index,
            since_ms: adopted.since_ms,
            namespaces: adopted.namespaces.iter().map(ToString::to_string).collect(),
            ..v1::AdoptedPack::default()
        };
        match &adopted.pack {
            Err(fault) => message.fault.clone_from(fault),
            Ok(pack) => {
                let asks = |id: &str| pack.control(id).is_some();
                let dropped = before.and_then(|before| before.pack.as_ref().ok()).into_iter();
                let dropped = dropped.flat_map(|before| &before.controls).filter(|control| !asks(&control.id));
                message.dropped = dropped.map(|control| control.id.clone()).collect();
                message.name.clone_from(&pack.name);
                message.edition.clone_from(&pack.edition);
                message.title.clone_from(&pack.title);
                message.jurisdiction.clone_from(&pack.jurisdiction);
                message.digest.clone_from(&pack.digest);
                message.not_covered.clone_from(&pack.not_covered);
                message.sources = pack.sources.iter().map(|it| format!("{}: {}", it.title, it.articles)).collect();
                message.controls = pack.controls.iter().map(control).collect();
            }
        }
        message
    };
    Ok(in_force.iter().filter(seen).map(message).collect())
}

/// A control, as it is shown.
pub(crate) fn control(control: &probity_controls::Control) -> v1::PackControl {
    v1::PackControl {
        id: control.id.clone(),
        article: control.article.clone(),
        requirement: control.requirement.clone(),
        applies_to: control.applies_to.clone(),
        severity: control.severity.as_str().to_owned(),
        responsible: control.responsible.clone(),
        evidence: control.evidence.clone(),
    }
}
