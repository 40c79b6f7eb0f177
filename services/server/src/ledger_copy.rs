//! A ledger that commands ask from a copy of its files, without a server.
//!
//! Nothing in the copy is changed, locked or made. What it says is checked on the way: every block,
//! every signature and every admission, once. The index and the views that answers come from are
//! folded into a cache of the user's own, by the ledger's founding hash; where that is in use or not
//! to be had, into a temporary directory. The services are those of a server, and their callers see
//! everything; they are reached in memory, so that nobody else on the machine can ask.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use futures::{StreamExt as _, stream};
use hyper_util::rt::TokioIo;
use probity_ledger::{Genesis, IndexStore, LogHandler, Replica, ReplicaError, with_causes};
use probity_log::{Backend, FileLogOptions, Head, ReadOnlyError, ReadOnlyLog, first_block};
use probity_projection::Health;
use probity_proto::v1::log_service_server::LogServiceServer;
use probity_query::{Access, Caller, ReadPool};
use probity_schemas::{Clock, SystemClock};
use probity_terminal::{self as terminal, errln};
use probity_tlog::Hash;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tonic::codegen::http::{Request, Uri};
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tower_layer::layer_fn;
use tower_service::Service;

use crate::config::anchor_beside;
use crate::ledger_dir::{INDEX_TREE, LedgerDir};
use crate::views::{VIEWS, Views, ViewsOptions};

/// The environment variable that names the directory of what is folded from copies.
const VARIABLE: &str = "PROBITY_CACHE";
/// Page cache of the index and of the views, in bytes.
const CACHE_BYTES: usize = 32 << 20;
/// Bytes that are on their way between a command and the services.
const IN_FLIGHT: usize = 1 << 20;
/// How long one question may take: nobody else waits.
const PATIENCE: Duration = Duration::from_secs(600);
/// Questions that are answered at the same moment.
const THREADS: usize = 4;

/// The copies that this process asks. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct LedgerCopies(Arc<Mutex<Vec<LedgerCopy>>>);

impl LedgerCopies {
    /// Opens the data directory of a ledger, or a copy of one, and gives the way to ask it.
    ///
    /// # Errors
    /// There is no ledger, or it does not verify.
    pub async fn open(&self, directory: &Path) -> Result<Channel> {
        let (copy, channel) = LedgerCopy::open(directory).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
        Ok(channel)
    }

    /// Closes all of them, and keeps what was folded.
    ///
    /// # Errors
    /// The cache could not be written.
    pub async fn close(&self) -> Result<()> {
        let copies = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for copy in copies {
            copy.close().await?;
        }
        Ok(())
    }
}

/// A copy that is open.
#[derive(Debug)]
struct LedgerCopy {
    views: Views,
    index: IndexStore,
    serving: JoinHandle<()>,
    /// Dropped last, when nothing is written into it any more.
    _folded: Folded,
}

impl LedgerCopy {
    async fn open(directory: &Path) -> Result<(Self, Channel)> {
        let dir = LedgerDir::new(directory);
        if !dir.log().is_dir() {
            bail!("{} is not the data directory of a ledger, nor a copy of one: it has no log/", directory.display());
        }
        let options = FileLogOptions::new(dir.log()).anchor(anchor_beside(directory));
        let shown = directory.display().to_string();
        let unsound = move |reason: String| anyhow!("the ledger in {shown} does not verify: {reason}");
        let opening = {
            let unsound = unsound.clone();
            let directory = dir.log();
            move || open_log(&options, &directory).map_err(unsound)
        };
        let OpenedCopy { genesis, log, folded, verified_before } = tokio::task::spawn_blocking(opening).await??;
        let head = log.reader().head().context("the ledger has no block")?;
        holds_checkpoint(&dir, &genesis, &log)?;

        let log: Arc<dyn Backend> = Arc::new(log);
        let index = IndexStore::open(&folded.path.join("index"), CACHE_BYTES)?;
        let tree = index.tree(INDEX_TREE)?;
        let backend = log.clone();
        let reading = move || {
            let bar = terminal::progress("reading the copy", "statements");
            bar.set_length(head.tree_size);
            let replica = Replica::read_copy(backend, tree, |size| bar.set_position(size));
            bar.finish_and_clear();
            replica
        };
        let replica = tokio::task::spawn_blocking(reading).await?;
        let replica = replica.map_err(|error| match error {
            error @ (ReplicaError::Store(_) | ReplicaError::Index(_)) => error.into(),
            error => unsound(with_causes(&error)),
        })?;
        let ledger = replica.ledger().clone();
        drop(replica);

        let clock: Arc<dyn Clock> = SystemClock::shared();
        let pool = ReadPool::new(THREADS, PATIENCE);
        let routes = Routes::new(LogServiceServer::new(LogHandler::new(ledger.clone(), clock.clone(), pool.clone())));
        let views = ViewsOptions {
            directory: folded.path.join("views"),
            cache_bytes: CACHE_BYTES,
            views: VIEWS.iter().collect(),
        };
        let access: Arc<dyn Access> = ledger;
        let keys = genesis.keys().clone();
        let (views, routes) = Views::start(views, log, keys, (&access, &clock), &pool, routes).await?;
        for (_, reader) in &views.readers {
            let mut position = reader.watch();
            let settled = position.wait_for(|position| match position.health {
                Health::Building { .. } => false,
                Health::Following => position.as_of.tree_size >= head.tree_size,
                Health::Halted { .. } => true,
            });
            let settled = settled.await?;
            if let Health::Halted { reason } = &settled.health {
                return Err(unsound(reason.to_string()));
            }
        }
        let (serving, channel) = serve(routes).await?;
        errln!(
            "probity: {} is asked as of {} statements, the last of {}{}; nothing in it is changed{}",
            directory.display(),
            head.tree_size,
            terminal::time(head.time),
            if verified_before { ", verified before and the same since" } else { "" },
            if folded.is_kept { "" } else { ", and nothing is kept for the next question" }
        );
        Ok((Self { views, index, serving, _folded: folded }, channel))
    }

