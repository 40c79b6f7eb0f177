//! Records that are put together from what each statement says.

use probity_domain::subjects::{Absorb, Dataset, TakeBack as _};
use probity_projection::{Batch, Key, ProjectionError, Record, Table};

/// The whole of each subject in one table, what each statement says of it in another: subject, index → where it was added,
/// and what it says. So one that is void can be left out, and one more costs no more than the first, however many there
/// are.
pub(crate) struct Sums<T> {
    wholes: Table<T>,
    parts: Table<(u64, T)>,
}

/// A record of which some is put together again from what the other statements say, when one is left out.
pub(crate) trait LeaveOut: Absorb {
    /// This, without what the statement at `index` said; `others` is what the other statements say.
    fn leave_out(self, index: u64, others: Self) -> Self;
}

impl LeaveOut for Dataset {
    fn leave_out(mut self, index: u64, _: Self) -> Self {
        self.take_back(index);
        self
    }
}

impl<T: Record + LeaveOut> Sums<T> {
    pub(crate) const fn new(wholes: u8, parts: u8) -> Self {
        Self { wholes: Table::new(wholes), parts: Table::new(parts) }
    }

    fn part(&self, of: &str, index: u64) -> Key {
        self.parts.key().text(of).number(index)
    }

    /// Adds what the statement at `index` says, when that at `added` is folded. What was added before is not added again.
    pub(crate) fn add(
        &self,
        batch: &mut Batch<'_>,
        of: &str,
        (index, added): (u64, u64),
        said: T,
    ) -> Result<(), ProjectionError> {
        let part = self.part(of, index);
        if batch.contains(&part)? {
            return Ok(());
        }
        batch.record(&self.wholes, self.wholes.key().text(of))?.absorb(said.clone());
        batch.put(&self.parts, part, (added, said));
        Ok(())
    }

    /// Leaves out what the statement at `index` said, if it said anything, as far as that can be taken back.
    pub(crate) fn leave_out(&self, batch: &mut Batch<'_>, of: &str, index: u64) -> Result<(), ProjectionError> {
        let part = self.part(of, index);
        if !batch.contains(&part)? {
            return Ok(());
        }
        batch.remove(part);
        let mut rest = batch.records(&self.parts, &self.parts.key().text(of))?;
        // Those of one moment are in the order of their keys.
        rest.sort_by_key(|(_, (added, _))| *added);
        let others = T::sum(rest.into_iter().map(|(_, (_, said))| said));
        let key = self.wholes.key().text(of);
        let whole = batch.read(&self.wholes, &key)?.unwrap_or_default();
        batch.put(&self.wholes, key, whole.leave_out(index, others));
        Ok(())
    }
}
