//! Who is active: what registrars tell each other over NATS. A courtesy; the stream's fence alone
//! decides.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Request, RequestErrorKind, Subject, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;

use super::error::StreamError;
use super::stream::BlockStream;

/// How long the active registrar has to say that it is there.
const ANSWER: Duration = Duration::from_millis(1_500);

/// What a registrar says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Which process it is: another one for every start.
    pub id: u64,
    /// Where clients reach it; empty if it does not say.
    pub address: String,
    /// The number of blocks that it has released.
    pub blocks: u64,
    /// What it does.
    pub state: RegistrarState,
}

/// What a registrar that says something does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrarState {
    /// It appends.
    Active,
    /// It is about to stop, and somebody else may append.
    Leaving,
    /// It has stopped appending until a person has looked. Whoever has fewer blocks must not
    /// append: what it has released may be lost from the stream.
    Halted,
}

impl RegistrarState {
    const ALL: [Self; 3] = [Self::Active, Self::Leaving, Self::Halted];

    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Leaving => "leaving",
            Self::Halted => "halted",
        }
    }
}

impl Heartbeat {
    /// `id blocks state address`, as text: it is for people with the `nats` command as much as for
    /// registrars.
    fn encode(&self) -> Bytes {
        format!("{:016x} {} {} {}", self.id, self.blocks, self.state.word(), self.address).into()
    }

    /// `None` for what no registrar says.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(bytes).ok()?.splitn(4, ' ');
        let id = u64::from_str_radix(parts.next()?, 16).ok()?;
        let blocks = parts.next()?.parse().ok()?;
        let word = parts.next()?;
        let state = RegistrarState::ALL.into_iter().find(|state| state.word() == word)?;
        Some(Self { id, blocks, state, address: parts.next()?.to_owned() })
    }
}

/// What is heard.
#[derive(Debug)]
pub enum Heard {
    /// What a registrar says of itself; one's own words come back as well.
    Heartbeat(Heartbeat),
    /// Somebody asks who is active: see [`Heartbeats::answer`].
    Question(Question),
}

/// Somebody who wants to know who is active.
#[derive(Debug)]
pub struct Question(Subject);

/// A place among the registrars of a ledger.
#[derive(Debug)]
pub struct Heartbeats {
    stream: BlockStream,
    heartbeats: Subscriber,
    /// Only the active registrar hears questions: that nobody does is an answer.
    questions: Option<Subscriber>,
}

impl Heartbeats {
    pub(super) async fn new(stream: BlockStream) -> Result<Self, StreamError> {
        let heartbeats = stream.client.subscribe(stream.name.active.clone()).await.map_err(StreamError::nats)?;
        Ok(Self { stream, heartbeats, questions: None })
    }

    /// Asks who is active; `None` if nobody is, for certain.
    ///
    /// # Errors
    /// NATS or the active registrar do not answer.
    pub async fn who(&self) -> Result<Option<Heartbeat>, StreamError> {
        let request = Request::new().payload(Bytes::new()).timeout(Some(ANSWER));
        match self.stream.client.send_request(self.stream.name.who.clone(), request).await {
            Ok(answer) => Ok(Heartbeat::decode(&answer.payload)),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(None),
            Err(error) => Err(StreamError::nats(error)),
        }
    }

    /// The next thing that is said.
    pub async fn next(&mut self) -> Heard {
        loop {
            let question = async {
                match &mut self.questions {
                    Some(questions) => questions.next().await,
                    None => std::future::pending().await,
                }
            };
            let (heartbeat, question) = tokio::select! {
                heartbeat = self.heartbeats.next() => (heartbeat, None),
                question = question => (None, question),
            };
            if let Some(heartbeat) = heartbeat.as_ref().and_then(|message| Heartbeat::decode(&message.payload)) {
                return Heard::Heartbeat(heartbeat);
            }
            if let Some(reply) = question.as_ref().and_then(|message| message.reply.clone()) {
                return Heard::Question(Question(reply));
            }
            if heartbeat.is_none() && question.is_none() {
                // The client is closed for good.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Hears questions from now on, or no longer.
    ///
    /// # Errors
    /// The subject cannot be subscribed to.
    pub async fn hear_questions(&mut self, hear: bool) -> Result<(), StreamError> {
        self.questions = match hear {
            true => {
                let subject = self.stream.name.who.clone();
                Some(self.stream.client.subscribe(subject).await.map_err(StreamError::nats)?)
            }
            false => None,
        };
        Ok(())
    }

    /// Tells everyone.
    ///
    /// # Errors
    /// The connection is closed. While it is only lost, nothing is said and nothing is wrong.
    pub async fn announce(&self, heartbeat: &Heartbeat) -> Result<(), StreamError> {
        let client = &self.stream.client;
        if client.connection_state() != State::Connected {
            return Ok(());
        }
        client.publish(self.stream.name.active.clone(), heartbeat.encode()).await.map_err(StreamError::nats)
    }

    /// Returns once what was said has left this process, or does not within a second.
    pub async fn flush(&self) {
        drop(tokio::time::timeout(Duration::from_secs(1), self.stream.client.flush()).await);
    }

    /// Tells one who asked.
    ///
    /// # Errors
    /// As [`Heartbeats::announce`].
    pub async fn answer(&self, question: Question, heartbeat: &Heartbeat) -> Result<(), StreamError> {
        self.stream.client.publish(question.0, heartbeat.encode()).await.map_err(StreamError::nats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_said() {
        for (address, state) in [("https://registrar-a:7170", RegistrarState::Active), ("", RegistrarState::Halted)] {
            let heartbeat = Heartbeat { id: 0xabc, address: address.to_owned(), blocks: 17, state };
            assert_eq!(Heartbeat::decode(&heartbeat.encode()), Some(heartbeat));
        }
        for other in ["", "hello", "abc 17 sleeping x", "abc x active y", "abc 17 active"] {
            assert_eq!(Heartbeat::decode(other.as_bytes()), None, "{other}");
        }
    }
}
