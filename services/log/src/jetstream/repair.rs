//! Putting back what a stream lost: the same blocks, byte for byte, after proving that what it
//! still has agrees.
//!
//! Nothing is signed here and nothing is made up. A stream that holds anything else than the local
//! log is left alone.

use probity_tlog::CheckpointVerifier;
use tokio::sync::watch;

use super::checking::{Identity, Known, is_whole};
use super::connection::NatsOptions;
use super::error::{Disagreement, JetStreamError, StreamError};
use super::stream::{BlockStream, Info, Published};
use crate::FileLogOptions;
use crate::file_log::opening::{self, Adopt, Opened};

/// A stream that is shorter than the local log, and what puts that right.
#[derive(Debug)]
pub struct Repair {
    local: Opened,
    stream: BlockStream,
    identity: Identity,
    options: FileLogOptions,
    shortfall: Shortfall,
}

/// What a stream lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    /// Whether there is no stream at all.
    pub no_stream: bool,
    /// Whether it is another stream than the ledger was recorded in.
    pub another_stream: bool,
    /// The number of blocks that the stream has.
    pub in_stream: u64,
    /// The number of blocks that were released.
    pub released: u64,
}

impl Shortfall {
    /// Whether nothing is amiss.
    #[must_use]
    pub fn is_none(&self) -> bool {
        !self.no_stream && !self.another_stream && self.in_stream >= self.released
    }
}

impl Repair {
    /// Compares everything the stream has with the local log. `progress` is told how many blocks
    /// have been compared.
    ///
    /// The local log must not be in use: a registrar that is to be repaired is stopped, and so are
    /// its standbys.
    ///
    /// # Errors
    /// The stream holds something else than the local log, its settings were changed, or it could
    /// not be found out.
    pub async fn examine(
        options: &FileLogOptions,
        verifier: CheckpointVerifier,
        nats: &NatsOptions,
        progress: impl FnMut(u64, u64),
    ) -> Result<Self, JetStreamError> {
        let origin = verifier.origin().to_owned();
        let in_background = options.clone();
        let opened = tokio::task::spawn_blocking(move || opening::open(&in_background, verifier, Adopt::Nothing));
        let local = opened.await.map_err(|_| crate::OpenError::Read(crate::ReadError::Abandoned))??;
        let stream = nats.connect(&origin, false, watch::Sender::new(0)).await?;
        let identity = Identity::of(options);
        let info = match stream.info().await {
            Ok(info) => info,
            Err(StreamError::Gone { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let released = local.reader.head().map_or(0, |head| head.height + 1);
        let created = identity.read(&*options.storage)?;
        let shortfall = Shortfall {
            no_stream: info.is_none(),
            another_stream: info.as_ref().is_some_and(|info| created.is_some_and(|created| created != info.created)),
            in_stream: info.as_ref().map_or(0, |info| info.last_sequence),
            released,
        };
        let repair = Self { local, stream, identity, options: options.clone(), shortfall };
        if let Some(info) = info {
            repair.agrees(&info, progress).await?;
        }
        Ok(repair)
    }

    async fn agrees(&self, info: &Info, mut progress: impl FnMut(u64, u64)) -> Result<(), JetStreamError> {
        is_whole(&self.stream.name, info)?;
        let count = self.shortfall.in_stream.min(self.shortfall.released);
        let known = Known { reader: &self.local.reader, created: None };
        match known.compare(&self.stream, count, |done| progress(done, count)).await? {
            Some(disagreement) => Err(disagreement.into()),
            None => Ok(()),
        }
    }

    /// What the stream lacks.
    #[must_use]
    pub fn shortfall(&self) -> Shortfall {
        self.shortfall
    }

    /// Publishes what the stream lacks, each block only where it follows. A stream that is not
    /// there is made with this many replicas.
    ///
    /// # Errors
    /// A block could not be published, or somebody else published meanwhile. What was published is
    /// in its place; the rest can be repaired again.
    pub async fn put_back(&self, replicas: usize, mut progress: impl FnMut(u64, u64)) -> Result<(), JetStreamError> {
        if self.shortfall.no_stream {
            self.stream.create(replicas).await?;
        }
        let (from, to) = (self.shortfall.in_stream, self.shortfall.released);
        for height in from..to {
            let block = self.local.reader.block(height).map_err(crate::OpenError::from)?;
            match self.stream.publish(&block).await {
                Published::Stored => {}
                Published::Unknown(error) => match self.stream.block(height).await? {
                    Some(theirs) if theirs == block.bytes() => {}
                    _ => return Err(error.into()),
                },
                Published::NoStream => return Err(StreamError::Gone { name: self.stream.name.stream.clone() }.into()),
                Published::WrongLastSequence => {
                    return Err(Disagreement::Differs { height, index: block.first_index() }.into());
                }
                Published::Elsewhere { stream, sequence } => {
                    return Err(Disagreement::Elsewhere { height, stream, sequence }.into());
                }
            }
            progress(height - from + 1, to - from);
        }
        let info = self.stream.info().await?.ok_or(StreamError::Gone { name: self.stream.name.stream.clone() })?;
        self.identity.write(&*self.options.storage, info.created)?;
        Ok(())
    }
}
