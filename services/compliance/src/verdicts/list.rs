//! Verdicts, version by version, and how many there are of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use probity_controls::verdict::Moment;
use probity_controls::{Control, Judgement, Pack, Verdict};
use probity_domain::ids::model_of;
use probity_projection::{Parts, View};
use probity_proto::v1;
use probity_query::{Listed, Page, Paged, QueryError, Scope};
use probity_schemas::{Namespace, NamespacePattern};

use super::adopted::{Adopted, Packs};
use super::gather::Gatherer;
use crate::known::known;
use crate::query::owners;
use crate::records::endpoints::{ENDPOINTS, endpoint_key, namespace};
use crate::records::subjects::{MODELS, VERSIONS, place_of, places_of};

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) pack: String,
    pub(crate) control: String,
    pub(crate) namespace: Option<NamespacePattern>,
    pub(crate) subject: String,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) all_versions: bool,
    pub(crate) at_ms: u64,
    pub(crate) known: u64,
}

impl Wanted {
    fn moment(&self) -> Moment {
        Moment { at_ms: self.at_ms, known: self.known }
    }

    fn wants(&self, namespace: &Namespace, scope: &Scope) -> bool {
        self.namespace.as_ref().is_none_or(|pattern| pattern.covers(namespace)) && scope.covers(namespace)
    }
}

/// The verdicts of a name.
///
/// # Errors
/// There is none of this name.
pub(crate) fn verdicts(words: &[String]) -> Result<Vec<Verdict>, QueryError> {
    let named = |word: &String| {
        Verdict::named(word)
            .ok_or_else(|| probity_query::unknown("verdict", word, Verdict::ALL.iter().map(|verdict| verdict.as_str())))
    };
    words.iter().map(named).collect()
}

/// The packs in force that are asked for, and whether there are any.
fn asked(packs: &Packs, view: &View, wanted: &Wanted) -> Result<(Vec<Arc<Adopted>>, usize), QueryError> {
    let mut in_force = packs.at(view, wanted.at_ms, wanted.known)?;
    let count = in_force.len();
    let read = |adopted: &Arc<Adopted>| adopted.pack.as_ref().map(|pack| pack.name.clone()).unwrap_or_default();
    if !wanted.pack.is_empty() {
        let names: Vec<String> = in_force.iter().map(read).collect();
        if !names.contains(&wanted.pack) && count > 0 {
            return Err(probity_query::unknown("pack", &wanted.pack, names.iter().map(String::as_str)));
        }
        in_force.retain(|adopted| read(adopted) == wanted.pack);
    }
    if !wanted.control.is_empty() && count > 0 {
        let controls = in_force.iter().filter_map(|adopted| adopted.pack.as_ref().ok()).flat_map(|pack| &pack.controls);
        let names: Vec<&str> = controls.map(|control| control.id.as_str()).collect();
        if !names.contains(&wanted.control.as_str()) {
            return Err(probity_query::unknown("control", &wanted.control, names));
        }
    }
    Ok((in_force, count))
}

/// Verdicts, by version, pack and control.
pub(crate) fn list(
    packs: &Packs,
    view: &View,
    wanted: &Wanted,
    scope: &Scope,
    page: &Page,
) -> Result<(Paged<v1::ControlVerdict>, usize), QueryError> {
    scope.reaches(wanted.namespace.as_ref())?;
    let (in_force, count) = asked(packs, view, wanted)?;
    if !wanted.subject.is_empty() {
        known(view, &wanted.subject, scope)?;
    }
    let gatherer = Gatherer::new(view, &in_force, wanted.known)?;
    let after = page.after.as_deref().map(Place::of_key);
    let from_model = after.as_ref().map(|place| model_of(&place.version).to_owned());
    let versions = versions(view, wanted, from_model.as_deref())?;
    let rows = versions.flat_map(|version| match version {
        Err(error) => vec![Err(error)],
        Ok(version) => match of_version(&gatherer, &in_force, wanted, scope, &version, after.as_ref()) {
            Err(error) => vec![Err(error)],
            Ok(rows) => rows.into_iter().map(Ok).collect(),
        },
    });
    Ok((page.take(rows)?, count))
}

/// A row's key, and the row where it is one that is asked for.
type Row = (Vec<u8>, Option<v1::ControlVerdict>);

/// Where a row stands in the list.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    version: String,
    pack: String,
    control: u32,
}

impl Place {
    fn key(&self) -> Vec<u8> {
        VERSIONS.key().text(&self.version).text(&self.pack).small(self.control).into()
    }

