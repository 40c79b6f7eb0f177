//! The policies that acts are judged by: gates, lifecycles, users' own fields. Embedded in the log, each holds from its
//! position on until another one of the same name takes its place.

use probity_domain::gathering::{Full, MOST_BYTES, MOST_POLICIES};
use probity_domain::{At, Gates};
use probity_schemas::policy::Published;
use probity_schemas::{
    AttributeField, AttributeKind, AttributesPolicy, Event, LifecyclePolicy, Name, Namespace, NamespacePattern, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::violation::RuleViolation;

/// A policy under its subject without a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct InForce<P> {
    subject: Subject,
    policy: P,
}

/// All policies there have been but the roles', which are the authority's.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Policies {
    gates: Gates,
    lifecycles: Vec<InForce<LifecyclePolicy>>,
    attributes: Vec<InForce<AttributesPolicy>>,
}

impl Policies {
    /// Puts a policy into force. A later version takes an earlier one's place.
    pub(crate) fn publish(&mut self, subject: &Subject, published: &Published, at: At) {
        let subject = subject.without_version();
        match published {
            Published::Gate(policy) => self.gates.publish(&subject, policy, at),
            Published::Lifecycle(policy) => {
                self.lifecycles.retain(|earlier| earlier.subject != subject);
                self.lifecycles.push(InForce { subject, policy: policy.clone() });
            }
            Published::Attributes(policy) => {
                self.attributes.retain(|earlier| earlier.subject != subject);
                self.attributes.push(InForce { subject, policy: policy.clone() });
            }
            Published::Roles(_) | Published::ControlPack(_) => {}
        }
    }

    /// Whether one more can come into force: a namespace publishes so many. All of them are read for every judgement.
    pub(crate) fn take(&self, subject: &Subject, published: &Published) -> Result<(), Full> {
        let (namespace, subject) = (&subject.namespace, subject.without_version());
        let others = |of: &Subject| of.namespace == *namespace && *of != subject;
        let lifecycles = self.lifecycles.iter().filter(|policy| others(&policy.subject)).count();
        let attributes = self.attributes.iter().filter(|policy| others(&policy.subject)).count();
        let gates = self.gates.published_by(namespace).count();
        Full::unless("policies", lifecycles + attributes + gates + 1, MOST_POLICIES)?;
        let Published::Gate(policy) = published else { return Ok(()) };
        let bytes = |policy| serde_json::to_vec(policy).map_or(0, |bytes| bytes.len());
        let known: usize = self.gates.published_by(namespace).map(|gate| bytes(&gate.policy)).sum();
        Full::unless("bytes of gate policies", known + bytes(policy), MOST_BYTES)
    }

    /// The namespaces that a policy, by its subject, binds before `index`.
    pub(crate) fn bound_by(&self, subject: &Subject, index: u64) -> Vec<NamespacePattern> {
        let subject = subject.without_version();
        let gate = self.gates.of_subject(&subject, index).map(|gate| &gate.policy.namespaces);
        let lifecycle = self.lifecycles.iter().find(|policy| policy.subject == subject);
        let attributes = self.attributes.iter().find(|policy| policy.subject == subject);
        let lists = [
            gate,
            lifecycle.map(|policy| &policy.policy.namespaces),
            attributes.map(|policy| &policy.policy.namespaces),
        ];
        lists.into_iter().flatten().flat_map(|namespaces| namespaces.iter().cloned()).collect()
    }

    /// Every gate policy that came into force.
    pub(crate) fn gates(&self) -> &Gates {
        &self.gates
    }

    /// The lifecycle policies that bind models of a namespace.
    pub(crate) fn lifecycles(&self, namespace: &Namespace) -> impl Iterator<Item = &LifecyclePolicy> {
        let covers =
            move |policy: &&LifecyclePolicy| NamespacePattern::closeness(&policy.namespaces, namespace).is_some();
        self.lifecycles.iter().map(|policy| &policy.policy).filter(covers)
    }

    /// Holds the user's own fields to the schema that is published for their namespace, if there is one.
    pub(crate) fn attributes(&self, event: &Event) -> Result<(), RuleViolation> {
        if self.attributes.is_empty() || event.attributes.is_empty() {
            return Ok(());
        }
        let namespace = &event.subject.namespace;
        let schemas = self.attributes.iter().map(|policy| &policy.policy);
        let schemas: Vec<_> =
            schemas.filter(|policy| NamespacePattern::closeness(&policy.namespaces, namespace).is_some()).collect();
        if schemas.is_empty() {
            return Ok(());
        }
        let Ok(Value::Object(fields)) = serde_json::to_value(&event.attributes) else { return Ok(()) };
        for (field, value) in &fields {
            let known = schemas.iter().find_map(|schema| schema.fields.iter().find(|(name, _)| name.as_str() == field));
            let Some((_, wanted)) = known else {
                let names = schemas.iter().flat_map(|schema| schema.fields.keys());
                let distance = |name: &&Name| strsim::damerau_levenshtein(name.as_str(), field);
                let nearest = names.min_by_key(distance).filter(|name| distance(name) <= 3).cloned();
                return Err(RuleViolation::UnknownAttribute {
                    field: field.clone(),
                    namespace: namespace.clone(),
                    nearest,
                });
            };
            if !fits(wanted, value) {
                return Err(RuleViolation::AttributeUnfit { field: field.clone(), expected: expected(wanted) });
            }
        }
        Ok(())
    }
}

fn fits(field: &AttributeField, value: &Value) -> bool {
    match (field.kind, value) {
        (AttributeKind::Text, Value::String(text)) => {
            field.values.is_empty() || field.values.iter().any(|allowed| allowed.as_str() == text)
        }
        (AttributeKind::Date, Value::String(text)) => is_date(text),
        (AttributeKind::Number, Value::Number(_)) | (AttributeKind::Boolean, Value::Bool(_)) => true,
        _ => false,
    }
}

/// A date of RFC 3339: `2025-03-14`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-').map(|part| (part.len(), part.parse::<u32>()));
    let month = 1..=12;
    let day = 1..=31;
    matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (Some((4, Ok(_))), Some((2, Ok(m))), Some((2, Ok(d))), None) if month.contains(&m) && day.contains(&d)
    )
}

fn expected(field: &AttributeField) -> String {
    match field.kind {
        AttributeKind::Text if !field.values.is_empty() => {
            format!("one of {}", field.values.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", "))
        }
        AttributeKind::Text => "a text".to_owned(),
        AttributeKind::Number => "a number".to_owned(),
        AttributeKind::Boolean => "true or false".to_owned(),
        AttributeKind::Date => "a date such as 2025-03-14".to_owned(),
    }
}
