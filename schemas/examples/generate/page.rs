//! The reference page: every type, for people who don't read code.

use std::fmt::Write as _;

use probity_schemas::{DEFAULT_ROLES, EventError, Family, RolesPolicy, SubjectKind, TypeInfo, catalogue, families};
use serde_json::{Value, json};

const INTRODUCTION: &str = "\
# What the record can say

Every entry of the record is an event: a signed statement that something happened to a model, a use case, a dataset, an
endpoint, a supplier, a person's rights, a policy or the ledger itself. This page lists every type of event, family by
family: what it means, what it holds, what it may be about, and who may record it under the default roles.

A **fact** says what happened in the world. It is taken from anyone enrolled whose role covers it and judged afterwards;
no rule about order ever refuses it. An **act** exists only by being recorded (an approval, an exception, a grant of
rights): it must obey the rules at the moment it is recorded, and says exactly when it was done.

What no field may hold is written in [sealed texts](sealed-texts.md#what-may-never-be-put-into-an-event).

This page is made from the program's own types by `cargo run -p probity-schemas --example generate`; don't edit it.
";

/// The whole page.
pub(crate) fn page() -> Result<String, EventError> {
    let roles: RolesPolicy = serde_json::from_str(DEFAULT_ROLES).map_err(EventError::Json)?;
    let mut page = String::from(INTRODUCTION);
    contents(&mut page);
    envelope(&mut page);
    for family in families() {
        heading(&mut page, family);
        for info in family.types {
            section(&mut page, info, &roles)?;
        }
    }
    Ok(page)
}

fn contents(page: &mut String) {
    page.push_str("\n## Contents\n\n- [What every event holds](#what-every-event-holds)\n- [Forms](#forms)\n");
    for family in families() {
        let types: Vec<_> =
            family.types.iter().map(|info| format!("[{}](#{})", info.name(), anchor(info.event_type))).collect();
        let _ = writeln!(page, "- [**{0}**](#{0}):{1} {2}", family.name, family.description, types.join(" · "));
    }
}

/// What stands around the data of every type, and the forms all fields are made of.
fn envelope(page: &mut String) {
    let Some(mut first) = catalogue().map(sorted).next() else { return };
    // What is fixed by each type is told with the type.
    first["properties"]["type"] = json!({ "$ref": "#/$defs/Text", "description": "Family and past-tense name." });
    first["properties"]["v"] = json!({ "type": "integer", "description": "The version of the type's fields." });
    first["properties"]["data"] =
        json!({ "$ref": "#/$defs/Document", "description": "What it says: see its type below." });
    page.push_str("\n## What every event holds\n\n");
    Table::of(&first["$defs"], "", &first).write(page);
    page.push_str("\nAn act must have `occurred`, and exactly.\n\n## Forms\n\n| Form | What it is |\n|---|---|\n");
    for (form, meaning) in FORMS {
        let _ = writeln!(page, "| {form} | {meaning} |");
    }
}

const FORMS: &[(&str, &str)] = &[
    ("text", "A text that isn't blank, at most 16 KiB; or a [sealed text](sealed-texts.md)."),
    ("title", "A text of one line, in which no character is unseen or reorders others: a title or a name."),
    ("name", "1 to 128 lower-case letters, digits, `-` and `_`, such as `pd-scorecard`."),
    ("subject", "A thing with a life of its own: `kind`, `namespace`, `name` and, for one version, `version`."),
    ("identity", "`person:<uuid>`, `service:<name>` or `ledger:<origin>`; never a person's name."),
    ("event id", "A UUID of version 7 or 8 in lower case."),
    ("time", "Milliseconds since 1970-01-01T00:00:00Z."),
    ("digest", "SHA-256 of something kept outside the record: `sha256:` and 64 hex digits."),
    ("number", "A finite number."),
    ("count", "A whole number, not negative."),
    ("percent", "0 to 100."),
    ("namespaces", "`*`, `credit` alone, or `credit/*` with what is nested in it."),
    ("types", "`*`, `usecase.*` or `plan.proposed`; `fact:` or `act:` in front narrows it."),
];

fn heading(page: &mut String, family: &Family) {
    let _ = write!(page, "\n## {}\n\n{}\n", family.name, family.description.trim());
}

fn section(page: &mut String, info: &TypeInfo, roles: &RolesPolicy) -> Result<(), EventError> {
    let schema = sorted(info);
    let definitions = &schema["$defs"];
    let data = resolve(definitions, &schema["properties"]["data"]);
    let _ = write!(page, "\n### {}\n\n{}\n", info.event_type, prose(data));
    let kinds: Vec<_> = info.subject_kinds.iter().map(|kind| format!("`{kind}`")).collect();
    let _ = write!(
        page,
        "\n- {}\n- About: {}\n- Recorded by: {}\n\n",
        if info.is_act() { "An **act**" } else { "A **fact**" },
        if kinds.len() == SubjectKind::ALL.len() { "anything".to_owned() } else { kinds.join(", ") },
        recorders(info, roles),
    );
    match data["oneOf"].as_array() {
        Some(documents) => documents.iter().for_each(|document| one_of(page, definitions, document)),
        None => Table::of(definitions, "", data).write(page),
    }
    let sample = serde_json::to_string_pretty(&info.sample()?).map_err(EventError::Json)?;
    let _ = write!(page, "\n<details><summary>Sample</summary>\n\n```json\n{sample}\n```\n\n</details>\n");
    Ok(())
}

/// One of several documents, told apart by `kind`.
fn one_of(page: &mut String, definitions: &Value, document: &Value) {
    let kind = document["properties"]["kind"]["const"].as_str().unwrap_or_default();
    let _ = write!(page, "\n**`kind` is `{kind}`**: {}\n\n", prose(document));
    Table::of(definitions, "content.", resolve(definitions, &document["properties"]["content"])).write(page);
}

/// A type's schema. The order of keys must not hang on which features other crates ask of serde_json.
fn sorted(info: &TypeInfo) -> Value {
    let mut schema = info.json_schema().to_value();
    schema.sort_all_objects();
    schema
}

/// Who may record it, by the roles a ledger begins with.
fn recorders(info: &TypeInfo, roles: &RolesPolicy) -> String {
    if roles.anyone_may_record(info) {
        return "anyone enrolled".to_owned();
    }
    let names: Vec<_> =
        roles.roles.keys().filter(|role| roles.may_record(role, info)).map(|role| format!("`{role}`")).collect();
    names.join(", ")
}

/// What a field holds whose words are listed below the table.
const WORD: &str = "a word, see below";

/// The fields of an object, and the words they are chosen from.
struct Table<'s> {
    definitions: &'s Value,
    rows: String,
    words: String,
}

