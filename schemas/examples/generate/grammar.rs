//! The CDDL (RFC 8610) of the data of every type, to be read together with the envelope in `event.cddl`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use probity_schemas::{TypeInfo, catalogue};
use serde_json::Value;

const HEAD: &str = "\
; What the events of each type say: the grammar of `data`, by `type` and `v`.
;
; To be read together with event.cddl. Made from the Rust types by the example `generate`; don't edit it.
";

/// The rules written by hand in `event.cddl` and here, for types whose form is a text or a number.
const FORMS: &[(&str, &str)] = &[
    ("Text", "text-of-someone"),
    ("Title", "title"),
    ("Name", "name"),
    ("Subject", "subject"),
    ("SubjectKind", "subject-kind"),
    ("Identity", "identity"),
    ("EventId", "event-id"),
    ("Timestamp", "time-ms"),
    ("Digest", "digest"),
    ("Document", "document"),
    ("ExternalId", "external-id"),
    ("Number", "number"),
    ("Percent", "percent"),
    ("NamespacePattern", "namespace-pattern"),
    ("TypePattern", "type-pattern"),
    ("PublicKey", "hex32"),
    ("Kid", "hex32"),
    ("Signature", "hex64"),
    ("Origin", "origin"),
];

const TAIL: &str = "
; Written as a float even where it is whole; always finite.
number = float
percent = float .ge 0.0
count = uint
hex32 = tstr .regexp \"[0-9a-f]{64}\"
hex64 = tstr .regexp \"[0-9a-f]{128}\"
origin = tstr .regexp \"[a-z0-9][a-z0-9./_-]*\"
namespace-pattern = tstr .regexp \"([*]|[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*(/[*])?)\"
type-pattern = tstr .regexp \"((fact|act):)?([*]|[a-z0-9][a-z0-9_-]*[.]([*]|[a-z0-9][a-z0-9_-]*))\"
";

/// The whole grammar.
pub(crate) fn grammar() -> String {
    let schemas: Vec<_> = catalogue().map(|info| (info, sorted(info))).collect();
    // Two families may call different things the same; then each is named with its family in front.
    let mut contents: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (_, schema) in &schemas {
        for (name, content) in schema["$defs"].as_object().into_iter().flatten() {
            contents.entry(name).or_default().insert(content.to_string());
        }
    }
    let shared = |name: &str| contents.get(name).is_some_and(|contents| contents.len() == 1);

    let mut rules = String::from(HEAD);
    let mut written = BTreeSet::new();
    for (info, schema) in &schemas {
        let names = Names { family: info.family(), shared: &shared };
        let nature = if info.is_act() { "an act" } else { "a fact" };
        let own = definition(&schema["properties"]["data"]);
        let data = expression(&schema["$defs"][own], &names, 0);
        let _ = write!(rules, "\n; {} v{}, {nature}\n{} = {data}\n", info.event_type, info.version, rule_of(info));
        let mut wanted = BTreeSet::new();
        references(&schema["$defs"][own], &schema["$defs"], &mut wanted);
        for name in wanted {
            let rule = names.rule(name);
            if written.insert(rule.clone()) {
                let _ = write!(rules, "\n{rule} = {}\n", expression(&schema["$defs"][name], &names, 0));
            }
        }
    }
    rules.push_str(TAIL);
    rules
}

/// The rule for the data of a type.
fn rule_of(info: &TypeInfo) -> String {
    format!("{}-v{}", info.event_type.replace(['.', '_'], "-"), info.version)
}

fn sorted(info: &TypeInfo) -> Value {
    let mut schema = info.json_schema().to_value();
    schema.sort_all_objects();
    schema
}

fn form(name: &str) -> Option<&'static str> {
    FORMS.iter().find(|(form, _)| *form == name).map(|(_, rule)| *rule)
}

/// How definitions are called in a family.
struct Names<'a> {
    family: &'a str,
    shared: &'a dyn Fn(&str) -> bool,
}

impl Names<'_> {
    fn rule(&self, name: &str) -> String {
        if let Some(form) = form(name) {
            return form.to_owned();
        }
        let mut rule = if (self.shared)(name) { String::new() } else { format!("{}-", self.family) };
        for (at, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && at > 0 {
                rule.push('-');
            }
            rule.push(letter.to_ascii_lowercase());
        }
        rule
    }
}

/// Every definition that a schema rests on and that has no form of its own.
fn references<'s>(schema: &'s Value, definitions: &'s Value, found: &mut BTreeSet<&'s str>) {
    match schema {
        Value::Object(fields) => {
            let name = definition(schema);
            if !name.is_empty() && form(name).is_none() && found.insert(name) {
                references(&definitions[name], definitions, found);
            }
            fields.values().for_each(|value| references(value, definitions, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, definitions, found)),
        _ => {}
    }
}

fn definition(schema: &Value) -> &str {
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default()
}

/// A schema as CDDL.
fn expression(schema: &Value, names: &Names<'_>, depth: usize) -> String {
    let name = definition(schema);
    if !name.is_empty() {
        return names.rule(name);
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("{word:?}");
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choices: Vec<_> = choices.iter().map(|choice| expression(choice, names, depth)).collect();
        return choices.join(" / ");
    }
    match schema["type"].as_str() {
        Some("boolean") => "bool".to_owned(),
        Some("integer") => match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(low), Some(high)) => format!("{low}..{high}"),
            _ => "count".to_owned(),
        },
        Some("array") => {
            let item = expression(&schema["items"], names, depth);
            let item = if item.contains(" / ") { format!("({item})") } else { item };
            let low = schema["minItems"].as_u64().unwrap_or_default();
            match schema["maxItems"].as_u64() {
                Some(high) => format!("[{low}*{high} {item}]"),
                None => format!("[* {item}]"),
            }
        }
        Some("object") => object(schema, names, depth),
        _ => "any".to_owned(),
    }
}

fn object(schema: &Value, names: &Names<'_>, depth: usize) -> String {
    let by_pattern = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
    // The keys are names; the grammar leaves that to readers, for tools that know no controls on keys.
    if let Some(entry) = by_pattern.or(Some(&schema["additionalProperties"])).filter(|entry| entry.is_object()) {
        return format!("{{ * tstr => {} }}", expression(entry, names, depth));
    }
    let Some(fields) = schema["properties"].as_object() else { return "{}".to_owned() };
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let indent = "  ".repeat(depth + 1);
    let mut text = String::from("{\n");
    for (name, field) in fields {
        let optional = if required.iter().any(|needed| needed == name) { "" } else { "? " };
        let _ = writeln!(text, "{indent}{optional}{name:?}: {},", expression(field, names, depth + 1));
    }
    text + &"  ".repeat(depth) + "}"
}
