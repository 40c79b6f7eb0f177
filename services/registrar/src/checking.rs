//! Asking the door what it would say, before anything is signed.
//!
//! The rules are those of recording and nothing else: the statement is admitted as if it were signed,
//! at the place where it would stand now, and the state goes back to what it was. Nothing rests on the
//! answer. It is neither a receipt nor a refusal, and by the time the statement comes it may be
//! otherwise.

use probity_admission::{AdmitError, Ended, Position, Submitted};
use probity_ledger::Past;
use probity_schemas::Event;
use probity_statement::SignedStatement;
use tokio::sync::oneshot;

use crate::error::{RegisterError, Rejection, Unavailable};
use crate::registrar::Registrar;
use crate::sequencer::{Message, Sequencer};
use crate::verify::Submission;

/// The most statements that one question may be about.
const MAX_CHECKED: usize = 64;

/// The first so many statements of a question are told what they end: who asks waits in front of the
/// door, and finding it out costs more than judging.
const WITH_CONSEQUENCES: u64 = 8;

/// What would become of a statement: the approvals that it ends, or why it is refused.
type Answer = Result<Vec<Ended>, Rejection>;

/// Statements that nobody has signed yet.
#[derive(Debug)]
pub(crate) struct Inquiry {
    items: Vec<Result<Box<Unsigned>, Rejection>>,
    reply: oneshot::Sender<Vec<Answer>>,
}

#[derive(Debug)]
struct Unsigned {
    /// Whatever stands in the place of its signature is not looked at.
    statement: SignedStatement,
    event: Event,
    expected_revision: Option<u64>,
}

fn read(submission: Submission) -> Result<Box<Unsigned>, Rejection> {
    let statement = SignedStatement::parse(submission.statement)?;
    let event = statement.event()?;
    Ok(Box::new(Unsigned { statement, event, expected_revision: submission.expected_revision }))
}

impl Registrar {
    /// What would become of statements if they were signed and handed in now, in this order; one
    /// answer for each: the approvals that it would end, for the first few, or why it would be refused.
    /// Nothing is recorded.
    ///
    /// # Errors
    /// There are too many, or the ledger takes no statements.
    pub async fn check(&self, submissions: Vec<Submission>) -> Result<Vec<Answer>, RegisterError> {
        if let Some(unavailable) = self.shared().unavailable() {
            return Err(unavailable.into());
        }
        if submissions.len() > MAX_CHECKED {
            return Err(RegisterError::TooMany { count: submissions.len(), limit: MAX_CHECKED });
        }
        let (reply, answer) = oneshot::channel();
        let items = submissions.into_iter().map(read).collect();
        self.tell(Message::Check(Inquiry { items, reply }))?;
        Ok(answer.await.map_err(|_| Unavailable::ShuttingDown)?)
    }
}

impl Sequencer {
    /// Judges statements as they would be judged now, and forgets them.
    pub(crate) fn check(&mut self, inquiry: Inquiry) {
        let Inquiry { items, reply } = inquiry;
        let open = self.pipeline.open.as_ref().map(|open| (open.next_index(), open.time));
        let place = match open {
            Some(place) => Ok(place),
            None => {
                self.clock_guard.time_after(self.replica.head.time).map(|time| (self.replica.frontier.size(), time))
            }
        };
        let mark = self.replica.state.mark();
        let mut answers = Vec::with_capacity(items.len());
        for (number, item) in (0..).zip(items) {
            let answer = match (&place, item) {
                (_, Err(rejection)) => Err(rejection),
                (Err(unavailable), _) => Err(unavailable.clone().into()),
                (Ok((index, time)), Ok(unsigned)) => {
                    let position = Position { index: index + number, block_time: *time };
                    let held = match number < WITH_CONSEQUENCES {
                        true => self.replica.state.held(&unsigned.event, position),
                        false => Vec::new(),
                    };
                    self.judge(&unsigned, position).map(|()| self.replica.state.ended(&held, position))
                }
            };
            answers.push(answer);
        }
        self.replica.state.go_back(&mark);
        if self.pipeline.open.is_none() && self.pipeline.in_flight.is_empty() {
            self.replica.state.forget(None);
        }
        // Whoever asked may be gone.
        let _ = reply.send(answers);
    }

    fn judge(&mut self, unsigned: &Unsigned, position: Position) -> Result<(), Rejection> {
        let Unsigned { statement, event, expected_revision } = unsigned;
        let submitted = Submitted { statement, event, expected_revision: *expected_revision };
        let in_flight = self.pipeline.in_flight.iter().map(|sealed| &sealed.entries);
        let pending = in_flight.chain(self.pipeline.open.iter().map(|open| &open.entries));
        match self.replica.state.admit(submitted, position, &Past { index: &self.replica.index, pending }) {
            Ok(_) => Ok(()),
            Err(AdmitError::Refused(refusal)) => Err(refusal.into()),
            // What halts a ledger when it is recorded is not found out by asking.
            Err(AdmitError::UnknownRuleSet { .. } | AdmitError::History(_)) => Err(Rejection::Unverified),
        }
    }
}
