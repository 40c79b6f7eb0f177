//! Ways in: from text, from a tree of values, and straight from a decoder.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, Visitor},
};
use serde_json::Value;

use crate::{Data, Event, EventError, EventId, NonEmpty, Subject, Timestamp, TypeInfo, find, newest, tree, written};

/// Reads an event whose type is already known, in one pass and without building a tree.
///
/// Deterministic CBOR puts the key `data` before `type`, so the type has to come from elsewhere.
/// Whatever `type` and `v` the event holds must equal it.
#[derive(Copy, Clone, Debug)]
pub struct EventSeed {
    info: &'static TypeInfo,
}

impl EventSeed {
    /// For an event of this type and version.
    ///
    /// # Errors
    /// [`EventError::UnknownType`] or [`EventError::UnsupportedVersion`].
    pub fn new(event_type: &str, version: u32) -> Result<Self, EventError> {
        find(event_type, version).map(Self::from)
    }
}

impl From<&'static TypeInfo> for EventSeed {
    fn from(info: &'static TypeInfo) -> Self {
        Self { info }
    }
}

impl<'de> DeserializeSeed<'de> for EventSeed {
    type Value = Event;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event, D::Error> {
        let event = deserializer.deserialize_map(Envelope { info: self.info })?;
        event.check().map_err(de::Error::custom)?;
        Ok(event)
    }
}

impl Event {
    /// Reads an event from JSON text.
    ///
    /// # Errors
    /// Any [`EventError`]; the first thing found wrong.
    pub fn from_json(text: &str) -> Result<Self, EventError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let tree = tree::read(&mut deserializer, tree::EVENT_DEPTH).map_err(EventError::Json)?;
        deserializer.end().map_err(EventError::Json)?;
        Self::from_value(&tree)
    }

    /// Reads an event from a tree of values.
    ///
    /// # Errors
    /// Any [`EventError`] but [`EventError::Json`]; the first thing found wrong.
    pub fn from_value(tree: &Value) -> Result<Self, EventError> {
        let Value::Object(fields) = tree else {
            return Err(de::Error::invalid_type(tree::unexpected(tree), &"an event"));
        };
        let head = Head::of(fields)?;
        let info = find(head.event_type, head.version)?;
        let event = tree::Place::new(tree).deserialize_map(Envelope { info })?;
        event.check()?;
        Ok(event)
    }

    /// Reads an event that someone wrote by hand: an id, and the newest version of its type, are filled in where they
    /// are left out; so is, for an act, the moment it is done. Subjects and times may have their short forms
    /// ([`written`]).
    ///
    /// # Errors
    /// Any [`EventError`] but [`EventError::Json`].
    pub fn from_draft(mut tree: Value, id: EventId, now: Timestamp) -> Result<Self, EventError> {
        if let Value::Object(fields) = &mut tree {
            fields.entry("id").or_insert_with(|| id.to_string().into());
            if let Some(Value::String(event_type)) = fields.get("type") {
                let info = newest(event_type)?;
                fields.entry("v").or_insert_with(|| info.version.into());
                if info.is_act() {
                    fields.entry("occurred").or_insert_with(|| now.as_ms().into());
                }
            }
        }
        let error = match Self::from_value(&tree) {
            Ok(event) => return Ok(event),
            Err(error) => error,
        };
        // It may be written in short.
        let known = tree.as_object().and_then(|fields| Head::of(fields).ok());
        let Some(info) = known.and_then(|head| find(head.event_type, head.version).ok()) else { return Err(error) };
        written::settle(&written::of_type(info), &mut tree, now.as_ms())?;
        Self::from_value(&tree)
    }

    /// [`Self::from_draft`] of JSON text, in which no field may be repeated.
    ///
    /// # Errors
    /// Any [`EventError`]; the first thing found wrong.
    pub fn from_json_draft(text: &str, id: EventId, now: Timestamp) -> Result<Self, EventError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let tree = tree::read(&mut deserializer, tree::EVENT_DEPTH).map_err(EventError::Json)?;
        deserializer.end().map_err(EventError::Json)?;
        Self::from_draft(tree, id, now)
    }

    /// Reads an event of a known type as fast as [`EventSeed`] and explains failures as precisely
    /// as [`Event::from_value`].
    ///
    /// `open` gives a deserializer at the start of the event; it is called a second time when the
    /// first reading fails.
    ///
    /// # Errors
    /// Any [`EventError`] but [`EventError::Json`].
    pub fn decode<'de, D: Deserializer<'de>>(
        event_type: &str,
        version: u32,
        open: impl Fn() -> D,
    ) -> Result<Self, EventError> {
        let fast = match EventSeed::new(event_type, version)?.deserialize(open()) {
            Ok(event) => return Ok(event),
            Err(error) => error,
        };
        match tree::read(open(), tree::EVENT_DEPTH).map(|tree| Self::from_value(&tree)) {
            Ok(Err(precise)) => Err(precise),
            // Not a tree as JSON has them, or an event of another type than announced.
            Ok(Ok(_)) | Err(_) => Err(EventError::Unreadable { reason: fast.to_string() }),
        }
    }
}

/// What must be known before the rest can be read.
struct Head<'t> {
    event_type: &'t str,
    version: u32,
}