    fn of_key(key: &[u8]) -> Self {
        let mut parts = Parts::of(key);
        let mut text = || parts.text().unwrap_or_default().to_owned();
        let (version, pack) = (text(), text());
        Self { version, pack, control: parts.small().unwrap_or_default() }
    }
}

fn of_version(
    gatherer: &Gatherer<'_>,
    in_force: &[Arc<Adopted>],
    wanted: &Wanted,
    scope: &Scope,
    version: &str,
    after: Option<&Place>,
) -> Result<Vec<Row>, QueryError> {
    let Some(namespace) = namespace(version).filter(|namespace| wanted.wants(namespace, scope)) else {
        return Ok(Vec::new());
    };
    let mut dossier = None;
    let mut rows = Vec::new();
    for adopted in in_force.iter().filter(|adopted| adopted.covers(&namespace)) {
        let Ok(pack) = &adopted.pack else { continue };
        for (control, number) in pack.controls.iter().zip(0..) {
            let place = Place { version: version.to_owned(), pack: adopted.subject.clone(), control: number };
            let behind = after.is_some_and(|after| *after >= place);
            if behind || !wanted.control.is_empty() && wanted.control != control.id {
                continue;
            }
            if dossier.is_none() {
                dossier = gatherer.dossier(version)?;
            }
            let Some(dossier) = &dossier else { return Ok(rows) };
            // Words are put together only for what is shown.
            let verdict = pack.judge(control, dossier, wanted.moment(), false).verdict;
            let row = match wanted.verdicts.is_empty() || wanted.verdicts.contains(&verdict) {
                true => Some(row(gatherer.view(), pack, control, dossier, wanted.moment(), scope)?),
                false => None,
            };
            rows.push((place.key(), row));
        }
    }
    Ok(rows)
}

/// A verdict, as it is shown.
pub(crate) fn row(
    view: &View,
    pack: &Pack,
    control: &Control,
    dossier: &probity_controls::Dossier,
    moment: Moment,
    scope: &Scope,
) -> Result<v1::ControlVerdict, QueryError> {
    let Judgement { verdict, reason, rests_on, until_ms, due_ms } = pack.judge(control, dossier, moment, true);
    Ok(v1::ControlVerdict {
        version: dossier.version.clone(),
        pack: pack.name.clone(),
        edition: pack.edition.clone(),
        pack_digest: pack.digest.clone(),
        control: control.id.clone(),
        article: control.article.clone(),
        severity: control.severity.as_str().to_owned(),
        responsible: control.responsible.clone(),
        verdict: verdict.as_str().to_owned(),
        reason: scope.redact(&reason),
        indices: rests_on,
        until_ms,
        due_ms,
        owners: owners(view, &dossier.version)?,
    })
}

type Versions<'v> = Box<dyn Iterator<Item = Result<String, QueryError>> + 'v>;

/// The versions that are asked about, in the order of their models and names.
fn versions<'v>(view: &'v View, wanted: &Wanted, from: Option<&str>) -> Result<Versions<'v>, QueryError> {
    let all = wanted.all_versions;
    match wanted.subject.as_str() {
        "" => {
            // From the model of the last row on: some of its rows may come behind it.
            let start = from.map(|model| MODELS.key().text(model));
            let first = start.clone().filter(|key| view.contains(key).unwrap_or(false));
            let first = first.map(|key| Ok(key.into()));
            let after = start.map(Vec::from);
            let rest = view.scan_after(&MODELS.key(), after.as_deref()).map(|pair| pair.map(|(key, _)| key));
            Ok(Box::new(first.into_iter().chain(rest).flat_map(move |key| {
                let model = key.map(|key| Parts::of(&key).text().unwrap_or_default().to_owned());
                match model.map_err(QueryError::from).and_then(|model| of_model(view, &model, all)) {
                    Ok(versions) => versions.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                }
            })))
        }
        subject if subject.starts_with("endpoint:") => {
            let state = view.record(&ENDPOINTS, &endpoint_key(subject))?.unwrap_or_default();
            let mut versions = state.versions();
            if all {
                versions.extend(state.former_versions());
            }
            Ok(named(versions))
        }
        subject if subject.starts_with("usecase:") => {
            let mut versions = Vec::new();
            for pair in view.scan_after(&MODELS.key(), None) {
                let (key, value) = pair?;
                let model = MODELS.decode(&value).map_err(probity_projection::StoreError::from)?;
                if model.said.uses.iter().any(|(used, _)| used.as_str() == subject) {
                    versions.extend(of_model(view, Parts::of(&key).text().unwrap_or_default(), all)?);
                }
            }
            Ok(named(versions))
        }
        subject if subject.contains('@') => Ok(named(vec![subject.to_owned()])),
        model => Ok(named(of_model(view, model, all)?)),
    }
}

