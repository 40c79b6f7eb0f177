//! How gRPC callers ask a view: who they are, what they may see, as of when they are answered, page
//! by page, and how an error looks on the wire.
//!
//! Every service of every view answers through a [`QueryContext`], so that these things are the
//! same everywhere. Nothing here knows what a view holds, and nothing here writes to one.

mod access;
mod citation;
mod context;
mod error;
mod listing;
mod page;
mod read_pool;
mod view_spec;
mod words;

pub use access::{Access, AccessDenied, Caller, HIDDEN, Member, Scope, is_subject, scope_of};
pub use citation::Citation;
pub use context::{QueryContext, RequestContext};
pub use error::QueryError;
pub use listing::{ListRequest, Listed, Listing};
pub use page::{Page, PageItem, Paged, Room};
pub use read_pool::{NoRead, ReadPool};
pub use view_spec::ViewSpec;
pub use words::{one_of, unknown};
