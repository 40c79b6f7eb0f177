//! One view's thread: folds groups into the tree that is asked and into the one that is built beside it.

use std::sync::Arc;

use crate::generations::{Generations, remove};
use crate::group::{Group, SharedGroup};
use crate::log_end::LogEnd;
use crate::projector::{ProjectionError, Projector};
use crate::reading::{AsOf, Health, Shared, ViewPosition};
use crate::store::{Store, StoreError, View, Writes};

/// A tree, what folds into it, and how far it is.
#[derive(Debug)]
struct Fold<P> {
    projector: P,
    view: View,
    end: LogEnd,
}

impl<P: Projector> Fold<P> {
    fn new(view: View, end: LogEnd) -> Self {
        Self { projector: P::default(), view, end }
    }

    fn size(&self) -> u64 {
        self.end.chain.size()
    }

    fn as_of(&self) -> AsOf {
        self.end.head().map_or(AsOf::NOTHING, |head| AsOf {
            tree_size: head.tree_size,
            root: head.root,
            recorded_at: head.time,
        })
    }

    /// Folds what of `group` is new here; gives what is to be written, if anything is.
    fn fold(&mut self, group: &Group) -> Result<Option<Writes>, ProjectionError> {
        let size = self.size();
        if group.end.chain.size() <= size {
            return Ok(None);
        }
        let mut batch = self.view.batch();
        for recorded in group.recorded.iter().filter(|recorded| recorded.index >= size) {
            self.projector.apply(recorded, &mut batch)?;
        }
        let cursor = group.end.keep(&mut batch)?;
        let writes = Writes::of(batch, cursor)?;
        self.end = group.end.clone();
        Ok(Some(writes))
    }
}

/// What folds one view.
pub(crate) struct Folder<P> {
    store: Store,
    generations: Generations,
    current: Option<Fold<P>>,
    building: Option<Fold<P>>,
    /// Where the log was when this began: what is being built is asked from there on.
    until: u64,
    pub(crate) shared: Arc<Shared>,
}

/// A folder of any view.
pub(crate) trait AnyFolder: Send {
    /// The earliest end of its trees.
    fn end(&self) -> Option<&LogEnd>;
    /// Takes in a group.
    fn take(&mut self, group: &SharedGroup) -> Result<(), ProjectionError>;
    fn name(&self) -> &'static str;
    fn shared(&self) -> &Arc<Shared>;
}

impl<P: Projector> Folder<P> {
    /// Opens the view's trees. `known` says whether a tree's end is one of the log's; those that are not begin anew.
    pub(crate) fn open(
        store: &Store,
        beginning: &LogEnd,
        until: u64,
        known: impl Fn(&View) -> Result<Option<LogEnd>, StoreError>,
    ) -> Result<Self, StoreError> {
        let mut generations = Generations::ready(store, P::NAME, P::VERSION)?;
        if let Some(current) = generations.current.as_ref().filter(|current| current.version == P::VERSION)
            && known(&store.view(&current.tree)?)?.is_none()
        {
            tracing::warn!(view = P::NAME, "the view is of another log, or damaged; it is folded anew");
            generations.give_up(store, P::NAME, P::VERSION)?;
        }
        let open = |tree: &str| {
            let view = store.view(tree)?;
            let end = match known(&view)? {
                Some(end) => end,
                None => {
                    view.clear()?;
                    beginning.clone()
                }
            };
            Ok::<_, StoreError>(Fold::<P>::new(view, end))
        };
        let of_version = generations.current.as_ref().filter(|current| current.version == P::VERSION);
        let current = of_version.map(|current| open(&current.tree)).transpose()?;
        let building = generations.building.as_ref().map(|building| open(&building.tree)).transpose()?;
        let position = match (&current, &building) {
            (Some(current), _) => ViewPosition { as_of: current.as_of(), health: Health::Following },
            (None, Some(building)) => {
                ViewPosition { as_of: building.as_of(), health: Health::Building { tree_size: building.size(), until } }
            }
            (None, None) => ViewPosition { as_of: AsOf::NOTHING, health: Health::Building { tree_size: 0, until } },
        };
        let view = current.as_ref().map(|current| current.view.clone());
        let shared = Arc::new(Shared::new(P::NAME, view, position));
        let mut folder = Self { store: store.clone(), generations, current, building, until, shared };
        folder.switch_if_done()?;
        Ok(folder)
    }

    /// The names of the trees that [`Self::open`] will open.
    pub(crate) fn trees(store: &Store) -> Result<Vec<String>, StoreError> {
        let generations = Generations::ready(store, P::NAME, P::VERSION)?;
        let current = generations.current.filter(|current| current.version == P::VERSION);
        Ok(current.into_iter().chain(generations.building).map(|generation| generation.tree).collect())
    }

    fn switch_if_done(&mut self) -> Result<(), StoreError> {
        let Some(built) = self.building.take_if(|building| building.size() >= self.until) else { return Ok(()) };
        let old = self.generations.switch(&self.store, P::NAME)?;
        self.shared.switch(&built.view, built.as_of());
        self.shared.set_health(Health::Following);
        tracing::info!(view = P::NAME, statements = built.size(), "the view is built and is asked from now on");
        self.current = Some(built);
        old.map_or(Ok(()), |old| remove(&self.store, &old))
    }
}

impl<P: Projector> AnyFolder for Folder<P> {
    fn end(&self) -> Option<&LogEnd> {
        let folds = self.current.iter().chain(&self.building);
        folds.min_by_key(|fold| fold.size()).map(|fold| &fold.end)
    }

    fn take(&mut self, group: &SharedGroup) -> Result<(), ProjectionError> {
        if let Some(current) = &mut self.current
            && let Some(writes) = current.fold(group)?
        {
            self.shared.write(&current.view, writes, current.as_of())?;
        }
        if let Some(building) = &mut self.building
            && let Some(writes) = building.fold(group)?
        {
            building.view.write(writes)?;
            if self.current.is_none() {
                let tree_size = building.size();
                self.shared.set_health(Health::Building { tree_size, until: self.until.max(tree_size) });
            }
            self.switch_if_done()?;
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        P::NAME
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}
