//! The envelope: who, when, about what.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer, ser::SerializeMap};
use uuid::Uuid;

use crate::{
    Data, Digest, Document, EventError, Identity, Occurred, ParseError, Subject, Text, Title, TypeInfo,
    identity::canonical_uuid,
};

/// One thing that happened, ready to be signed.
///
/// Serialises to the same tree in JSON and CBOR, absent fields left out. The order of the fields
/// is not canonical; whoever signs sorts them.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name, for ever.
    pub id: EventId,
    /// When it happened, as the signer claims; `None` when nobody knows. An act is always exact.
    pub occurred: Option<Occurred>,
    /// What it is about.
    pub subject: Subject,
    /// Everything else it concerns.
    pub about: Vec<Subject>,
    /// The event it continues, answers or closes.
    pub regarding: Option<EventId>,
    /// Whom the signer speaks for.
    pub on_behalf_of: Option<Identity>,
    /// Who set the signer in motion, when the signer is a service.
    pub initiators: Vec<Identity>,
    /// The events that led to it.
    pub causes: Vec<EventId>,
    /// The documents it rests on.
    pub evidence: Vec<Evidence>,
    /// A line for people.
    pub title: Option<Title>,
    /// What other systems call it.
    pub external_ids: Vec<ExternalId>,
    /// The user's own fields.
    pub attributes: Document,
    /// What it says, by type.
    pub data: Data,
}

impl Event {
    /// An event with nothing optional in its envelope.
    pub fn new(id: EventId, subject: Subject, data: impl Into<Data>) -> Self {
        Self {
            id,
            occurred: None,
            subject,
            about: Vec::new(),
            regarding: None,
            on_behalf_of: None,
            initiators: Vec::new(),
            causes: Vec::new(),
            evidence: Vec::new(),
            title: None,
            external_ids: Vec::new(),
            attributes: Document::default(),
            data: data.into(),
        }
    }

    /// The catalogue entry of its type.
    pub fn info(&self) -> &'static TypeInfo {
        self.data.info()
    }

    /// Its type, such as `model.registered`.
    pub fn event_type(&self) -> &'static str {
        self.info().event_type
    }

    /// The rules between fields, which no single field can hold: the kind of subject fits the
    /// type, and an act has an exact time.
    pub(crate) fn check(&self) -> Result<(), EventError> {
        let info = self.info();
        if !info.subject_kinds.contains(&self.subject.kind) {
            return Err(EventError::SubjectKind {
                event_type: info.event_type,
                found: self.subject.kind,
                allowed: info.subject_kinds,
            });
        }
        if info.is_act() && self.occurred.and_then(|occurred| occurred.exact()).is_none() {
            return Err(EventError::ActWithoutTime { event_type: info.event_type });
        }
        Ok(())
    }

    /// Checks an event made in code exactly as one that came from outside.
    ///
    /// # Errors
    /// What [`Event::from_value`] would say of it.
    pub fn validate(&self) -> Result<(), EventError> {
        let tree = serde_json::to_value(self).map_err(EventError::Json)?;
        Self::from_value(&tree).map(drop)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn list<M: SerializeMap, T: Serialize>(map: &mut M, key: &'static str, items: &[T]) -> Result<(), M::Error> {
            if items.is_empty() { Ok(()) } else { map.serialize_entry(key, items) }
        }

        fn option<M: SerializeMap, T: Serialize>(
            map: &mut M,
            key: &'static str,
            value: &Option<T>,
        ) -> Result<(), M::Error> {
            value.iter().try_for_each(|value| map.serialize_entry(key, value))
        }

        let present = [
            self.occurred.is_some(),
            !self.about.is_empty(),
            self.regarding.is_some(),
            self.on_behalf_of.is_some(),
            !self.initiators.is_empty(),
            !self.causes.is_empty(),
            !self.evidence.is_empty(),
            self.title.is_some(),
            !self.external_ids.is_empty(),
            !self.attributes.is_empty(),
        ];
        let length = 5 + present.into_iter().filter(|present| *present).count();

        let mut map = serializer.serialize_map(Some(length))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", self.info().event_type)?;
        map.serialize_entry("v", &self.info().version)?;
        option(&mut map, "occurred", &self.occurred)?;
        map.serialize_entry("subject", &self.subject)?;
        list(&mut map, "about", &self.about)?;
        option(&mut map, "regarding", &self.regarding)?;
        option(&mut map, "on_behalf_of", &self.on_behalf_of)?;
        list(&mut map, "initiators", &self.initiators)?;
        list(&mut map, "causes", &self.causes)?;
        list(&mut map, "evidence", &self.evidence)?;
        option(&mut map, "title", &self.title)?;
        list(&mut map, "external_ids", &self.external_ids)?;
        if !self.attributes.is_empty() {
            map.serialize_entry("attributes", &self.attributes)?;
        }
        map.serialize_entry("data", &self.data)?;
        map.end()
    }
}

/// The name of an event: a UUID of version 7, or of version 8 where it is derived from what an
/// import found, so that finding it again is the same event. One spelling: lower case, hyphens.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid);

impl EventId {
    /// A version 7 identifier (RFC 9562 §5.7) from the Unix time in milliseconds and ten random
    /// bytes, of which 74 bits are used.
    pub const fn from_time(ms: u64, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
    }

    /// A version 8 identifier (RFC 9562 §5.8) from the first 16 bytes of a hash, of which 122
    /// bits are used.
    pub const fn from_hash(hash: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(hash).into_uuid())
    }

    /// The UUID.
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl TryFrom<Uuid> for EventId {
    type Error = ParseError;

    fn try_from(id: Uuid) -> Result<Self, ParseError> {
        match (id.get_version_num(), id.get_variant()) {
            (7 | 8, uuid::Variant::RFC4122) => Ok(Self(id)),
            _ => Err(ParseError::Form { what: "event id", expected: "a UUID of version 7 or 8" }),
        }
    }
}

impl FromStr for EventId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        canonical_uuid(text)
            .ok_or(ParseError::Form { what: "event id", expected: "a lower-case UUID with hyphens" })?
            .try_into()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_form!(EventId, "a UUID of version 7 or 8 in lower case", {
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
});

record! {
    /// A document the event rests on. The document stays outside; its digest is in the record.
    pub struct Evidence {
        /// The digest of its bytes.
        digest: Digest,
        /// What it is, such as `validation-report` or `model-card`.
        kind: Title,
        /// Its media type, such as `application/pdf`.
        media_type: Text,
        /// Its title.
        title: Option<Title>,
        /// Where it was when the event was signed.
        uri: Option<Text>,
    }
}

record! {
    /// What another system calls it.
    pub struct ExternalId {
        /// The system, such as `servicenow`.
        system: Title,
        /// Its identifier there.
        id: Text,
    }
}
