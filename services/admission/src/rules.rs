//! The rules that bind acts at the door.

use probity_schemas::Event;

use crate::refusal::Refusal;

/// How old an act may be when it is handed in: a signed approval that its author dropped cannot turn up a year later.
pub const ACT_MAX_AGE_MS: u64 = 24 * 60 * 60 * 1_000;

/// How far an act may be ahead of the ledger's clock.
pub const ACT_MAX_LEAD_MS: u64 = 5 * 60 * 1_000;

/// Judges an act that its signer may record. Facts are never brought here.
pub(crate) fn judge(act: &Event, block_time_ms: u64) -> Result<(), Refusal> {
    // The vocabulary refuses acts without an exact time before they get here.
    let Some(occurred) = act.occurred.and_then(|occurred| occurred.exact()) else { return Ok(()) };
    let occurred_ms = occurred.as_ms();
    if occurred_ms.saturating_add(ACT_MAX_AGE_MS) < block_time_ms {
        return Err(Refusal::ActTooOld { occurred_ms, block_time_ms });
    }
    if occurred_ms > block_time_ms.saturating_add(ACT_MAX_LEAD_MS) {
        return Err(Refusal::ActInTheFuture { occurred_ms, block_time_ms });
    }
    Ok(())
}