impl<'s> Table<'s> {
    fn of(definitions: &'s Value, prefix: &str, schema: &'s Value) -> Self {
        let mut table = Self { definitions, rows: String::new(), words: String::new() };
        table.object(prefix, schema);
        table
    }

    fn write(&self, page: &mut String) {
        if self.rows.is_empty() {
            page.push_str("Any fields.\n");
        } else {
            let _ = write!(page, "| Field | Required | Holds | Meaning |\n|---|---|---|---|\n{}", self.rows);
        }
        if !self.words.is_empty() {
            let _ = write!(page, "\n{}", self.words);
        }
    }

    /// A row for each field of an object, the required ones first, its parts beneath it with dotted names.
    fn object(&mut self, prefix: &str, schema: &'s Value) {
        let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
        let fields = schema["properties"].as_object().into_iter().flatten();
        let (must, may): (Vec<_>, Vec<_>) = fields.partition(|(name, _)| required(name));
        for ((name, field), needed) in must.into_iter().map(|f| (f, "yes")).chain(may.into_iter().map(|f| (f, ""))) {
            self.field(&format!("{prefix}{name}"), field, needed);
        }
    }

    fn field(&mut self, path: &str, field: &'s Value, needed: &str) {
        let (list, item) = field.get("items").map_or(("", field), |items| ("[]", items));
        let target = resolve(self.definitions, item);
        let holds = holds(definition(item), target);
        let holds = match (list, holds.as_str()) {
            ("", _) => holds,
            (_, WORD) => "list of words, see below".to_owned(),
            _ => format!("list of {holds}"),
        };
        let meaning = match prose(field) {
            said if said.is_empty() && form(definition(item)).is_none() => prose(target),
            said => said,
        };
        let _ = writeln!(self.rows, "| `{path}` | {needed} | {holds} | {meaning} |");
        let words: Vec<_> = target["oneOf"].as_array().into_iter().flatten().filter_map(word).collect();
        if !words.is_empty() {
            let _ = writeln!(self.words, "- `{path}` is one of: {}", words.join("; "));
        }
        if let Some(entry) = entries(target) {
            self.field(&format!("{path}.*"), entry, "");
        } else if target["type"] == "object" && form(definition(item)).is_none() {
            self.object(&format!("{path}{list}."), target);
        }
    }
}

