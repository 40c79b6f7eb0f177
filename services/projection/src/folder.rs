//! One view's thread: folds groups into the tree that is asked and into the one that is built beside it.

use std::sync::Arc;

use crate::generations::{Generations, remove};
use crate::group::{Group, SharedGroup};
use crate::kept::{Gathering, Kept};
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
    kept: Kept,
}

impl<P: Projector> Fold<P> {
    fn new(view: View, end: LogEnd, gathering: Gathering) -> Self {
        let kept = Kept::now(gathering, end.chain.size());
        Self { projector: P::default(), view, end, kept }
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

    /// Folds what of `group` is new here; says whether anything was.
    fn fold(&mut self, group: &Group) -> Result<bool, ProjectionError> {
        let size = self.size();
        if group.end.chain.size() <= size {
            return Ok(false);
        }
        let mut batch = self.view.batch();
        for recorded in group.recorded.iter().filter(|recorded| recorded.index >= size) {
            let index = recorded.index;
            let applied = self.projector.apply(recorded, &mut batch);
            applied.map_err(|source| ProjectionError::Statement { index, source: Box::new(source) })?;
        }
        let cursor = group.end.keep(&mut batch)?;
        let writes = Writes::of(batch, cursor);
        self.view.write(writes);
        self.end = group.end.clone();
        self.kept.keep_if_due(&mut self.view, self.end.chain.size(), group.span_ends)?;
        Ok(true)
    }

    fn keep(&mut self) -> Result<(), StoreError> {
        let size = self.size();
        self.kept.keep(&mut self.view, size)
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
    /// Writes to the files what gathers in memory, if it has been there for long.
    fn keep_if_due(&mut self) -> Result<(), StoreError>;
    /// Writes to the files what gathers in memory.
    fn keep(&mut self) -> Result<(), StoreError>;
    fn name(&self) -> &'static str;
    fn shared(&self) -> &Arc<Shared>;
}

impl<P: Projector> Folder<P> {
    /// Opens the view's trees. `known` says whether a tree's end is one of the log's; those that are not begin anew.
    /// `quoting` gives them what they quote statements from.
    pub(crate) fn open(
        store: &Store,
        beginning: &LogEnd,
        until: u64,
        gathering: Gathering,
        known: impl Fn(&View) -> Result<Option<LogEnd>, StoreError>,
        quoting: impl Fn(View) -> View,
    ) -> Result<Self, StoreError> {
        let mut generations = Generations::ready(store, P::NAME, P::VERSION)?;
        if let Some(current) = generations.current.as_ref().filter(|current| current.version == P::VERSION)
            && known(&store.view(&current.tree)?)?.is_none()
        {
            tracing::warn!(view = P::NAME, "the view is of another log, or damaged; it is folded anew");
            generations.give_up(store, P::NAME, P::VERSION)?;
        }
        let open = |tree: &str| {
            let mut view = quoting(store.view(tree)?);
            let end = match known(&view)? {
                Some(end) => end,
                None => {
                    view.clear()?;
                    beginning.clone()
                }
            };
            Ok::<_, StoreError>(Fold::<P>::new(view, end, gathering))
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
        let Some(mut built) = self.building.take_if(|building| building.size() >= self.until) else { return Ok(()) };
        built.keep()?;
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
            && current.fold(group)?
        {
            self.shared.switch(&current.view, current.as_of());
        }
        if let Some(building) = &mut self.building
            && building.fold(group)?
        {
            if self.current.is_none() {
                let tree_size = building.size();
                self.shared.set_health(Health::Building { tree_size, until: self.until.max(tree_size) });
            }
            self.switch_if_done()?;
        }
        Ok(())
    }

    fn keep_if_due(&mut self) -> Result<(), StoreError> {
        for fold in self.current.iter_mut().chain(&mut self.building) {
            let size = fold.size();
            fold.kept.keep_if_due(&mut fold.view, size, false)?;
        }
        // Readers let go of the memory as well.
        self.current.iter().for_each(|current| self.shared.switch(&current.view, current.as_of()));
        Ok(())
    }

    fn keep(&mut self) -> Result<(), StoreError> {
        self.current.iter_mut().chain(&mut self.building).try_for_each(Fold::keep)
    }

    fn name(&self) -> &'static str {
        P::NAME
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}
