//! What the ordered thread tells everyone else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use probity_statement::Keyring;
use tokio::sync::watch;

use crate::error::{HaltReason, Unavailable};
use crate::leadership::Leadership;

/// Returns once `holds`, or nobody can change it any more.
pub(crate) async fn until<T>(watched: &mut watch::Receiver<T>, holds: impl FnMut(&T) -> bool) {
    drop(watched.wait_for(holds).await);
}

/// The keys known ahead of order, and whether writes are taken.
#[derive(Debug)]
pub(crate) struct Shared {
    keyring: RwLock<Arc<Keyring>>,
    halted: watch::Sender<Option<Unavailable>>,
    leadership: watch::Sender<Leadership>,
    /// Whether what carries the log can be reached.
    reachable: AtomicBool,
    /// The height of a block of which it is not known whether it is durable.
    unsettled: watch::Sender<Option<u64>>,
    /// Whether the ordered thread broke down.
    broken: watch::Sender<bool>,
}

/// Says that the ordered thread broke down, where the thread that holds it panics.
pub(crate) struct TellPanic(pub(crate) Arc<Shared>);

impl Drop for TellPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halt(Unavailable::Halted(HaltReason::BrokeDown));
            self.0.broken.send_replace(true);
        }
    }
}

impl Shared {
    pub(crate) fn new(keyring: Arc<Keyring>, leadership: Leadership) -> Self {
        Self {
            keyring: RwLock::new(keyring),
            halted: watch::Sender::new(None),
            leadership: watch::Sender::new(leadership),
            reachable: AtomicBool::new(true),
            unsettled: watch::Sender::new(None),
            broken: watch::Sender::new(false),
        }
    }

    /// All keys known ahead of order.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn publish_keyring(&self, keyring: &Arc<Keyring>) {
        if !Arc::ptr_eq(&self.keyring(), keyring) {
            *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = keyring.clone();
        }
    }

    /// Why writes are refused, if they are.
    pub(crate) fn unavailable(&self) -> Option<Unavailable> {
        self.halted.borrow().clone().or_else(|| match &*self.leadership.borrow() {
            Leadership::Active => None,
            Leadership::Standby { active } => {
                Some(Unavailable::Standby { active: active.clone(), reachable: self.reachable.load(Ordering::Relaxed) })
            }
        })
    }

    /// Whether this process appends.
    pub(crate) fn set_leadership(&self, leadership: Leadership) {
        self.leadership.send_if_modified(|present| {
            let changed = *present != leadership;
            *present = leadership;
            changed
        });
    }

    pub(crate) fn watch_leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.subscribe()
    }

    pub(crate) fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::Relaxed);
    }

    pub(crate) fn set_unsettled(&self, unsettled: Option<u64>) {
        self.unsettled.send_replace(unsettled);
    }

    pub(crate) fn watch_unsettled(&self) -> watch::Receiver<Option<u64>> {
        self.unsettled.subscribe()
    }

    pub(crate) fn watch_broken(&self) -> watch::Receiver<bool> {
        self.broken.subscribe()
    }

    pub(crate) fn halt(&self, unavailable: Unavailable) {
        self.halted.send_if_modified(|halted| {
            let first = halted.is_none();
            if first {
                *halted = Some(unavailable);
            }
            first
        });
    }

    pub(crate) fn watch_halt(&self) -> watch::Receiver<Option<Unavailable>> {
        self.halted.subscribe()
    }
}
