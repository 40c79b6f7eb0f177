//! Which row is which, and what its subjects are called.
//!
//! A row is known by the cells that the mapping lists as its identity. Where several rows have
//! those in common, a hash of further cells tells them apart. Once a row is recorded, it keeps its
//! identity and its name, whatever other rows come and go in later editions.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use probity_schemas::{Name, Namespace, Text};

use crate::cell::normalised;
use crate::digest::short_hash;
use crate::history::{History, KnownRow, Said};
use crate::mapping::{ColumnId, Mapping};
use crate::report::Reason;
use crate::row::{Cells, Remark, RowName};
use crate::slug::{slug, with_hash};

/// Parts the cells of an identity; also parts an identity from what is added for ids of further
/// events. No recordable text holds it.
pub(crate) const UNIT: char = '\u{1f}';

/// Why a row has no name, and its identity if at least that is known.
#[derive(Debug)]
pub(crate) struct Nameless {
    pub(crate) identity: Option<String>,
    pub(crate) reason: Box<Reason>,
}

impl Nameless {
    fn new(identity: Option<String>, reason: Reason) -> Self {
        Self { identity, reason: Box::new(reason) }
    }
}

/// A row's identity in its system, and its name.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) identity: String,
    pub(crate) name: RowName,
}

/// A row to be named.
pub(crate) struct Candidate<'r, 's> {
    pub(crate) line: u64,
    pub(crate) cells: &'r Cells<'s>,
    pub(crate) remarks: &'r mut Vec<Remark>,
}

/// Names all rows of a file, in its order.
pub(crate) fn name_all(
    mapping: &Mapping,
    mut rows: Vec<Candidate<'_, '_>>,
    history: &History,
) -> Vec<Result<Named, Nameless>> {
    let identities = identify(mapping, &rows, history);
    let mut wished = Vec::with_capacity(rows.len());
    for (row, identity) in rows.iter_mut().zip(identities) {
        wished.push(identity.and_then(|identity| match wish(mapping, row) {
            Ok(name) => Ok(Named { identity, name }),
            Err(reason) => Err(Nameless::new(Some(identity), reason)),
        }));
    }
    settle(wished, history)
}

/// Gives every row its identity.
fn identify(mapping: &Mapping, rows: &[Candidate<'_, '_>], history: &History) -> Vec<Result<String, Nameless>> {
    let plain: Vec<Option<String>> = rows.iter().map(|row| identity(mapping, row.cells)).collect();
    let further: Vec<String> = rows.iter().map(|row| further(mapping, row.cells)).collect();
    let mut lines: HashMap<(&str, &str), u64> = HashMap::new();
    let mut twins: HashMap<&str, usize> = HashMap::new();
    for ((row, plain), further) in rows.iter().zip(&plain).zip(&further) {
        let Some(plain) = plain else { continue };
        lines.entry((plain, further)).or_insert_with(|| {
            *twins.entry(plain).or_default() += 1;
            row.line
        });
    }
    let each = rows.iter().zip(&plain).zip(&further);
    each.map(|((row, plain), further)| {
        let refuse = |identity: Option<&String>, reason| Err(Nameless::new(identity.cloned(), reason));
        let Some(plain) = plain else { return refuse(None, Reason::NoIdentity) };
        let apart = format!("{plain} #{}", short_hash(further, 16));
        let identity = if history.row(&apart).is_some() {
            apart
        } else if twins.get(plain.as_str()) == Some(&1)
            || history.row(plain).is_some_and(|known| is_same(mapping, known, row.cells))
        {
            plain.clone()
        } else {
            apart
        };
        match (lines.get(&(plain.as_str(), further.as_str())), identity.parse::<Text>()) {
            (Some(line), _) if *line != row.line => refuse(Some(&identity), Reason::SameAs { line: *line }),
            (_, Err(error)) => refuse(None, Reason::Name(error)),
            (_, Ok(_)) => Ok(identity),
        }
    })
    .collect()
}

