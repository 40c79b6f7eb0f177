//! What statements refer to is looked up once for all views, and is the same however a view came to be where it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use probity_domain::references::{is_corrected, meant};
use probity_log::Log as _;
use probity_projection::{
    Batch, Generations, Parts, ProjectionError, Projector, Recorded, Referent, Store, Table, View, ViewReader,
};
use probity_schemas::Data;
use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::views::digest;
use crate::world::{CACHE, Told, World, crash_copy, follow, reach, run};

/// The tree of the table.
const TABLE: &str = "references.2";
const TOLD: Table<Looked> = Table::new(1);

/// What a projector is told of one statement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Looked {
    referent: Option<Referent>,
    corrected: Option<u64>,
    taken_back: Option<u64>,
}

/// Keeps what it is told of every statement.
#[derive(Debug, Default)]
struct Refers<const VIEW: u8>;

impl<const VIEW: u8> Projector for Refers<VIEW> {
    const NAME: &'static str = ["refers", "refers-too"][VIEW as usize];
    const VERSION: u32 = 1;

    fn apply(&mut self, recorded: &Recorded, batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
        let looked = Looked {
            referent: recorded.referent.clone(),
            corrected: recorded.corrected().map(|fact| fact.index),
            taken_back: recorded.taken_back().map(|fact| fact.index),
        };
        batch.put(&TOLD, TOLD.key().number(recorded.index), looked);
        Ok(())
    }
}

/// Numbers that look drawn, the same every time.
#[derive(Debug)]
struct Drawing(u64);

impl Drawing {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Facts, answers and corrections of four signers, who use each other's ids, and what is looked up of each by going
/// through all that were recorded before it.
#[derive(Debug)]
struct Story {
    drawing: Drawing,
    recorded: Vec<(Value, Referent)>,
    expected: Vec<Looked>,
}

impl Story {
    fn new() -> Self {
        Self { drawing: Drawing(7), recorded: Vec::new(), expected: Vec::new() }
    }

    /// The statement at `index`: signer, id and event.
    fn draw(&mut self, told: &Told, index: usize) -> (String, probity_schemas::EventId, Value) {
        let signer = format!("service:s{}", self.drawing.below(4));
        let name = ["a", "b"][self.drawing.below(2)];
        let subject = json!({ "kind": "model", "namespace": "credit", "name": name });
        let of = |event_type: &str, data: Value| json!({ "type": event_type, "subject": subject, "data": data });
        let mut event = match self.drawing.below(10) {
            0 | 1 => of("issue.opened", json!({ "title": "It drifts." })),
            2 => of("issue.routed", json!({ "team": "data" })),
            3 => of("concern.raised", json!({ "concern": "Why?" })),
            4 => of("model.ownership_accepted", json!({ "role": "owner" })),
            kind => {
                let kind = ["voids", "voids", "voids", "re-subjects", "amends"][kind - 5];
                let mut data = json!({ "kind": kind, "reason": "No." });
                if kind == "re-subjects" {
                    data["new_subject"] = json!({ "kind": "model", "namespace": "credit", "name": "c" });
                }
                if kind == "amends" {
                    data["field"] = json!("title");
                }
                of("correction.recorded", data)
            }
        };
        // Mostly something recent; now and then what nobody recorded yet.
        let ahead = index.saturating_sub(self.drawing.below(12)) + self.drawing.below(2);
        let regarded = self.recorded.get(ahead).map_or_else(|| told.id(ahead), |(event, _)| id_of(event));
        event["regarding"] = json!(regarded);
        if event["type"] == "correction.recorded"
            && let Some((corrected, referent)) = self.recorded.get(ahead)
            && self.drawing.below(4) > 0
        {
            event["subject"] = corrected["subject"].clone();
            return (referent.issuer.clone(), told.id(index), event);
        }
        // An id that another signer used.
        let taken = self.drawing.below(index.max(1));
        let id = match self.recorded.get(taken).filter(|_| self.drawing.below(3) == 0) {
            Some((other, _)) if !self.has_used(&signer, id_of(other)) => id_of(other),
            _ => told.id(index),
        };
        (signer, id, event)
    }

