//! Giving every part of a rule a kind, and turning it into a term.

mod calls;

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};
use probity_schemas::written::FieldShape;
use probity_schemas::{catalogue, families, nearest, newest};

use super::helpers::Helper;
use super::kind::{Kind, data_of};
use super::macros;
use super::parse::{DEPTH_MAX, RuleFault, parse, with_room};
use super::term::{Definition, Each, Envelope, Literal, Reading, Term, Walk};

/// Names that a pack gives: its definitions, its parameters and the choices of interpretation.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) definitions: BTreeMap<String, (Arc<Definition>, Kind)>,
    pub(crate) parameters: BTreeMap<String, Literal>,
    pub(crate) interpretations: BTreeMap<String, bool>,
}

impl Names {
    /// Reads a rule.
    pub(crate) fn read(&self, rule: &str) -> Result<(Term, Kind), RuleFault> {
        let read = || {
            let (tree, source) = parse(rule)?;
            Checker { names: self, source: &source, scope: Vec::new(), depth: 0 }.check(&tree)
        };
        with_room(read).unwrap_or_else(|| Err(RuleFault::new(0, "it cannot be read")))
    }

    /// Reads a rule that says yes or no.
    pub(crate) fn condition(&self, rule: &str) -> Result<Term, RuleFault> {
        match self.read(rule)? {
            (term, Kind::Truth) => Ok(term),
            (_, kind) => Err(RuleFault::new(0, format!("a rule says true or false; this is {kind}"))),
        }
    }
}

struct Checker<'a> {
    names: &'a Names,
    source: &'a SourceInfo,
    /// What macros go through.
    scope: Vec<(String, Kind)>,
    depth: u16,
}

type Checked = Result<(Term, Kind), RuleFault>;

