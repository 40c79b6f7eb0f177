//! What an import records: the events that are not in the record yet, and the report.

use std::collections::{BTreeMap, HashSet};

use probity_schemas::import::{Completed, Coverage, RowCounts};
use probity_schemas::{Digest, Event, Identity, Occurred, ParseError, Subject, Timestamp, Title};
use serde::Serialize;

use crate::build::{Builder, Unmade};
use crate::changes::{Carried, Now, carry};
use crate::history::History;
use crate::mapping::{ColumnId, Mapping};
use crate::naming::{Candidate, Named, Nameless, UNIT, name_all, recorded};
use crate::report::{Column, Effect, Entry, Reason, Report};
use crate::row::{Cells, Remark};
use crate::sealing::{NoVault, Sealer};
use crate::sheet::{Row, Sheet};

/// What became of a row. Every row is counted once.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// Something of it is recorded for the first time.
    Taken,
    /// All of it is in the record.
    Unchanged,
    /// The record said otherwise.
    Changed,
    /// Not recorded, or not whole.
    Refused,
    /// The mapping leaves it aside.
    Skipped,
    /// The same as an earlier row.
    Repeated,
}

/// A row of the plan.
#[derive(Debug)]
struct PlannedRow {
    line: u64,
    identity: Option<String>,
    outcome: Outcome,
}

/// An event to record, and the row it comes from.
#[derive(Debug)]
struct PlannedEvent {
    event: Event,
    row: usize,
    refused: bool,
}

/// Everything one import is to record.
///
/// The same file, mapping, issuer and history make the same plan, to the byte.
#[derive(Debug)]
pub struct Plan {
    system: Title,
    coverage: Coverage,
    as_of: Option<Timestamp>,
    file: Digest,
    mapping: Digest,
    issuer: Identity,
    earlier_imports: u32,
    is_latest: bool,
    columns: Vec<Column>,
    /// The columns of which nothing is recorded.
    left_out: Vec<ColumnId>,
    /// The columns that are recorded sealed.
    sealed: Vec<ColumnId>,
    rows: Vec<PlannedRow>,
    events: Vec<PlannedEvent>,
    already_recorded: usize,
    vanished: u64,
    report: Report,
}

/// What the ledger said to an event that it did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The event's place in [`Plan::events`].
    pub event: usize,
    /// The ledger's reason, such as `NOT_AUTHORISED`.
    pub code: String,
    /// Its words.
    pub message: String,
}

/// An import in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows of the file.
    pub rows: u64,
    /// Rows recorded for the first time.
    pub recorded: u64,
    /// Rows that were in the record, and the same.
    pub already_recorded: u64,
    /// Rows that were in the record, and different.
    pub changed: u64,
    /// Rows in the record that the file no longer has.
    pub vanished: u64,
    /// Rows not recorded, or not whole.
    pub refused: u64,
    /// Rows that the mapping skips.
    pub skipped: u64,
    /// Rows taken for one with an earlier row that is the same.
    pub repeated: u64,
    /// Cells that are named in the report.
    pub cells_reported: u64,
    /// New events, by type.
    pub events: BTreeMap<&'static str, u64>,
    /// Events that were in the record.
    pub events_already_recorded: u64,
}

impl Plan {
    /// Plans the import of a file.
    ///
    /// `history` is what `issuer` recorded from the mapping's system before. `edition` is what the
    /// file is called where it amends an earlier one; its digest, if nothing better is given.
    /// A mapping that seals columns takes a vault ([`Self::sealed`]); without one, their rows are refused.
    pub fn new(mapping: &Mapping, sheet: &Sheet, history: &History, issuer: &Identity, edition: Option<&str>) -> Self {
        Self::sealed(mapping, sheet, history, issuer, edition, &NoVault)
    }

    /// Plans the import of a file ([`Self::new`]), and seals what the mapping says.
    pub fn sealed(
        mapping: &Mapping,
        sheet: &Sheet,
        history: &History,
        issuer: &Identity,
        edition: Option<&str>,
        sealer: &dyn Sealer,
    ) -> Self {
        let digest = sheet.digest.to_string();
        let builder = Builder { mapping, issuer, edition: edition.unwrap_or(&digest), sealer };
        let mut plan = Self {
            system: mapping.system.clone(),
            coverage: mapping.coverage,
            as_of: mapping.as_of,
            file: sheet.digest,
            mapping: mapping.digest,
            issuer: issuer.clone(),
            earlier_imports: history.completed(),
            is_latest: history.is_latest(sheet.digest, mapping.digest),
            columns: sheet.columns.clone(),
            left_out: mapping.names.left_out().collect(),
            sealed: mapping.names.sealed().collect(),
            rows: Vec::with_capacity(sheet.rows.len()),
            events: Vec::new(),
            already_recorded: 0,
            vanished: 0,
            report: Report::default(),
        };
        plan.report_columns(sheet);
        plan.add_rows(&builder, sheet, history);
        plan.report_vanished(history);
        plan.report.sort();
        plan
    }

