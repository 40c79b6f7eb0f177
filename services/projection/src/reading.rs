//! A view as those who ask see it: consistent, and honest about how far it is.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use probity_tlog::Hash;
use tokio::sync::watch;

use crate::store::View;

/// The checkpoint that an answer holds as of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// Number of statements taken into account.
    pub tree_size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
    /// When the last of them was recorded, in Unix seconds.
    pub recorded_at: u64,
}

impl AsOf {
    /// Before the first statement.
    pub const NOTHING: Self = Self { tree_size: 0, root: Hash::EMPTY_ROOT, recorded_at: 0 };
}

/// What a view is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is folded from the log for the first time or anew, and not asked before it is where the log was at the start.
    Building {
        /// How far it is.
        tree_size: u64,
        /// Where the log was when it began.
        until: u64,
    },
    /// It takes in what is recorded.
    Following,
    /// It takes in nothing more until a person has looked; what it holds is still answered, with the reason.
    Halted {
        /// What was found.
        reason: Arc<str>,
    },
}

/// How far a view is and what it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewPosition {
    /// The last statements taken in.
    pub as_of: AsOf,
    /// Whether more follow.
    pub health: Health,
}

/// Why a view does not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotThere {
    /// It is being folded.
    #[error("view {view} is being built from the log: {tree_size} of {until} statements; ask again in a while")]
    Building {
        /// The view.
        view: &'static str,
        /// How far it is.
        tree_size: u64,
        /// How far it has to come.
        until: u64,
    },
    /// It has not reached what the caller wants taken into account.
    #[error("view {view} has taken in {tree_size} statements, not yet {wanted}")]
    Behind {
        /// The view.
        view: &'static str,
        /// How far it is.
        tree_size: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// It is halted before what the caller wants taken into account.
    #[error("view {view} is halted at {tree_size} statements, before {wanted}: {reason}")]
    Halted {
        /// The view.
        view: &'static str,
        /// How far it is.
        tree_size: u64,
        /// What was asked for.
        wanted: u64,
        /// Why it is halted.
        reason: Arc<str>,
    },
    /// The process is shutting down.
    #[error("the server is shutting down")]
    Closed,
}

/// What the folding thread and the readers of one view share.
#[derive(Debug)]
pub(crate) struct Shared {
    name: &'static str,
    /// What is asked: the view at one position of the log. Held for a moment only.
    asked: RwLock<Option<View>>,
    position: watch::Sender<ViewPosition>,
}

impl Shared {
    pub(crate) fn new(name: &'static str, view: Option<View>, position: ViewPosition) -> Self {
        let asked = RwLock::new(view.map(|view| view.frozen()));
        Self { name, asked, position: watch::Sender::new(position) }
    }

    /// From now on readers read `view` as it is now.
    pub(crate) fn switch(&self, view: &View, as_of: AsOf) {
        let frozen = view.frozen();
        let mut asked = self.asked.write().unwrap_or_else(PoisonError::into_inner);
        *asked = Some(frozen);
        self.position.send_modify(|position| position.as_of = as_of);
    }

    /// The view that is asked, and its position.
    fn asked(&self) -> (Option<View>, ViewPosition) {
        let asked = self.asked.read().unwrap_or_else(PoisonError::into_inner);
        (asked.clone(), self.position.borrow().clone())
    }

    pub(crate) fn set_health(&self, health: Health) {
        // Nothing more is written to a view that is halted, and the store keeps nothing for a moment of it.
        if matches!(health, Health::Halted { .. }) {
            let mut asked = self.asked.write().unwrap_or_else(PoisonError::into_inner);
            *asked = asked.as_ref().map(View::unfrozen);
        }
        self.position.send_modify(|position| {
            if !matches!(position.health, Health::Halted { .. }) {
                position.health = health;
            }
        });
    }
}

/// Reads one view. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ViewReader {
    shared: Arc<Shared>,
    position: watch::Receiver<ViewPosition>,
}

/// How long a question that any state of the view would answer waits for the view to be there.
const A_MOMENT: Duration = Duration::from_secs(2);

impl ViewReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { position: shared.position.subscribe(), shared }
    }

    /// The view's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    /// How far it is.
    #[must_use]
    pub fn position(&self) -> ViewPosition {
        self.position.borrow().clone()
    }

    /// A receiver of every change of position.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ViewPosition> {
        self.position.clone()
    }

    /// Waits until the view has taken in `tree_size` statements, for `patience` at most. Whoever wants nothing in
    /// particular waits a moment for a view that is being built: just after a start it nearly is.
    ///
    /// # Errors
    /// It is still being built, did not get there in time, or is halted before that.
    pub async fn at_least(&self, tree_size: u64, patience: Duration) -> Result<(), NotThere> {
        let patience = if tree_size == 0 { patience.min(A_MOMENT) } else { patience };
        let settled = |position: &ViewPosition| match position.health {
            Health::Building { .. } => false,
            Health::Following => position.as_of.tree_size >= tree_size,
            Health::Halted { .. } => true,
        };
        let mut position = self.position.clone();
        // What it waited for is held like a lock: asking again with it in hand, while a new position waits to be written,
        // would wait for ever.
        let waited = tokio::time::timeout(patience, position.wait_for(settled)).await.map(|there| there.map(drop));
        match waited {
            Ok(Ok(())) | Err(_) => self.answers(tree_size),
            Ok(Err(_)) => Err(NotThere::Closed),
        }
    }

    fn answers(&self, wanted: u64) -> Result<(), NotThere> {
        let (view, ViewPosition { as_of, health }) = (self.name(), self.position());
        let tree_size = as_of.tree_size;
        match health {
            Health::Building { tree_size, until } => Err(NotThere::Building { view, tree_size, until }),
            Health::Halted { reason } if tree_size < wanted => {
                Err(NotThere::Halted { view, tree_size, wanted, reason })
            }
            Health::Following if tree_size < wanted => Err(NotThere::Behind { view, tree_size, wanted }),
            Health::Following | Health::Halted { .. } => Ok(()),
        }
    }

    /// Runs a query on the view as it is now; what is folded into it meanwhile is not seen. Blocks, and reads files.
    ///
    /// # Errors
    /// There is no view to ask yet.
    pub fn read<T>(&self, query: impl FnOnce(&View) -> T) -> Result<(ViewPosition, T), NotThere> {
        self.read_while(None, query)
    }

    /// The same for a question that may be given up: once `given_up` is set, reads fail with
    /// [`StoreError::GivenUp`](crate::StoreError::GivenUp).
    ///
    /// # Errors
    /// There is no view to ask yet.
    pub fn read_until<T>(
        &self,
        given_up: Arc<AtomicBool>,
        query: impl FnOnce(&View) -> T,
    ) -> Result<(ViewPosition, T), NotThere> {
        self.read_while(Some(given_up), query)
    }

    fn read_while<T>(
        &self,
        given_up: Option<Arc<AtomicBool>>,
        query: impl FnOnce(&View) -> T,
    ) -> Result<(ViewPosition, T), NotThere> {
        let (view, position) = self.shared.asked();
        match view {
            Some(view) => Ok((position, query(&view.until(given_up)))),
            None => match position.health {
                Health::Building { tree_size, until } => {
                    Err(NotThere::Building { view: self.name(), tree_size, until })
                }
                Health::Halted { reason } => {
                    Err(NotThere::Halted { view: self.name(), tree_size: 0, wanted: 0, reason })
                }
                Health::Following => Err(NotThere::Closed),
            },
        }
    }
}
