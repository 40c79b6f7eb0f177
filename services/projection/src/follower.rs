//! The follower: one reading of the log, checked and decoded once, feeding every view.
//!
//! Every block must continue the one before it, carry a checkpoint that both ledger keys signed, and lead to the root
//! that was signed. One that does not halts all views where they are; it is never skipped. Views that are at different
//! places are fed from the earliest one. What statements refer to is looked up once, before any view sees them.

use std::pin::Pin;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{BoxStream, Peekable};
use probity_log::{Block, Log, ReadError};
use probity_statement::LedgerKeys;
use tokio::sync::{mpsc, watch};

use crate::folder::{AnyFolder, Folder};
use crate::group::{Group, GroupError, SharedGroup};
use crate::kept::{Gathering, SPAN};
use crate::log_end::{LogEnd, LogEndError};
use crate::projector::{ProjectionError, Projector};
use crate::reading::{Health, Shared, ViewReader};
use crate::references::References;
use crate::statements::{OfLog, Statements};
use crate::store::{Store, StoreError, View};

/// Statements that are folded together when there are that many: more make folding cheaper, fewer make readers wait less.
const GROUP_STATEMENTS: usize = 8_192;

/// Groups that wait for a view which is slower than the others.
const GROUPS_WAITING: usize = 1;

/// The log that views are folded from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where blocks come from.
    pub log: Arc<dyn Log>,
    /// The keys that the ledger was founded with.
    pub keys: LedgerKeys,
    /// The rule sets that this version knows.
    pub rule_sets: &'static [u32],
}

/// Why views cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error("the log could not be read: {0}")]
    Log(#[from] ReadError),
    /// The ledger's keys cannot be used.
    #[error("the ledger's keys cannot be used")]
    Keys,
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// Views that are opened, to be followed together.
pub struct Follower {
    source: Source,
    store: Store,
    beginning: LogEnd,
    until: u64,
    folders: Vec<Box<dyn AnyFolder>>,
    references: References,
    gathering: Gathering,
    /// Where all views quote statements from.
    statements: Arc<dyn Statements>,
}

impl Follower {
    /// Makes ready to fold `source` into views in `store`.
    ///
    /// # Errors
    /// The log's head could not be read, or the keys cannot be used.
    pub async fn new(source: Source, store: Store) -> Result<Self, FollowError> {
        let beginning = LogEnd::beginning(source.keys.clone()).map_err(|_| FollowError::Keys)?;
        let until = source.log.head().await?.map_or(0, |head| head.tree_size);
        let table = References::tree(&store)?;
        let end = belongs(&source, &table).await?;
        let references = References::open(table, end, &beginning)?;
        let (gathering, folders) = (Gathering::default(), Vec::new());
        let statements = Arc::new(OfLog::new(source.log.clone()));
        Ok(Self { source, store, beginning, until, folders, references, gathering, statements })
    }

    /// How much gathers in memory, of the views that are added from now on.
    pub fn gather(&mut self, gathering: Gathering) {
        self.gathering = gathering;
        self.references.gather(gathering);
    }

    /// Adds a view, and gives what reads it.
    ///
    /// # Errors
    /// The view could not be opened.
    pub async fn add<P: Projector>(&mut self) -> Result<ViewReader, FollowError> {
        let mut known = Vec::new();
        // Which of the view's ends the log knows has to be found out before, since the log is read asynchronously.
        for tree in Folder::<P>::trees(&self.store)? {
            let view = self.store.view(&tree)?;
            known.push((tree, belongs(&self.source, &view).await?));
        }
        let find = |view: &View| {
            let found = known.iter().find(|(tree, _)| tree == view.name());
            Ok(found.and_then(|(_, end)| end.clone()))
        };
        let quoted = |view: View| view.quoting(self.statements.clone());
        let folder = Folder::<P>::open(&self.store, &self.beginning, self.until, self.gathering, find, quoted)?;
        let reader = ViewReader::new(folder.shared.clone());
        self.folders.push(Box::new(folder));
        Ok(reader)
    }

    /// Starts to follow. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(self) -> Result<Following, FollowError> {
        let Self { source, store, beginning, folders, references, gathering, .. } = self;
        let edges = folders.iter().filter_map(|folder| folder.end()).chain([references.end()]);
        let end = edges.min_by_key(|end| end.chain.size()).unwrap_or(&beginning).clone();
        let broken = watch::Sender::new(false);
        let mut threads = Vec::new();
        let mut senders = Vec::new();
        let mut views = Vec::new();
        for folder in folders {
            views.push(folder.shared().clone());
            let (sender, orders) = mpsc::channel(GROUPS_WAITING);
            senders.push(sender);
            let name = format!("probity-{}", folder.name());
            let broken = broken.clone();
            let thread = Builder::new().name(name).spawn(move || fold(folder, orders, broken));
            threads.push(thread.map_err(FollowError::Thread)?);
        }
        let (stop, mut stopped) = watch::channel(false);
        let panicking = Panicking { views: views.clone(), broken: broken.clone() };
        let task = tokio::spawn(async move {
            let _panicking = panicking;
            if senders.is_empty() {
                // Nobody asks; the table of event ids catches up once somebody does.
                drop(stopped.wait_for(|stopped| *stopped).await);
                return;
            }
            if let Err(error) = follow(source, end, references, senders, gathering.at_most, stopped).await {
                halt(&views, &error.to_string());
            }
        });
        Ok(Following { stop, task, threads, store, broken })
    }
}