    /// What to record, in this order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.events.iter().map(|planned| &planned.event)
    }

    /// Takes note of what the ledger refused.
    pub fn refuse(&mut self, refusals: impl IntoIterator<Item = Refusal>) {
        for Refusal { event, code, message } in refusals {
            let Some(planned) = self.events.get_mut(event) else { continue };
            planned.refused = true;
            let row = &mut self.rows[planned.row];
            row.outcome = Outcome::Refused;
            self.report.push(Entry {
                effect: Effect::EventRefused,
                line: Some(row.line),
                column: None,
                row: row.identity.clone(),
                value: None,
                reason: Reason::Ledger { event_type: planned.event.event_type(), code, message },
            });
        }
        self.report.sort();
    }

    /// What is not, or not as it stood, in the record.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The columns in which e-mail addresses would be recorded in clear, and in how many cells.
    pub fn addresses(&self) -> BTreeMap<&str, u64> {
        let mut columns = BTreeMap::new();
        let entries = self.report.entries().iter().filter(|entry| matches!(entry.reason, Reason::EmailAddress));
        for column in entries.filter_map(|entry| entry.column.as_ref()) {
            *columns.entry(column.header.as_str()).or_default() += 1;
        }
        columns
    }

    /// The import in numbers.
    pub fn summary(&self) -> Summary {
        let mut events = BTreeMap::new();
        for planned in self.events.iter().filter(|planned| !planned.refused) {
            *events.entry(planned.event.event_type()).or_default() += 1;
        }
        let cells = [Effect::CellNotRead, Effect::CellNoted, Effect::CellLeftOut];
        Summary {
            rows: self.rows.len() as u64,
            recorded: self.count(Outcome::Taken),
            already_recorded: self.count(Outcome::Unchanged),
            changed: self.count(Outcome::Changed),
            vanished: self.vanished,
            refused: self.count(Outcome::Refused),
            skipped: self.count(Outcome::Skipped),
            repeated: self.count(Outcome::Repeated),
            cells_reported: cells.iter().map(|effect| self.report.count(*effect) as u64).sum(),
            events,
            events_already_recorded: self.already_recorded as u64,
        }
    }

    /// The event that says what was imported, to be recorded last; `None` where this import adds
    /// nothing to what the latest one said.
    ///
    /// # Errors
    /// None for a plan of this crate.
    pub fn completed(&self, report: Digest) -> Result<Option<Event>, ParseError> {
        let all_refused = !self.events.is_empty() && self.events.iter().all(|planned| planned.refused);
        if all_refused || (self.events.is_empty() && self.is_latest) {
            return Ok(None);
        }
        let mut rows = RowCounts::new(
            self.count(Outcome::Taken),
            self.count(Outcome::Unchanged),
            self.count(Outcome::Changed),
            self.vanished,
            self.count(Outcome::Refused),
        );
        let some = |count| Some(count).filter(|count| *count > 0);
        rows.skipped = some(self.count(Outcome::Skipped));
        rows.repeated = some(self.count(Outcome::Repeated));
        let mut completed = Completed::new(self.system.clone(), self.coverage, self.file, rows);
        completed.mapping_digest = Some(self.mapping);
        completed.report_digest = Some(report);
        completed.as_of = self.as_of;
        let found = format!("{}{UNIT}{}", self.file, self.earlier_imports);
        let id = probity_statement::derived_event_id(&self.issuer, &self.system, &found, Completed::INFO.event_type);
        let mut event = Event::new(id, Subject::this_ledger(), completed);
        let file = self.file.to_string().parse()?;
        event.external_ids = vec![probity_schemas::ExternalId::new(self.system.clone(), file)];
        Ok(Some(event))
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.rows.iter().filter(|row| row.outcome == outcome).count() as u64
    }

    fn add_rows(&mut self, builder: &Builder<'_>, sheet: &Sheet, history: &History) {
        let mut remarks: Vec<Vec<Remark>> = sheet.rows.iter().map(|_| Vec::new()).collect();
        let cells: Vec<Option<Cells<'_>>> = sheet
            .rows
            .iter()
            .zip(&mut remarks)
            .map(|(row, remarks)| Some(Cells::new(builder.mapping, row.cells.as_ref().ok()?, remarks)))
            .collect();
        let candidates = sheet.rows.iter().zip(&cells).zip(&mut remarks);
        let candidates = candidates.filter_map(|((row, cells), remarks)| {
            let cells = cells.as_ref().filter(|cells| is_candidate(builder.mapping, row, cells))?;
            Some(Candidate { line: row.line, cells, remarks })
        });
        let mut names = name_all(builder.mapping, candidates.collect(), history).into_iter();
        for ((row, cells), mut remarks) in sheet.rows.iter().zip(&cells).zip(remarks) {
            let candidate = cells.as_ref().filter(|cells| is_candidate(builder.mapping, row, cells));
            let named = candidate.and_then(|_| names.next());
            let (identity, outcome) = match (cells, named) {
                (Some(cells), Some(Ok(named))) => {
                    let outcome = self.add_row(builder, &named, cells, history, &mut remarks);
                    if outcome == Outcome::Unchanged {
                        // What is recorded already can't be kept out any more.
                        remarks.retain(|remark| !matches!(remark.reason, Reason::EmailAddress));
                    }
                    (Some(named.identity), outcome)
                }
                (_, Some(Err(Nameless { identity, reason }))) => {
                    // Nothing of the row is recorded, so nothing else about it matters.
                    remarks = vec![Remark { effect: Effect::RowRefused, column: None, reason: *reason }];
                    (identity, Outcome::Refused)
                }
                (Some(cells), None) => {
                    let (identity, outcome, remark) = left_aside(builder.mapping, row, cells, history);
                    remarks = vec![remark];
                    (identity, outcome)
                }
                (None, _) => (None, Outcome::Refused),
            };
            self.report_row(row, identity.as_deref(), remarks);
            self.rows.push(PlannedRow { line: row.line, identity, outcome });
        }
    }

    fn add_row(
        &mut self,
        builder: &Builder<'_>,
        named: &Named,
        cells: &Cells<'_>,
        history: &History,
        remarks: &mut Vec<Remark>,
    ) -> Outcome {
        let mut events = Vec::new();
        let (mut whole, mut changed) = (true, false);
        let mut now = Vec::with_capacity(builder.mapping.events.len());
        for spec in &builder.mapping.events {
            match builder.event(spec, named, cells, remarks) {
                Ok(event) => now.push((spec, event)),
                Err(unmade) if spec.is_registration() => {
                    remarks.push(unmade.remark(Effect::RowRefused, spec));
                    return Outcome::Refused;
                }
                Err(unmade) => {
                    remarks.push(unmade.remark(Effect::EventRefused, spec));
                    whole = false;
                }
            }
        }
        let ends: Vec<(&str, Option<Occurred>)> = now
            .iter()
            .filter_map(|(spec, event)| Some((spec, event.as_ref()?.occurred)))
            .flat_map(|(spec, occurred)| spec.ends.iter().map(move |ended| (ended.as_str(), occurred)))
            .collect();
        for (spec, event) in now {
            let ended = ends.iter().find(|(ended, _)| *ended == spec.info.event_type).map(|(_, occurred)| *occurred);
            let carried = match event {
                Some(event) if spec.is_registration() => register(builder, named, event, cells, history, remarks),
                event => carry(builder, spec, Now { event, ended, row: named, cells }, history),
            };
            match carried {
                Ok(carried) => {
                    self.already_recorded += usize::from(carried.was_recorded);
                    changed |= carried.changed;
                    events.extend(carried.events);
                    remarks.extend(carried.remark);
                }
                // Without its registration nothing of a row is recorded.
                Err(unmade) if spec.is_registration() => {
                    remarks.push(unmade.remark(Effect::RowRefused, spec));
                    return Outcome::Refused;
                }
                Err(unmade) => {
                    remarks.push(unmade.remark(Effect::EventRefused, spec));
                    whole = false;
                }
            }
        }
        let outcome = match (whole, changed, events.is_empty()) {
            (false, _, _) => Outcome::Refused,
            (true, true, _) => Outcome::Changed,
            (true, false, false) => Outcome::Taken,
            (true, false, true) => Outcome::Unchanged,
        };
        let row = self.rows.len();
        self.events.extend(events.into_iter().map(|event| PlannedEvent { event, row, refused: false }));
        outcome
    }

    fn report_row(&mut self, row: &Row, identity: Option<&str>, remarks: Vec<Remark>) {
        let entry = |effect, column, value, reason| Entry {
            effect,
            line: Some(row.line),
            column,
            row: identity.map(str::to_owned),
            value,
            reason,
        };
        let cells = match &row.cells {
            Ok(cells) => cells,
            Err(width) => return self.report.push(entry(Effect::RowRefused, None, None, Reason::Width(*width))),
        };
        // Several events may ask for one cell; its fault is one fault.
        let mut seen = HashSet::new();
        for Remark { effect, column, reason } in remarks {
            if seen.insert((effect, column, reason.to_string())) {
                let shown = column.filter(|column| !self.left_out.contains(column) && !self.sealed.contains(column));
                let value = shown.map(|column| cells[column.0].clone());
                let column = column.map(|column| self.columns[column.0].clone());
                self.report.push(entry(effect, column, value, reason));
            }
        }
    }

    fn report_columns(&mut self, sheet: &Sheet) {
        let left_out = self.left_out.iter().map(|column| &sheet.columns[column.0]);
        let left_out = left_out.map(|column| (column, Effect::ColumnLeftOut, Reason::LeftOut));
        let sealed = self.sealed.iter().map(|column| &sheet.columns[column.0]);
        let sealed = sealed.map(|column| (column, Effect::ColumnSealed, Reason::Sealed));
        let unmapped = sheet.unmapped.iter().map(|column| (column, Effect::ColumnNotMapped, Reason::NotMapped));
        for (column, effect, reason) in left_out.chain(sealed).chain(unmapped) {
            let column = Some(column.clone());
            self.report.push(Entry { effect, line: None, column, row: None, value: None, reason });
        }
    }

    fn report_vanished(&mut self, history: &History) {
        let here: HashSet<&str> = self.rows.iter().filter_map(|row| row.identity.as_deref()).collect();
        for (identity, known) in history.rows().filter(|(identity, _)| !here.contains(identity)) {
            self.vanished += 1;
            self.report.push(Entry {
                effect: Effect::RowVanished,
                line: None,
                column: None,
                row: Some(identity.to_owned()),
                value: None,
                reason: Reason::Vanished { subject: known.subject.to_string() },
            });
        }
    }
}