impl Checker<'_> {
    fn fault(&self, at: &IdedExpr, message: impl Into<String>) -> RuleFault {
        // Operators are noted where they stand, behind their operands.
        let at = self.source.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        RuleFault::new(at, message)
    }

    fn check(&mut self, expr: &IdedExpr) -> Checked {
        // Chains are as deep as they are long.
        if self.depth > 4 * DEPTH_MAX {
            return Err(self.fault(expr, "too many expressions stand within each other"));
        }
        self.depth += 1;
        let checked = self.any(expr);
        self.depth -= 1;
        checked
    }

    fn any(&mut self, expr: &IdedExpr) -> Checked {
        match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(name) => self.named(expr, name),
            Expr::Select(select) => self.select(expr, select),
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => {
                let mut of: Option<Kind> = None;
                let mut terms = Vec::with_capacity(list.elements.len());
                for element in &list.elements {
                    let (term, kind) = self.check(element)?;
                    if let Some(of) = of.as_ref().filter(|of| !of.fits(&kind)) {
                        return Err(self.fault(element, format!("the list holds {of}, and this is {kind}")));
                    }
                    if matches!(kind, Kind::List(_) | Kind::Fact(_)) {
                        return Err(self.fault(element, format!("a list of literals cannot hold {kind}")));
                    }
                    of.get_or_insert(kind);
                    terms.push(term);
                }
                let of = of.ok_or_else(|| self.fault(expr, "an empty list says nothing"))?;
                Ok((Term::List(terms), Kind::list(plain(of))))
            }
            Expr::Comprehension(comprehension) => match macros::recognise(comprehension) {
                Some(found) => self.walk(expr, &found),
                None => Err(self.fault(expr, "only all, exists, exists_one, filter and map go through lists")),
            },
            Expr::Map(_) | Expr::Struct(_) => Err(self.fault(expr, "rules make no objects of their own")),
            Expr::Unspecified => Err(self.fault(expr, "there is no expression")),
        }
    }

    fn literal(&self, expr: &IdedExpr, literal: &LiteralValue) -> Checked {
        Ok(match literal {
            LiteralValue::Boolean(value) => (Term::Literal(Literal::Truth(*value.inner())), Kind::Truth),
            LiteralValue::Int(value) => (Term::Literal(Literal::Number(*value.inner() as f64)), Kind::Number),
            LiteralValue::UInt(value) => (Term::Literal(Literal::Number(*value.inner() as f64)), Kind::Number),
            LiteralValue::Double(value) => (Term::Literal(Literal::Number(*value.inner())), Kind::Number),
            LiteralValue::String(value) => (Term::Literal(Literal::Text(value.inner().into())), Kind::text()),
            LiteralValue::Null => return Err(self.fault(expr, "there is no null; ask has(x.field)")),
            LiteralValue::Bytes(_) => return Err(self.fault(expr, "there are no bytes; digests are texts")),
        })
    }

    fn named(&self, expr: &IdedExpr, name: &str) -> Checked {
        if let Some(place) = self.scope.iter().rposition(|(known, _)| known == name) {
            return Ok((Term::Local(place), self.scope[place].1.clone()));
        }
        if let Some((definition, kind)) = self.names.definitions.get(name) {
            return Ok((Term::Defined(Arc::clone(definition)), kind.clone()));
        }
        match name {
            "version" => return Ok((Term::Version, Kind::text())),
            "model" => return Ok((Term::Model, Kind::text())),
            _ => {}
        }
        let family = families().iter().any(|family| family.name == name);
        if family || Helper::named(name).is_some() {
            let hint = if family { "a type of it, as in risk.assessed" } else { "parentheses behind it" };
            return Err(self.fault(expr, format!("{name} needs {hint}")));
        }
        let known = self.scope.iter().map(|(name, _)| name.as_str()).chain(["version", "model"]);
        let known = known.chain(self.names.definitions.keys().map(String::as_str));
        let known = known.chain(families().iter().map(|family| family.name));
        Err(self.fault(expr, format!("unknown name {name}{}", did_you_mean(name, known))))
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Checked {
        let field = select.field.as_str();
        if let Expr::Ident(root) = &select.operand.expr {
            let is_local = self.scope.iter().any(|(name, _)| name == root);
            if !is_local
                && !select.test
                && let Some(found) = self.rooted(expr, root, field)
            {
                return found;
            }
        }
        let (of, kind) = self.check(&select.operand)?;
        match kind {
            Kind::Fact(_) if select.test => {
                Err(self.fault(expr, format!("a fact has its {field} or not by its type; ask has(x.data.field)")))
            }
            Kind::Fact(types) => self.of_fact(expr, of, types, field),
            Kind::Record(shapes) if field == "kind" && !select.test && shapes.iter().all(|shape| is_choice(shape)) => {
                let kinds = shapes.iter().flat_map(|shape| match shape {
                    FieldShape::Choice(choices) => choices.as_slice(),
                    _ => &[],
                });
                let kind = Kind::Text(kinds.map(|(word, _)| word.word.clone()).collect());
                Ok((Term::Field(Box::new(of), field.into(), Reading::Text), kind))
            }
            Kind::Record(shapes) => {
                let found = shapes.iter().filter_map(|shape| shape.field(field)).collect::<Vec<_>>();
                let Some(first) = found.first() else {
                    let names = shapes.iter().flat_map(|shape| match shape {
                        FieldShape::Record(fields) => fields.as_slice(),
                        _ => &[],
                    });
                    let hint = did_you_mean(field, names.map(|field| field.name.as_str()));
                    return Err(self.fault(expr, format!("unknown field {field}{hint}")));
                };
                if select.test {
                    return Ok((Term::Has(Box::new(of), field.into()), Kind::Truth));
                }
                let Some((mut kind, reading)) = Kind::of(&first.shape) else {
                    return Err(self.fault(expr, format!("{field} cannot be asked for in a rule")));
                };
                for other in &found[1..] {
                    let other = Kind::of(&other.shape).map(|(kind, _)| kind);
                    let Some(other) = other.filter(|other| other.fits(&kind)) else {
                        return Err(self.fault(expr, format!("{field} is not the same in all types of this list")));
                    };
                    kind = united(kind, other);
                }
                Ok((Term::Field(Box::new(of), field.into(), reading), kind))
            }
            kind => Err(self.fault(expr, format!("{kind} has no field {field}"))),
        }
    }

    /// What stands behind a name that is no value itself: a type's facts, a parameter, an interpretation.
    fn rooted(&self, expr: &IdedExpr, root: &str, field: &str) -> Option<Checked> {
        let missing = |kind: &str, names: Vec<&str>| {
            let hint = did_you_mean(field, names);
            Err(self.fault(expr, format!("unknown {kind} {field}{hint}")))
        };
        match root {
            "parameter" => Some(match self.names.parameters.get(field) {
                Some(literal) => Ok((Term::Literal(literal.clone()), kind_of(literal))),
                None => missing("parameter", self.names.parameters.keys().map(String::as_str).collect()),
            }),
            "interpretation" => Some(match self.names.interpretations.get(field) {
                Some(chosen) => Ok((Term::Literal(Literal::Truth(*chosen)), Kind::Truth)),
                None => missing("interpretation", self.names.interpretations.keys().map(String::as_str).collect()),
            }),
            root if families().iter().any(|family| family.name == root) => {
                Some(match newest(&format!("{root}.{field}")) {
                    Ok(info) => Ok((Term::Facts(info.event_type), Kind::list(Kind::Fact(vec![info])))),
                    Err(_) => {
                        let of_family = |name: &&str| name.split_once('.').is_some_and(|(family, _)| family == root);
                        let names = catalogue().map(|info| info.event_type).filter(of_family);
                        let hint = did_you_mean(&format!("{root}.{field}"), names);
                        Err(self.fault(expr, format!("unknown type {root}.{field}{hint}")))
                    }
                })
            }
            _ => None,
        }
    }

    fn of_fact(
        &self,
        expr: &IdedExpr,
        of: Term,
        types: Vec<&'static probity_schemas::TypeInfo>,
        field: &str,
    ) -> Checked {
        let envelope = |envelope, kind| Ok((Term::Envelope(Box::new(of.clone()), envelope), kind));
        match field {
            "data" => {
                let shapes = types.into_iter().map(data_of).collect();
                Ok((Term::Data(Box::new(of)), Kind::Record(shapes)))
            }
            "time" => envelope(Envelope::Time, Kind::Time),
            "recorded" => envelope(Envelope::Recorded, Kind::Time),
            "subject" => envelope(Envelope::Subject, Kind::text()),
            "signer" => envelope(Envelope::Signer, Kind::text()),
            "persons" => envelope(Envelope::Persons, Kind::list(Kind::text())),
            "roles" => envelope(Envelope::Roles, Kind::list(Kind::text())),
            "evidence" => envelope(Envelope::Kinds, Kind::list(Kind::text())),
            _ => {
                const KNOWN: [&str; 8] =
                    ["data", "time", "recorded", "subject", "signer", "persons", "roles", "evidence"];
                let in_data = types.iter().any(|info| data_of(info).field(field).is_some());
                let hint = match in_data {
                    true => format!("; did you mean data.{field}?"),
                    false => did_you_mean(field, KNOWN),
                };
                Err(self.fault(expr, format!("a fact has no {field}{hint}")))
            }
        }
    }

    fn walk(&mut self, expr: &IdedExpr, found: &macros::Macro<'_>) -> Checked {
        let (over, kind) = self.check(found.over)?;
        let Kind::List(of) = kind else {
            return Err(self.fault(found.over, format!("only lists can be gone through; this is {kind}")));
        };
        if self.scope.iter().any(|(name, _)| name == found.name) {
            return Err(self.fault(expr, format!("{} is taken already; give the element another name", found.name)));
        }
        self.scope.push((found.name.to_owned(), (*of).clone()));
        let checked = self.within(found);
        self.scope.pop();
        let (guard, body, body_kind) = checked?;
        let kind = match found.each {
            Each::All | Each::Exists | Each::One => Kind::Truth,
            Each::Filter => Kind::List(of),
            Each::Map => match body_kind {
                kind @ (Kind::List(_) | Kind::Record(_)) => {
                    return Err(self.fault(found.body, format!("map cannot gather {kind}")));
                }
                kind => Kind::list(kind),
            },
        };
        Ok((Term::Each(Box::new(Walk { each: found.each, over, guard, body })), kind))
    }

    fn within(&mut self, found: &macros::Macro<'_>) -> Result<(Option<Term>, Term, Kind), RuleFault> {
        let guard = found.guard.map(|guard| self.truth(guard)).transpose()?;
        let (body, kind) = self.check(found.body)?;
        if found.each != Each::Map && !matches!(kind, Kind::Truth) {
            return Err(self.fault(found.body, format!("a condition is needed here; this is {kind}")));
        }
        Ok((guard, body, kind))
    }

    fn truth(&mut self, expr: &IdedExpr) -> Result<Term, RuleFault> {
        match self.check(expr)? {
            (term, Kind::Truth) => Ok(term),
            (_, kind) => Err(self.fault(expr, format!("true or false is needed here; this is {kind}"))),
        }
    }
}

