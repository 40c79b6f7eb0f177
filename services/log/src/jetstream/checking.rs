//! Comparing the stream with what this process knows to be signed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;

use super::configuration::{self, StreamName};
use super::error::{Disagreement, JetStreamError, StreamError};
use super::stream::{BlockStream, Info};
use crate::storage::{Operation, Storage, StorageError, read_whole, replace};
use crate::{Block, BlockReader, FileLogOptions, Head};

/// How often a loss must be seen before it is believed: a leader that was just elected may still be
/// reading its log.
const LOOKS: u32 = 5;

/// The time between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(400);

/// How long a stream that is read may be silent before it is asked for the next message by itself.
const SILENCE: Duration = Duration::from_secs(10);

/// Which stream a ledger is recorded in, kept beside the local log.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    path: PathBuf,
}

impl Identity {
    pub(super) fn of(options: &FileLogOptions) -> Self {
        Self { path: options.stream_path() }
    }

    /// When the stream was created, in Unix nanoseconds, if that was written down.
    ///
    /// # Errors
    /// It cannot be read, or what is there is no time: then no stream may be taken for this log's.
    pub(super) fn read(&self, storage: &dyn Storage) -> Result<Option<i128>, StorageError> {
        match read_whole(storage, &self.path) {
            Ok(text) => {
                let time = String::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
                let unreadable = || std::io::Error::new(std::io::ErrorKind::InvalidData, "not a time in nanoseconds");
                Ok(Some(time.ok_or_else(unreadable).map_err(StorageError::of(Operation::Read, &self.path))?))
            }
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes down when the stream was created.
    pub(super) fn write(&self, storage: &dyn Storage, created: i128) -> Result<(), StorageError> {
        replace(storage, &self.path, format!("{created}\n").as_bytes())?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))
    }
}

/// What the local log knows to be true of the stream.
pub(super) struct Known<'a> {
    pub(super) reader: &'a BlockReader,
    /// When the stream was created, if that was written down.
    pub(super) created: Option<i128>,
}

