//! Files: events in JSON or YAML, and the documents that events rest on.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use probity_schemas::Digest;
use probity_terminal::wrong_use;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// One event or a list of them, in JSON or YAML.
pub(super) fn read_file(path: &str) -> Result<Vec<Value>> {
    let text = if path == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?
    };
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    let not_json = |error| wrong_use!("{path} is not JSON: {error}");
    let not_yaml = |error| wrong_use!("{path} is not YAML: {error}");
    let tree = match extension {
        Some("json") => serde_json::from_str(&text).map_err(not_json)?,
        Some("yaml" | "yml") => from_yaml(&text).map_err(not_yaml)?,
        // YAML may begin with a brace as well; where it is neither, the first error is the one that
        // was meant.
        _ if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(&text).or_else(|error| from_yaml(&text).map_err(|_| not_json(error)))?
        }
        _ => from_yaml(&text).map_err(not_yaml)?,
    };
    match tree {
        Value::Array(items) => Ok(items),
        Value::Object(_) => Ok(vec![tree]),
        _ => Err(wrong_use!("{path} holds no event, and no list of events")),
    }
}

/// YAML 1.2: `NO` is Norway, not no.
pub(super) fn from_yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

/// A document as an event names it.
pub(super) fn evidence(path: &Path, kind: Option<&str>) -> Result<Value> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let digest = Digest::from_bytes(Sha256::digest(&bytes).into());
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    let (media_type, usual) = match extension.as_str() {
        "pdf" => ("application/pdf", "document"),
        "md" => ("text/markdown", "document"),
        "txt" => ("text/plain", "document"),
        "html" | "htm" => ("text/html", "document"),
        "docx" => ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document"),
        "xlsx" => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "spreadsheet"),
        "csv" => ("text/csv", "table"),
        "json" => ("application/json", "data"),
        "yaml" | "yml" => ("application/yaml", "data"),
        "ipynb" => ("application/x-ipynb+json", "notebook"),
        "png" => ("image/png", "image"),
        "jpg" | "jpeg" => ("image/jpeg", "image"),
        _ => ("application/octet-stream", "file"),
    };
    Ok(json!({ "digest": digest, "kind": kind.unwrap_or(usual), "media_type": media_type }))
}
