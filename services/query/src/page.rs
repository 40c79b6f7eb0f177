//! Lists in pages.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use prost::Message;

use crate::error::QueryError;

/// Items on a page when the caller does not say.
const DEFAULT_SIZE: u32 = 50;
/// Items on a page at most.
const MAX_SIZE: u32 = 1_000;

/// Bytes on a page at most. A stock gRPC client takes answers of 4 MiB; the rest is for what stands
/// around the items.
const MAX_BYTES: usize = (4 << 20) - (64 << 10);
/// Candidates that a page looks at, at most. A list of which few fit goes on with the next page.
const MAX_CANDIDATES: usize = 20_000;
/// Bytes that frame an item in an answer: its field number and length.
const FRAME: usize = 8;

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Items on it, at most.
    pub size: usize,
    /// The key of the last item of the page before.
    pub after: Option<Vec<u8>>,
}

impl Page {
    /// Reads a request: 0 items for as many as is usual, an empty token for the first page.
    ///
    /// # Errors
    /// The token is none that an answer gave.
    pub fn of(size: u32, token: &str) -> Result<Self, QueryError> {
        let size = if size == 0 { DEFAULT_SIZE } else { size.min(MAX_SIZE) };
        let invalid =
            |_| QueryError::Invalid { field: "page_token", reason: "it is none that an answer gave".to_owned() };
        let after = match token {
            "" => None,
            token => Some(BASE64_URL_SAFE_NO_PAD.decode(token).map_err(invalid)?),
        };
        Ok(Self { size: size as usize, after })
    }

    /// The token for the page behind the item of a key.
    #[must_use]
    pub fn token(key: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(key)
    }

    /// Takes a page from `items`, which come after [`Self::after`] in the order of their keys;
    /// those that are `None` do not belong to the list. Where few belong to it, the page can be
    /// short, or empty, and still have a token.
    ///
    /// # Errors
    /// Whatever an item could not be read for.
    pub fn take<T: PageItem>(
        &self,
        items: impl Iterator<Item = Result<(Vec<u8>, Option<T>), QueryError>>,
    ) -> Result<Paged<T>, QueryError> {
        let mut taken: Vec<T> = Vec::new();
        let mut room = self.room();
        let mut last = Vec::new();
        for (looked_at, item) in items.enumerate() {
            if looked_at == MAX_CANDIDATES {
                return Ok(Paged { items: taken, next_page_token: BASE64_URL_SAFE_NO_PAD.encode(last) });
            }
            let (key, item) = item?;
            if let Some(item) = item {
                if !room.admits(&item) {
                    return Ok(Paged { items: taken, next_page_token: BASE64_URL_SAFE_NO_PAD.encode(last) });
                }
                taken.push(item);
            }
            last = key;
        }
        Ok(Paged { items: taken, next_page_token: String::new() })
    }
}

/// What a list consists of: messages, which take room in an answer.
pub trait PageItem {
    /// How many bytes it takes on the wire.
    fn wire_bytes(&self) -> usize;
}

impl<T: Message> PageItem for T {
    fn wire_bytes(&self) -> usize {
        self.encoded_len()
    }
}

/// What still fits on a page.
#[derive(Debug, Clone)]
pub struct Room {
    items: usize,
    bytes: usize,
    is_empty: bool,
}

impl Page {
    /// The room of a page without anything on it.
    pub fn room(&self) -> Room {
        Room { items: self.size, bytes: MAX_BYTES, is_empty: true }
    }
}

impl Room {
    /// Whether an item still fits, and if so takes its room. The first one always does.
    pub fn admits(&mut self, item: &impl PageItem) -> bool {
        let bytes = item.wire_bytes() + FRAME;
        if self.items == 0 || (bytes > self.bytes && !self.is_empty) {
            return false;
        }
        self.items -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.is_empty = false;
        true
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Asks for the next page; empty on the last one.
    pub next_page_token: String,
}
