//! The report: everything of a file that is not, or not as it stood, in the record.

use probity_schemas::{EventError, ParseError, Timestamp, spreadsheet_cell};
use probity_statement::StatementError;
use serde::Serialize;

use crate::dates::DateProblem;
use crate::sealing::SealerError;

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its position, counted from 1.
    pub position: usize,
    /// Its header.
    pub header: String,
}

/// What became of the thing a report entry is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing of the row is recorded by this import.
    RowRefused,
    /// One event of the row is not recorded.
    EventRefused,
    /// An event of an earlier edition stays as it is, though the file says otherwise.
    EventKept,
    /// The cell's text is kept in the registration, but nothing further was read from it.
    CellNotRead,
    /// The cell was read, and there is something to know about it.
    CellNoted,
    /// The cell is not recorded at all.
    CellLeftOut,
    /// The row was recorded by an earlier import and the file no longer has it.
    RowVanished,
    /// The mapping skips the row; nothing of it is recorded by this import.
    RowSkipped,
    /// The row is the same as an earlier one in every cell, and taken for one with it.
    RowRepeated,
    /// The mapping doesn't say what the column is; nothing of it is recorded.
    ColumnNotMapped,
    /// The mapping leaves the column out as personal data; nothing of it is recorded.
    ColumnLeftOut,
    /// The mapping seals the column as personal data; nobody reads it without the vault.
    ColumnSealed,
}

impl Effect {
    /// The word that stands in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RowRefused => "row-refused",
            Self::EventRefused => "event-refused",
            Self::EventKept => "event-kept",
            Self::CellNotRead => "cell-not-read",
            Self::CellNoted => "cell-noted",
            Self::CellLeftOut => "cell-left-out",
            Self::RowVanished => "row-vanished",
            Self::RowSkipped => "row-skipped",
            Self::RowRepeated => "row-repeated",
            Self::ColumnNotMapped => "column-not-mapped",
            Self::ColumnLeftOut => "column-left-out",
            Self::ColumnSealed => "column-sealed",
        }
    }
}

/// A row of another length than the header.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row has {found} cells, the header {expected}")]
pub struct WrongWidth {
    /// How many cells the row has.
    pub found: usize,
    /// How many the header has.
    pub expected: usize,
}

/// Why an event of an earlier edition stays, though it is no longer what the file says.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kept {
    /// The rule of the mapping, or of the type, is to keep it.
    #[error("the file says otherwise; what is recorded stays, by the rule for changed events")]
    Changed,
    /// The rule of the mapping, or of the type, is to keep it.
    #[error("the file no longer says so; what is recorded stays, by the rule for events that are gone")]
    Gone,
    /// It has ended already.
    #[error("the file says otherwise of something whose end is recorded; what is recorded stays")]
    Ended,
}

fn recorded_as(subject: &Option<String>) -> String {
    subject.as_ref().map(|subject| format!("; recorded by an earlier import as {subject}")).unwrap_or_default()
}

/// Why something is named in the report.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// A row of another length than the header.
    #[error("{0}")]
    Width(WrongWidth),
    /// None of the cells that identify a row is filled.
    #[error("all cells that identify the row are empty")]
    NoIdentity,
    /// Another row says the same in all cells that could tell the two apart.
    #[error("same as line {line}")]
    SameAs {
        /// The line of the other row.
        line: u64,
    },
    /// The row yields no name for its subject.
    #[error("the row gives no {part}")]
    NoName {
        /// `name` or `namespace`.
        part: &'static str,
    },
    /// The row's name or namespace isn't one.
    #[error("{0}")]
    Name(ParseError),
    /// The name belongs to another row already.
    #[error("the name {name} belongs to another row")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A text that can't be recorded.
    #[error("{0}")]
    Text(ParseError),
    /// A cell that should be a date and isn't.
    #[error("{0}")]
    Date(DateProblem),
    /// A cell that says more than a date.
    #[error("only the date was read, not the remark beside it")]
    Remark,
    /// A date after the state that the file shows.
    #[error("recorded as it stands, though it lies after the state that the file shows")]
    Announced {
        /// The state that the file shows.
        as_of: Timestamp,
    },
    /// A text that a table doesn't have.
    #[error("not in the mapping's table {table}")]
    NotInTable {
        /// The table.
        table: String,
    },
    /// A cell that should be a number and isn't.
    #[error("not a number")]
    NotANumber,
    /// A cell that should be a list and isn't.
    #[error("not a list in square brackets")]
    NotAList,
    /// Personal data that the ledger would keep in clear for ever.
    #[error("holds an e-mail address, which the ledger keeps in clear for ever")]
    EmailAddress,
    /// The condition of the mapping's `[row]` does not hold.
    #[error("skipped by the mapping{}", recorded_as(.recorded))]
    Skipped {
        /// What an earlier import recorded it as.
        recorded: Option<String>,
    },
    /// Another row is the same in every cell.
    #[error("the same as line {line} in every cell, and taken for one row with it")]
    Repeats {
        /// The line of the other row.
        line: u64,
    },
    /// A column with personal data.
    #[error("left out as personal data")]
    LeftOut,
    /// A column with personal data that is recorded sealed.
    #[error("recorded sealed, as personal data")]
    Sealed,
    /// A cell whose recorded text cannot be read any more.
    #[error("what is recorded is sealed under a key that is not in the vault, so the cell was not compared with it")]
    KeyGone,
    /// A cell that could not be sealed, or not be compared.
    #[error("{0}")]
    Sealer(SealerError),
    /// A text the mapping doesn't expect there.
    #[error("not a text that the mapping expects here; no event follows from it")]
    Unexpected,
    /// An event that the vocabulary refuses.
    #[error("{event_type}: {error}")]
    Event {
        /// The type.
        event_type: &'static str,
        /// What is wrong with it.
        error: EventError,
    },
    /// An event that can't be a statement.
    #[error("{event_type}: {error}")]
    Statement {
        /// The type.
        event_type: &'static str,
        /// What is wrong with it.
        error: StatementError,
    },
    /// What is recorded is no longer what the file says, and stays.
    #[error("{event_type}: {kept}")]
    Kept {
        /// The type.
        event_type: &'static str,
        /// Why it stays.
        kept: Kept,
    },
    /// The ledger refused the statement.
    #[error("{event_type}: refused by the ledger ({code}): {message}")]
    Ledger {
        /// The type.
        event_type: &'static str,
        /// The ledger's reason, such as `NOT_AUTHORISED`.
        code: String,
        /// What it said.
        message: String,
    },
    /// A row that an earlier edition had.
    #[error("recorded by an earlier import as {subject}, no longer in the file")]
    Vanished {
        /// What it is recorded as.
        subject: String,
    },
    /// A column the mapping doesn't name.
    #[error("not named under [columns] of the mapping")]
    NotMapped,
}

