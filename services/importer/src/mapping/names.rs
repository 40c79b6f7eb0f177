//! What a mapping calls things: its columns and tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;

use super::error::{MappingError, MappingProblem, nearest};
use super::raw::{RawColumn, RawDescription, RawPersonal};
use crate::cell::{Markers, fold};

/// A column under `[columns]`, by its place in the order of their names.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ColumnId(pub(crate) usize);

/// A table under `[tables]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableId(usize);

/// A column of the file and what the mapping calls it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// What says nothing in this column, instead of what says nothing elsewhere.
    pub(crate) empty: Option<Markers>,
    pub(crate) personal: Option<Personal>,
    /// The column that says whom a cell is sealed for, as the mapping calls it.
    sealed_for: Option<String>,
    /// The same.
    pub(crate) label: Option<ColumnId>,
}

impl Column {
    /// Whether nothing of the column may be recorded.
    pub(crate) fn is_left_out(&self) -> bool {
        self.personal == Some(Personal::LeaveOut)
    }
}

/// What to do with personal data in a column.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Personal {
    /// Nothing of it is recorded.
    LeaveOut,
    /// It is recorded sealed, under a key outside of the ledger.
    Seal,
    /// It is known and recorded in clear.
    Keep,
}

/// How a column is found.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// By its header.
    Header(String),
    /// By its position, counted from 1.
    Position(usize),
}

/// What texts of cells lead to.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    entries: HashMap<String, Json>,
}

/// Everything a key of the mapping can refer to.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) columns: Vec<Column>,
    pub(crate) dates: BTreeSet<ColumnId>,
    pub(crate) ignore_case: bool,
    tables: Vec<Table>,
}

impl Names {
    pub(super) fn new(
        columns: BTreeMap<String, RawColumn>,
        tables: BTreeMap<String, BTreeMap<String, toml::Value>>,
        dates: &[String],
        ignore_case: bool,
    ) -> Result<Self, MappingError> {
        let mut names = Self { columns: Vec::new(), dates: BTreeSet::new(), ignore_case, tables: Vec::new() };
        for (name, column) in columns {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(MappingError::key(format!("columns.{name:?}"), MappingProblem::ColumnName));
            }
            let column = Column::new(name, column, ignore_case)?;
            names.columns.push(column);
        }
        for index in 0..names.columns.len() {
            if let Some(whom) = names.columns[index].sealed_for.clone() {
                // Whom a text is sealed for stands in the vault only.
                let label = names.tested(&whom, &format!("columns.{}.for", names.columns[index].name))?;
                names.columns[index].label = Some(label);
            }
        }
        for (index, column) in dates.iter().enumerate() {
            let id = names.column(column, &format!("dates.columns[{index}]"))?;
            names.dates.insert(id);
        }
        for (name, entries) in tables {
            let table = Table::new(name, entries, ignore_case)?;
            names.tables.push(table);
        }
        Ok(names)
    }

    /// A column of which something is recorded.
    pub(super) fn column(&self, name: &str, key: &str) -> Result<ColumnId, MappingError> {
        let column = self.tested(name, key)?;
        let column_name = name.to_owned();
        match self.columns[column.0].personal {
            Some(Personal::LeaveOut) => Err(MappingError::key(key, MappingProblem::LeftOut { column: column_name })),
            Some(Personal::Seal) => Err(MappingError::key(key, MappingProblem::Sealed { column: column_name })),
            Some(Personal::Keep) | None => Ok(column),
        }
    }

    /// A column that is asked about; nothing of it need be recorded.
    pub(super) fn tested(&self, name: &str, key: &str) -> Result<ColumnId, MappingError> {
        self.columns.iter().position(|column| column.name == name).map(ColumnId).ok_or_else(|| {
            let nearest = nearest(name, self.columns.iter().map(|column| column.name.as_str()));
            MappingError::key(key, MappingProblem::UnknownColumn { found: name.to_owned(), nearest })
        })
    }

    /// The columns whose cells are sealed.
    pub(crate) fn sealed(&self) -> impl Iterator<Item = ColumnId> {
        let sealed = self.columns.iter().enumerate().filter(|(_, column)| column.personal == Some(Personal::Seal));
        sealed.map(|(index, _)| ColumnId(index))
    }

    /// The columns of which nothing may be recorded.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = ColumnId> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_left_out()).map(|(index, _)| ColumnId(index))
    }

    pub(super) fn columns(&self, names: &[String], key: &str) -> Result<Vec<ColumnId>, MappingError> {
        let each = |(index, name): (usize, &String)| self.column(name, &format!("{key}[{index}]"));
        names.iter().enumerate().map(each).collect()
    }

    pub(super) fn date(&self, name: &str, key: &str) -> Result<ColumnId, MappingError> {
        let column = self.column(name, key)?;
        if self.dates.contains(&column) {
            Ok(column)
        } else {
            Err(MappingError::key(key, MappingProblem::NotADate { column: name.to_owned() }))
        }
    }

    pub(super) fn table(&self, name: &str, key: &str) -> Result<TableId, MappingError> {
        self.tables.iter().position(|table| table.name == name).map(TableId).ok_or_else(|| {
            let nearest = nearest(name, self.tables.iter().map(|table| table.name.as_str()));
            MappingError::key(key, MappingProblem::UnknownTable { found: name.to_owned(), nearest })
        })
    }

    /// The table itself.
    pub(crate) fn get(&self, table: TableId) -> &Table {
        &self.tables[table.0]
    }

    /// What a table says for the text of a cell.
    pub(crate) fn look_up(&self, table: TableId, cell: &str) -> Option<&Json> {
        self.get(table).entries.get(&fold(cell, self.ignore_case))
    }
}