fn named<'v>(mut versions: Vec<String>) -> Versions<'v> {
    versions.retain(|version| version.contains('@'));
    versions.sort_unstable();
    versions.dedup();
    Box::new(versions.into_iter().map(Ok))
}

/// The versions of a model that are judged: those that serve; where none does, the one that served last; where none ever
/// did, the one that was registered last. Or all of them.
pub(crate) fn of_model(view: &View, model: &str, all: bool) -> Result<Vec<String>, QueryError> {
    let mut registered = Vec::new();
    for pair in view.scan_after(&VERSIONS.key().beginning(&format!("{model}@")), None) {
        let (key, value) = pair?;
        let state = VERSIONS.decode(&value).map_err(probity_projection::StoreError::from)?;
        if let (Some(version), true) = (Parts::of(&key).text(), state.is_registered()) {
            registered.push((state.said.registered(), version.to_owned()));
        }
    }
    if all || registered.len() < 2 {
        return Ok(registered.into_iter().map(|(_, version)| version).collect());
    }
    let (mut serve, mut served) = (Vec::new(), Vec::new());
    for pair in view.scan_after(&places_of(model), None) {
        let (key, _) = pair?;
        match place_of(&key) {
            Some((version, false, _)) => serve.push(version),
            Some((version, true, _)) => served.push(version),
            None => {}
        }
    }
    let is_registered = |version: &String| registered.iter().any(|(_, known)| known == version);
    serve.retain(is_registered);
    if !serve.is_empty() {
        serve.sort_unstable();
        serve.dedup();
        return Ok(serve);
    }
    let newest = |among: &dyn Fn(&String) -> bool| {
        registered.iter().filter(|(_, version)| among(version)).max_by_key(|(index, _)| *index)
    };
    let chosen = newest(&|version| served.contains(version)).or_else(|| newest(&|_| true));
    Ok(chosen.map(|(_, version)| version.clone()).into_iter().collect())
}

/// How many versions of the models of a page get which verdict.
pub(crate) fn count(
    packs: &Packs,
    view: &View,
    wanted: &Wanted,
    scope: &Scope,
    page: &Page,
) -> Result<Counted, QueryError> {
    scope.reaches(wanted.namespace.as_ref())?;
    let (in_force, _) = asked(packs, view, wanted)?;
    let gatherer = Gatherer::new(view, &in_force, wanted.known)?;
    let mut counted = Counted::default();
    let mut counts: BTreeMap<(usize, usize, Verdict), u64> = BTreeMap::new();
    let mut last = None;
    for pair in view.scan_after(&MODELS.key(), page.after.as_deref()) {
        let (key, _) = pair?;
        if counted.models == page.size as u64 {
            counted.next_page_token = last.as_deref().map(Page::token).unwrap_or_default();
            break;
        }
        let model = Parts::of(&key).text().unwrap_or_default().to_owned();
        last = Some(key);
        let Some(namespace) = namespace(&model).filter(|namespace| wanted.wants(namespace, scope)) else { continue };
        counted.models += 1;
        for version in of_model(view, &model, wanted.all_versions)? {
            let Some(dossier) = gatherer.dossier(&version)? else { continue };
            counted.versions += 1;
            for (place, adopted) in in_force.iter().enumerate().filter(|(_, adopted)| adopted.covers(&namespace)) {
                let Ok(pack) = &adopted.pack else { continue };
                for (number, control) in pack.controls.iter().enumerate() {
                    let verdict = pack.judge(control, &dossier, wanted.moment(), false).verdict;
                    *counts.entry((place, number, verdict)).or_default() += 1;
                }
            }
        }
    }
    for ((place, number, verdict), versions) in counts {
        let Some(pack) = in_force.get(place).and_then(|adopted| adopted.pack.as_ref().ok()) else { continue };
        let Some(control) = pack.controls.get(number) else { continue };
        counted.counts.push(v1::VerdictCount {
            pack: pack.name.clone(),
            edition: pack.edition.clone(),
            control: control.id.clone(),
            article: control.article.clone(),
            verdict: verdict.as_str().to_owned(),
            versions,
        });
    }
    Ok(counted)
}

/// The counts of a page.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) counts: Vec<v1::VerdictCount>,
    pub(crate) models: u64,
    pub(crate) versions: u64,
    /// Asks for the next page; empty on the last one.
    pub(crate) next_page_token: String,
}

impl Listed for Counted {
    fn token_mut(&mut self) -> &mut String {
        &mut self.next_page_token
    }
}
