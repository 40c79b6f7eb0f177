//! Giving every part of a rule a kind, and turning it into a term.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};
use probity_schemas::written::FieldShape;
use probity_schemas::{catalogue, families, nearest, newest};

use super::helpers::{Gives, Helper, Takes};
use super::kind::{Kind, data_of};
use super::macros;
use super::parse::{DEPTH_MAX, RuleFault, parse, with_room};
use super::term::{Comparison, Definition, Each, Envelope, Literal, Reading, Span, Term, TextTest, Walk};
use crate::questions::Question;

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

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Checked {
        let arguments: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (op::LOGICAL_NOT, [one]) => Ok((Term::Not(Box::new(self.truth(one)?)), Kind::Truth)),
            (op::LOGICAL_AND, _) => Ok((Term::All(self.clauses(op::LOGICAL_AND, expr)?), Kind::Truth)),
            (op::LOGICAL_OR, _) => Ok((Term::Any(self.clauses(op::LOGICAL_OR, expr)?), Kind::Truth)),
            (op::CONDITIONAL, [asked, yes, no]) => {
                let asked = self.truth(asked)?;
                let ((yes, kind), (no, other)) = (self.check(yes)?, self.check(no)?);
                if !kind.fits(&other) {
                    return Err(self.fault(expr, format!("one side is {kind}, the other {other}")));
                }
                Ok((Term::If(Box::new([asked, yes, no])), united(kind, other)))
            }
            (op::IN, [element, list]) => self.is_in(expr, element, list),
            (op::ADD, [one, other]) => self.add(expr, one, other),
            (op::SUBSTRACT, [one, other]) => self.subtract(expr, one, other),
            ("contains" | "startsWith" | "endsWith", [one, other]) => {
                let test = match call.func_name.as_str() {
                    "contains" => TextTest::Contains,
                    "startsWith" => TextTest::Starts,
                    _ => TextTest::Ends,
                };
                let ((one_term, one_kind), (other_term, other_kind)) = (self.check(one)?, self.check(other)?);
                match (one_kind, other_kind) {
                    (Kind::Text(_), Kind::Text(_)) => {
                        Ok((Term::Texts(test, Box::new([one_term, other_term])), Kind::Truth))
                    }
                    (one, other) => {
                        Err(self.fault(expr, format!("{} is for two texts, not {one} and {other}", call.func_name)))
                    }
                }
            }
            ("duration", [text]) => self.duration(text),
            ("timestamp", [text]) => self.timestamp(text),
            (name, arguments) => match (comparison(name), Helper::named(name)) {
                (Some(comparison), _) => self.compare(expr, comparison, arguments),
                (_, Some(helper)) => self.help(expr, helper, arguments),
                _ => {
                    let shown = name.trim_matches(['_', '@', '?']);
                    let known = Helper::ALL.iter().map(|helper| helper.name());
                    let hint = did_you_mean(shown, known.chain(["contains", "startsWith", "endsWith", "has"]));
                    Err(self.fault(expr, format!("unknown function {shown}{hint}")))
                }
            },
        }
    }

    /// The clauses of a chain of one operator, which the grammar has as a tree.
    fn clauses(&mut self, operator: &str, expr: &IdedExpr) -> Result<Vec<Term>, RuleFault> {
        let mut clauses = Vec::new();
        let mut waiting = vec![expr];
        while let Some(expr) = waiting.pop() {
            match &expr.expr {
                Expr::Call(call) if call.func_name == operator => waiting.extend(call.args.iter().rev()),
                _ => clauses.push(self.truth(expr)?),
            }
        }
        Ok(clauses)
    }

    fn is_in(&mut self, expr: &IdedExpr, element: &IdedExpr, list: &IdedExpr) -> Checked {
        let ((element, kind), (listed, list_kind)) = (self.check(element)?, self.check(list)?);
        let of = match list_kind {
            Kind::List(of) if of.fits(&kind) && !matches!(kind, Kind::Fact(_)) => of,
            other => return Err(self.fault(expr, format!("{kind} cannot be in {other}"))),
        };
        for (words, term) in [(&kind, &listed), (&*of, &element)] {
            let literals = match term {
                Term::List(terms) => terms.as_slice(),
                term => std::slice::from_ref(term),
            };
            literals.iter().try_for_each(|literal| self.known_word(expr, words, literal))?;
        }
        Ok((Term::In(Box::new([element, listed])), Kind::Truth))
    }

    fn add(&mut self, expr: &IdedExpr, one: &IdedExpr, other: &IdedExpr) -> Checked {
        let ((one, kind), (other, other_kind)) = (self.check(one)?, self.check(other)?);
        let sum = |one, other| Term::Add(Box::new([one, other]));
        match (kind, other_kind) {
            (Kind::Number, Kind::Number) => Ok((sum(one, other), Kind::Number)),
            (Kind::Time, Kind::Span) => Ok((sum(one, other), Kind::Time)),
            (Kind::List(of), Kind::List(more)) => match (*of, *more) {
                (Kind::Fact(mut types), Kind::Fact(more)) => {
                    types.extend(more.into_iter().filter(|info| !types.contains(info)).collect::<Vec<_>>());
                    Ok((Term::Union(vec![one, other]), Kind::list(Kind::Fact(types))))
                }
                _ => Err(self.fault(expr, "only lists of facts can be added to each other")),
            },
            (kind, other) => Err(self.fault(expr, format!("{kind} and {other} cannot be added"))),
        }
    }

    fn subtract(&mut self, expr: &IdedExpr, one: &IdedExpr, other: &IdedExpr) -> Checked {
        let ((one, kind), (other, other_kind)) = (self.check(one)?, self.check(other)?);
        let difference = Term::Subtract(Box::new([one, other]));
        match (kind, other_kind) {
            (Kind::Number, Kind::Number) => Ok((difference, Kind::Number)),
            (Kind::Time, Kind::Span) => Ok((difference, Kind::Time)),
            (Kind::Time, Kind::Time) => Ok((difference, Kind::Span)),
            (kind, other) => Err(self.fault(expr, format!("{other} cannot be taken from {kind}"))),
        }
    }

    fn compare(&mut self, expr: &IdedExpr, comparison: Comparison, sides: &[&IdedExpr]) -> Checked {
        let [one, other] = sides else { return Err(self.fault(expr, "a comparison has two sides")) };
        let ((one, kind), (other, other_kind)) = (self.check(one)?, self.check(other)?);
        let ordered = matches!(kind, Kind::Number | Kind::Time | Kind::Span);
        let equal = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        let comparable = ordered || equal && matches!(kind, Kind::Text(_) | Kind::Truth);
        if !kind.fits(&other_kind) || !comparable {
            return Err(self.fault(expr, format!("{kind} cannot be compared with {other_kind} like this")));
        }
        self.known_word(expr, &kind, &other)?;
        self.known_word(expr, &other_kind, &one)?;
        Ok((Term::Compare(comparison, Box::new([one, other])), Kind::Truth))
    }

    /// A text that is compared with words is one of them.
    fn known_word(&self, expr: &IdedExpr, kind: &Kind, literal: &Term) -> Result<(), RuleFault> {
        match (kind, literal) {
            (Kind::Text(words), Term::Literal(Literal::Text(text))) if !words.is_empty() => {
                if words.iter().any(|word| **word == **text) {
                    return Ok(());
                }
                let hint = did_you_mean(text, words.iter().map(String::as_str));
                Err(self.fault(expr, format!("{text:?} is none of {}{hint}", words.join(", "))))
            }
            _ => Ok(()),
        }
    }

    fn duration(&self, text: &IdedExpr) -> Checked {
        let parsed = match &text.expr {
            Expr::Literal(LiteralValue::String(text)) => text.inner().parse::<jiff::SignedDuration>().ok(),
            _ => None,
        };
        let millis = parsed.and_then(|span| u64::try_from(span.as_millis()).ok());
        let millis = millis.ok_or_else(|| self.fault(text, "a duration is written as in duration(\"72h\")"))?;
        Ok((Term::Literal(Literal::Span(Span::Exact(millis))), Kind::Span))
    }

    fn timestamp(&self, text: &IdedExpr) -> Checked {
        let parsed = match &text.expr {
            Expr::Literal(LiteralValue::String(text)) => text.inner().parse::<jiff::Timestamp>().ok(),
            _ => None,
        };
        let millis = parsed.and_then(|time| u64::try_from(time.as_millisecond()).ok());
        let millis =
            millis.ok_or_else(|| self.fault(text, "a time is written as in timestamp(\"2027-12-02T00:00:00Z\")"))?;
        Ok((Term::Literal(Literal::Time(millis)), Kind::Time))
    }

    fn help(&mut self, expr: &IdedExpr, helper: Helper, arguments: &[&IdedExpr]) -> Checked {
        let takes = helper.takes();
        if takes.len() != arguments.len() {
            let message =
                format!("it is {}, with {} arguments and not {}", helper.signature(), takes.len(), arguments.len());
            return Err(self.fault(expr, message));
        }
        let mut terms = Vec::with_capacity(arguments.len());
        let mut first: Option<Kind> = None;
        for (argument, (name, takes)) in arguments.iter().zip(takes) {
            let (term, kind) = self.check(argument)?;
            if !takes.accepts(&kind) {
                let message = format!("{name} of {} is {}; this is {kind}", helper.signature(), takes.in_words());
                return Err(self.fault(argument, message));
            }
            if *takes == Takes::Question {
                self.question(argument, &term)?;
            }
            terms.push(term);
            first.get_or_insert(kind);
        }
        let kind = match (helper.gives(), first) {
            (Gives::Truth, _) => Kind::Truth,
            (Gives::Number, _) => Kind::Number,
            (Gives::Time, _) => Kind::Time,
            (Gives::Span, _) => Kind::Span,
            (Gives::Same, Some(kind)) => kind,
            (Gives::One, Some(Kind::List(of))) => *of,
            (Gives::Same | Gives::One, _) => Kind::facts(),
        };
        Ok((Term::Help(helper, terms), kind))
    }

    fn question(&self, expr: &IdedExpr, term: &Term) -> Result<(), RuleFault> {
        let Term::Literal(Literal::Text(name)) = term else {
            return Err(self.fault(expr, "the question is named in the rule itself"));
        };
        if Question::named(name).is_some() {
            return Ok(());
        }
        let hint = did_you_mean(name, Question::ALL.iter().map(|question| question.name()));
        Err(self.fault(expr, format!("unknown question {name}{hint}")))
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        op::EQUALS => Comparison::Equal,
        op::NOT_EQUALS => Comparison::Unequal,
        op::LESS => Comparison::Less,
        op::LESS_EQUALS => Comparison::AtMost,
        op::GREATER => Comparison::More,
        op::GREATER_EQUALS => Comparison::AtLeast,
        _ => return None,
    })
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