impl Column {
    fn new(name: String, raw: RawColumn, ignore_case: bool) -> Result<Self, MappingError> {
        let at = |key: &str, problem| Err(MappingError::key(format!("columns.{name}{key}"), problem));
        let mut sealed_for = None;
        let (place, empty, personal) = match raw {
            RawColumn::Header(header) => (Place::Header(header), None, None),
            RawColumn::Position(position) => (Place::Position(position), None, None),
            RawColumn::Described(RawDescription { header, position, empty, personal, sealed_for: whom }) => {
                if whom.is_some() && personal != Some(RawPersonal::Seal) {
                    return at(".for", MappingProblem::ForNothing);
                }
                let place = match (header, position) {
                    (Some(header), None) => Place::Header(header),
                    (None, Some(position)) => Place::Position(position),
                    _ => return at("", MappingProblem::NotOne { allowed: "header, position" }),
                };
                sealed_for = whom;
                (place, empty, personal)
            }
        };
        let empty = match empty {
            Some(texts) if !Markers::are_texts(&texts) => return at(".empty", MappingProblem::BlankMarker),
            Some(texts) => Some(Markers::new(&texts, ignore_case)),
            None => None,
        };
        let personal = personal.map(|personal| match personal {
            RawPersonal::LeaveOut => Personal::LeaveOut,
            RawPersonal::Seal => Personal::Seal,
            RawPersonal::Keep => Personal::Keep,
        });
        Ok(Self { name, place, empty, personal, sealed_for, label: None })
    }
}

impl Table {
    fn new(name: String, raw: BTreeMap<String, toml::Value>, ignore_case: bool) -> Result<Self, MappingError> {
        let mut entries = HashMap::new();
        for (text, value) in raw {
            let at = |problem| MappingError::key(format!("tables.{name}.{text:?}"), problem);
            let value = match value {
                toml::Value::String(text) => Json::from(text),
                toml::Value::Boolean(value) => Json::from(value),
                toml::Value::Integer(value) => Json::from(value),
                toml::Value::Float(value) => Json::from(value),
                toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                    return Err(at(MappingProblem::TableValue));
                }
            };
            if entries.insert(fold(&text, ignore_case), value).is_some() {
                return Err(at(MappingProblem::RepeatedKey));
            }
        }
        Ok(Self { name, entries })
    }
}