/// What the entries of an object with free keys are.
fn entries(schema: &Value) -> Option<&Value> {
    let by_pattern = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
    by_pattern.or(Some(&schema["additionalProperties"])).filter(|entries| entries.is_object())
}

/// What a field holds, in a word.
fn holds(definition: &str, schema: &Value) -> String {
    if let Some(form) = form(definition) {
        return form.to_owned();
    }
    if schema["oneOf"].is_array() {
        return WORD.to_owned();
    }
    if schema["allOf"].is_array() {
        return "[subject](#forms)".to_owned();
    }
    match schema["type"].as_str() {
        Some("boolean") => "yes or no",
        Some("integer") => "[count](#forms)",
        Some("array") => "a list",
        _ if entries(schema).is_some() => "entries by name",
        _ => "these fields",
    }
    .to_owned()
}

/// The word for a type that needs no further telling.
fn form(definition: &str) -> Option<&'static str> {
    Some(match definition {
        "Text" => "[text](#forms)",
        "Title" => "[title](#forms)",
        "Name" => "[name](#forms)",
        "Subject" => "[subject](#forms)",
        "Identity" => "[identity](#forms)",
        "EventId" => "[event id](#forms)",
        "Timestamp" => "[time](#forms)",
        "Occurred" => "[time](#forms), or the earliest and the latest",
        "Digest" => "[digest](#forms)",
        "Number" => "[number](#forms)",
        "Percent" => "[percent](#forms)",
        "NamespacePattern" => "[namespaces](#forms)",
        "TypePattern" => "[types](#forms)",
        "PublicKey" => "a key: 64 hex digits",
        "Kid" => "a key's name: 64 hex digits",
        "Signature" => "a signature: 128 hex digits",
        "Origin" => "a ledger's origin",
        "Document" => "any fields",
        _ => return None,
    })
}

/// A word of a closed set with its meaning.
fn word(schema: &Value) -> Option<String> {
    let word = schema["const"].as_str()?;
    let meaning = prose(schema);
    Some(if meaning.is_empty() { format!("`{word}`") } else { format!("`{word}` ({})", meaning.trim_end_matches('.')) })
}

/// What a schema says of itself, on one line and without the brackets that only documentation of code has.
fn prose(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.replace("[`", "`").replace("`]", "`").replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn resolve<'s>(definitions: &'s Value, schema: &'s Value) -> &'s Value {
    match definition(schema) {
        "" => schema,
        name => &definitions[name],
    }
}

/// The name of the definition a schema refers to; empty where it refers to none.
fn definition(schema: &Value) -> &str {
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default()
}

fn anchor(event_type: &str) -> String {
    event_type.replace('.', "")
}