impl<'t> Head<'t> {
    fn of(fields: &'t serde_json::Map<String, Value>) -> Result<Self, EventError> {
        let event_type = match fields.get("type") {
            Some(Value::String(text)) => text,
            Some(other) => return Err(EventError::shape("type", other, "the event's type")),
            None => return Err(de::Error::missing_field("type")),
        };
        let version = match fields.get("v") {
            Some(value) => value
                .as_u64()
                .and_then(|version| u32::try_from(version).ok())
                .ok_or_else(|| EventError::shape("v", value, "the version of the type"))?,
            None => return Err(de::Error::missing_field("v")),
        };
        Ok(Self { event_type, version })
    }
}

impl EventError {
    fn shape(path: &str, found: &Value, expected: &str) -> Self {
        Self::WrongShape {
            path: path.to_owned(),
            found: tree::unexpected(found).to_string(),
            expected: expected.to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Id,
    Type,
    V,
    Occurred,
    Subject,
    About,
    Regarding,
    OnBehalfOf,
    Initiators,
    Causes,
    Evidence,
    Title,
    ExternalIds,
    Attributes,
    Data,
}

/// Reads the envelope and, within it, the data of one type.
struct Envelope {
    info: &'static TypeInfo,
}

impl<'de> Visitor<'de> for Envelope {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event of type {}", self.info.event_type)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let mut seen = Seen::default();
        while let Some(field) = map.next_key()? {
            match field {
                Field::Id => once(&mut seen.id, "id", &mut map)?,
                Field::Type => once(&mut seen.event_type, "type", &mut map)?,
                Field::V => once(&mut seen.version, "v", &mut map)?,
                Field::Occurred => once(&mut seen.occurred, "occurred", &mut map)?,
                Field::Subject => once(&mut seen.subject, "subject", &mut map)?,
                Field::About => once(&mut seen.about, "about", &mut map)?,
                Field::Regarding => once(&mut seen.regarding, "regarding", &mut map)?,
                Field::OnBehalfOf => once(&mut seen.on_behalf_of, "on_behalf_of", &mut map)?,
                Field::Initiators => once(&mut seen.initiators, "initiators", &mut map)?,
                Field::Causes => once(&mut seen.causes, "causes", &mut map)?,
                Field::Evidence => once(&mut seen.evidence, "evidence", &mut map)?,
                Field::Title => once(&mut seen.title, "title", &mut map)?,
                Field::ExternalIds => once(&mut seen.external_ids, "external_ids", &mut map)?,
                Field::Attributes => once(&mut seen.attributes, "attributes", &mut map)?,
                Field::Data if seen.data.is_some() => {
                    return Err(de::Error::duplicate_field("data"));
                }
                Field::Data => seen.data = Some(map.next_value_seed(DataSeed { info: self.info })?),
            }
        }
        seen.finish(self.info)
    }
}

/// Reads the value of a field that may come once.
fn once<'de, A, T>(slot: &mut Option<T>, name: &'static str, map: &mut A) -> Result<(), A::Error>
where
    A: de::MapAccess<'de>,
    T: Deserialize<'de>,
{
    if slot.is_some() {
        return Err(de::Error::duplicate_field(name));
    }
    *slot = Some(map.next_value()?);
    Ok(())
}

struct DataSeed {
    info: &'static TypeInfo,
}

impl<'de> DeserializeSeed<'de> for DataSeed {
    type Value = Data;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        Data::decode(self.info, deserializer)
    }
}

/// The fields met so far.
#[derive(Default)]
struct Seen {
    id: Option<EventId>,
    event_type: Option<String>,
    version: Option<u32>,
    occurred: Option<crate::Occurred>,
    subject: Option<Subject>,
    about: Option<NonEmpty<Subject>>,
    regarding: Option<EventId>,
    on_behalf_of: Option<crate::Identity>,
    initiators: Option<NonEmpty<crate::Identity>>,
    causes: Option<NonEmpty<EventId>>,
    evidence: Option<NonEmpty<crate::Evidence>>,
    title: Option<crate::Title>,
    external_ids: Option<NonEmpty<crate::ExternalId>>,
    attributes: Option<crate::Document>,
    data: Option<Data>,
}

impl Seen {
    fn finish<E: de::Error>(self, info: &TypeInfo) -> Result<Event, E> {
        fn need<T, E: de::Error>(field: Option<T>, name: &'static str) -> Result<T, E> {
            field.ok_or_else(|| E::missing_field(name))
        }
        fn list<T>(field: Option<NonEmpty<T>>) -> Vec<T> {
            field.map(Into::into).unwrap_or_default()
        }

        let event_type = need(self.event_type, "type")?;
        let version = need(self.version, "v")?;
        if (event_type.as_str(), version) != (info.event_type, info.version) {
            return Err(E::custom(format_args!(
                "the event calls itself {} v{version}, it was announced as {} v{}",
                tree::shorten(&event_type),
                info.event_type,
                info.version,
            )));
        }
        Ok(Event {
            id: need(self.id, "id")?,
            occurred: self.occurred,
            subject: need(self.subject, "subject")?,
            about: list(self.about),
            regarding: self.regarding,
            on_behalf_of: self.on_behalf_of,
            initiators: list(self.initiators),
            causes: list(self.causes),
            evidence: list(self.evidence),
            title: self.title,
            external_ids: list(self.external_ids),
            attributes: self.attributes.unwrap_or_default(),
            data: need(self.data, "data")?,
        })
    }
}