    async fn close(self) -> Result<()> {
        self.serving.abort();
        self.views.stop().await?;
        let index = self.index;
        tokio::task::spawn_blocking(move || index.flush()).await??;
        Ok(())
    }
}

/// A copy's log, open, and where what is folded from it is.
struct OpenedCopy {
    genesis: Genesis,
    log: ReadOnlyLog,
    folded: Folded,
    /// Whether it has no anchor, was verified as a whole by an earlier question, and no file of it changed.
    verified_before: bool,
}

fn open_log(options: &FileLogOptions, directory: &Path) -> Result<OpenedCopy, String> {
    let first = first_block(options).map_err(|error| with_causes(&error))?;
    let genesis = Genesis::read(&first).map_err(|error| with_causes(&error))?;
    let verifier = || genesis.keys().checkpoint_verifier().map_err(|error| with_causes(&error));
    let folded = Folded::of(&genesis.leaf_hash()).map_err(|error| format!("{error:#}"))?;
    // Looked at before the files are read: what changes meanwhile counts as changed.
    let files = Verified::files(directory);
    if let Some(head) = folded.verified().and_then(|verified| verified.holds_for(files.as_deref()))
        && let Ok(log) = ReadOnlyLog::open_verified(options, verifier()?, head)
    {
        return Ok(OpenedCopy { genesis, log, folded, verified_before: true });
    }
    let log = ReadOnlyLog::open(options, verifier()?).map_err(|error| match error {
        ReadOnlyError::Open(error) => with_causes(&error),
        ReadOnlyError::Scrub(error) => with_causes(&error),
    })?;
    if !log.is_anchored()
        && let Some(files) = files
    {
        folded.remember(&Verified { files, head: log.reader().head().map(VerifiedHead::from) });
    }
    Ok(OpenedCopy { genesis, log, folded, verified_before: false })
}

/// Up to where a copy without an anchor was verified as a whole.
#[derive(Debug, Serialize, Deserialize)]
struct Verified {
    /// Names, lengths and times of the files as they were, in a hash.
    files: String,
    head: Option<VerifiedHead>,
}

/// [`Head`] as it is written down.
#[derive(Debug, Serialize, Deserialize)]
struct VerifiedHead {
    height: u64,
    tree_size: u64,
    root: String,
    time: u64,
}

impl From<Head> for VerifiedHead {
    fn from(head: Head) -> Self {
        Self { height: head.height, tree_size: head.tree_size, root: head.root.to_base64(), time: head.time }
    }
}

impl Verified {
    /// The names, lengths and times of change of every file below a directory, in a hash; `None` where they
    /// cannot be had.
    fn files(directory: &Path) -> Option<String> {
        fn gather(directory: &Path, found: &mut BTreeMap<PathBuf, (u64, i64, i64, u64)>) -> io::Result<()> {
            for entry in std::fs::read_dir(directory)? {
                let path = entry?.path();
                let metadata = std::fs::symlink_metadata(&path)?;
                match metadata.is_dir() {
                    true => gather(&path, found)?,
                    false => {
                        let said = (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.ino());
                        found.insert(path, said);
                    }
                }
            }
            Ok(())
        }
        let mut found = BTreeMap::new();
        gather(&directory.canonicalize().ok()?, &mut found).ok()?;
        Some(hex::encode(Sha256::digest(format!("{found:?}"))))
    }

