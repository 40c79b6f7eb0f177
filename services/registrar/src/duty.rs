//! Two registrars of one ledger: one appends, the other follows and waits.
//!
//! Both hold the ledger's keys. The active one says every second that it is there; a standby tries only after some
//! seconds of silence. All of this is courtesy: if two believe that they are active, the stream's fence lets one block
//! through at each height, and whoever loses stands by. Nothing is promised to a client before the stream has it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use probity_ledger::with_causes;
use probity_log::{AppendError, ArrivalError, Heard, JetStreamLog, Notice, Prepared, Presence, Standing};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::error::Unavailable;
use crate::registrar::Registrar;
use crate::shared::until;

/// How often the active registrar says that it is there.
const ANNOUNCE: Duration = Duration::from_secs(1);

/// After this much silence, and up to a second more, a standby tries to append.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a registrar that stops has to say so.
const GOODBYE: Duration = Duration::from_secs(3);

/// How many failures in a row to read the stream are told once.
const WORTH_TELLING: u32 = 150;

/// The pause after an attempt that came to nothing.
const AGAIN: Duration = Duration::from_millis(250);

/// Whether a process appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
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
    /// A random number: tells processes apart, and keeps two from trying at the same moment.
    pub id: u64,
}

/// A process that takes part, until it is told to stop.
#[derive(Debug)]
pub struct Participant {
    stop: watch::Sender<bool>,
    shift: JoinHandle<()>,
    mirror: JoinHandle<()>,
}

