//! The stream that carries the blocks of a ledger: one message a block, sequence = height + 1.
//!
//! What comes out of it are bytes at heights. Whether they are this ledger's blocks is for others
//! to find out.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{ConsumerError, RawMessageErrorKind, Stream as Handle};
use async_nats::jetstream::{self, Context, ErrorCode};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};

use super::configuration::{self, StreamName};
use super::error::StreamError;
use crate::Block;

/// How long the stream's leader has for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How many bytes of blocks are asked for at once. Larger than any message.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// How long a reader that has all there is waits before it asks again.
const EXPIRES: Duration = Duration::from_secs(20);

/// How often a silent server has to show that it is there.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// How often making the stream is tried, a second apart.
const CREATIONS: u32 = 15;

/// After so many failures at one place it is asked whether the message is there at all.
const SUSPICIOUS: u32 = 5;

/// How long a reader waits before it goes on after a failure.
const PAUSE: Duration = Duration::from_millis(200);

/// The stream of one ledger, over a connection that is made again whenever it is lost.
#[derive(Debug, Clone)]
pub(super) struct BlockStream {
    pub(super) client: async_nats::Client,
    context: Context,
    pub(super) name: StreamName,
}

/// What publishing a block came to, as far as the answer says.
#[derive(Debug)]
pub(super) enum Published {
    /// It is the message at its sequence.
    Stored,
    /// The stream does not end where this block follows.
    WrongLastSequence,
    /// The acknowledgement is of another stream or sequence.
    Elsewhere {
        /// The stream that it names.
        stream: String,
        /// The sequence that it names.
        sequence: u64,
    },
    /// There is no stream that takes it.
    NoStream,
    /// There was no answer, or one that says nothing.
    Unknown(StreamError),
}

/// What the stream's leader says of it.
#[derive(Debug, Clone)]
pub(super) struct Info {
    pub(super) config: jetstream::stream::Config,
    /// When it was created, in Unix nanoseconds. Tells a stream from another of the same name.
    pub(super) created: i128,
    pub(super) messages: u64,
    pub(super) first_sequence: u64,
    pub(super) last_sequence: u64,
    pub(super) leader: Option<String>,
}

impl BlockStream {
    pub(super) fn new(client: async_nats::Client, name: StreamName) -> Self {
        let context =
            jetstream::context::ContextBuilder::new().timeout(ANSWER).ack_timeout(ANSWER).build(client.clone());
        Self { client, context, name }
    }

