//! Whether the time of day may be signed.
//!
//! The times of blocks never decrease, so one block sealed under a clock that was set ahead keeps
//! the ledger from taking statements until that time has passed. A jump is therefore noticed before
//! it is signed: by a clock that cannot be set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use probity_log::Block;
use probity_schemas::ledger::LedgerEvent;
use probity_schemas::{Clock, Data};
use probity_statement::SignedStatement;

use crate::error::Unavailable;

/// How far the newest block may be ahead of this machine's clock, in seconds, before writes are
/// refused.
const MAX_LAG_S: u64 = 60;

/// How far the time of day may get ahead of its steady progress, in seconds, before a block that is
/// as far ahead of the one before it is not sealed.
const MAX_JUMP_S: u64 = 600;

/// Watches the injected clock.
#[derive(Debug)]
pub(crate) struct ClockGuard {
    clock: Arc<dyn Clock>,
    /// The time of day when it was last believed, and the steady time then, in milliseconds.
    believed: Mutex<Option<(u64, u64)>>,
    /// The time of a block at which the ledger's operator said that it goes on although that is
    /// ahead of the clock; 0 without one. Blocks keep this time until the clock has reached it.
    vouched: AtomicU64,
    /// What was not taken in the last time, because it is too far ahead.
    refused: Mutex<Option<Unavailable>>,
}

impl ClockGuard {
    /// Believes what the clock says now.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let believed = Mutex::new(clock.steady_ms().map(|steady| (clock.now_ms(), steady)));
        Self { clock, believed, vouched: AtomicU64::new(0), refused: Mutex::new(None) }
    }

    /// Takes the operator's word, given at a block of this time.
    pub(crate) fn vouch(&self, time: u64) {
        self.vouched.store(time, Ordering::Relaxed);
    }

    /// Takes the operator's word from a block that was recorded.
    pub(crate) fn heed(&self, block: &Block) {
        if has_word(block) {
            self.vouch(block.time());
        }
    }

    /// Whether the newest block, of this time, is so far ahead that it takes the operator's word.
    pub(crate) fn is_behind(&self, newest: u64) -> bool {
        newest.saturating_sub(self.clock.now()) > MAX_LAG_S
    }

    /// Whether the blocks of another registrar with these times, which follow one of the time `previous`, may be taken in.
    /// `has_word` says whether the operator's word stands in one of them. A block that is far ahead of this clock and of the one before
    /// it is not, until that word stands in one of a later or the same time; nor is what follows it.
    ///
    /// Returns how many may be taken in, and why not more.
    pub(crate) fn may_take_in(
        &self,
        previous: u64,
        first_height: u64,
        times: &[u64],
        has_word: impl Fn(usize) -> bool,
    ) -> (usize, Result<(), Unavailable>) {
        let now = self.clock.now();
        let mut before = previous;
        let mut outcome = (times.len(), Ok(()));
        for (at, time) in times.iter().enumerate() {
            let jumps = *time > before.saturating_add(MAX_JUMP_S) && *time > now.saturating_add(MAX_JUMP_S);
            let vouched = || (at..times.len()).any(|later| times[later] >= *time && has_word(later));
            if jumps && !vouched() {
                let ahead_s = time.saturating_sub(now);
                outcome = (at, Err(Unavailable::FarAhead { height: first_height + at as u64, ahead_s }));
                break;
            }
            before = *time;
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = outcome.1.clone().err();
        outcome
    }

    /// What of another registrar's was not taken in because it is too far ahead, if anything was.
    pub(crate) fn refused(&self) -> Option<Unavailable> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time of a block that is opened now, after one of the time `previous`, both in Unix
    /// seconds.
    pub(crate) fn time_after(&self, previous: u64) -> Result<u64, Unavailable> {
        let (now_ms, steady) = (self.clock.now_ms(), self.clock.steady_ms());
        let now = now_ms / 1_000;
        let ahead_s = previous.saturating_sub(now);
        if ahead_s > MAX_LAG_S && self.vouched.load(Ordering::Relaxed) != previous {
            return Err(Unavailable::ClockBehind { ahead_s });
        }
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some((then_ms, then_steady)), Some(steady)) = (*believed, steady) {
            let expected_ms = then_ms.saturating_add(steady.saturating_sub(then_steady));
            let ahead_s = now_ms.saturating_sub(expected_ms) / 1_000;
            // Where the block before is recent, the jump only mended a clock that was behind.
            if ahead_s > MAX_JUMP_S && now > previous.saturating_add(MAX_JUMP_S) {
                return Err(Unavailable::ClockJumped { ahead_s });
            }
        }
        *believed = steady.map(|steady| (now_ms, steady));
        Ok(now.max(previous))
    }
}

/// Whether the operator's word stands in a block.
pub(crate) fn has_word(block: &Block) -> bool {
    block.statements().any(says_go_on)
}

/// Whether a statement is `ledger.recovered`, which only the ledger itself can have recorded.
fn says_go_on(statement: &[u8]) -> bool {
    let event = SignedStatement::parse(statement.to_vec().into()).and_then(|statement| statement.event());
    event.is_ok_and(|event| matches!(event.data, Data::Ledger(LedgerEvent::Recovered(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_750_000_000;
    const DAY: u64 = 86_400;

    /// A clock that stands still.
    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now_ms(&self) -> u64 {
            NOW * 1_000
        }
    }

    fn taken(previous: u64, blocks: &[(u64, bool)]) -> (usize, Option<u64>) {
        let guard = ClockGuard::new(Arc::new(Still));
        let times: Vec<u64> = blocks.iter().map(|(time, _)| *time).collect();
        let (count, outcome) = guard.may_take_in(previous, 7, &times, |at| blocks[at].1);
        assert_eq!(guard.refused().is_some(), outcome.is_err());
        let ahead = outcome.err().map(|unavailable| match unavailable {
            Unavailable::FarAhead { height, ahead_s } => {
                assert_eq!(height, 7 + count as u64);
                ahead_s
            }
            other => unreachable!("{other}"),
        });
        (count, ahead)
    }

    #[test]
    fn a_block_far_ahead_is_not_taken_in_without_the_operators_word() {
        assert_eq!(taken(NOW - 5, &[(NOW, false), (NOW + 300, false)]), (2, None));
        assert_eq!(taken(NOW - 5, &[(NOW, false), (NOW + DAY, false), (NOW + DAY, false)]), (1, Some(DAY)));
        let word = [(NOW, false), (NOW + DAY, false), (NOW + DAY, false), (NOW + DAY, true), (NOW + DAY, false)];
        assert_eq!(taken(NOW - 5, &word), (5, None));
        // A word about an earlier time says nothing of a later one.
        assert_eq!(taken(NOW - 5, &[(NOW + DAY, true), (NOW + 2 * DAY, false)]), (1, Some(2 * DAY)));
    }

    #[test]
    fn what_follows_a_block_that_was_taken_in_is_taken_in() {
        // As far ahead of the clock, and no further ahead of what there is.
        assert_eq!(taken(NOW + DAY, &[(NOW + DAY, false), (NOW + DAY + 60, false)]), (2, None));
        // A ledger that was quiet for a month is not ahead of a clock that is right.
        assert_eq!(taken(NOW - 30 * DAY, &[(NOW, false)]), (1, None));
    }
}
