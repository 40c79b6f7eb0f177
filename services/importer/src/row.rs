//! One row under a mapping: its cells, its dates, and what values and conditions make of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use probity_schemas::{Document, Name, Namespace, Occurred, Subject, SubjectKind, Text};
use serde_json::{Map, Value as Json};

use crate::cell::{holds_address, listed, normalised};
use crate::dates::Reading;
use crate::mapping::{ColumnId, Condition, Edge, Mapping, SubjectSpec, Test, Value};
use crate::report::{Effect, Reason};
use crate::slug::slug;

/// Something to report about a row.
#[derive(Debug)]
pub(crate) struct Remark {
    pub(crate) effect: Effect,
    pub(crate) column: Option<ColumnId>,
    pub(crate) reason: Reason,
}

/// What a row is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowName {
    pub(crate) namespace: Namespace,
    pub(crate) name: Name,
}

impl RowName {
    pub(crate) fn subject(&self, kind: SubjectKind) -> Subject {
        Subject { kind, namespace: self.namespace.clone(), name: self.name.clone(), version: None }
    }
}

/// A row whose cells are known to be recordable texts.
#[derive(Debug)]
pub(crate) struct Cells<'s> {
    mapping: &'s Mapping,
    /// Blank cells are `None`.
    cells: Vec<Option<&'s str>>,
    dates: HashMap<ColumnId, Occurred>,
}

impl<'s> Cells<'s> {
    /// Looks at every cell once: what can't be recorded is left out, what should be a date is
    /// read, what isn't expected is named.
    pub(crate) fn new(mapping: &'s Mapping, raw: &'s [String], remarks: &mut Vec<Remark>) -> Self {
        let mut cells = Vec::with_capacity(raw.len());
        for (index, cell) in raw.iter().enumerate() {
            let text = Some(cell.as_str()).filter(|cell| !normalised(cell).is_empty());
            let refused = text.and_then(|text| text.parse::<Text>().err());
            cells.push(text.filter(|_| refused.is_none()));
            remarks.extend(refused.map(|error| Remark {
                effect: Effect::CellLeftOut,
                column: Some(ColumnId(index)),
                reason: Reason::Text(error),
            }));
        }
        let mut row = Self { mapping, cells, dates: HashMap::new() };
        row.warn_of_addresses(remarks);
        row.read_dates(remarks);
        row.check_expected(remarks);
        row
    }

    /// Names the cells with e-mail addresses that nobody has decided about.
    fn warn_of_addresses(&self, remarks: &mut Vec<Remark>) {
        let columns = self.mapping.names.columns.iter().enumerate().filter(|(_, column)| column.personal.is_none());
        let found = columns.filter(|(index, _)| self.cells[*index].is_some_and(holds_address));
        remarks.extend(found.map(|(index, _)| Remark {
            effect: Effect::CellNoted,
            column: Some(ColumnId(index)),
            reason: Reason::EmailAddress,
        }));
    }

    fn read_dates(&mut self, remarks: &mut Vec<Remark>) {
        let mapping = self.mapping;
        for &column in &mapping.names.dates {
            let Some(text) = self.cells[column.0].filter(|_| !self.is_empty(column)) else { continue };
            let mut remark = |effect, reason| remarks.push(Remark { effect, column: Some(column), reason });
            match mapping.dates.read(&normalised(text)) {
                Err(problem) => remark(Effect::CellNotRead, Reason::Date(problem)),
                Ok(Reading { occurred, remark: more }) => {
                    if more {
                        remark(Effect::CellNoted, Reason::Remark);
                    }
                    if let Some(as_of) = mapping.as_of.filter(|as_of| *as_of < occurred.earliest()) {
                        remark(Effect::CellNoted, Reason::Announced { as_of });
                    }
                    self.dates.insert(column, occurred);
                }
            }
        }
    }

    fn check_expected(&self, remarks: &mut Vec<Remark>) {
        for condition in &self.mapping.expect {
            let Condition::Cell(column, _) = condition else { continue };
            if !self.is_empty(*column) && !self.holds(condition) {
                remarks.push(Remark { effect: Effect::CellNotRead, column: Some(*column), reason: Reason::Unexpected });
            }
        }
    }

