//! What binds the pages of a list together: one question, and the moment of its first page.
//!
//! A view holds its newest state only. A list that it cannot give as of the first page is refused
//! with [`QueryError::Moved`]; the caller asks again from the first page.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use probity_proto::v1;
use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::error::QueryError;
use crate::page::{Page, Paged};

/// The form of tokens. A token of another form is refused.
const FORM: u8 = 1;
/// Bytes in front of the place in a token: form, question, tree size, root, times.
const FIXED: usize = 1 + 16 + 8 + 32 + 8 + 8;

/// A request for a page of a list.
pub trait ListRequest: Message + Clone {
    /// What tells the question from those of other methods.
    const NAME: &'static str;
    /// The fields that may differ between the pages of one list: page size, page token and the
    /// least tree size.
    fn page_fields(&mut self) -> (&mut u32, &mut String, &mut u64);
}

macro_rules! list_requests {
    ($($request:ident),* $(,)?) => {$(
        impl ListRequest for v1::$request {
            const NAME: &'static str = stringify!($request);
            fn page_fields(&mut self) -> (&mut u32, &mut String, &mut u64) {
                (&mut self.page_size, &mut self.page_token, &mut self.min_tree_size)
            }
        }
    )*};
}

list_requests! {
    CompareRequest,
    CountVerdictsRequest,
    GetImpactRequest,
    ListDatasetsRequest,
    ListDeficienciesRequest,
    ListDeploymentsRequest,
    ListEventsRequest,
    ListIncidentClocksRequest,
    ListModelsRequest,
    ListMonitorsRequest,
    ListProblemsRequest,
    ListUseCasesRequest,
    ListValueRequest,
    ListVerdictsRequest,
    ListVersionsRequest,
}

/// An answer that ends with a token for the next page.
pub trait Listed {
    /// The token: where the page ends, until [`Listing`] binds it to the question.
    fn token_mut(&mut self) -> &mut String;
}

impl<T> Listed for Paged<T> {
    fn token_mut(&mut self) -> &mut String {
        &mut self.next_page_token
    }
}

impl<T, U> Listed for (Paged<T>, U) {
    fn token_mut(&mut self) -> &mut String {
        self.0.token_mut()
    }
}

/// A page that is asked for, and what it belongs to.
#[derive(Debug, Clone)]
pub struct Listing {
    pub(crate) page: Page,
    pub(crate) first: Option<First>,
    pub(crate) min_tree_size: u64,
    question: [u8; 16],
    now_ms: u64,
}

/// The moment of the first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct First {
    pub(crate) tree_size: u64,
    pub(crate) root: [u8; 32],
    pub(crate) recorded_at: u64,
}

impl Listing {
    /// Reads a request; `now_ms` is the time for its first page, in Unix milliseconds.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] where the token is none that an answer gave, or answers another
    /// question.
    pub fn of<R: ListRequest>(request: &R, now_ms: u64) -> Result<Self, QueryError> {
        let mut asked = request.clone();
        let (size, token, least) = asked.page_fields();
        let (size, token, min_tree_size) = (std::mem::take(size), std::mem::take(token), std::mem::take(least));
        let hash = Sha256::new().chain_update(R::NAME).chain_update([0]).chain_update(asked.encode_to_vec()).finalize();
        let mut question = [0; 16];
        question.copy_from_slice(&hash[..16]);
        if token.is_empty() {
            return Ok(Self { page: Page::of(size, "")?, first: None, min_tree_size, question, now_ms });
        }
        let invalid = |reason: &str| QueryError::Invalid { field: "page_token", reason: reason.to_owned() };
        let unknown = || invalid("it is none that an answer gave");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).map_err(|_| unknown())?;
        let (fixed, place) = bytes.split_at_checked(FIXED).ok_or_else(unknown)?;
        let mut fields = Fields { rest: fixed };
        if fields.take::<1>() != [FORM] {
            return Err(unknown());
        }
        if fields.take::<16>() != question {
            return Err(invalid("it is of another question"));
        }
        let tree_size = u64::from_be_bytes(fields.take());
        let root = fields.take();
        let recorded_at = u64::from_be_bytes(fields.take());
        let now_ms = u64::from_be_bytes(fields.take());
        let page = Page { after: Some(place.to_vec()), ..Page::of(size, "")? };
        Ok(Self { page, first: Some(First { tree_size, root, recorded_at }), min_tree_size, question, now_ms })
    }

    /// The list, once the view has taken in this many statements.
    #[must_use]
    pub fn at_least(mut self, min_tree_size: u64) -> Self {
        self.min_tree_size = self.min_tree_size.max(min_tree_size);
        self
    }

    /// The time of the first page, in Unix milliseconds: what "now" means for all pages.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Binds the token of an answer to the question and to the moment of its first page.
    pub(crate) fn bind(&self, token: &mut String, first: First) {
        if token.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(FIXED + token.len());
        bytes.push(FORM);
        bytes.extend(self.question);
        bytes.extend(first.tree_size.to_be_bytes());
        bytes.extend(first.root);
        bytes.extend(first.recorded_at.to_be_bytes());
        bytes.extend(self.now_ms.to_be_bytes());
        // The place is this crate's own encoding of a key.
        bytes.extend(BASE64_URL_SAFE_NO_PAD.decode(token.as_bytes()).unwrap_or_default());
        *token = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    }
}

/// Walks through the fixed part of a token, whose length is checked.
struct Fields<'b> {
    rest: &'b [u8],
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.rest.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
        self.rest = rest;
        *field
    }
}