    fn has_used(&self, signer: &str, id: probity_schemas::EventId) -> bool {
        self.recorded.iter().any(|(event, referent)| id_of(event) == id && referent.issuer == signer)
    }

    /// Looks up, by going through everything.
    fn look(&mut self, recorded: &Recorded) {
        let issuer = recorded.signer();
        let under = |id| self.recorded.iter().filter(move |(event, _)| id_of(event) == id).map(|(_, it)| it.clone());
        let candidates: Vec<Referent> = recorded.event.regarding.into_iter().flat_map(under).collect();
        let referent = meant(&recorded.event, &issuer, &candidates).cloned();
        let corrected = referent.as_ref().filter(|fact| is_corrected(&recorded.event, &issuer, fact));
        let corrected = corrected.map(|fact| fact.index);
        let taken_back = match &recorded.event.data {
            Data::Correction(CorrectionEvent::Recorded(it)) if it.kind != CorrectionKind::Amends => corrected,
            _ => None,
        };
        self.expected.push(Looked { referent, corrected, taken_back });
    }

    /// The next block.
    fn block(&mut self, told: &mut Told, statements: usize) -> probity_log::Block {
        let mut block = Vec::new();
        for _ in 0..statements {
            let index = self.recorded.len();
            let (signer, id, event) = self.draw(told, index);
            let (bytes, id, subject) = told.stating_by(&signer, id, index, event.clone());
            let statement = probity_statement::SignedStatement::parse(bytes.clone().into()).unwrap();
            let recorded = Recorded::new(index as u64, RECORDED_AT, statement.clone(), statement.event().unwrap());
            self.look(&recorded);
            let referent = Referent::of(&recorded.event, statement.issuer(), index as u64, recorded.sorted_at_ms());
            let mut event = event;
            event["id"] = json!(id);
            self.recorded.push((event, referent));
            block.push((bytes, id, subject));
        }
        told.block_of(block)
    }
}

/// Later than anything that the story says happened.
const RECORDED_AT: u64 = 2_000_000_000;

fn id_of(event: &Value) -> probity_schemas::EventId {
    event["id"].as_str().unwrap().parse().unwrap()
}

async fn record(world: &mut World, story: &mut Story, blocks: usize) {
    for number in 0..blocks {
        let block = story.block(&mut world.told, 1 + number % 5);
        world.log.enqueue(block).await.unwrap();
    }
}

fn check(reader: &ViewReader, story: &Story) {
    let found: Vec<(u64, Looked)> = reader
        .read(|view: &View| {
            let pairs = view.scan_after(&TOLD.key(), None).map(|pair| {
                let (key, value) = pair.unwrap();
                (Parts::of(&key).number().unwrap(), TOLD.decode(&value).unwrap())
            });
            pairs.collect()
        })
        .unwrap()
        .1;
    assert_eq!(found.len(), story.expected.len());
    for ((index, found), expected) in found.iter().zip(&story.expected) {
        assert_eq!(found, expected, "at {index}");
    }
}

/// Follows to the end and stops.
async fn fold<P: Projector>(world: &World, store: Store, story: &Story) -> [u8; 32] {
    let (following, reader) = follow::<P>(world.log.clone(), store).await;
    reach(&reader, world.told.size()).await;
    // A view that is built anew is asked from the tree before until it is there.
    let mut position = reader.watch();
    position.wait_for(|it| it.as_of.tree_size == world.told.size()).await.unwrap();
    check(&reader, story);
    let digest = digest(&reader);
    following.stop().await.unwrap();
    digest
}

#[test]
fn a_view_that_followed_one_that_is_built_anew_and_one_without_the_table_are_told_the_same() {
    run(|| async {
        let (mut world, mut story) = (World::new(), Story::new());
        record(&mut world, &mut story, 1).await;
        let (following, reader) = follow::<Refers<0>>(world.log.clone(), world.store()).await;
        for _ in 0..6 {
            record(&mut world, &mut story, 20).await;
            reach(&reader, world.told.size()).await;
        }
        check(&reader, &story);
        assert!(story.expected.iter().any(|it| it.taken_back.is_some()), "nothing is taken back");
        let shared = |it: &Looked| it.referent.as_ref().is_some_and(|it| story.has_shared(it));
        assert!(story.expected.iter().any(shared), "no id that two signers used");
        let live = digest(&reader);
        following.stop().await.unwrap();
        drop(reader);

        // The table is where the log is; the views are not.
        Generations::rebuild(&world.store(), "refers").unwrap();
        assert_eq!(fold::<Refers<0>>(&world, world.store(), &story).await, live);
        assert_eq!(fold::<Refers<1>>(&world, world.store(), &story).await, live);
        let table = world.store().view(TABLE).unwrap().digest().unwrap();

        // The views are where the log is; the table is not.
        world.store().view(TABLE).unwrap().clear().unwrap();
        assert_eq!(fold::<Refers<0>>(&world, world.store(), &story).await, live);
        record(&mut world, &mut story, 20).await;
        assert_ne!(fold::<Refers<0>>(&world, world.store(), &story).await, live);
        world.store().view(TABLE).unwrap().clear().unwrap();
        fold::<Refers<1>>(&world, world.store(), &story).await;
        assert_ne!(world.store().view(TABLE).unwrap().digest().unwrap(), table);
    });
}

impl Story {
    /// Whether another signer has used the id of an event, too.
    fn has_shared(&self, referent: &Referent) -> bool {
        let id = id_of(&self.recorded[referent.index as usize].0);
        self.recorded.iter().filter(|(event, _)| id_of(event) == id).count() > 1
    }
}

#[test]
fn the_table_is_right_after_a_crash_at_any_moment() {
    run(|| async {
        let (mut world, mut story) = (World::new(), Story::new());
        record(&mut world, &mut story, 1).await;
        let store = world.store();
        let (following, reader) = follow::<Refers<0>>(world.log.clone(), store.clone()).await;
        let done = Arc::new(AtomicBool::new(false));
        let flushing = {
            let (done, store) = (done.clone(), store.clone());
            tokio::task::spawn_blocking(move || {
                while !done.load(Ordering::SeqCst) {
                    store.flush().unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(3));
                }
            })
        };
        let crashes = 15;
        for crash in 0..crashes {
            record(&mut world, &mut story, 3 + crash % 7).await;
            crash_copy(&world.path("views"), &world.path(&format!("crash-{crash}")));
        }
        reach(&reader, world.told.size()).await;
        let live = digest(&reader);
        done.store(true, Ordering::SeqCst);
        flushing.await.unwrap();
        following.stop().await.unwrap();
        let table = store.view(TABLE).unwrap().digest().unwrap();
        for crash in 0..crashes {
            let kept = || Store::open(&world.path(&format!("crash-{crash}")), CACHE).unwrap();
            assert_eq!(fold::<Refers<0>>(&world, kept(), &story).await, live);
            assert_eq!(kept().view(TABLE).unwrap().digest().unwrap(), table);
        }
    });
}

#[test]
fn the_table_of_another_log_is_folded_anew() {
    run(|| async {
        let (mut world, mut story) = (World::new(), Story::new());
        record(&mut world, &mut story, 30).await;
        let live = fold::<Refers<0>>(&world, world.store(), &story).await;
        let other = World::of_blocks(40).await;
        let (following, reader) = follow::<Refers<0>>(other.log.clone(), world.store()).await;
        reach(&reader, other.told.size()).await;
        following.stop().await.unwrap();
        drop(reader);
        assert_eq!(fold::<Refers<0>>(&world, world.store(), &story).await, live);
    });
}
