//! What holds from when until when.

/// A value for every moment, which changes at some of them. Moments are Unix milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline<T> {
    /// From when on which value holds: the first from 0, in order, no two neighbours alike.
    segments: Vec<(u64, T)>,
}

impl<T: Clone + PartialEq> Timeline<T> {
    /// The same value at all times.
    pub fn always(value: T) -> Self {
        Self { segments: vec![(0, value)] }
    }

    /// The value that `value_at` gives, which changes at no other moments than these.
    pub fn changing_at(moments: impl IntoIterator<Item = u64>, mut value_at: impl FnMut(u64) -> T) -> Self {
        let mut moments: Vec<u64> = moments.into_iter().chain([0]).collect();
        moments.sort_unstable();
        moments.dedup();
        let mut segments: Vec<(u64, T)> = Vec::with_capacity(moments.len());
        for moment in moments {
            let value = value_at(moment);
            if segments.last().is_none_or(|(_, before)| *before != value) {
                segments.push((moment, value));
            }
        }
        Self { segments }
    }

    /// What holds at a moment.
    pub fn at(&self, time_ms: u64) -> &T {
        let behind = self.segments.partition_point(|(from, _)| *from <= time_ms);
        // The first segment begins at 0, so there is one.
        &self.segments[behind.saturating_sub(1)].1
    }

    /// The moments at which it changes, 0 among them.
    pub fn moments(&self) -> impl Iterator<Item = u64> {
        self.segments.iter().map(|(from, _)| *from)
    }

    /// Each value with the moments from which and until which it holds.
    pub fn spans(&self) -> impl Iterator<Item = (u64, Option<u64>, &T)> {
        let ends = self.segments.iter().skip(1).map(|(from, _)| Some(*from)).chain([None]);
        self.segments.iter().zip(ends).map(|((from, value), until)| (*from, until, value))
    }
}