    /// A cell's text as it stands in the file; `None` when it is blank.
    pub(crate) fn raw(&self, column: ColumnId) -> Option<&'s str> {
        self.cells[column.0]
    }

    /// The date in a cell, as far as it is known.
    pub(crate) fn date(&self, column: ColumnId) -> Option<Occurred> {
        self.dates.get(&column).copied()
    }

    /// Whether a cell says something that could not be read as a date.
    pub(crate) fn is_unread(&self, column: ColumnId) -> bool {
        !self.is_empty(column) && !self.dates.contains_key(&column)
    }

    /// Whether a cell says nothing.
    fn is_empty(&self, column: ColumnId) -> bool {
        let mapping = self.mapping;
        let general = if mapping.names.dates.contains(&column) { &mapping.empty_dates } else { &mapping.empty };
        let markers = mapping.names.columns[column.0].empty.as_ref().unwrap_or(general);
        self.cells[column.0].is_none_or(|cell| markers.is_empty(cell))
    }

    /// A cell's text as it is compared and read; `None` when it says nothing.
    fn text(&self, column: ColumnId) -> Option<Cow<'s, str>> {
        self.cells[column.0].filter(|_| !self.is_empty(column)).map(normalised)
    }

    /// Every cell that isn't blank or left out, by the mapping's name for its column.
    pub(crate) fn attributes(&self) -> Document {
        let named = self.mapping.names.columns.iter().zip(&self.cells).filter(|(column, _)| !column.is_left_out());
        named.filter_map(|(column, cell)| Some((column.name.clone(), Json::from((*cell)?)))).collect()
    }

    /// Whom the cell of a column is sealed for: what stands in the column that says so, or else in itself.
    pub(crate) fn label(&self, column: ColumnId) -> Option<String> {
        let whom = self.mapping.names.columns[column.0].label.and_then(|label| self.text(label));
        whom.or_else(|| self.text(column)).map(Cow::into_owned)
    }

    pub(crate) fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Cell(column, tests) => tests.iter().any(|test| self.passes(*column, test)),
            Condition::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Condition::All(parts) => parts.iter().all(|part| self.holds(part)),
            Condition::Not(part) => !self.holds(part),
        }
    }

    fn passes(&self, column: ColumnId, test: &Test) -> bool {
        let cell = self.cells[column.0].unwrap_or_default();
        match test {
            Test::Is(pattern) => pattern.is(cell),
            Test::StartsWith(pattern) => pattern.opens(cell),
            Test::InTable(table) => self.mapping.names.look_up(*table, cell).is_some(),
            Test::Present(wanted) => *wanted != self.is_empty(column),
            Test::Dated(wanted) => *wanted == self.dates.contains_key(&column),
        }
    }

    /// What a value is in this row; `None` leaves the field out.
    pub(crate) fn value(&self, value: &Value, name: Option<&RowName>, remarks: &mut Vec<Remark>) -> Option<Json> {
        let mut not_read = |column: ColumnId, reason| {
            remarks.push(Remark { effect: Effect::CellNotRead, column: Some(column), reason });
            None
        };
        match value {
            Value::Literal(value) => Some(value.clone()),
            Value::Column(column) => self.text(*column).map(Json::from),
            Value::Lookup(column, table) => {
                let text = self.text(*column)?;
                let found = self.mapping.names.look_up(*table, &text).cloned();
                let missing = || Reason::NotInTable { table: self.mapping.names.get(*table).name.clone() };
                found.or_else(|| not_read(*column, missing()))
            }
            Value::Split(column, separator) => {
                let text = self.text(*column)?;
                let parts = text.split(separator.as_str()).map(str::trim);
                let parts: Vec<Json> = parts.filter(|part| !part.is_empty()).map(Json::from).collect();
                (!parts.is_empty()).then_some(Json::Array(parts))
            }
            Value::Listed(column) => match listed(&self.text(*column)?) {
                Some(parts) => (!parts.is_empty()).then(|| Json::from(parts)),
                None => not_read(*column, Reason::NotAList),
            },
            Value::Number(column) => {
                let number = self.text(*column)?.parse().ok().and_then(serde_json::Number::from_f64);
                number.map(Json::Number).or_else(|| not_read(*column, Reason::NotANumber))
            }
            Value::Date(column, edge) => self.date(*column).map(|occurred| match edge {
                Edge::Earliest => Json::from(occurred.earliest().as_ms()),
                Edge::Latest => Json::from(occurred.latest().as_ms()),
            }),
            Value::Join(parts, with) => {
                let parts: Vec<String> =
                    parts.iter().filter_map(|part| self.value(part, name, remarks)).map(plain).collect();
                (!parts.is_empty()).then(|| Json::from(parts.join(with)))
            }
            Value::First(choices) => choices.iter().find_map(|choice| self.value(choice, name, remarks)),
            Value::List(items) => {
                let items: Vec<Json> = items.iter().filter_map(|item| self.value(item, name, remarks)).collect();
                (!items.is_empty()).then_some(Json::Array(items))
            }
            Value::Fields(fields) => {
                let fields = self.fields(fields, name, remarks);
                (!fields.is_empty()).then_some(Json::Object(fields))
            }
            Value::Subject(subject) => {
                let subject = self.subject(subject, name?, remarks)?;
                serde_json::to_value(subject).ok()
            }
        }
    }

    /// A subject in this row; `None` where the cells that give it its name are empty.
    pub(crate) fn subject(&self, spec: &SubjectSpec, row: &RowName, remarks: &mut Vec<Remark>) -> Option<Subject> {
        let Some(name) = &spec.name else { return Some(row.subject(spec.kind)) };
        let name = slug(&self.as_text(name, remarks)?);
        let named = match &spec.namespace {
            None => name.parse().map(|name| RowName { namespace: row.namespace.clone(), name }),
            Some(levels) => {
                let mut segments = Vec::with_capacity(levels.len());
                for level in levels {
                    segments.push(slug(&self.as_text(level, remarks)?));
                }
                let namespace = segments.join("/").parse();
                namespace.and_then(|namespace| Ok(RowName { namespace, name: name.parse()? }))
            }
        };
        let refuse = |error| {
            remarks.push(Remark { effect: Effect::CellNotRead, column: spec.column(), reason: Reason::Name(error) })
        };
        named.map_err(refuse).ok().map(|named| named.subject(spec.kind))
    }

    pub(crate) fn fields(
        &self,
        fields: &BTreeMap<String, Value>,
        name: Option<&RowName>,
        remarks: &mut Vec<Remark>,
    ) -> Map<String, Json> {
        let each = |(field, value): (&String, &Value)| Some((field.clone(), self.value(value, name, remarks)?));
        fields.iter().filter_map(each).collect()
    }

    /// What a value is in this row, as text.
    pub(crate) fn as_text(&self, value: &Value, remarks: &mut Vec<Remark>) -> Option<String> {
        self.value(value, None, remarks).map(plain)
    }
}

/// A value as text.
fn plain(value: Json) -> String {
    match value {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