/// Where a view ends, if the log has been there.
async fn belongs(source: &Source, view: &View) -> Result<Option<LogEnd>, FollowError> {
    let end = match LogEnd::of(view, &source.keys) {
        Ok(end) => end,
        Err(LogEndError::Store(error @ StoreError::Io { .. })) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let Some(head) = end.head() else { return Ok(Some(end)) };
    let block = source.log.read(head.height).next().await.transpose()?;
    let same = block.is_some_and(|block| {
        let signed = end.last_keys.checkpoint_verifier().ok().and_then(|keys| keys.open(block.checkpoint()).ok());
        signed.is_some_and(|signed| signed.checkpoint.root == head.root && signed.checkpoint.size == head.tree_size)
    });
    Ok(same.then_some(end))
}

fn halt(views: &[Arc<Shared>], reason: &str) {
    tracing::error!(reason, "the views are halted; what they hold is still answered");
    for view in views {
        view.set_health(Health::Halted { reason: reason.into() });
    }
}

/// Says that views are halted when what feeds them ends by a panic, which is a defect of ours.
struct Panicking {
    views: Vec<Arc<Shared>>,
    broken: watch::Sender<bool>,
}

impl Drop for Panicking {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = "folding it broke down, which is a defect; the server's log has more";
            for view in &self.views {
                view.set_health(Health::Halted { reason: reason.into() });
            }
            self.broken.send_replace(true);
        }
    }
}

/// What the thread of a view is told.
#[derive(Debug, Clone)]
enum Order {
    /// To take in a group.
    Take(SharedGroup),
    /// To write to the files what has been in memory for long. Nothing was recorded for a while.
    Keep,
}

