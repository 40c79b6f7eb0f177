//! Reading a rule as CEL.

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::Parser;

/// The longest rule, in bytes.
pub(crate) const RULE_MAX: usize = 4 * 1024;
/// How deep expressions may stand within each other.
pub(crate) const DEPTH_MAX: u16 = 24;
/// The grammar is descended recursively, and chains (`a.b.b.b`) are as long as a rule.
const STACK: usize = 64 << 20;

/// What is wrong with a rule, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleFault {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl RuleFault {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// Runs `read` where there is room for what recurses.
pub(crate) fn with_room<T: Send>(read: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("rules".to_owned()).stack_size(STACK);
        thread.spawn_scoped(scope, read).ok()?.join().ok()
    })
}

/// The tree of a rule, and where in its text each node stands. To be called [`with_room`].
pub(crate) fn parse(rule: &str) -> Result<(IdedExpr, SourceInfo), RuleFault> {
    if rule.trim().is_empty() {
        return Err(RuleFault::new(0, "there is no rule"));
    }
    if rule.len() > RULE_MAX {
        return Err(RuleFault::new(0, format!("the rule has {} bytes, at most {RULE_MAX} are allowed", rule.len())));
    }
    let parser = Parser::default().max_recursion_depth(DEPTH_MAX).error_recovery_limit(4);
    parser.parse_with_source_info(rule).map_err(|errors| match errors.errors.first() {
        Some(error) if error.msg.contains("Recursion limit") => {
            RuleFault::new(0, format!("more than {DEPTH_MAX} expressions stand within each other"))
        }
        Some(error) => RuleFault::new(place(rule, error.pos), error.msg.replace("Syntax error: ", "")),
        None => RuleFault::new(0, "it cannot be read as CEL"),
    })
}

/// The byte at a line and column, both counted from 1.
fn place(rule: &str, (line, column): (isize, isize)) -> usize {
    let before = rule.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or(0)).map(str::len).sum::<usize>();
    (before + usize::try_from(column - 1).unwrap_or(0)).min(rule.len())
}
