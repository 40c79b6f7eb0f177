//! When what gathers in memory goes to the files of a view.

use std::time::{Duration, Instant};

use crate::store::{StoreError, View};

/// Statements of the log to a span. Lists that grow with the log are cut where spans end, and views are written there if
/// they can be: then what a span put into a list is written once.
pub const SPAN: u64 = 16_384;

/// How much of what is folded gathers in memory before it goes to the files of a view. What is there when the process is
/// killed is folded from the log again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathering {
    /// Keys: more are written less often, and take longer to write.
    pub keys: usize,
    /// Statements since it was last written, however few keys they change.
    pub statements: u64,
    /// How long it gathers where little is recorded.
    pub at_most: Duration,
}

impl Default for Gathering {
    /// Some 20 MiB a view, and some seconds of folding after a crash.
    fn default() -> Self {
        Self { keys: 65_536, statements: 65_536, at_most: Duration::from_secs(10) }
    }
}

/// Up to where a view that gathers in memory was last written to the files, and when.
#[derive(Debug)]
pub(crate) struct Kept {
    gathering: Gathering,
    size: u64,
    at: Instant,
}

impl Kept {
    pub(crate) fn now(gathering: Gathering, size: u64) -> Self {
        Self { gathering, size, at: Instant::now() }
    }

    /// Writes a view, which is folded up to `size`, to the files if it is time to: somewhat sooner where a span of the log
    /// ends.
    pub(crate) fn keep_if_due(&mut self, view: &mut View, size: u64, span_ends: bool) -> Result<(), StoreError> {
        let Gathering { keys, statements, at_most } = self.gathering;
        let enough = if span_ends { keys / 4 * 3 } else { keys };
        let much = view.unkept() >= enough || size.saturating_sub(self.size) >= statements;
        match much || (view.unkept() > 0 && self.at.elapsed() >= at_most) {
            true => self.keep(view, size),
            false => Ok(()),
        }
    }

    /// Writes a view, which is folded up to `size`, to the files.
    pub(crate) fn keep(&mut self, view: &mut View, size: u64) -> Result<(), StoreError> {
        view.keep()?;
        *self = Self::now(self.gathering, size);
        Ok(())
    }
}
