//! What an answer about something that may be seen says of things that may not.
//!
//! A list of names loses those that are out of sight; a single name becomes [`HIDDEN`], so that it is seen
//! that there is one.

use probity_proto::v1;
use probity_query::{HIDDEN, Scope};

/// An answer that may name what its reader may not see.
pub(crate) trait InSight: Sized {
    /// The answer as this reader may have it.
    #[must_use]
    fn in_sight_of(self, scope: &Scope) -> Self;
}

/// The name of a subject, or that there is one.
fn one(name: &mut String, scope: &Scope) {
    let is_subject = name.split_once(':').is_some_and(|(_, path)| path.contains('/'));
    if is_subject && !scope.covers_subject(name) {
        HIDDEN.clone_into(name);
    }
}

/// Only names of what may be seen; others than of subjects stay.
fn many(names: &mut Vec<String>, scope: &Scope) {
    names.iter_mut().for_each(|name| one(name, scope));
    names.retain(|name| name != HIDDEN);
}

fn classes(classes: &mut [v1::Classification], scope: &Scope) {
    classes.iter_mut().for_each(|class| one(&mut class.use_case, scope));
}

impl InSight for v1::Model {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        many(&mut self.use_cases, scope);
        one(&mut self.supplier, scope);
        classes(&mut self.classes, scope);
        self
    }
}

impl InSight for v1::UseCase {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        self.models.retain(|linked| scope.covers_subject(&linked.model));
        classes(&mut self.classes, scope);
        self
    }
}

impl InSight for v1::Version {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        self.components.iter_mut().for_each(|component| one(&mut component.what, scope));
        for names in [&mut self.parents, &mut self.datasets, &mut self.endpoints] {
            many(names, scope);
        }
        self
    }
}

impl InSight for v1::Deployment {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        one(&mut self.use_case, scope);
        one(&mut self.champion, scope);
        for share in &mut self.shares {
            one(&mut share.version, scope);
            if share.version == HIDDEN {
                share.digest.clear();
            }
        }
        self
    }
}

impl InSight for v1::Dataset {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        many(&mut self.derived_from, scope);
        one(&mut self.source, scope);
        self
    }
}

impl InSight for v1::Problem {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        classes(&mut self.classes, scope);
        self
    }
}

impl InSight for v1::Dependency {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        one(&mut self.what, scope);
        self
    }
}

impl InSight for v1::Fact {
    fn in_sight_of(mut self, scope: &Scope) -> Self {
        self.value = scope.redact(&self.value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_sight_is_not_named() {
        let scope = Scope::of(vec!["credit/*".parse().unwrap()]);
        let text = |text: &str| text.to_owned();
        let version = v1::Version {
            endpoints: vec![text("endpoint:credit/score"), text("endpoint:fraud/score")],
            parents: vec![text("model:hr/base@1")],
            datasets: vec![text("sha256:ab"), text("dataset:hr/people")],
            components: vec![v1::Component { role: text("base-model"), what: text("model:hr/base@1") }],
            ..Default::default()
        };
        let seen = version.in_sight_of(&scope);
        assert_eq!(seen.endpoints, ["endpoint:credit/score"]);
        assert!(seen.parents.is_empty());
        assert_eq!(seen.datasets, ["sha256:ab"]);
        assert_eq!(seen.components[0].what, HIDDEN);

        let share = v1::Share { version: text("model:fraud/net@2"), digest: text("sha256:cd"), ..Default::default() };
        let seen = v1::Deployment { use_case: text("usecase:fraud/cards"), shares: vec![share], ..Default::default() };
        let seen = seen.in_sight_of(&scope);
        assert_eq!((seen.use_case.as_str(), seen.shares[0].version.as_str()), (HIDDEN, HIDDEN));
        assert!(seen.shares[0].digest.is_empty());
        let linked = |model: &str| v1::LinkedModel { model: text(model), ..Default::default() };
        let used = v1::UseCase { models: vec![linked("model:credit/pd"), linked("model:hr/pd")], ..Default::default() };
        assert_eq!(used.in_sight_of(&scope).models.len(), 1);
    }
}
