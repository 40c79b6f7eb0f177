//! Which tree of the store holds a view now, and which one is being built beside it.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::record::Table;
use crate::store::{Cursor, Store, StoreError, View, Writes};

/// The tree that says which trees there are.
const CATALOGUE: &str = "views";
/// View name → its generations.
const VIEWS: Table<Generations> = Table::new(1);

/// One tree of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// The layout, [`Projector::VERSION`](crate::Projector::VERSION).
    pub version: u32,
    /// The tree's name.
    pub tree: String,
}

/// The trees of a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// The one that is asked.
    pub current: Option<Generation>,
    /// The one that is being built, to become the current one.
    pub building: Option<Generation>,
    /// How many there have been.
    pub count: u64,
}

impl Generations {
    /// What the store holds of the view `name`.
    ///
    /// # Errors
    /// The store failed.
    pub fn of(store: &Store, name: &str) -> Result<Self, StoreError> {
        Ok(store.view(CATALOGUE)?.record(&VIEWS, &VIEWS.key().text(name))?.unwrap_or_default())
    }

    /// Marks the view `name` to be built anew beside what there is, when it is opened next.
    ///
    /// # Errors
    /// The store failed.
    pub fn rebuild(store: &Store, name: &str) -> Result<(), StoreError> {
        let mut generations = Self::of(store, name)?;
        let version = generations.current.as_ref().map_or(0, |current| current.version);
        generations.begin(store, name, version)
    }

    /// Sees to it that there is a tree for this version: the current one, or one to be built.
    pub(crate) fn ready(store: &Store, name: &str, version: u32) -> Result<Self, StoreError> {
        let mut generations = Self::of(store, name)?;
        let of_version = |generation: &Option<Generation>| generation.as_ref().map(|found| found.version);
        match (of_version(&generations.current), of_version(&generations.building)) {
            (_, Some(building)) if building == version => {}
            // Begun by another version; nobody can go on with it.
            (_, Some(_)) => generations.begin(store, name, version)?,
            (Some(current), None) if current == version => {}
            (_, None) => generations.begin(store, name, version)?,
        }
        Ok(generations)
    }

    fn begin(&mut self, store: &Store, name: &str, version: u32) -> Result<(), StoreError> {
        if let Some(abandoned) = self.building.take() {
            remove(store, &abandoned)?;
        }
        self.count += 1;
        self.building = Some(Generation { version, tree: format!("{name}.{version}.{}", self.count) });
        self.keep(store, name)
    }

    /// What was built becomes what is asked. Gives the old tree, to be removed.
    pub(crate) fn switch(&mut self, store: &Store, name: &str) -> Result<Option<Generation>, StoreError> {
        // What was built must be on disk before what it replaces goes.
        store.flush()?;
        let old = std::mem::replace(&mut self.current, self.building.take());
        self.keep(store, name)?;
        Ok(old)
    }

    /// What is asked is of no use: it goes, and nothing is asked before another one is built.
    pub(crate) fn give_up(&mut self, store: &Store, name: &str, version: u32) -> Result<(), StoreError> {
        let old = self.current.take();
        match self.building {
            Some(_) => self.keep(store, name)?,
            None => self.begin(store, name, version)?,
        }
        old.map_or(Ok(()), |old| remove(store, &old))
    }

    fn keep(&self, store: &Store, name: &str) -> Result<(), StoreError> {
        let mut catalogue: View = store.view(CATALOGUE)?;
        let mut batch: Batch<'_> = catalogue.batch();
        batch.put(&VIEWS, VIEWS.key().text(name), self.clone());
        let writes = Writes::of(batch, Cursor::NONE);
        catalogue.write(writes);
        catalogue.keep()?;
        store.flush()
    }
}

/// Gives a tree's room back.
pub(crate) fn remove(store: &Store, generation: &Generation) -> Result<(), StoreError> {
    store.remove(&generation.tree)
}
