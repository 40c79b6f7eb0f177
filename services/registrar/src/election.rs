//! Which registrar of a ledger appends: the decisions, without tasks, clocks or I/O.
//!
//! The active registrar announces itself every second; a standby tries to append only after some
//! seconds of silence. None of this keeps a ledger whole. It is the log's fence that lets one block
//! through at each height, and what is decided here only makes it rare that two compete for it.
//!
//! What is guaranteed, whatever is lost, delayed or repeated on the way:
//! - a registrar appends only after an attempt that found it to have all released blocks;
//! - of two that hear each other being active, the one with fewer blocks steps down, and of two
//!   with as many blocks the one with the lower id;
//! - a standby that hears an active registrar at least every [`SILENCE`] never tries to append;
//! - a registrar that hears a halted one with more blocks than its own stops appending, and does
//!   not try to for [`SILENCE`].
//!
//! Two can be active at once for as long as they do not hear each other.

use std::time::Duration;

use probity_log::{Heartbeat, RegistrarState};

/// How often the active registrar announces itself.
pub const ANNOUNCE: Duration = Duration::from_secs(1);

/// After this much silence, and the jitter of its id, a standby tries to append.
pub const SILENCE: Duration = Duration::from_secs(5);

/// The pause after an attempt that was not possible yet.
const AGAIN: Duration = Duration::from_millis(250);

/// The most that an id adds to [`SILENCE`], so that two standbys do not try at the same moment.
pub const MAX_JITTER: Duration = Duration::from_secs(1);

/// The part of one registrar in the election.
#[derive(Debug, Clone)]
pub struct Election {
    id: u64,
    may_lead: bool,
    phase: Phase,
    /// No attempt before this: a halted registrar that has more blocks was heard.
    held_back_until: Duration,
    /// It left to the others because of its clock, which is still unfit.
    left_for_clock: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It follows the log, and tries to append once the time has come.
    Standby { attempt_at: Duration },
    /// It is finding out whether it can append.
    Attempting,
    /// It appends.
    Active { announce_at: Duration },
    /// It has stopped appending until a person has looked.
    Halted { announce_at: Duration },
    /// The process ends.
    Stopped,
}

/// What happened to a registrar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElectionEvent {
    /// [`Election::deadline`] has come.
    Deadline,
    /// The question who is active, asked at the start, was answered; `None` if it is certain that
    /// there is no active registrar.
    Answered(Option<Heartbeat>),
    /// A registrar announced itself. Its own announcements come back as well.
    Heard(Heartbeat),
    /// A registrar asks who is active.
    Asked,
    /// An attempt that was asked for has ended.
    Attempted(Attempt),
    /// The log went on from the block of another registrar.
    Deposed,
    /// Whether a block can be sealed under this machine's clock.
    Clock {
        /// Whether it can.
        fit: bool,
    },
    /// The ledger halted here.
    Halted,
    /// The process is to end.
    Stop,
}

/// What came of an attempt to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// All released blocks are here, and the log can be appended to.
    Ready,
    /// Blocks are still to be taken in.
    NotYet,
    /// The log cannot be reached, so there was no silence to act on.
    Unreachable,
}

/// What a registrar has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElectionAction {
    /// Find out whether the log can be appended to, and report [`ElectionEvent::Attempted`].
    Attempt,
    /// Take statements from now on.
    Lead,
    /// Take no more statements, and finish those under way.
    StepDown,
    /// Send clients to this address, where it is known.
    Follow {
        /// Where clients reach the active registrar.
        active: Option<String>,
    },
    /// Tell the others.
    Announce(RegistrarState),
    /// Tell the one that asked.
    Answer(RegistrarState),
}

impl Election {
    /// Begins as a standby at `now`. `id` is a random number that tells processes apart; a
    /// registrar that may not lead only follows.
    #[must_use]
    pub fn new(id: u64, may_lead: bool, now: Duration) -> Self {
        let mut election =
            Self { id, may_lead, phase: Phase::Stopped, held_back_until: Duration::ZERO, left_for_clock: false };
        election.stand_by(now);
        election
    }

