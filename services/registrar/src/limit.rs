//! At most so many a second.

/// A limit per second of the injected clock.
#[derive(Debug)]
pub(crate) struct PerSecond {
    limit: u32,
    second: u64,
    taken: u32,
}

impl PerSecond {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, second: 0, taken: 0 }
    }

    /// Whether one more may pass in the second `now`.
    pub(crate) fn allow(&mut self, now: u64) -> bool {
        if self.second != now {
            (self.second, self.taken) = (now, 0);
        }
        self.taken += 1;
        self.taken <= self.limit
    }
}
