//! Everything about one model, put together from the lists that it is in.

use probity_projection::{Parts, View};
use probity_proto::v1;
use probity_query::{Citation, Page, QueryError, Scope};

use crate::answers;
use crate::asked;
use crate::query::{self, Filter, Problems};
use crate::records::models::{DEPENDENCIES, MODELS};
use crate::records::values::VALUES;
use crate::sight::InSight as _;

/// Versions in a dossier.
const NEWEST_VERSIONS: usize = 50;
/// Monitors, problems and dependencies in a dossier, each.
const DOSSIER_ITEMS: usize = 200;

/// Everything about one model.
///
/// # Errors
/// There is no such model, or none that may be seen; or the view could not be read.
pub fn dossier(view: &View, model: &str, scope: &Scope) -> Result<v1::GetModelResponse, QueryError> {
    scope.must_cover(model)?;
    let Some(record) = view.record(&MODELS, &MODELS.key().text(model))? else {
        return Err(asked::unknown_subject(view, model, scope)?);
    };
    let first = |size| Page { size, after: None };
    let mut dependencies = Vec::new();
    for pair in view.scan_after(&DEPENDENCIES.key().text(model), None).take(DOSSIER_ITEMS) {
        let (key, _) = pair?;
        let mut parts = Parts::of(&key);
        let (_, index) = (parts.text(), parts.number().unwrap_or_default());
        let found = view.record(&DEPENDENCIES, &DEPENDENCIES.key().text(model).number(index))?.unwrap_or_default();
        dependencies.extend((!found.ended).then(|| answers::dependency(index, found).in_sight_of(scope)));
    }
    let deployments = query::deployments(view, &Filter::default(), model, scope, &first(DOSSIER_ITEMS))?.items;
    let mut monitors = query::monitors(view, None, model, "", scope, &first(DOSSIER_ITEMS))?.items;
    let wanted = |subject: &str| Problems { subject: subject.to_owned(), open: Some(true), ..Problems::default() };
    let mut found = query::problems(view, &wanted(model), scope, &first(DOSSIER_ITEMS))?.items;
    for deployment in &deployments {
        let endpoint = &deployment.endpoint;
        monitors.extend(query::monitors(view, None, endpoint, "", scope, &first(DOSSIER_ITEMS))?.items);
        found.extend(query::problems(view, &wanted(endpoint), scope, &first(DOSSIER_ITEMS))?.items);
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    let mut value = Vec::new();
    for subject in std::iter::once(model).chain(record.current_uses().map(|used| used.use_case.as_str())) {
        let found = view.record(&VALUES, &VALUES.key().text(subject))?.filter(|_| scope.covers_subject(subject));
        value.extend(found.map(|found| answers::value(subject, &found)));
    }
    let registration = record.registration();
    Ok(v1::GetModelResponse {
        as_of: None,
        intended_uses: registration.map(|entry| entry.intended_uses.clone()).unwrap_or_default(),
        excluded_uses: registration.map(|entry| entry.excluded_uses.clone()).unwrap_or_default(),
        attributes_json: registration.map(|entry| entry.attributes.clone()).unwrap_or_default(),
        versions: query::versions(view, model, "", scope, &first(NEWEST_VERSIONS))?.items,
        links: record
            .links
            .iter()
            .map(|link| link.stated.fact(format!("{} {}", link.relation, link.other)).in_sight_of(scope))
            .collect(),
        model: Some(answers::model(view, model, &record, scope)?.in_sight_of(scope)),
        deployments,
        dependencies,
        monitors,
        problems: found,
        value,
    })
}