/// What the record has of a row that is not to be imported.
pub(crate) fn recorded<'h>(
    mapping: &Mapping,
    cells: &Cells<'_>,
    history: &'h History,
) -> Option<(String, &'h KnownRow)> {
    let plain = identity(mapping, cells)?;
    let apart = format!("{plain} #{}", short_hash(&further(mapping, cells), 16));
    [apart, plain].into_iter().find_map(|identity| history.row(&identity).map(|known| (identity, known)))
}

/// The identifying cells, readable: `|` parts them, and `\` stands before a `|` or `\` of their own.
fn identity(mapping: &Mapping, cells: &Cells<'_>) -> Option<String> {
    let texts: Vec<Cow<'_, str>> = mapping.identity.iter().map(|column| compared(cells, *column)).collect();
    if texts.iter().all(|text| text.is_empty()) {
        return None;
    }
    let escaped: Vec<String> = texts.iter().map(|text| text.replace('\\', "\\\\").replace('|', "\\|")).collect();
    Some(escaped.join(" | "))
}

/// The cells that tell apart rows of one identity.
fn further(mapping: &Mapping, cells: &Cells<'_>) -> String {
    let texts: Vec<Cow<'_, str>> = mapping.disambiguate.iter().map(|column| compared(cells, *column)).collect();
    texts.join(&UNIT.to_string())
}

/// A cell as it is compared with those of other rows.
fn compared<'s>(cells: &Cells<'s>, column: ColumnId) -> Cow<'s, str> {
    normalised(cells.raw(column).unwrap_or_default())
}

/// Whether the record has the same in all cells that tell apart.
fn is_same(mapping: &Mapping, known: &KnownRow, cells: &Cells<'_>) -> bool {
    mapping.disambiguate.iter().all(|column| {
        let name = &mapping.names.columns[column.0].name;
        let said = known.said.get(&Said::Attribute(name.clone())).map(|text| normalised(text));
        said.unwrap_or_default() == compared(cells, *column)
    })
}

/// What a row would be called if it were alone.
fn wish(mapping: &Mapping, row: &mut Candidate<'_, '_>) -> Result<RowName, Reason> {
    let mut segments = Vec::with_capacity(mapping.namespace.len());
    for value in &mapping.namespace {
        let text = row.cells.as_text(value, row.remarks).ok_or(Reason::NoName { part: "namespace" })?;
        segments.push(slug(&text));
    }
    let namespace: Namespace = segments.join("/").parse().map_err(Reason::Name)?;
    let name = row.cells.as_text(&mapping.name, row.remarks).ok_or(Reason::NoName { part: "name" })?;
    Ok(RowName { namespace, name: slug(&name).parse().map_err(Reason::Name)? })
}

/// Tells apart the names that rows have in common, with each other or with what is recorded.
fn settle(wished: Vec<Result<Named, Nameless>>, history: &History) -> Vec<Result<Named, Nameless>> {
    let mut wishes: HashMap<(Namespace, Name), usize> = HashMap::new();
    for named in wished.iter().flatten() {
        *wishes.entry(key(&named.name)).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let give = |named: Result<Named, Nameless>| {
        let Named { identity, mut name } = named?;
        if let Some(known) = history.row(&identity) {
            name = RowName { namespace: known.subject.namespace.clone(), name: known.subject.name.clone() };
        } else if wishes.get(&key(&name)).is_some_and(|count| *count > 1) || is_others(&name, &identity, history) {
            match with_hash(name.name.as_str(), &identity).parse() {
                Ok(apart) => name.name = apart,
                Err(error) => return Err(Nameless::new(Some(identity), Reason::Name(error))),
            }
        }
        if is_others(&name, &identity, history) || !taken.insert(key(&name)) {
            let reason = Reason::NameTaken { name: format!("{}/{}", name.namespace, name.name) };
            return Err(Nameless::new(Some(identity), reason));
        }
        Ok(Named { identity, name })
    };
    wished.into_iter().map(give).collect()
}

fn key(name: &RowName) -> (Namespace, Name) {
    (name.namespace.clone(), name.name.clone())
}

fn is_others(name: &RowName, identity: &str, history: &History) -> bool {
    history.owner(&name.namespace, &name.name).is_some_and(|owner| owner != identity)
}
