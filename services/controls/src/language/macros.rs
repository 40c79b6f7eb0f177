//! Macros of CEL, recognised in what they were expanded to.

use cel::common::ast::operators::{ADD, CONDITIONAL, EQUALS, LOGICAL_AND, LOGICAL_OR};
use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue};

use super::term::Each;

/// A macro: how, over what, the name of an element, on which condition, and what is asked of it.
pub(crate) struct Macro<'a> {
    pub(crate) each: Each,
    pub(crate) over: &'a IdedExpr,
    pub(crate) name: &'a str,
    pub(crate) guard: Option<&'a IdedExpr>,
    pub(crate) body: &'a IdedExpr,
}

/// The macro that a comprehension stands for; `None` for one that no macro makes.
pub(crate) fn recognise(comprehension: &ComprehensionExpr) -> Option<Macro<'_>> {
    let ComprehensionExpr { iter_range, iter_var, iter_var2, accu_init, loop_step, result, .. } = comprehension;
    if iter_var2.is_some() {
        return None;
    }
    let of = |each, guard, body| Macro { each, over: iter_range, name: iter_var, guard, body };
    let (function, arguments) = called(loop_step)?;
    match (&accu_init.expr, function, arguments) {
        (Expr::Literal(LiteralValue::Boolean(start)), LOGICAL_AND, [_, body]) if *start.inner() => {
            Some(of(Each::All, None, body))
        }
        (Expr::Literal(LiteralValue::Boolean(start)), LOGICAL_OR, [_, body]) if !*start.inner() => {
            Some(of(Each::Exists, None, body))
        }
        (Expr::Literal(LiteralValue::Int(_)), CONDITIONAL, [body, ..]) if called(result)?.0 == EQUALS => {
            Some(of(Each::One, None, body))
        }
        (Expr::List(_), ADD, [_, element]) => Some(of(Each::Map, None, only(element)?)),
        (Expr::List(_), CONDITIONAL, [guard, added, _]) => {
            let (ADD, [_, element]) = called(added)? else { return None };
            match only(element)? {
                IdedExpr { expr: Expr::Ident(name), .. } if name == iter_var => Some(of(Each::Filter, None, guard)),
                element => Some(of(Each::Map, Some(guard), element)),
            }
        }
        _ => None,
    }
}

fn called(expr: &IdedExpr) -> Option<(&str, &[IdedExpr])> {
    match &expr.expr {
        Expr::Call(call) if call.target.is_none() => Some((&call.func_name, &call.args)),
        _ => None,
    }
}

fn only(list: &IdedExpr) -> Option<&IdedExpr> {
    match &list.expr {
        Expr::List(list) if list.elements.len() == 1 => list.elements.first(),
        _ => None,
    }
}
