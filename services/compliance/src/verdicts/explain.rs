//! One verdict: how it came about, and the statements that it rests on.

use probity_controls::verdict::Moment;
use probity_projection::View;
use probity_proto::v1;
use probity_query::{QueryError, Scope};

use super::adopted::{self, Packs};
use super::gather::Gatherer;
use super::list;
use crate::known::known;
use crate::records::endpoints::namespace;

/// Explains the verdict on a version; on a model, of the one that serves or else the newest.
pub(crate) fn explain(
    packs: &Packs,
    view: &View,
    request: &v1::ExplainVerdictRequest,
    scope: &Scope,
    at_ms: u64,
) -> Result<v1::ExplainVerdictResponse, QueryError> {
    let subject = request.subject.as_str();
    known(view, subject, scope)?;
    let not_found = |what: String| QueryError::NotFound { what };
    let version = match subject.contains('@') {
        true => subject.to_owned(),
        false => list::of_model(view, subject, false)?
            .into_iter()
            .next()
            .ok_or_else(|| not_found(format!("a registered version of {subject}")))?,
    };
    let here = namespace(&version).ok_or_else(|| not_found(version.clone()))?;
    let in_force = packs.at(view, at_ms, u64::MAX)?;
    let covering: Vec<_> = in_force.into_iter().filter(|adopted| adopted.covers(&here)).collect();
    let read = || covering.iter().filter_map(|adopted| adopted.pack.as_ref().ok());
    if read().next().is_none() {
        return Err(not_found(format!("a control pack in force in {here}")));
    }
    let named = |name: &str| read().filter(|pack| name.is_empty() || pack.name == name).collect::<Vec<_>>();
    let chosen = named(&request.pack);
    if chosen.is_empty() {
        return Err(probity_query::unknown("pack", &request.pack, read().map(|pack| pack.name.as_str())));
    }
    let mut found = chosen.iter().filter_map(|pack| Some((*pack, pack.control(&request.control)?)));
    let Some((pack, control)) = found.next() else {
        let names = chosen.iter().flat_map(|pack| &pack.controls).map(|control| control.id.as_str());
        return Err(probity_query::unknown("control", &request.control, names));
    };
    let gatherer = Gatherer::new(view, &covering, u64::MAX)?;
    let dossier = gatherer.dossier(&version)?.ok_or_else(|| not_found(version.clone()))?;
    let moment = Moment::at(at_ms);
    let verdict = list::row(view, pack, control, &dossier, moment, scope)?;
    let history = pack.history(control, &dossier, moment);
    let spans = history.spans.into_iter().map(|(from_ms, judgement)| v1::VerdictSpan {
        from_ms,
        verdict: judgement.verdict.as_str().to_owned(),
        reason: scope.redact(&judgement.reason),
        indices: judgement.rests_on,
    });
    let sources = verdict.indices.iter().filter_map(|index| dossier.fact_at(*index)).map(|fact| v1::VerdictSource {
        index: fact.index,
        r#type: fact.event_type.clone(),
        subject: scope.redact(&fact.subject),
        signer: fact.signer.clone(),
        time_ms: fact.time_ms,
    });
    let (spans, sources) = (spans.collect(), sources.collect());
    let control = Some(adopted::control(control));
    Ok(v1::ExplainVerdictResponse { as_of: None, verdict: Some(verdict), control, spans, cut: history.cut, sources })
}
