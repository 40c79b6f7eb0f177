//! Two registrars of one ledger: one appends, the other follows and waits.
//!
//! Both hold the ledger's keys. The decisions are the [`Election`]'s; here a task tells it what
//! happens and does what it says. Nothing is promised to a client before the stream has it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use probity_log::{
    AppendError, ArrivalError, Block, Heard, Heartbeat, Heartbeats, JetStreamLog, Prepared, Question, RegistrarState,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::election::{ANNOUNCE, Attempt, Election, ElectionAction, ElectionEvent};
use crate::error::{HaltReason, Unavailable};
use crate::registrar::Registrar;
use crate::shared::until;

/// How long a registrar that stops has to say so.
const GOODBYE: Duration = Duration::from_secs(1);

/// How many failures in a row to read the stream are reported once.
const REPORT_EVERY: u32 = 150;

/// How many blocks are read on for the operator's word, at most.
const READ_ON: usize = 4_096;

/// The pause before the others are tried to be heard again.
const AGAIN: Duration = Duration::from_millis(250);

/// Whether a process appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// It does.
    Active,
    /// It follows what another one appends.
    Standby {
        /// Where clients reach the active one, as far as it is known.
        active: Option<String>,
    },
}

/// How a process takes part in a ledger that is on a stream.
#[derive(Debug, Clone)]
pub struct Participation {
    /// The log.
    pub log: Arc<JetStreamLog>,
    /// Whether it may append; it must have the keys then.
    pub may_lead: bool,
    /// Where clients reach it.
    pub address: String,
    /// A random number that tells processes apart.
    pub id: u64,
}

/// A process that takes part, until it is told to stop.
#[derive(Debug)]
pub struct Participant {
    stop: watch::Sender<bool>,
    leadership: JoinHandle<()>,
    mirror: JoinHandle<()>,
}

impl Participant {
    /// Starts to follow the stream, and to append when no other registrar does. Must be called
    /// within a Tokio runtime.
    #[must_use]
    pub fn start(registrar: Arc<Registrar>, participation: Participation) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mirror = tokio::spawn(mirror(registrar.clone(), participation.log.clone()));
        Self { stop, leadership: tokio::spawn(run(registrar, participation, stopped)), mirror }
    }

    /// Tells the others that they may go on, and appends nothing more.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // It says goodbye; that must not take for ever.
        if tokio::time::timeout(GOODBYE, &mut self.leadership).await.is_err() {
            self.leadership.abort();
        }
        self.mirror.abort();
    }
}