fn fold(mut folder: Box<dyn AnyFolder>, mut orders: mpsc::Receiver<Order>, broken: watch::Sender<bool>) {
    let _panicking = Panicking { views: vec![folder.shared().clone()], broken };
    let mut carry_out = || {
        while let Some(order) = orders.blocking_recv() {
            match order {
                Order::Take(group) => folder.take(&group)?,
                Order::Keep => folder.keep_if_due()?,
            }
        }
        Ok::<_, ProjectionError>(folder.keep()?)
    };
    if let Err(error) = carry_out() {
        tracing::error!(view = folder.name(), %error, "the view is halted; what it holds is still answered");
        folder.shared().set_health(Health::Halted { reason: error.to_string().into() });
    }
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the log could not be read: {0}")]
    Log(#[from] ReadError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error("the table of event ids failed: {0}")]
    References(#[from] StoreError),
}

async fn follow(
    source: Source,
    mut end: LogEnd,
    mut references: References,
    senders: Vec<mpsc::Sender<Order>>,
    at_most: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Broken> {
    let Source { log, rule_sets, .. } = source;
    let mut blocks = log.follow(end.chain.next_height()).peekable();
    let tell = async |order: Order| {
        for sender in &senders {
            // A view that has halted takes nothing more; the others go on.
            drop(sender.send(order.clone()).await);
        }
    };
    loop {
        let first = tokio::select! {
            first = tokio::time::timeout(at_most, blocks.next()) => first,
            _ = stopped.wait_for(|stopped| *stopped) => Ok(None),
        };
        let Ok(first) = first else {
            tell(Order::Keep).await;
            references = elsewhere(move || references.keep_if_due().map(|()| references)).await??;
            continue;
        };
        let Some(first) = first.transpose()? else {
            return Ok(elsewhere(move || references.keep()).await??);
        };
        let (gathered, span_ends) = gather(&*log, first, &mut blocks).await?;
        let before = end.clone();
        let work = move || {
            let (mut group, error) = Group::of(before, &gathered, rule_sets);
            let resolved = group.as_mut().map_or(Ok(()), |group| {
                group.span_ends = span_ends;
                references.resolve(group)
            });
            (references, resolved, group, error)
        };
        let (table, resolved, group, error) = elsewhere(work).await?;
        references = table;
        resolved?;
        if let Some(group) = group.map(Arc::new) {
            end = group.end.clone();
            tell(Order::Take(group)).await;
        }
        if let Some(error) = error {
            return Err(error.into());
        }
    }
}

/// Runs what blocks on a thread for that.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ReadError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ReadError::Abandoned)
}

/// A block and those behind it: as many as there are and fit into a group. No group goes from one span of the log to the
/// next, but with the first block of all that it has. Says also whether a span ends with the group.
async fn gather(
    log: &dyn Log,
    first: Block,
    blocks: &mut Peekable<BoxStream<'_, Result<Block, ReadError>>>,
) -> Result<(Vec<Block>, bool), ReadError> {
    let head = log.head().await?.map_or(0, |head| head.height);
    let (mut height, mut statements) = (first.height(), first.statements().len());
    let mut size = first.tree_size();
    let mut gathered = vec![first];
    while height < head {
        // By their last statements: there is one in each block.
        let within = |next: &Block| (next.tree_size() - 1) / SPAN == (size - 1) / SPAN;
        match Pin::new(&mut *blocks).peek().await {
            Some(Ok(next)) if !within(next) => return Ok((gathered, true)),
            None => break,
            _ if statements >= GROUP_STATEMENTS => break,
            _ => {}
        }
        let Some(next) = blocks.next().await.transpose()? else { break };
        (height, size) = (next.height(), next.tree_size());
        statements += next.statements().len();
        gathered.push(next);
    }
    Ok((gathered, false))
}

/// Views that are being followed.
#[derive(Debug)]
pub struct Following {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    threads: Vec<JoinHandle<()>>,
    store: Store,
    broken: watch::Sender<bool>,
}

impl Following {
    /// Resolves when a thread that folds has broken down, which is a defect of ours: the process
    /// should then exit, and a restart fold on from where the view is.
    pub fn failed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut broken = self.broken.subscribe();
        async move {
            if broken.wait_for(|broken| *broken).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// Stops after the groups under way, and makes everything durable.
    ///
    /// # Errors
    /// The store could not be flushed.
    pub async fn stop(self) -> Result<(), StoreError> {
        let _ = self.stop.send(true);
        if self.task.await.is_err() {
            tracing::error!("the follower ended badly; the views come back from the log");
        }
        let (threads, store) = (self.threads, self.store);
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a view's thread ended badly; the view comes back from the log");
                }
            }
            store.flush()
        });
        ended.await.unwrap_or(Ok(()))
    }
}