    /// Makes the stream. One that is there already is an error, whatever it holds.
    pub(super) async fn create(&self, replicas: usize) -> Result<Info, StreamError> {
        if self.info().await?.is_some() {
            return Err(StreamError::Exists { name: self.name.stream.clone() });
        }
        let config = configuration::wanted(&self.name, replicas);
        let mut attempts = CREATIONS;
        while let Err(error) = self.context.create_stream(config.clone()).await {
            attempts -= 1;
            // Servers of a cluster that has just come together do not know of each other's storage
            // yet.
            let too_early = matches!(
                error.kind(),
                CreateStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::CLUSTER_NO_PEERS
            );
            if attempts == 0 || !too_early {
                return Err(StreamError::nats(error));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.info().await?.ok_or_else(|| StreamError::Gone { name: self.name.stream.clone() })
    }

    /// What is sent while there is no connection would be kept until there is one, copy after copy.
    fn connected(&self) -> Result<(), StreamError> {
        match self.client.connection_state() {
            State::Connected => Ok(()),
            State::Pending | State::Disconnected => Err(StreamError::Disconnected),
        }
    }

    /// What the leader says of the stream; `None` if there is none.
    pub(super) async fn info(&self) -> Result<Option<Info>, StreamError> {
        self.connected()?;
        let handle = match self.context.get_stream(&self.name.stream).await {
            Ok(handle) => handle,
            Err(error) => {
                return match error.kind() {
                    GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                        Ok(None)
                    }
                    _ => Err(StreamError::nats(error)),
                };
            }
        };
        let info = handle.cached_info();
        Ok(Some(Info {
            created: info.created.unix_timestamp_nanos(),
            messages: info.state.messages,
            first_sequence: info.state.first_sequence,
            last_sequence: info.state.last_sequence,
            leader: info.cluster.as_ref().and_then(|cluster| cluster.leader.clone()),
            config: info.config.clone(),
        }))
    }

    /// The bytes at `height`, from the leader; `None` if there is no such message.
    pub(super) async fn block(&self, height: u64) -> Result<Option<Bytes>, StreamError> {
        self.connected()?;
        match self.handle().await?.get_raw_message(height + 1).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::NO_MESSAGE_FOUND => Ok(None),
                RawMessageErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    Err(StreamError::Gone { name: self.name.stream.clone() })
                }
                _ => Err(StreamError::nats(error)),
            },
        }
    }

    /// Hands `block` to the stream, to be stored only if it is the next one.
    pub(super) async fn publish(&self, block: &Block) -> Published {
        if let Err(error) = self.connected() {
            return Published::Unknown(error);
        }
        let message = PublishMessage::build()
            .payload(Bytes::copy_from_slice(block.bytes()))
            .expected_stream(&self.name.stream)
            .expected_last_sequence(block.height());
        let acknowledged = match self.context.send_publish(self.name.subject.clone(), message).await {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(ack) if ack.stream == self.name.stream && ack.sequence == block.height() + 1 && !ack.duplicate => {
                Published::Stored
            }
            Ok(ack) => Published::Elsewhere { stream: ack.stream, sequence: ack.sequence },
            Err(error) => match error.kind() {
                PublishErrorKind::WrongLastSequence => Published::WrongLastSequence,
                PublishErrorKind::StreamNotFound => Published::NoStream,
                _ => Published::Unknown(StreamError::nats(error)),
            },
        }
    }

    /// The messages from `height` on and then those that come later, in order and without a gap;
    /// what fails on the way is tried again for ever, and told as an error that ends nothing.
    pub(super) fn follow(&self, height: u64) -> BoxStream<'static, Result<(u64, Bytes), StreamError>> {
        let state = Following { stream: self.clone(), next: height, messages: None, failures: 0 };
        stream::unfold(state, |mut state| async move {
            let mut item = state.next().await;
            match &item {
                Ok(_) => state.failures = 0,
                Err(_) => {
                    state.messages = None;
                    state.failures += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if state.failures >= SUSPICIOUS && state.is_missing().await {
                state.failures = 0;
                item = Err(StreamError::Missing { height: state.next });
            }
            Some((item, state))
        })
        .boxed()
    }

    /// A reading of the messages from `height` on.
    async fn messages(&self, height: u64) -> Result<pull::Stream, StreamError> {
        self.connected()?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: height + 1 },
            ack_policy: AckPolicy::None,
            filter_subject: self.name.subject.clone(),
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: EXPIRES * 3,
            ..pull::Config::default()
        };
        let consumer: Result<_, ConsumerError> = self.handle().await?.create_consumer(config).await;
        let consumer = consumer.map_err(StreamError::nats)?;
        let reading = consumer.stream().max_bytes_per_batch(BATCH_BYTES).expires(EXPIRES).heartbeat(HEARTBEAT);
        reading.messages().await.map_err(StreamError::nats)
    }

    /// The stream, without asking whether it is there.
    async fn handle(&self) -> Result<Handle<()>, StreamError> {
        self.context.get_stream_no_info(&self.name.stream).await.map_err(StreamError::nats)
    }
}

/// A reading that is taken up again where it broke off.
struct Following {
    stream: BlockStream,
    next: u64,
    messages: Option<pull::Stream>,
    /// How often it failed at the same place.
    failures: u32,
}

impl Following {
    /// Whether the message that comes next is not there although later ones are.
    async fn is_missing(&self) -> bool {
        match (self.stream.block(self.next).await, self.stream.info().await) {
            (Ok(None), Ok(Some(info))) => info.last_sequence > self.next,
            _ => false,
        }
    }

    async fn next(&mut self) -> Result<(u64, Bytes), StreamError> {
        let messages = match &mut self.messages {
            Some(messages) => messages,
            None => self.messages.insert(self.stream.messages(self.next).await?),
        };
        let message = messages.next().await.ok_or(StreamError::Ended)?.map_err(StreamError::nats)?;
        let sequence = message.info().map_err(StreamError::boxed)?.stream_sequence;
        // A consumer that was made anew meanwhile may be the reason; that the message is gone,
        // another.
        if sequence != self.next + 1 {
            return Err(StreamError::Gap { height: self.next, found: sequence });
        }
        let height = self.next;
        self.next += 1;
        Ok((height, message.message.payload))
    }
}
