//! Calls: operators, and the functions of the language.

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};

use super::super::helpers::{Gives, Helper, Takes};
use super::super::kind::Kind;
use super::super::parse::RuleFault;
use super::super::term::{Comparison, Literal, Span, Term, TextTest};
use super::{Checked, Checker, did_you_mean, united};
use crate::questions::Question;

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Checked {
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