/// Whether something of the row is to be recorded.
fn is_candidate(mapping: &Mapping, row: &Row, cells: &Cells<'_>) -> bool {
    let repeated = mapping.identical_are_one && row.repeats.is_some();
    !repeated && mapping.when.as_ref().is_none_or(|condition| cells.holds(condition))
}

/// What becomes of a row that is no candidate.
fn left_aside(mapping: &Mapping, row: &Row, cells: &Cells<'_>, history: &History) -> (Option<String>, Outcome, Remark) {
    if let Some(line) = row.repeats.filter(|_| mapping.identical_are_one) {
        let remark = Remark { effect: Effect::RowRepeated, column: None, reason: Reason::Repeats { line } };
        return (None, Outcome::Repeated, remark);
    }
    let (identity, recorded) = match recorded(mapping, cells, history) {
        Some((identity, known)) => (Some(identity), Some(known.subject.to_string())),
        None => (None, None),
    };
    let remark = Remark { effect: Effect::RowSkipped, column: None, reason: Reason::Skipped { recorded } };
    (identity, Outcome::Skipped, remark)
}

/// The registration of a row, or how the recorded one is to be amended.
fn register(
    builder: &Builder<'_>,
    named: &Named,
    event: Event,
    cells: &Cells<'_>,
    history: &History,
    remarks: &mut Vec<Remark>,
) -> Result<Carried, Unmade> {
    if !history.has(event.id) {
        return Ok(Carried { events: vec![builder.sealed(event, cells)?], ..Carried::default() });
    }
    let events = match history.row(&named.identity) {
        Some(known) => builder.amendments(known, named, &event, cells, remarks)?,
        None => Vec::new(),
    };
    Ok(Carried { changed: !events.is_empty(), events, was_recorded: true, remark: None })
}