impl Known<'_> {
    /// Looks whether the stream holds what it must. Seen once, a loss may be an appearance: see
    /// [`Known::check`].
    ///
    /// # Errors
    /// It does not, or it could not be found out.
    async fn look(&self, stream: &BlockStream) -> Result<Info, JetStreamError> {
        let name = || stream.name.stream.clone();
        // What is released now must be in the stream whenever it answers.
        let head = self.reader.head();
        let info = match stream.info().await {
            Ok(Some(info)) => info,
            Ok(None) | Err(StreamError::Gone { .. }) => return Err(Disagreement::NoStream { name: name() }.into()),
            Err(error) => return Err(error.into()),
        };
        if self.created.is_some_and(|created| created != info.created) {
            return Err(Disagreement::Recreated { name: name() }.into());
        }
        is_whole(&stream.name, &info)?;
        if let Some(head) = head {
            self.holds(stream, &info, head).await?;
        }
        Ok(info)
    }

    /// Whether the stream holds the first block and the last released one.
    async fn holds(&self, stream: &BlockStream, info: &Info, head: Head) -> Result<(), JetStreamError> {
        let anchored = head.height + 1;
        if info.last_sequence < anchored {
            let index = self.first_index(info.last_sequence);
            return Err(Disagreement::Shorter { anchored, found: info.last_sequence, index }.into());
        }
        for height in [0, head.height] {
            let Ok(ours) = self.reader.block(height) else { continue };
            let index = ours.first_index();
            match stream.block(height).await? {
                Some(theirs) if theirs == ours.bytes() => {}
                Some(_) if height == 0 => return Err(Disagreement::Differs { height, index }.into()),
                Some(_) => {
                    return Err(self
                        .first_difference(stream, anchored)
                        .await?
                        .unwrap_or(Disagreement::Differs { height, index })
                        .into());
                }
                None => return Err(Disagreement::Missing { height, index }.into()),
            }
        }
        Ok(())
    }

    /// Looks until the answer can be relied upon: at once if all is well, several times before a
    /// loss is believed.
    ///
    /// # Errors
    /// As [`Known::look`].
    pub(super) async fn check(&self, stream: &BlockStream) -> Result<Info, JetStreamError> {
        let mut found = self.look(stream).await;
        for _ in 1..LOOKS {
            match &found {
                Err(JetStreamError::Disagrees(disagreement)) if !disagreement.is_certain() => {
                    tracing::warn!(%disagreement, "looking again");
                }
                _ => break,
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            found = self.look(stream).await;
        }
        found
    }

    /// The first of `count` blocks in which the stream differs from the local log; `None` if it
    /// differs in none.
    ///
    /// # Errors
    /// It could not be read.
    pub(super) async fn first_difference(
        &self,
        stream: &BlockStream,
        count: u64,
    ) -> Result<Option<Disagreement>, StreamError> {
        self.compare(stream, count, |_| {}).await
    }

    /// The same, telling how many blocks have been compared.
    pub(super) async fn compare(
        &self,
        stream: &BlockStream,
        count: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<Option<Disagreement>, StreamError> {
        let mut theirs = stream.follow(0);
        let mut height = 0;
        let mut failures = 0;
        while height < count {
            let next = tokio::time::timeout(SILENCE, theirs.next()).await;
            let failure = match next.map(|next| next.unwrap_or(Err(StreamError::Ended))) {
                Ok(Ok((at, bytes))) => {
                    failures = 0;
                    if let Some(difference) = self.difference(at, &bytes) {
                        return Ok(Some(difference));
                    }
                    height = at + 1;
                    progress(height);
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_) => StreamError::Ended,
            };
            // The same place again and again: is the message there at all?
            failures += 1;
            if stream.block(height).await?.is_none() && failures == LOOKS {
                return Ok(Some(Disagreement::Missing { height, index: self.first_index(height) }));
            }
            if failures > LOOKS {
                return Err(failure);
            }
        }
        Ok(None)
    }

    /// How a message differs from the released block of its height.
    fn difference(&self, height: u64, theirs: &Bytes) -> Option<Disagreement> {
        let ours = self.reader.block(height).ok()?;
        if ours.bytes() == theirs {
            return None;
        }
        let index = match Block::decode(theirs.to_vec()) {
            // The statements may well be the same, and the checkpoint another one.
            Ok(block) => (ours.first_index()..)
                .zip(ours.statements())
                .find(|(index, statement)| block.statement(*index) != Some(*statement))
                .map_or(ours.first_index(), |(index, _)| index),
            Err(_) => ours.first_index(),
        };
        Some(Disagreement::Differs { height, index })
    }

    /// The index of the first statement of the block at `height`, as far as the local log knows.
    fn first_index(&self, height: u64) -> u64 {
        match self.reader.block(height) {
            Ok(block) => block.first_index(),
            Err(_) => self.reader.head().map_or(0, |head| head.tree_size),
        }
    }
}

/// Whether a stream keeps what it is given, and has kept it: its settings, its first message, and
/// all in between.
///
/// # Errors
/// It does not, or has not.
pub(super) fn is_whole(name: &StreamName, info: &Info) -> Result<(), Disagreement> {
    let drift = configuration::drift(name, &info.config);
    if !drift.is_empty() {
        return Err(Disagreement::Settings { name: name.stream.clone(), drift });
    }
    if info.messages > 0 && info.first_sequence != 1 {
        return Err(Disagreement::First { found: info.first_sequence });
    }
    if info.messages != info.last_sequence {
        return Err(Disagreement::Deleted { last: info.last_sequence, found: info.messages });
    }
    Ok(())
}

impl Disagreement {
    /// Whether one look is enough. What is missing may be there a moment later, after an election
    /// or a restart.
    fn is_certain(&self) -> bool {
        match self {
            Self::NoStream { .. } | Self::Deleted { .. } | Self::Missing { .. } | Self::Shorter { .. } => false,
            Self::Recreated { .. }
            | Self::Settings { .. }
            | Self::First { .. }
            | Self::Differs { .. }
            | Self::Malformed { .. }
            | Self::Unverified { .. }
            | Self::Elsewhere { .. } => true,
        }
    }
}