    /// When to report [`ElectionEvent::Deadline`]; `None` if nothing is to be done by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Standby { attempt_at: at } | Phase::Halted { announce_at: at } => Some(at).filter(|_| self.may_lead),
            Phase::Active { announce_at } => Some(announce_at),
            Phase::Attempting | Phase::Stopped => None,
        }
    }

    /// Whether it appends.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active { .. })
    }

    /// Whether it takes in the blocks of others.
    #[must_use]
    pub fn is_following(&self) -> bool {
        matches!(self.phase, Phase::Standby { .. } | Phase::Attempting)
    }

    /// Whether it has stopped for good.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    /// Whether it hears the question who is active. Where none does, that is the answer.
    #[must_use]
    pub fn hears_questions(&self) -> bool {
        match self.phase {
            Phase::Active { .. } => true,
            Phase::Halted { .. } => self.may_lead,
            Phase::Standby { .. } | Phase::Attempting | Phase::Stopped => false,
        }
    }

    /// Takes note of an event at `now` (monotonic, from any beginning), with `blocks` blocks
    /// released here, and says what follows from it, in order.
    pub fn on(&mut self, event: ElectionEvent, now: Duration, blocks: u64) -> Vec<ElectionAction> {
        use ElectionAction::{Announce, Answer, Follow, StepDown};
        match (event, self.phase) {
            (_, Phase::Stopped) => Vec::new(),
            (ElectionEvent::Stop, phase) => {
                self.phase = Phase::Stopped;
                match phase {
                    Phase::Active { .. } => vec![StepDown, Announce(RegistrarState::Leaving)],
                    // A halted one does not invite others to go on without what it has released.
                    _ => Vec::new(),
                }
            }
            (ElectionEvent::Halted, Phase::Halted { .. }) => Vec::new(),
            (ElectionEvent::Halted, _) => {
                self.phase = Phase::Halted { announce_at: now };
                Vec::new()
            }
            (ElectionEvent::Clock { fit: true }, _) => {
                self.left_for_clock = false;
                Vec::new()
            }
            // Once, for a registrar that is alone must come back and say what is wrong.
            (ElectionEvent::Clock { fit: false }, Phase::Active { .. }) if !self.left_for_clock => {
                self.left_for_clock = true;
                self.stand_by(now);
                vec![StepDown, Announce(RegistrarState::Leaving)]
            }
            (ElectionEvent::Deadline, phase) => self.deadline_passed(phase, now),
            (ElectionEvent::Attempted(attempt), Phase::Attempting) => self.attempted(attempt, now),
            (ElectionEvent::Deposed, Phase::Active { .. }) => {
                self.stand_by(now);
                Vec::new()
            }
            (ElectionEvent::Asked, Phase::Active { .. }) => vec![Answer(RegistrarState::Active)],
            (ElectionEvent::Asked, Phase::Halted { .. }) => vec![Answer(RegistrarState::Halted)],
            (ElectionEvent::Answered(None), Phase::Standby { .. }) => {
                self.stand_by_until(now);
                Vec::new()
            }
            // Any other repeats itself every second. By then it is known how many blocks are here.
            (ElectionEvent::Answered(Some(other)), Phase::Standby { .. }) if other.state == RegistrarState::Active => {
                vec![Follow { active: address(other) }]
            }
            (ElectionEvent::Heard(other), _) if other.id == self.id => Vec::new(),
            (ElectionEvent::Heard(other), Phase::Standby { .. } | Phase::Attempting) => {
                self.heard_as_standby(other, now, blocks)
            }
            (ElectionEvent::Heard(other), Phase::Active { .. }) => self.heard_as_active(&other, now, blocks),
            (
                ElectionEvent::Heard(_)
                | ElectionEvent::Asked
                | ElectionEvent::Answered(_)
                | ElectionEvent::Attempted(_)
                | ElectionEvent::Clock { .. }
                | ElectionEvent::Deposed,
                _,
            ) => Vec::new(),
        }
    }

    fn deadline_passed(&mut self, phase: Phase, now: Duration) -> Vec<ElectionAction> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        match phase {
            Phase::Standby { .. } => {
                self.phase = Phase::Attempting;
                vec![ElectionAction::Attempt]
            }
            Phase::Active { .. } => {
                self.phase = Phase::Active { announce_at: now + ANNOUNCE };
                vec![ElectionAction::Announce(RegistrarState::Active)]
            }
            // So that none that has seen less goes on without it.
            Phase::Halted { .. } => {
                self.phase = Phase::Halted { announce_at: now + ANNOUNCE };
                vec![ElectionAction::Announce(RegistrarState::Halted)]
            }
            Phase::Attempting | Phase::Stopped => Vec::new(),
        }
    }

    fn attempted(&mut self, attempt: Attempt, now: Duration) -> Vec<ElectionAction> {
        match attempt {
            Attempt::Ready => {
                self.phase = Phase::Active { announce_at: now + ANNOUNCE };
                vec![ElectionAction::Lead, ElectionAction::Announce(RegistrarState::Active)]
            }
            Attempt::NotYet => {
                self.stand_by_until(now + AGAIN);
                Vec::new()
            }
            Attempt::Unreachable => {
                self.stand_by(now);
                Vec::new()
            }
        }
    }

    fn heard_as_standby(&mut self, other: Heartbeat, now: Duration, blocks: u64) -> Vec<ElectionAction> {
        match other.state {
            RegistrarState::Active => {
                self.stand_by(now);
                vec![ElectionAction::Follow { active: address(other) }]
            }
            RegistrarState::Leaving => {
                self.stand_by_until(now + self.jitter() / 4);
                Vec::new()
            }
            // What it has released and the stream lost would be contradicted.
            RegistrarState::Halted if other.blocks > blocks => {
                self.hold_back(now);
                vec![ElectionAction::Follow { active: None }]
            }
            RegistrarState::Halted => Vec::new(),
        }
    }

    fn heard_as_active(&mut self, other: &Heartbeat, now: Duration, blocks: u64) -> Vec<ElectionAction> {
        let gives_way = match other.state {
            RegistrarState::Leaving => return Vec::new(),
            // What that one has released was lost: going on would contradict it.
            RegistrarState::Halted if other.blocks > blocks => true,
            RegistrarState::Halted => return Vec::new(),
            RegistrarState::Active => (other.blocks, other.id) > (blocks, self.id),
        };
        if gives_way {
            match other.state {
                RegistrarState::Halted => self.hold_back(now),
                RegistrarState::Active | RegistrarState::Leaving => self.stand_by(now),
            }
            return vec![ElectionAction::StepDown];
        }
        // The other one gives way when it hears this.
        vec![ElectionAction::Announce(RegistrarState::Active)]
    }

    fn stand_by(&mut self, now: Duration) {
        self.stand_by_until(now + SILENCE + self.jitter());
    }

    fn stand_by_until(&mut self, attempt_at: Duration) {
        self.phase = Phase::Standby { attempt_at: attempt_at.max(self.held_back_until) };
    }

    fn hold_back(&mut self, now: Duration) {
        self.held_back_until = now + SILENCE;
        self.stand_by(now);
    }

    fn jitter(&self) -> Duration {
        let max = u64::try_from(MAX_JITTER.as_millis()).unwrap_or(1);
        Duration::from_millis(self.id % max)
    }
}

fn address(heartbeat: Heartbeat) -> Option<String> {
    Some(heartbeat.address).filter(|address| !address.is_empty())
}