impl Participant {
    /// Starts to follow the stream, and to append when nobody else does. Must be called within a Tokio runtime.
    #[must_use]
    pub fn start(registrar: Arc<Registrar>, participation: Participation) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mirror = tokio::spawn(mirror(registrar.clone(), participation.log.clone()));
        let shift = Shift { registrar, participation, stopped, is_first: true };
        Self { stop, shift: tokio::spawn(shift.run()), mirror }
    }

    /// Tells the others that they may go on, and appends nothing more.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // It says goodbye; that must not take for ever.
        if tokio::time::timeout(GOODBYE, &mut self.shift).await.is_err() {
            self.shift.abort();
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
            registrar.halt(disagreement.to_string());
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// Why a registrar no longer does what it did.
enum Change {
    /// Nobody else appends.
    Lead,
    /// Somebody else appends.
    StandBy,
    /// It is told to stop, or halted.
    Stop,
}

/// What came of trying to append.
enum Attempt {
    Became(Change),
    /// It may be possible in a moment.
    Soon,
    /// NATS does not answer.
    Unheard,
}

struct Shift {
    registrar: Arc<Registrar>,
    participation: Participation,
    stopped: watch::Receiver<bool>,
    is_first: bool,
}

impl Shift {
    async fn run(mut self) {
        let mut presence = loop {
            match self.participation.log.presence().await {
                Ok(presence) => break presence,
                Err(error) => tracing::warn!(%error, "the other registrars cannot be heard"),
            }
            tokio::time::sleep(AGAIN).await;
        };
        loop {
            match self.stand_by(&mut presence).await {
                Change::Lead => {}
                Change::StandBy => continue,
                Change::Stop => break,
            }
            match self.lead(&mut presence).await {
                Change::Lead | Change::StandBy => {}
                Change::Stop => break,
            }
        }
        if self.registrar.watch_halt().borrow().is_some() {
            self.warn_others(&mut presence).await;
        }
    }

    /// Keeps saying that this registrar is halted, so that none that has seen less goes on without it.
    async fn warn_others(&self, presence: &mut Presence) {
        if !self.participation.may_lead {
            return;
        }
        drop(presence.hear_questions(true).await);
        let (mut stopped, mut seconds) = (self.stopped.clone(), tokio::time::interval(ANNOUNCE));
        loop {
            let heard = tokio::select! {
                biased;
                () = until(&mut stopped, |stopped| *stopped) => return,
                _ = seconds.tick() => None,
                heard = presence.next() => Some(heard),
            };
            let notice = self.notice(Standing::Halted);
            let said = match heard {
                None => presence.announce(&notice).await,
                Some(Heard::Question(question)) => presence.answer(question, &notice).await,
                Some(Heard::Notice(_)) => Ok(()),
            };
            if let Err(error) = said {
                tracing::warn!(%error, "the other registrars could not be told");
            }
        }
    }

    /// Follows the stream until nobody appends any more.
    async fn stand_by(&mut self, presence: &mut Presence) -> Change {
        let log = self.participation.log.clone();
        let mut arrivals = log.arrivals(self.registrar.head().height + 1);
        let jitter = Duration::from_millis(self.participation.id % 1_000);
        let mut next_attempt = Instant::now() + SILENCE + jitter;
        let mut failures = 0_u32;
        if std::mem::take(&mut self.is_first) {
            // After a start there is no need to wait for silence: it can be asked.
            match presence.who().await {
                Ok(None) => next_attempt = Instant::now(),
                Ok(Some(notice)) if notice.standing == Standing::Active => self.follows(&notice),
                // It says so again every second; by then it is known how many blocks there are here.
                Ok(Some(_)) => {}
                Err(error) => tracing::info!(%error, "who is active could not be found out; listening"),
            }
        }
        let (mut halted, mut stopped) = (self.registrar.watch_halt(), self.stopped.clone());
        loop {
            tokio::select! {
                () = until(&mut stopped, |stopped| *stopped) => return Change::Stop,
                () = until(&mut halted, Option::is_some) => return Change::Stop,
                arrived = arrivals.next() => match arrived {
                    Some(Ok(blocks)) => match self.registrar.adopt(blocks).await {
                        Ok(()) => failures = 0,
                        Err(Unavailable::NoRoom { reason }) => {
                            tracing::warn!(reason, "there is no room for the blocks of the stream; trying again");
                            tokio::time::sleep(ANNOUNCE).await;
                            return Change::StandBy;
                        }
                        Err(_) => return Change::Stop,
                    },
                    Some(Err(ArrivalError::Disagrees(disagreement))) => {
                        self.registrar.halt(disagreement.to_string());
                        return Change::Stop;
                    }
                    Some(Err(ArrivalError::Stream(error))) => {
                        // An interruption is ordinary; a stream that cannot be read is not.
                        failures = failures.saturating_add(1);
                        if failures.is_multiple_of(WORTH_TELLING) {
                            tracing::warn!(%error, failures, "the stream cannot be followed; trying on");
                        }
                    }
                    None => return Change::StandBy,
                },
                heard = presence.next() => {
                    let Heard::Notice(notice) = heard else { continue };
                    if notice.id == self.participation.id {
                        continue;
                    }
                    match notice.standing {
                        Standing::Active => {
                            next_attempt = Instant::now() + SILENCE + jitter;
                            self.follows(&notice);
                        }
                        Standing::Leaving => next_attempt = Instant::now() + jitter / 4,
                        // What it has released and the stream lost would be contradicted.
                        Standing::Halted if notice.blocks > self.notice(Standing::Active).blocks => {
                            next_attempt = Instant::now() + SILENCE + jitter;
                            self.registrar.shared().set_duty(Duty::Standby { active: None });
                            tracing::warn!(
                                other = notice.address, blocks = notice.blocks,
                                "a halted registrar has blocks that are not here: this one does not go on without them"
                            );
                        }
                        Standing::Halted => {}
                    }
                }
                () = sleep_until(next_attempt), if self.participation.may_lead => {
                    match self.attempt().await {
                        Attempt::Became(change) => return change,
                        Attempt::Soon => next_attempt = Instant::now() + AGAIN,
                        // Nobody could be heard either: that was no silence.
                        Attempt::Unheard => next_attempt = Instant::now() + SILENCE + jitter,
                    }
                }
            }
        }
    }

    fn follows(&self, notice: &Notice) {
        let active = Some(notice.address.clone()).filter(|address| !address.is_empty());
        self.registrar.shared().set_duty(Duty::Standby { active });
    }

    /// Finds out whether this process can append now.
    async fn attempt(&self) -> Attempt {
        let log = &self.participation.log;
        match log.prepare().await {
            // What was sent again has to come back and be judged first.
            Ok(Prepared::Ready) if log.reader().head() == Some(self.registrar.head()) => Attempt::Became(Change::Lead),
            Ok(Prepared::Ready | Prepared::Behind) => Attempt::Soon,
            Ok(Prepared::Unreachable) => Attempt::Unheard,
            // The block that won comes with the stream.
            Err(AppendError::Conflict { .. }) => Attempt::Soon,
            // The log is being closed.
            Err(AppendError::OutcomeUnknown { .. }) => Attempt::Unheard,
            Err(error) => {
                self.registrar.halt(with_causes(&error));
                Attempt::Became(Change::Stop)
            }
        }
    }

    /// Appends until somebody else does.
    async fn lead(&self, presence: &mut Presence) -> Change {
        let duty = self.registrar.watch_duty();
        self.registrar.lead().await;
        tracing::info!(address = self.participation.address, "this registrar is active");
        if let Err(error) = presence.hear_questions(true).await {
            tracing::warn!(%error, "whoever asks who is active gets no answer");
        }
        let change = self.announce(presence, duty).await;
        drop(presence.hear_questions(false).await);
        match change {
            // A halted one does not invite others to go on without what it has released.
            Change::Stop if self.registrar.watch_halt().borrow().is_none() => {
                drop(presence.announce(&self.notice(Standing::Leaving)).await);
                presence.flush().await;
            }
            Change::Stop => {}
            Change::StandBy | Change::Lead => tracing::info!("this registrar stands by"),
        }
        change
    }

    async fn announce(&self, presence: &mut Presence, mut duty: watch::Receiver<Duty>) -> Change {
        let (mut halted, mut stopped) = (self.registrar.watch_halt(), self.stopped.clone());
        let mut seconds = tokio::time::interval(ANNOUNCE);
        loop {
            let heard = tokio::select! {
                () = until(&mut stopped, |stopped| *stopped) => {
                    self.registrar.step_down().await;
                    return Change::Stop;
                }
                () = until(&mut halted, Option::is_some) => return Change::Stop,
                () = until(&mut duty, |duty| *duty != Duty::Active) => return Change::StandBy,
                _ = seconds.tick() => None,
                heard = presence.next() => Some(heard),
            };
            let notice = self.notice(Standing::Active);
            let said = match heard {
                None => presence.announce(&notice).await,
                Some(Heard::Question(question)) => presence.answer(question, &notice).await,
                Some(Heard::Notice(other)) if other.id == notice.id || other.standing == Standing::Leaving => Ok(()),
                // What that one has released was lost: going on would contradict it.
                Some(Heard::Notice(other)) if other.standing == Standing::Halted => {
                    if other.blocks > notice.blocks {
                        tracing::warn!(other = other.address, "a halted registrar has blocks that are not here");
                        self.registrar.step_down().await;
                        return Change::StandBy;
                    }
                    Ok(())
                }
                // Two believe that they are active. The fence keeps the ledger whole; one of them is enough.
                Some(Heard::Notice(other)) if (other.blocks, other.id) > (notice.blocks, notice.id) => {
                    tracing::warn!(other = other.address, "another registrar is active as well and further on");
                    self.registrar.step_down().await;
                    return Change::StandBy;
                }
                Some(Heard::Notice(_)) => presence.announce(&notice).await,
            };
            if let Err(error) = said {
                tracing::warn!(%error, "the other registrars could not be told");
            }
        }
    }

    fn notice(&self, standing: Standing) -> Notice {
        // What the log has released, also if it was sent again and is still to be judged.
        let blocks = self.participation.log.reader().head().map_or(0, |head| head.height + 1);
        let Participation { id, address, .. } = &self.participation;
        Notice { id: *id, address: address.clone(), blocks, standing }
    }
}
