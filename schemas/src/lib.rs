//! The vocabulary of the record: what an event is and what it can say.
//!
//! An [`Event`] is one thing that happened in the life of a model, a use case, a dataset or an
//! endpoint. Its envelope says who, when and about what; its [`Data`] is one of the types listed by
//! [`catalogue`]. The Rust types here are the source: the JSON Schemas in `json/`, the grammar in
//! `cddl/data.cddl`, the samples in `samples/` and the page `ops/reference/events.md` are generated
//! from them.
//!
//! Nothing here reads a clock, a file or a key. A [`Subject`], a [`Digest`] or a [`Text`] is checked
//! when it is made, so holding one is the proof; what only shows in a whole event is checked when
//! it is read, or by [`Event::validate`] when it was made in code.
//!
//! ```
//! use probity_schemas::{Event, EventId, Subject, Text, model::Registered};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model: Subject = "model:credit/pd-scorecard".parse()?;
//! let purpose: Text = "Estimates the probability of default.".parse()?;
//! let event = Event::new(EventId::from_time(1_736_154_000_000, [7; 10]), model, Registered::new(purpose));
//!
//! let json = serde_json::to_string(&event)?;
//! assert_eq!(Event::from_json(&json)?, event);
//! # Ok(())
//! # }
//! ```
//!
//! To read an event, use [`Event::from_json`] for text a person wrote, [`EventSeed`] where the type
//! is already known and speed matters, and [`Event::decode`] for both at once.

#[macro_use]
mod text_form;
#[macro_use]
mod family;

mod catalogue;
mod clock;
mod decode;
mod document;
mod error;
mod event;
mod hex;
mod identity;
mod list;
mod number;
mod pattern;
mod policy_document;
mod schema;
mod sealed;
mod story;
mod subject;
mod text;
mod time;
mod tree;
mod visible;
pub mod written;

mod families;

pub use catalogue::{Data, Family, Nature, TypeInfo, catalogue, families, find, newest};
pub use clock::{Clock, SystemClock};
pub use decode::EventSeed;
pub use document::Document;
pub use error::{EventError, ParseError, nearest};
pub use event::{Event, EventId, Evidence, ExternalId};
pub use families::{
    approval, attestation, authority, change, concern, conformity, correction, data, dependency, deployment, evidence,
    exception, experiment, export, finding, gate, hold, import, incident, issue, ledger, model, monitor, oversight,
    payload, plan, policy, reconciliation, retirement, review, risk, shared, subscription, training, usecase,
    validation, value, vendor,
};
pub use family::word;
pub use hex::{Digest, Kid, PublicKey, Signature};
pub use identity::{Identity, Origin};
pub use list::NonEmpty;
pub use number::{Number, Percent};
pub use pattern::{NamespacePattern, TypePattern};
pub use policy_document::{
    AttributeField, AttributeKind, AttributesPolicy, DEFAULT_GATE, DEFAULT_ROLES, GatePolicy, GateSignatures,
    LifecyclePolicy, RolesPolicy,
};
pub use sealed::SealedText;
pub use subject::{Name, Namespace, Subject, SubjectKind, Version};
pub use text::{Text, Title};
pub use time::{Occurred, Timestamp};
pub use visible::{deceives, shown, spreadsheet_cell};