/// Tells the registrar how the log stands with its stream.
async fn mirror(registrar: Arc<Registrar>, log: Arc<JetStreamLog>) {
    let mut status = log.status();
    loop {
        let (reachable, unsettled, halted) = {
            let status = status.borrow_and_update();
            (status.reachable, status.unsettled, status.halted.clone())
        };
        registrar.shared().set_reachable(reachable);
        registrar.shared().set_unsettled(unsettled);
        if let Some(disagreement) = halted {
            registrar.halt(HaltReason::Stream(disagreement));
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// Takes part until it is told to stop.
async fn run(registrar: Arc<Registrar>, participation: Participation, mut stopped: watch::Receiver<bool>) {
    let heartbeats = loop {
        match participation.log.heartbeats().await {
            Ok(heartbeats) => break heartbeats,
            Err(error) => tracing::warn!(%error, "the other registrars cannot be heard"),
        }
        tokio::select! {
            () = until(&mut stopped, |stopped| *stopped) => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    };
    let election = Election::new(participation.id, participation.may_lead, Duration::ZERO);
    let (halted, leadership) = (registrar.watch_halt(), registrar.watch_leadership());
    let task = Task {
        started: Instant::now(),
        election,
        heartbeats,
        hears_questions: false,
        arrivals: None,
        failures: 0,
        stopped,
        halted,
        leadership,
        registrar,
        participation,
    };
    task.run().await;
}

type Arrivals = BoxStream<'static, Result<Vec<Block>, ArrivalError>>;

struct Task {
    registrar: Arc<Registrar>,
    participation: Participation,
    election: Election,
    /// The beginning of the election's time.
    started: Instant,
    heartbeats: Heartbeats,
    hears_questions: bool,
    /// The blocks of others, while they are taken in.
    arrivals: Option<Arrivals>,
    /// Failures in a row to read them.
    failures: u32,
    stopped: watch::Receiver<bool>,
    halted: watch::Receiver<Option<Unavailable>>,
    leadership: watch::Receiver<Leadership>,
}

/// What the task waited for.
enum Woken {
    By(ElectionEvent),
    Arrived(Option<Result<Vec<Block>, ArrivalError>>),
    Asked(Question),
}

impl Task {
    async fn run(mut self) {
        // After a start there is no need to wait for silence: it can be asked.
        match self.heartbeats.who().await {
            Ok(answer) => self.step(ElectionEvent::Answered(answer), None).await,
            Err(error) => tracing::info!(%error, "who is active could not be found out; listening"),
        }
        while !self.election.is_stopped() {
            // The active one looks at least every second.
            if self.election.is_active() {
                let fault = self.registrar.clock_fault();
                self.step(ElectionEvent::Clock { fit: fault.is_none() }, None).await;
            }
            match self.wait().await {
                Woken::By(event) => self.step(event, None).await,
                Woken::Asked(question) => self.step(ElectionEvent::Asked, Some(question)).await,
                Woken::Arrived(arrived) => self.take_in(arrived).await,
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        if self.election.is_following() {
            let from = self.registrar.head().height + 1;
            self.arrivals.get_or_insert_with(|| self.participation.log.arrivals(from));
        } else {
            self.arrivals = None;
        }
        let deadline = self.election.deadline().map(|deadline| self.started + deadline);
        let is_active = self.election.is_active();
        // A halt is told once.
        let tell_halt = is_active || self.election.is_following();
        let arrivals = &mut self.arrivals;
        let arrived = async {
            match arrivals {
                Some(arrivals) => arrivals.next().await,
                None => std::future::pending().await,
            }
        };
        let due = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = until(&mut self.stopped, |stopped| *stopped) => Woken::By(ElectionEvent::Stop),
            () = until(&mut self.halted, Option::is_some), if tell_halt => Woken::By(ElectionEvent::Halted),
            () = until(&mut self.leadership, |leadership| *leadership != Leadership::Active), if is_active => {
                Woken::By(ElectionEvent::Deposed)
            }
            () = due => Woken::By(ElectionEvent::Deadline),
            heard = self.heartbeats.next() => match heard {
                Heard::Heartbeat(heartbeat) => Woken::By(ElectionEvent::Heard(heartbeat)),
                Heard::Question(question) => Woken::Asked(question),
            },
            arrived = arrived => Woken::Arrived(arrived),
        }
    }

    /// Tells the election, and does what it says. `question` is that of one who asked.
    async fn step(&mut self, event: ElectionEvent, mut question: Option<Question>) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let was_active = self.election.is_active();
            let actions = self.election.on(event.clone(), self.started.elapsed(), self.released());
            report(&event, &actions);
            for action in actions {
                match action {
                    ElectionAction::Attempt => events.push_back(self.attempt().await),
                    ElectionAction::Lead => {
                        self.registrar.lead().await;
                        tracing::info!(address = self.participation.address, "this registrar is active");
                    }
                    ElectionAction::StepDown => self.registrar.step_down().await,
                    ElectionAction::Follow { active } => {
                        self.registrar.shared().set_leadership(Leadership::Standby { active });
                    }
                    ElectionAction::Announce(state) => self.announce(state).await,
                    ElectionAction::Answer(state) => self.answer(question.take(), state).await,
                }
            }
            if was_active && self.election.is_following() {
                tracing::info!("this registrar stands by");
            }
        }
        self.hear_questions().await;
    }

    /// Finds out whether this process can append now.
    async fn attempt(&mut self) -> ElectionEvent {
        let log = &self.participation.log;
        ElectionEvent::Attempted(match log.prepare().await {
            Ok(Prepared::Ready) if log.reader().head() == Some(self.registrar.head()) => Attempt::Ready,
            // What was sent again has to come back and be judged first.
            Ok(Prepared::Ready | Prepared::Behind) => Attempt::NotYet,
            Ok(Prepared::Unreachable) => Attempt::Unreachable,
            // The block that won comes with the stream.
            Err(AppendError::Conflict { .. }) => Attempt::NotYet,
            // The log is being closed.
            Err(AppendError::OutcomeUnknown { .. }) => Attempt::Unreachable,
            Err(error) => {
                self.registrar.halt(HaltReason::Append(error));
                return ElectionEvent::Halted;
            }
        })
    }

    /// Takes in blocks of others. Whatever they are not taken in for, they are read again.
    async fn take_in(&mut self, arrived: Option<Result<Vec<Block>, ArrivalError>>) {
        match arrived {
            Some(Ok(blocks)) => match self.adopt(blocks).await {
                Ok(()) => self.failures = 0,
                Err(ahead @ Unavailable::FarAhead { .. }) => {
                    tracing::warn!("{ahead}");
                    self.arrivals = None;
                    tokio::time::sleep(ANNOUNCE).await;
                }
                Err(Unavailable::NoRoom(reason)) => {
                    tracing::warn!(%reason, "there is no room for the blocks of the stream; trying again");
                    self.arrivals = None;
                    tokio::time::sleep(ANNOUNCE).await;
                }
                // That comes as an event of its own.
                Err(Unavailable::Halted(_)) => self.arrivals = None,
                Err(_) => self.step(ElectionEvent::Stop, None).await,
            },
            Some(Err(ArrivalError::Disagrees(disagreement))) => {
                self.registrar.halt(HaltReason::Stream(Arc::new(disagreement)));
            }
            Some(Err(ArrivalError::Stream(error))) => {
                // An interruption is ordinary; a stream that cannot be read is not.
                self.failures = self.failures.saturating_add(1);
                if self.failures.is_multiple_of(REPORT_EVERY) {
                    tracing::warn!(%error, failures = self.failures, "the stream cannot be followed; trying on");
                }
            }
            None => self.arrivals = None,
        }
    }

    /// Takes in blocks. Of one that is far ahead of the clock the operator's word stands in a later one: they are read on
    /// to where it can be.
    async fn adopt(&mut self, mut blocks: Vec<Block>) -> Result<(), Unavailable> {
        loop {
            let outcome = self.registrar.adopt(blocks.clone()).await;
            let Err(Unavailable::FarAhead { .. }) = outcome else { return outcome };
            let Some(arrivals) = self.arrivals.as_mut().filter(|_| blocks.len() < READ_ON) else { return outcome };
            match tokio::time::timeout(ANNOUNCE, arrivals.next()).await {
                Ok(Some(Ok(more))) => blocks.extend(more),
                _ => return outcome,
            }
        }
    }

    /// How many blocks the log has released, also those that were sent again and are still to be
    /// judged.
    fn released(&self) -> u64 {
        self.participation.log.reader().head().map_or(0, |head| head.height + 1)
    }

    fn heartbeat(&self, state: RegistrarState) -> Heartbeat {
        let Participation { id, address, .. } = &self.participation;
        Heartbeat { id: *id, address: address.clone(), blocks: self.released(), state }
    }

    async fn announce(&mut self, state: RegistrarState) {
        if let Err(error) = self.heartbeats.announce(&self.heartbeat(state)).await {
            tracing::warn!(%error, "the other registrars could not be told");
        }
        if state == RegistrarState::Leaving {
            self.heartbeats.flush().await;
        }
    }

    async fn answer(&mut self, question: Option<Question>, state: RegistrarState) {
        let Some(question) = question else { return };
        if let Err(error) = self.heartbeats.answer(question, &self.heartbeat(state)).await {
            tracing::warn!(%error, "a registrar that asked could not be answered");
        }
    }

    async fn hear_questions(&mut self) {
        let hears = self.election.hears_questions();
        if hears == self.hears_questions {
            return;
        }
        match self.heartbeats.hear_questions(hears).await {
            Ok(()) => self.hears_questions = hears,
            Err(error) => tracing::warn!(%error, "registrars that ask who is active get no answer"),
        }
    }
}

/// Says what people should know of this registrar giving way to another.
fn report(event: &ElectionEvent, actions: &[ElectionAction]) {
    let ElectionEvent::Heard(Heartbeat { state, address, blocks, .. }) = event else { return };
    let is_halted = *state == RegistrarState::Halted;
    match actions {
        [ElectionAction::StepDown] | [ElectionAction::Follow { .. }] if is_halted => tracing::warn!(
            other = address,
            blocks,
            "a halted registrar has blocks that are not here: this one does not go on without them"
        ),
        [ElectionAction::StepDown] => {
            tracing::warn!(other = address, blocks, "another registrar is active as well and gets ahead");
        }
        _ => {}
    }
}
