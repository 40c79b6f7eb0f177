//! The JSON Schema of a whole event, made from the Rust types.

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    json_schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Value, json};

use crate::{
    Document, EventId, Evidence, ExternalId, Identity, NonEmpty, Occurred, Subject, Text, Timestamp, TypeInfo,
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
        "id": field::<EventId>(schemas),
        "type": { "const": info.event_type },
        "v": { "const": info.version },
        "occurred": occurred,
        "subject": {
            "allOf": [field::<Subject>(schemas)],
            "properties": { "kind": { "enum": kinds } },
        },
        "about": field::<NonEmpty<Subject>>(schemas),
        "regarding": field::<EventId>(schemas),
        "on_behalf_of": field::<Identity>(schemas),
        "initiators": field::<NonEmpty<Identity>>(schemas),
        "causes": field::<NonEmpty<EventId>>(schemas),
        "evidence": field::<NonEmpty<Evidence>>(schemas),
        "title": field::<Text>(schemas),
        "external_ids": field::<NonEmpty<ExternalId>>(schemas),
        "attributes": field::<Document>(schemas),
        "data": (info.data_schema)(schemas),
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
