//! The time of day, injected. [`SystemClock`] is the one place that reads the system's time; all
//! other code is given a [`Clock`].

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the Unix time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;

    /// Seconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> u64 {
        self.now_ms() / 1_000
    }

    /// Milliseconds since some beginning, by a clock that cannot be set; `None` without one. It shows
    /// whether the time of day moved by itself or was set.
    fn steady_ms(&self) -> Option<u64> {
        None
    }
}

/// The system's clock. It may jump when the system's time is set.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The system's clock, ready to be injected.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's time")]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }

    fn steady_ms(&self) -> Option<u64> {
        static BEGINNING: OnceLock<Instant> = OnceLock::new();
        u64::try_from(BEGINNING.get_or_init(Instant::now).elapsed().as_millis()).ok()
    }
}
