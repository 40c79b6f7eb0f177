//! Where drafts come from: a type, its sample, or a file.

use std::path::Path;

use anyhow::Result;
use probity_terminal::wrong_use;
use serde_json::Value;

use super::documents::read_file;
use super::draft::Draft;
use super::help;

/// The drafts that `what` and `--from` name.
pub(super) fn read(what: Option<&str>, from: Option<&str>) -> Result<Vec<Draft>> {
    let Some(what) = what else {
        return Err(wrong_use!("a type or a file is needed; probity record --types lists the types"));
    };
    let info = match probity_schemas::newest(what) {
        Ok(info) => info,
        // A file is a file whatever its name looks like.
        Err(error) if what != "-" && !Path::new(what).exists() && !what.contains('/') => {
            return Err(wrong_use!("{error}, and there is no file {what:?}"));
        }
        Err(_) if from.is_some() => return Err(wrong_use!("--from goes with a type, and {what:?} is a file")),
        Err(_) => {
            let trees = read_file(what)?;
            let many = trees.len() > 1;
            let place = |at| if many { format!("[{at}] ") } else { String::new() };
            return Ok(trees.into_iter().enumerate().map(|(at, tree)| Draft::new(tree, place(at))).collect());
        }
    };
    let mut draft = Draft::of(info);
    match from {
        None => {}
        Some("sample") => draft.tree = help::sample_of(info)?,
        Some(file) => {
            let [tree] = <[Value; 1]>::try_from(read_file(file)?)
                .map_err(|trees| wrong_use!("{file} holds {} events; --from takes one", trees.len()))?;
            match tree.get("type").and_then(Value::as_str) {
                Some(other) if other != what => return Err(wrong_use!("{file} holds {other}, not {what}")),
                _ => draft.tree = tree,
            }
            draft.tree["type"] = what.into();
            draft.begun_here = false;
        }
    }
    Ok(vec![draft])
}
