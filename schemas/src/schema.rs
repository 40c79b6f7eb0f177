//! The JSON Schema of a whole event, made from the Rust types.

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    json_schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Value, json};

use crate::{
    Document, EventId, Evidence, ExternalId, Identity, NonEmpty, Occurred, Subject, Timestamp, Title, TypeInfo,
};

/// The schema of one type: the envelope with the type's data in it.
pub(crate) fn of(info: &TypeInfo) -> Schema {
    let mut generator =
        SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null)).into_generator();
    let schemas = &mut generator;

    let kinds: Vec<_> = info.subject_kinds.iter().map(|kind| kind.as_str()).collect();
    let occurred = if info.is_act() { field::<Timestamp>(schemas) } else { field::<Occurred>(schemas) };
    let mut required = vec!["id", "type", "v", "subject", "data"];
    if info.is_act() {
        required.push("occurred");
    }
    let properties = json!({
        "id": said(field::<EventId>(schemas), "Its name, for ever: a UUID of version 7 or 8."),
        "type": { "const": info.event_type, "description": "Family and past-tense name." },
        "v": { "const": info.version, "description": "The version of the type's fields." },
        "occurred": said(occurred, "When it happened, as the signer claims; left out where nobody knows. An act is always exact."),
        "subject": {
            "allOf": [field::<Subject>(schemas)],
            "properties": { "kind": { "enum": kinds } },
            "description": "What it is about.",
        },
        "about": said(field::<NonEmpty<Subject>>(schemas), "Everything else it concerns."),
        "regarding": said(field::<EventId>(schemas), "The event it continues, answers or closes."),
        "on_behalf_of": said(field::<Identity>(schemas), "Whom the signer speaks for."),
        "initiators": said(field::<NonEmpty<Identity>>(schemas), "Who set the signer in motion, when the signer is a service."),
        "causes": said(field::<NonEmpty<EventId>>(schemas), "The events that led to it."),
        "evidence": said(field::<NonEmpty<Evidence>>(schemas), "The documents it rests on."),
        "title": said(field::<Title>(schemas), "A line for people."),
        "external_ids": said(field::<NonEmpty<ExternalId>>(schemas), "What other systems call it."),
        "attributes": said(field::<Document>(schemas), "The user's own fields."),
        "data": said((info.data_schema)(schemas), "What it says, by type."),
    });
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("{} v{}", info.event_type, info.version),
        "description": if info.is_act() { "An act." } else { "A fact." },
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "$defs": schemas.take_definitions(true),
    });
    RecursiveTransform(without_null).transform(&mut schema);
    schema
}

fn field<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A field of the envelope with what it is for.
fn said(mut schema: Schema, description: &str) -> Schema {
    schema.insert("description".to_owned(), description.into());
    schema
}

/// Absent fields are left out, never null; the generator takes an `Option` to allow both.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type") != Some(&json!("null")));
        if let [only] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            if let Value::Object(only) = only {
                object.extend(only);
            }
        }
    }
}
