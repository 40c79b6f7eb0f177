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
}

impl ClockGuard {
    /// Believes what the clock says now.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let believed = Mutex::new(clock.steady_ms().map(|steady| (clock.now_ms(), steady)));
        Self { clock, believed, vouched: AtomicU64::new(0) }
    }

    /// Takes the operator's word, given at a block of this time.
    pub(crate) fn vouch(&self, time: u64) {
        self.vouched.store(time, Ordering::Relaxed);
    }

    /// Takes the operator's word from a block that was recorded.
    pub(crate) fn heed(&self, block: &Block) {
        if block.statements().any(says_go_on) {
            self.vouch(block.time());
        }
    }

    /// Whether the newest block, of this time, is so far ahead that it takes the operator's word.
    pub(crate) fn is_behind(&self, newest: u64) -> bool {
        newest.saturating_sub(self.clock.now()) > MAX_LAG_S
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

/// Whether a statement is `ledger.recovered`, which only the ledger itself can have recorded.
fn says_go_on(statement: &[u8]) -> bool {
    let event = SignedStatement::parse(statement.to_vec().into()).and_then(|statement| statement.event());
    event.is_ok_and(|event| matches!(event.data, Data::Ledger(LedgerEvent::Recovered(_))))
}
