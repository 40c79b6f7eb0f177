//! Whatever happens to a store and its views, in whatever order: answers are what the log held at the position they say,
//! and at the end the views hold what fresh ones would.

use std::path::PathBuf;
use std::sync::Arc;

use probity_projection::{Following, Generations, NotThere, Projector, Store, ViewReader};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::listed::Listed;
use crate::views::{Counts, NAMES, check, digest};
use crate::world::{CACHE, Told, crash_copy, follow, follower, reach, run};

/// What may happen.
#[derive(Debug, Clone)]
enum Operation {
    /// A block of so many statements is recorded.
    Append(usize),
    /// The views are waited for.
    Settle,
    /// What is written becomes durable.
    Flush,
    /// All is stopped and opened again.
    Restart,
    /// What is on disk now is all that is left.
    Crash,
    /// The first view is to be built anew when it is opened next.
    Rebuild,
    /// All is stopped and opened by a version with another layout of the first view.
    Upgrade,
    /// The views are asked.
    Ask,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (1..5_usize).prop_map(Operation::Append),
        2 => Just(Operation::Settle),
        2 => Just(Operation::Flush),
        2 => Just(Operation::Restart),
        2 => Just(Operation::Crash),
        2 => Just(Operation::Rebuild),
        1 => Just(Operation::Upgrade),
        4 => Just(Operation::Ask),
    ]
}

/// A process: two views that are followed.
struct Opened {
    store: Store,
    following: Following,
    readers: [ViewReader; 2],
}

struct Simulated {
    dir: TempDir,
    place: usize,
    told: Told,
    log: Arc<Listed>,
    /// The layout of the first view.
    version: u32,
    opened: Option<Opened>,
}

impl Simulated {
    async fn new() -> Self {
        let (told, dir) = (Told::default(), crate::world::scratch());
        let mut simulated = Self { dir, place: 0, log: told.listed(), told, version: 1, opened: None };
        simulated.open().await;
        simulated
    }

    fn views(&self) -> PathBuf {
        self.dir.path().join(format!("views-{}", self.place))
    }

    async fn open(&mut self) {
        let store = Store::open(&self.views(), CACHE).unwrap();
        let mut follower = follower(self.log.clone(), store.clone()).await;
        let first = match self.version {
            1 => follower.add::<Counts<0, 1>>().await,
            2 => follower.add::<Counts<0, 2>>().await,
            _ => follower.add::<Counts<0, 3>>().await,
        };
        let readers = [first.unwrap(), follower.add::<Counts<1, 1>>().await.unwrap()];
        self.opened = Some(Opened { store, following: follower.start().unwrap(), readers });
    }

    async fn stop(&mut self) {
        let opened = self.opened.take().unwrap();
        opened.following.stop().await.unwrap();
    }

    /// Every answer is one of the log; gives how far the views are.
    fn ask(&self) {
        let opened = self.opened.as_ref().unwrap();
        for (reader, layout) in opened.readers.iter().zip([self.version, 1]) {
            match reader.read(|_| ()) {
                Ok(_) => drop(check(reader, &self.told.entries, layout)),
                Err(NotThere::Building { tree_size, until, .. }) => {
                    assert!(tree_size <= until && until <= self.told.size(), "{tree_size} of {until}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    async fn settle(&self) {
        for reader in &self.opened.as_ref().unwrap().readers {
            reach(reader, self.told.size()).await;
        }
    }

    async fn happens(&mut self, operation: &Operation) {
        match operation {
            Operation::Append(statements) => {
                let block = self.told.block(*statements);
                self.log.push(block);
            }
            Operation::Settle => {
                self.settle().await;
                self.ask();
            }
            Operation::Flush => self.opened.as_ref().unwrap().store.flush().unwrap(),
            Operation::Restart => {
                self.stop().await;
                self.open().await;
            }
            Operation::Crash => {
                let before = self.views();
                self.place += 1;
                crash_copy(&before, &self.views());
                drop(self.opened.take());
                self.open().await;
            }
            Operation::Rebuild => {
                self.stop().await;
                let store = Store::open(&self.views(), CACHE).unwrap();
                Generations::rebuild(&store, NAMES[0]).unwrap();
                drop(store);
                self.open().await;
            }
            Operation::Upgrade => {
                self.stop().await;
                self.version = self.version % 3 + 1;
                self.open().await;
            }
            Operation::Ask => self.ask(),
        }
    }

    async fn ends(mut self) {
        self.settle().await;
        self.ask();
        let readers = &self.opened.as_ref().unwrap().readers;
        let digests = [digest(&readers[0]), digest(&readers[1])];
        let first = match self.version {
            1 => self.fresh::<Counts<0, 1>>().await,
            2 => self.fresh::<Counts<0, 2>>().await,
            _ => self.fresh::<Counts<0, 3>>().await,
        };
        assert_eq!(digests, [first, self.fresh::<Counts<1, 1>>().await]);
        self.stop().await;
    }

    async fn fresh<P: Projector>(&self) -> [u8; 32] {
        let store = Store::open(&self.dir.path().join(format!("fresh-{}", P::NAME)), CACHE).unwrap();
        let (following, reader) = follow::<P>(self.log.clone(), store).await;
        reach(&reader, self.told.size()).await;
        let digest = digest(&reader);
        following.stop().await.unwrap();
        digest
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_answers_are_those_of_the_log(operations in prop::collection::vec(operation(), 1..14)) {
        run(move || async move {
            let mut simulated = Simulated::new().await;
            for operation in &operations {
                simulated.happens(operation).await;
            }
            simulated.ends().await;
        });
    }
}
