//! Judging a version by a control, at a moment and over time.

use super::{Control, Pack};
use crate::dossier::Dossier;
use crate::evaluate::value::{Judged, Truth, moment};
use crate::evaluate::{Evaluation, STEPS_MAX, cited};
use crate::language::term::Term;
use crate::verdict::{Judgement, Moment, Verdict};

/// How many times a verdict is worked out for a history, at most.
const HISTORY_MAX: usize = 4_096;

/// A verdict over time: from when until when, the last of them open.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// From when on, in Unix milliseconds, and the judgement; in order, no two neighbours with one verdict.
    pub spans: Vec<(u64, Judgement)>,
    /// Whether there is more before it than was worked out.
    pub cut: bool,
}

/// What a rule came out as.
struct Came<'d> {
    judged: Judged<'d>,
    next: Option<u64>,
}

impl Pack {
    /// Whether the record supports a control, for the version of a dossier. Words are put together only where they are
    /// asked for.
    #[must_use]
    pub fn judge(&self, control: &Control, dossier: &Dossier, at: Moment, words: bool) -> Judgement {
        let mut judgement = self.judge_rule(control, dossier, at, words);
        if judgement.verdict == Verdict::Fail {
            let name = self.waiver_name(control);
            if let Some((_, timeline)) = dossier.waived.iter().find(|(waived, _)| *waived == name) {
                let next = timeline.moments().find(|moment| *moment > at.at_ms);
                judgement.until_ms = earlier(judgement.until_ms, next);
                if let Ok(indices) = timeline.at(at.at_ms) {
                    judgement.verdict = Verdict::Waived;
                    judgement.rests_on = cited(judgement.rests_on.iter().chain(indices).copied().collect());
                    if words {
                        judgement.reason = format!("an exception is in force; {}", judgement.reason);
                    }
                }
            }
        }
        judgement
    }

    fn judge_rule(&self, control: &Control, dossier: &Dossier, at: Moment, words: bool) -> Judgement {
        let mut next = None;
        for (when, from_ms) in &control.effective {
            let holds = match when {
                None => Truth::Yes,
                Some(when) => match evaluate(when, dossier, at, words) {
                    Err(reason) => return indeterminate(reason),
                    Ok(came) => {
                        next = earlier(next, came.next);
                        came.judged.holds()
                    }
                },
            };
            if holds == Truth::Yes {
                if *from_ms > at.at_ms {
                    let reason =
                        if words { format!("it is in force from {} on", moment(*from_ms)) } else { String::new() };
                    let until_ms = earlier(next, Some(*from_ms));
                    return Judgement { until_ms, ..of(Verdict::NotYetEffective, reason) };
                }
                break;
            }
        }
        if let Some(applies) = &control.applies {
            match evaluate(applies, dossier, at, words) {
                Err(reason) => return indeterminate(reason),
                Ok(came) => {
                    next = earlier(next, came.next);
                    let reason = came.judged.words.clone().unwrap_or_default();
                    let verdict = match came.judged.holds() {
                        Truth::Yes => None,
                        Truth::No => Some(Verdict::NotApplicable),
                        Truth::Pending(_) => Some(Verdict::Pending),
                        Truth::Unknown => Some(Verdict::Indeterminate),
                    };
                    if let Some(verdict) = verdict {
                        let reason = match verdict {
                            Verdict::NotApplicable if words => {
                                format!("it applies to {}: {reason}", control.applies_to)
                            }
                            _ => reason,
                        };
                        let rests_on = cited(came.judged.cites);
                        return Judgement { rests_on, until_ms: next, ..of(verdict, reason) };
                    }
                }
            }
        }
        let came = match evaluate(&control.rule, dossier, at, words) {
            Err(reason) => return indeterminate(reason),
            Ok(came) => came,
        };
        let until_ms = earlier(next, came.next);
        let rests_on = cited(came.judged.cites.clone());
        let said = came.judged.words.clone().unwrap_or_default();
        let (verdict, reason, due_ms) = match came.judged.holds() {
            Truth::Yes if rests_on.is_empty() => {
                (Verdict::Indeterminate, "nothing recorded supports it".to_owned(), None)
            }
            Truth::Yes => (Verdict::Pass, said, None),
            Truth::No => (Verdict::Fail, format!("{}: {said}", control.lacks), None),
            Truth::Pending(due_ms) => (Verdict::Pending, said, due_ms),
            Truth::Unknown => (Verdict::Indeterminate, said, None),
        };
        let reason = if words { reason } else { String::new() };
        Judgement { verdict, reason, rests_on, until_ms, due_ms }
    }

    /// How the verdict came about: each stretch in which it stayed the same, up to a moment.
    #[must_use]
    pub fn history(&self, control: &Control, dossier: &Dossier, until: Moment) -> History {
        let facts = dossier.moments();
        let mut spans: Vec<(u64, Judgement)> = Vec::new();
        let mut at_ms = facts.first().copied().unwrap_or(until.at_ms).min(until.at_ms);
        let mut cut = false;
        for worked_out in 0.. {
            if worked_out == HISTORY_MAX {
                cut = true;
                break;
            }
            let judgement = self.judge(control, dossier, Moment { at_ms, ..until }, true);
            let fact = facts.get(facts.partition_point(|fact| *fact <= at_ms)).copied();
            let next = earlier(judgement.until_ms, fact);
            if spans.last().is_none_or(|(_, before)| before.verdict != judgement.verdict) {
                spans.push((at_ms, judgement));
            }
            match next.filter(|next| *next <= until.at_ms) {
                Some(next) => at_ms = next,
                None => break,
            }
        }
        History { spans, cut }
    }
}

fn evaluate<'d>(term: &Term, dossier: &'d Dossier, at: Moment, words: bool) -> Result<Came<'d>, String> {
    let evaluation = Evaluation::new(dossier, at, words);
    match evaluation.eval(term) {
        Ok(judged) => Ok(Came { judged, next: evaluation.next_change() }),
        Err(_) => Err(format!("the rule took more than {STEPS_MAX} steps and was ended")),
    }
}

fn of(verdict: Verdict, reason: String) -> Judgement {
    Judgement { verdict, reason, rests_on: Vec::new(), until_ms: None, due_ms: None }
}

fn indeterminate(reason: String) -> Judgement {
    of(Verdict::Indeterminate, reason)
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