fn kind_of(literal: &Literal) -> Kind {
    match literal {
        Literal::Truth(_) => Kind::Truth,
        Literal::Number(_) => Kind::Number,
        Literal::Text(_) => Kind::text(),
        Literal::Time(_) => Kind::Time,
        Literal::Span(_) => Kind::Span,
    }
}

fn is_choice(shape: &FieldShape) -> bool {
    matches!(shape, FieldShape::Choice(_))
}

/// Without the words that it may be.
fn plain(kind: Kind) -> Kind {
    match kind {
        Kind::Text(_) => Kind::text(),
        kind => kind,
    }
}

/// A kind that both of two that fit are.
fn united(one: Kind, other: Kind) -> Kind {
    match (one, other) {
        (Kind::Text(mut words), Kind::Text(more)) => {
            if words.is_empty() || more.is_empty() {
                return Kind::text();
            }
            words.extend(more);
            Kind::Text(words)
        }
        (Kind::List(one), Kind::List(other)) => Kind::list(united(*one, *other)),
        (Kind::Fact(mut types), Kind::Fact(more)) => {
            types.extend(more);
            Kind::Fact(types)
        }
        (Kind::Record(mut shapes), Kind::Record(more)) => {
            shapes.extend(more);
            Kind::Record(shapes)
        }
        (one, _) => one,
    }
}

fn did_you_mean<'n>(found: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest(found, names).map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}