/// One thing that is named in the report.
#[derive(Debug)]
pub struct Entry {
    /// What became of it.
    pub effect: Effect,
    /// The line of the file on which its row begins, counted from 1.
    pub line: Option<u64>,
    /// The column it stands in.
    pub column: Option<Column>,
    /// The row's identity.
    pub row: Option<String>,
    /// The cell's text.
    pub value: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// Everything of a file that is not, or not as it stood, in the record.
#[derive(Debug, Default)]
pub struct Report {
    entries: Vec<Entry>,
}

/// An entry as it is written.
#[derive(Serialize)]
struct Line<'e> {
    effect: &'static str,
    line: Option<u64>,
    position: Option<usize>,
    column: Option<&'e str>,
    row: Option<&'e str>,
    value: Option<&'e str>,
    reason: String,
}

impl<'e> From<&'e Entry> for Line<'e> {
    fn from(entry: &'e Entry) -> Self {
        Self {
            effect: entry.effect.as_str(),
            line: entry.line,
            position: entry.column.as_ref().map(|column| column.position),
            column: entry.column.as_ref().map(|column| column.header.as_str()),
            row: entry.row.as_deref(),
            value: entry.value.as_deref(),
            reason: entry.reason.to_string(),
        }
    }
}

impl Line<'_> {
    /// What stands in each column.
    fn cells(&self) -> [String; 7] {
        let number = |number: Option<String>| number.unwrap_or_default();
        [
            self.effect.to_owned(),
            number(self.line.map(|line| line.to_string())),
            number(self.position.map(|position| position.to_string())),
            self.column.unwrap_or_default().to_owned(),
            self.row.unwrap_or_default().to_owned(),
            self.value.unwrap_or_default().to_owned(),
            self.reason.clone(),
        ]
    }
}

impl Report {
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Puts the entries into the file's order; those of the file as a whole come first.
    pub(crate) fn sort(&mut self) {
        let place = |entry: &Entry| (entry.line, entry.column.as_ref().map(|column| column.position));
        self.entries.sort_by_key(place);
    }

    /// What is in it, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many entries say this.
    pub fn count(&self, effect: Effect) -> usize {
        self.entries.iter().filter(|entry| entry.effect == effect).count()
    }

    /// The report as CSV with a header. No spreadsheet takes a cell of it for a formula.
    ///
    /// # Errors
    /// None that memory doesn't cause.
    pub fn to_csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.write_record(["effect", "line", "position", "column", "row", "value", "reason"])?;
        for entry in &self.entries {
            let line = Line::from(entry);
            let cells = line.cells();
            writer.write_record(cells.iter().map(|cell| spreadsheet_cell(cell).into_owned()))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    /// The report as a JSON list.
    ///
    /// # Errors
    /// None that memory doesn't cause.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let lines: Vec<Line<'_>> = self.entries.iter().map(Line::from).collect();
        let mut text = serde_json::to_vec_pretty(&lines)?;
        text.push(b'\n');
        Ok(text)
    }
}