    /// Where it was verified to end, if the files are still those.
    fn holds_for(self, files: Option<&str>) -> Option<Option<Head>> {
        if files != Some(self.files.as_str()) {
            return None;
        }
        let Some(VerifiedHead { height, tree_size, root, time }) = self.head else { return Some(None) };
        Some(Some(Head { height, tree_size, root: Hash::from_base64(&root).ok()?, time }))
    }
}

/// A backup says how far it must reach.
fn holds_checkpoint(dir: &LedgerDir, genesis: &Genesis, log: &ReadOnlyLog) -> Result<()> {
    let path = dir.checkpoint();
    let note = match std::fs::read_to_string(&path) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let signed = genesis.keys().checkpoint_verifier()?.open(&note);
    let checkpoint = signed.with_context(|| format!("{} is not of this ledger", path.display()))?.checkpoint;
    let size = log.reader().head().map_or(0, |head| head.tree_size);
    if checkpoint.size > size {
        bail!("statements are missing: {} covers {}, the log has {size}", path.display(), checkpoint.size);
    }
    let found = log.reader().tiles().frontier(checkpoint.size).map_err(|error| anyhow!(with_causes(&error)))?.root();
    if found != checkpoint.root {
        bail!("the first {} statements are not those that {} covers", checkpoint.size, path.display());
    }
    Ok(())
}

/// Where the index and the views of a copy are.
#[derive(Debug)]
struct Folded {
    path: PathBuf,
    /// Whether the next question goes on from them.
    is_kept: bool,
    _lock: Option<File>,
    _temporary: Option<TempDir>,
}

impl Folded {
    /// The cache of the ledger with this founding hash, or a temporary directory.
    fn of(founding: &Hash) -> Result<Self> {
        if let Some(path) = cache_directory().map(|cache| cache.join(founding.to_string()))
            && let Some(lock) = locked(&path)
        {
            return Ok(Self { path, is_kept: true, _lock: Some(lock), _temporary: None });
        }
        let temporary = tempfile::Builder::new().prefix("probity-copy-").tempdir();
        let temporary = temporary.context("cannot make a temporary directory")?;
        let path = temporary.path().to_owned();
        Ok(Self { path, is_kept: false, _lock: None, _temporary: Some(temporary) })
    }
}

/// The file that says up to where a copy was verified.
const VERIFIED: &str = "verified.json";

impl Folded {
    fn verified(&self) -> Option<Verified> {
        serde_json::from_slice(&std::fs::read(self.path.join(VERIFIED)).ok()?).ok()
    }

    /// Keeps up to where a copy was verified. Without it the next question verifies all of it again.
    fn remember(&self, verified: &Verified) {
        let partial = self.path.join("verified.partial");
        let written = serde_json::to_vec(verified).map_err(io::Error::other);
        let kept = written.and_then(|text| std::fs::write(&partial, text));
        let _ = kept.and_then(|()| std::fs::rename(&partial, self.path.join(VERIFIED)));
    }
}

/// The user's cache: as the XDG base directory specification has it, unless it is named.
fn cache_directory() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let beside = || given("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let at_home = || given("HOME").map(|home| home.join(".cache"));
    given(VARIABLE).or_else(|| beside().or_else(at_home).map(|cache| cache.join("probity")))
}

/// Makes a directory that only this user reads, and takes it for this process; `None` where that
/// does not work, or another process has it.
fn locked(path: &Path) -> Option<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).ok()?;
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path.join("lock")).ok()?;
    file.try_lock().ok().map(|()| file)
}

/// Serves in memory; callers are those of this process.
async fn serve(routes: Routes) -> Result<(JoinHandle<()>, Channel)> {
    let (near, far) = tokio::io::duplex(IN_FLIGHT);
    let local = layer_fn(|inner| AsLocal { inner });
    let serving = Server::builder()
        .layer(local)
        .add_routes(routes)
        .serve_with_incoming(stream::iter([Ok::<_, io::Error>(far)]).chain(stream::pending()));
    let serving = tokio::spawn(async move {
        // The other end belongs to this process: it goes when the command ends.
        drop(serving.await);
    });
    let channel = Endpoint::from_static("http://copy.invalid").connect_with_connector(InMemory(Some(near))).await?;
    Ok((serving, channel))
}

/// Gives the one connection that there is.
struct InMemory(Option<DuplexStream>);

impl Service<Uri> for InMemory {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _to: Uri) -> Self::Future {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        std::future::ready(self.0.take().map(TokioIo::new).ok_or_else(gone))
    }
}

/// Says of every call that it comes from this machine's operator, who has the files.
#[derive(Debug, Clone)]
struct AsLocal<S> {
    inner: S,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for AsLocal<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(Caller::Local);
        self.inner.call(request)
    }
}
