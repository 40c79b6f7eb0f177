//! A right shape, for somebody who wrote a wrong one.

use serde_json::Value;

use super::FieldShape;

/// How something of a shape is written, for somebody who wrote it wrongly.
pub(super) fn example(shape: &FieldShape) -> Value {
    match shape {
        FieldShape::Subject(kinds) => format!("{}:credit/pd", kinds.first().map_or("model", String::as_str)).into(),
        FieldShape::Time => "2026-03-01".into(),
        FieldShape::Occurred => "now".into(),
        FieldShape::Identity => "service:pipeline".into(),
        FieldShape::Event => "17".into(),
        FieldShape::Words(words) => words.first().map_or("", |word| &word.word).into(),
        FieldShape::Text(form) if form.contains("sha256") => "sha256:…".into(),
        FieldShape::Text(_) => "…".into(),
        FieldShape::Integer => 1.into(),
        FieldShape::Number => 0.5.into(),
        FieldShape::Boolean => true.into(),
        FieldShape::List(of) => Value::Array(vec![example(of)]),
        FieldShape::Record(fields) => {
            let needed = fields.iter().any(|field| field.required);
            let shown = fields.iter().filter(|field| field.required || !needed).take(3);
            shown.map(|field| (field.name.clone(), example(&field.shape))).collect()
        }
        FieldShape::Choice(choices) => match choices.first() {
            Some((word, content)) => serde_json::json!({ "kind": word.word, "content": example(content) }),
            None => Value::Object(serde_json::Map::new()),
        },
        FieldShape::Document => Value::Object(serde_json::Map::new()),
    }
}
