//! Blocks as they come out of the stream. Whether they continue a log is not looked at here.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self as streams, BoxStream};
use tokio::sync::watch;

use super::connection::NatsOptions;
use super::error::{Disagreement, StreamError};
use super::stream::BlockStream;
use crate::{Block, BlockFault};

/// About how many bytes of blocks from the stream are handed on together.
const ARRIVING_BYTES: usize = 4 * 1024 * 1024;

/// The most blocks that are handed on together.
const ARRIVING_BLOCKS: usize = 256;

/// Why a block did not arrive.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArrivalError {
    /// The stream could not be read; it is tried again.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// What came is no block.
    #[error(transparent)]
    Disagrees(#[from] Disagreement),
}

/// The first block of the stream of the ledger `origin`, unverified, for whoever knows what it
/// should be; `None` if the stream is empty.
///
/// # Errors
/// There is no such stream ([`StreamError::Gone`]), NATS does not answer, or the message is no
/// block.
pub async fn first_stream_block(nats: &NatsOptions, origin: &str) -> Result<Option<Block>, ArrivalError> {
    let stream = nats.connect(origin, false, watch::Sender::new(0)).await?;
    match stream.block(0).await? {
        Some(bytes) => Ok(Some(decode((0, bytes), 0)?)),
        None => Ok(None),
    }
}

/// The blocks from `height` on, some at a time; `index` is what is said of one that is no block.
pub(super) fn blocks(
    stream: &BlockStream,
    height: u64,
    index: u64,
) -> BoxStream<'static, Result<Vec<Block>, ArrivalError>> {
    let decoded = stream.follow(height).map(move |message| match message {
        Ok(message) => decode(message, index),
        Err(StreamError::Missing { height }) => Err(Disagreement::Missing { height, index }.into()),
        Err(error) => Err(error.into()),
    });
    decoded.ready_chunks(ARRIVING_BLOCKS).flat_map(|chunk| streams::iter(grouped(chunk))).boxed()
}

fn decode((height, bytes): (u64, Bytes), index: u64) -> Result<Block, ArrivalError> {
    let malformed = |fault| Disagreement::Malformed { height, index, fault };
    let block = Block::decode(bytes.to_vec()).map_err(malformed)?;
    if block.height() != height {
        let fault = BlockFault::Height { expected: height, found: block.height() };
        return Err(Disagreement::Unverified { height, index, fault }.into());
    }
    Ok(block)
}

/// Blocks that came together in groups that are not too large, and errors by themselves.
fn grouped(chunk: Vec<Result<Block, ArrivalError>>) -> Vec<Result<Vec<Block>, ArrivalError>> {
    let (mut groups, mut group, mut bytes) = (Vec::new(), Vec::new(), 0);
    for item in chunk {
        match item {
            Ok(block) => {
                bytes += block.bytes().len();
                group.push(block);
                if bytes >= ARRIVING_BYTES {
                    bytes = 0;
                    groups.push(Ok(std::mem::take(&mut group)));
                }
            }
            Err(error) => {
                if !group.is_empty() {
                    groups.push(Ok(std::mem::take(&mut group)));
                }
                groups.push(Err(error));
            }
        }
    }
    if !group.is_empty() {
        groups.push(Ok(group));
    }
    groups
}
