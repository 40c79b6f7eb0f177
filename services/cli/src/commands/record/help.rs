//! What can be said: the types, their fields, samples.

use std::fmt::Write;

use anyhow::{Context, Result};
use clap::Args as _;
use probity_schemas::{DEFAULT_ROLES, RolesPolicy, TypeInfo};
use probity_terminal::{Answer, out};
use serde_json::{Value, json};

use super::args::RecordArgs;
use super::show::relaxed;
use crate::fields::{self, Field, FieldShape};
use crate::output;
use crate::session::{Session, SessionArgs};

/// Prints the help of the command, or that of a type.
pub(super) fn show(what: Option<&str>, session: &Session) -> Result<Answer> {
    let Some(event_type) = what else {
        let command = clap::Command::new("probity record").about("Sign events and record them.");
        SessionArgs::augment_args(RecordArgs::augment_args(command)).print_long_help()?;
        return Ok(Answer::Yes);
    };
    let info = fields::info_of(event_type)?;
    if session.json {
        output::json(&info.json_schema())?;
    } else {
        out!("{}", of_type(info)?);
    }
    Ok(Answer::Yes)
}

fn of_type(info: &TypeInfo) -> Result<String> {
    let shape = fields::of_type(info);
    let (nature, consequence) = match info.is_act() {
        true => ("an act", "it takes effect by being recorded, and must obey the rules at the door"),
        false => ("a fact", "it says what happened, and is judged afterwards"),
    };
    let kinds: Vec<&str> = info.subject_kinds.iter().map(|kind| kind.as_str()).collect();
    let roles: RolesPolicy = serde_json::from_str(DEFAULT_ROLES).context("the default roles")?;
    let mut who: Vec<&str> =
        roles.roles.keys().filter(|role| roles.may_record(role, info)).map(|role| role.as_str()).collect();
    if roles.anyone_may_record(info) {
        who = vec!["anyone enrolled"];
    }
    let mut text = String::new();
    writeln!(text, "{} v{}: {}\n", info.event_type, info.version, fields::doc_of(info))?;
    writeln!(text, "  It is {nature}: {consequence}.")?;
    writeln!(text, "  About:     {}", kinds.join(", "))?;
    writeln!(text, "  Recorded:  by {}, where no other policy of roles is in force\n", who.join(", "))?;
    let data = shape.field("data").map(|field| &field.shape);
    writeln!(text, "Fields (* are needed), for --set FIELD=VALUE:")?;
    list(&mut text, data, 2)?;
    writeln!(
        text,
        "\nOf every event: --subject*, --regarding, --about, --evidence, --title, --on-behalf-of, --occurred.\n"
    )?;
    writeln!(text, "A sample, to be written to a file or taken with --from sample:\n")?;
    text.push_str(&as_yaml(info, &sample_of(info)?)?);
    Ok(text)
}

fn list(text: &mut String, shape: Option<&FieldShape>, indent: usize) -> Result<()> {
    let fields: &[Field] = match shape {
        Some(FieldShape::Record(fields)) => fields,
        Some(FieldShape::List(of)) => return list(text, Some(of), indent),
        Some(FieldShape::Choice(choices)) => {
            for (word, shape) in choices {
                writeln!(text, "{:indent$}kind={}  {}", "", word.word, word.doc)?;
                list(text, Some(shape), indent + 4)?;
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    if fields.is_empty() {
        writeln!(text, "{:indent$}(none)", "")?;
    }
    for field in fields {
        let star = if field.required { "*" } else { "" };
        writeln!(text, "{:indent$}{}{star}  {}", "", field.name, field.doc)?;
        writeln!(text, "{:indent$}    {}", "", field.shape.in_words())?;
        list(text, Some(&field.shape), indent + 4)?;
    }
    Ok(())
}

/// The sample of a type, without the fields that are filled in.
pub(super) fn sample_of(info: &TypeInfo) -> Result<Value> {
    let mut tree = serde_json::to_value(info.sample()?)?;
    if let Value::Object(fields) = &mut tree {
        for filled_in in ["id", "v", "occurred", "regarding", "causes"] {
            fields.remove(filled_in);
        }
    }
    Ok(tree)
}

/// An event in YAML, its subjects and times as people write them.
pub(super) fn as_yaml(info: &TypeInfo, tree: &Value) -> Result<String> {
    Ok(serde_saphyr::to_string(&relaxed(&fields::of_type(info), tree))?)
}

/// Prints a sample.
pub(super) fn sample(event_type: &str) -> Result<Answer> {
    output::json(&sample_of(fields::info_of(event_type)?)?)?;
    Ok(Answer::Yes)
}

/// Lists the types.
pub(super) fn types(session: &Session) -> Result<Answer> {
    if session.json {
        let types: Vec<Value> = probity_schemas::catalogue()
            .map(|info| json!({ "type": info.event_type, "v": info.version, "act": info.is_act() }))
            .collect();
        output::json(&types)?;
        return Ok(Answer::Yes);
    }
    let mut table = output::table(&["TYPE", "V", "NATURE", "ABOUT"]);
    for info in probity_schemas::catalogue() {
        let kinds = info.subject_kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        let nature = if info.is_act() { "act" } else { "fact" };
        table.add_row([info.event_type, &info.version.to_string(), nature, &kinds]);
    }
    table.print();
    Ok(Answer::Yes)
}
