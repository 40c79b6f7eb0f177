//! The file: text to rows, and which column is which.

use std::borrow::Cow;
use std::collections::HashMap;

use probity_schemas::Digest;

use crate::cell::normalised;
use crate::digest::digest;
use crate::mapping::{Mapping, MappingError, MappingProblem, Place, nearest};
use crate::quotes::{QuoteError, check_quotes};
use crate::report::{Column, WrongWidth};
use crate::text::{TextError, decode};

/// Why a file can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Bytes that are not text in the declared encoding.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Nothing in it.
    #[error("the file has no header")]
    Empty,
    /// Quotes that leave open where a cell ends, and so which rows there are.
    #[error(transparent)]
    Quotes(#[from] QuoteError),
    /// The rows can't be told apart.
    #[error("not readable as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The mapping names columns that the file doesn't have.
    #[error("the mapping doesn't fit the file: {0}")]
    Mapping(#[from] MappingError),
}

/// A file, read by a mapping.
#[derive(Debug)]
pub struct Sheet {
    pub(crate) digest: Digest,
    /// The mapped columns, in the mapping's order.
    pub(crate) columns: Vec<Column>,
    /// The columns that the mapping doesn't name.
    pub(crate) unmapped: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

/// A row, and the line of the file on which it begins.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) line: u64,
    /// The mapped cells, in the mapping's order, or why there are none.
    pub(crate) cells: Result<Vec<String>, WrongWidth>,
    /// The line of the first row that is the same in every cell of the file, mapped or not.
    pub(crate) repeats: Option<u64>,
}

impl Sheet {
    /// Reads a file by a mapping. Rows that aren't whole are kept, to be named in the report.
    ///
    /// # Errors
    /// If it isn't text in the declared encoding, has a quote that is not closed, isn't CSV, or
    /// lacks a column of the mapping.
    pub fn read(bytes: &[u8], mapping: &Mapping) -> Result<Self, SheetError> {
        let text = decode(bytes, mapping.encoding)?;
        check_quotes(&text, mapping.delimiter)?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(mapping.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut records = reader.records();
        let header = records.next().ok_or(SheetError::Empty)??;
        let headers: Vec<Cow<'_, str>> = header.iter().map(normalised).collect();
        let headers: Vec<&str> = headers.iter().map(AsRef::as_ref).collect();
        let (columns, unmapped) = locate(mapping, &headers)?;

        let mut lines = Lines { text: &text, at: 0, line: 1 };
        let mut rows = Vec::new();
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let mut seen: HashMap<Vec<&str>, u64> = HashMap::new();
        for record in &records {
            let start = record.position().map_or(text.len(), |position| to_usize(position.byte()));
            let line = lines.row_at(start);
            let cells = if record.len() != headers.len() {
                Err(WrongWidth { found: record.len(), expected: headers.len() })
            } else {
                let cell = |column: &Column| record.get(column.position - 1).unwrap_or_default().to_owned();
                Ok(columns.iter().map(cell).collect())
            };
            let first = *seen.entry(record.iter().collect()).or_insert(line);
            rows.push(Row { line, cells, repeats: Some(first).filter(|first| *first != line) });
        }
        Ok(Self { digest: digest(bytes), columns, unmapped, rows })
    }

    /// The digest of the file as it was read.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many rows it has, the header not counted.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Counts lines while walking forward through the text.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which the row begins that the reader met at or after this byte: the reader's
    /// position may lie in front of line ends that it skips.
    fn row_at(&mut self, byte: usize) -> u64 {
        let bytes = self.text.as_bytes();
        let mut start = byte.min(bytes.len());
        while start < bytes.len() && matches!(bytes[start], b'\r' | b'\n') {
            start += 1;
        }
        let passed = bytes.get(self.at..start).unwrap_or_default();
        self.line += passed.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.at = start.max(self.at);
        self.line
    }
}

/// Finds the mapping's columns in the header, and what is left over.
fn locate(mapping: &Mapping, headers: &[&str]) -> Result<(Vec<Column>, Vec<Column>), MappingError> {
    let mut columns = Vec::with_capacity(mapping.names.columns.len());
    let mut taken: HashMap<usize, &str> = HashMap::new();
    for column in &mapping.names.columns {
        let at = |problem| MappingError::key(format!("columns.{}", column.name), problem);
        let position = match &column.place {
            Place::Header(header) => by_header(headers, header).map_err(at)?,
            Place::Position(position) if (1..=headers.len()).contains(position) => *position,
            Place::Position(_) => return Err(at(MappingProblem::NoSuchPosition { columns: headers.len() })),
        };
        if let Some(other) = taken.insert(position, &column.name) {
            return Err(at(MappingProblem::SameColumn { other: other.to_owned() }));
        }
        columns.push(Column { position, header: headers[position - 1].to_owned() });
    }
    let left = |(position, header): (usize, &&str)| Column { position, header: (*header).to_owned() };
    let unmapped = (1..).zip(headers).filter(|(position, _)| !taken.contains_key(position)).map(left).collect();
    Ok((columns, unmapped))
}

fn by_header(headers: &[&str], wanted: &str) -> Result<usize, MappingProblem> {
    let found = wanted.to_owned();
    let wanted = normalised(wanted);
    let fitting = (1..).zip(headers).filter(|(_, header)| **header == wanted).map(|(position, _)| position);
    match fitting.collect::<Vec<usize>>().as_slice() {
        [position] => Ok(*position),
        [] => Err(MappingProblem::NoSuchHeader { nearest: nearest(&found, headers.iter().copied()), found }),
        positions => Err(MappingProblem::RepeatedHeader { found, positions: positions.to_vec() }),
    }
}
