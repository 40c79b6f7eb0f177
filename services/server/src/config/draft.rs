//! A configuration as it is written: its text with the environment over it, everything that is wrong
//! with it at once, and where each of it stands.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError};

/// Something that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Where it was written; `None` where it was not, as a default or a flag.
    pub(crate) place: Option<Place>,
    /// The key that it is about, as a path such as `access.certificate[0].sha256`.
    pub(crate) key: String,
    pub(crate) message: String,
}

/// Where a value of a configuration was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the file, at this line, counted from 1.
    Line { file: PathBuf, line: usize },
    /// In this environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Variable(variable) => write!(f, "environment variable {variable}"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A configuration that may still be wrong.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The file and its text, where there is one.
    file: Option<(PathBuf, String)>,
    /// The variables that were laid over it, by the key that they set, such as `listen.grpc`.
    variables: BTreeMap<String, String>,
    table: toml::Table,
    mistakes: Vec<Mistake>,
}

impl Draft {
    /// Reads `file` (if any) and lays the environment over it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn read(
        file: Option<&Path>,
        directory: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut draft =
            Self { file: None, variables: BTreeMap::new(), table: toml::Table::new(), mistakes: Vec::new() };
        if let Some(path) = file {
            let text =
                fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
            draft.parse(path, text);
        }
        for (variable, value) in environment {
            draft.overlay(&variable, value);
        }
        if let Some(directory) = directory {
            let value = toml::Value::String(directory.to_string_lossy().into_owned());
            section(&mut draft.table, "ledger").map(|section| section.insert("directory".to_owned(), value));
        }
        Ok(draft)
    }

    fn parse(&mut self, path: &Path, text: String) {
        match text.parse() {
            Ok(table) => self.table = table,
            Err(_) => {
                let (_, errors) = DeTable::parse_recoverable(&text);
                self.mistakes.extend(errors.iter().map(|error| {
                    let line = line_of(&text, error.span().map_or(0, |span| span.start));
                    let place = Some(Place::Line { file: path.to_owned(), line });
                    Mistake { place, key: String::new(), message: format!("it is not TOML: {}", error.message()) }
                }));
            }
        }
        self.file = Some((path.to_owned(), text));
    }

    /// Lays `PROBITY_SECTION__KEY=value` over the table; other variables are none of ours.
    fn overlay(&mut self, variable: &str, value: String) {
        let Some((name, key)) = variable.strip_prefix("PROBITY_").and_then(|rest| rest.split_once("__")) else {
            return;
        };
        let (name, key) = (name.to_lowercase(), key.to_lowercase());
        let Some(section) = section(&mut self.table, &name) else {
            let place = Some(Place::Variable(variable.to_owned()));
            let message = format!("{name} is not a section");
            self.mistakes.push(Mistake { place, key: name, message });
            return;
        };
        // Numbers and booleans are written as in TOML, all else is text.
        let value = match format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("v")) {
            Some(parsed @ (toml::Value::Integer(_) | toml::Value::Boolean(_))) => parsed,
            _ => toml::Value::String(value),
        };
        self.variables.insert(format!("{name}.{key}"), variable.to_owned());
        section.insert(key, value);
    }

    /// The configuration, as far as it can be read, and everything that is wrong with how it is
    /// written. Without mistakes there is a configuration.
    pub(crate) fn config(&self) -> (Option<Config>, Vec<Mistake>) {
        let mut mistakes = self.mistakes.clone();
        if !mistakes.is_empty() {
            return (None, mistakes);
        }
        let mut table = self.table.clone();
        let mut taken_out = HashSet::new();
        // Each value that cannot be read is taken out, so that the next one is found as well.
        loop {
            let error = match serde_path_to_error::deserialize(toml::Value::Table(table.clone())) {
                Ok(config) => return (Some(config), mistakes),
                Err(error) => error,
            };
            let path = error.path().to_string();
            let message = error.into_inner().message().to_owned();
            let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
            // What was taken out before is not missing as well.
            if missing.is_none_or(|field| !taken_out.contains(&format!("{path}.{field}"))) {
                let key = if path == "." { String::new() } else { path.clone() };
                let said = if key.is_empty() { message.clone() } else { format!("{key}: {message}") };
                mistakes.push(Mistake { place: self.place(&path), key, message: said });
            }
            let progress = match path.as_str() {
                // Only [ledger] directory has no default: what else is wrong is looked for without.
                "." | "ledger" if missing.is_some() => {
                    let directory = toml::Value::String(String::new());
                    section(&mut table, "ledger")
                        .is_some_and(|section| section.insert("directory".to_owned(), directory).is_none())
                }
                path => remove(&mut table, &steps(path)),
            };
            taken_out.insert(path);
            if !progress {
                return (None, mistakes);
            }
        }
    }

    /// A mistake about the value at a path.
    pub(crate) fn mistake(&self, key: impl Into<String>, message: impl Into<String>) -> Mistake {
        let key = key.into();
        Mistake { place: self.place(&key), key, message: message.into() }
    }

    /// Where the value at a path such as `access.certificate[0].sha256` was written, or the nearest
    /// thing around it.
    fn place(&self, path: &str) -> Option<Place> {
        if let Some(variable) = self.variables.get(path) {
            return Some(Place::Variable(variable.clone()));
        }
        let (file, text) = self.file.as_ref()?;
        let document = DeTable::parse(text).ok()?;
        let mut start = None;
        let mut table = Some(document.get_ref());
        let mut array = None;
        for step in steps(path) {
            let value = match (table, array) {
                (Some(within), _) => {
                    let within: &DeTable<'_> = within;
                    let Some((key, value)) = within.iter().find(|(key, _)| key.get_ref().as_ref() == step) else {
                        break;
                    };
                    start = Some(key.span().start);
                    value
                }
                (None, Some(within)) => {
                    let within: &toml::de::DeArray<'_> = within;
                    let Some(value) = step.parse().ok().and_then(|place: usize| within.get(place)) else { break };
                    start = Some(value.span().start);
                    value
                }
                (None, None) => break,
            };
            (table, array) = match value.get_ref() {
                DeValue::Table(within) => (Some(within), None),
                DeValue::Array(within) => (None, Some(within)),
                _ => (None, None),
            };
        }
        Some(Place::Line { file: file.clone(), line: line_of(text, start?) })
    }
}

/// The steps of a path: `access.certificate[0].sha256` has four.
fn steps(path: &str) -> Vec<&str> {
    path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty()).collect()
}

/// The line, counted from 1, of an offset in a text.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Takes out what is at a path; whether there was anything.
fn remove(table: &mut toml::Table, steps: &[&str]) -> bool {
    let Some((first, rest)) = steps.split_first() else { return false };
    let Some(value) = table.get_mut(*first) else { return false };
    let gone = match (rest.split_first(), value) {
        (None, _) => false,
        (Some(_), toml::Value::Table(within)) => remove(within, rest),
        (Some((place, rest)), toml::Value::Array(within)) => match place.parse().ok() {
            Some(place) if place < within.len() => {
                let inner = within.get_mut(place).and_then(toml::Value::as_table_mut);
                if !inner.is_some_and(|inner| remove(inner, rest)) {
                    within.remove(place);
                }
                true
            }
            _ => false,
        },
        (Some(_), _) => false,
    };
    gone || table.remove(*first).is_some()
}

fn section<'a>(table: &'a mut toml::Table, name: &str) -> Option<&'a mut toml::Table> {
    table.entry(name).or_insert_with(|| toml::Value::Table(toml::Table::new())).as_table_mut()
}
