//! The file: bytes to text, text to rows, and which column is which.

use std::collections::HashMap;

use probity_schemas::Digest;

use crate::digest::digest;
use crate::mapping::{Encoding, Mapping, MappingError, MappingProblem, Place, nearest};
use crate::report::{BrokenRow, Column};

/// Why a file can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Bytes that are not text in the declared encoding.
    #[error("line {line}: the bytes {bytes} are not {encoding}{}", advice(.encoding))]
    Undecodable {
        /// The line, counted from 1.
        line: u64,
        /// The offending bytes in hexadecimal.
        bytes: String,
        /// The encoding that the mapping declares.
        encoding: &'static str,
    },
    /// Nothing in it.
    #[error("the file has no header")]
    Empty,
    /// A header is opened by a quote and doesn't end.
    #[error("the quote of a header is not closed")]
    OpenHeader,
    /// The rows can't be told apart.
    #[error("not readable as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The mapping names columns that the file doesn't have.
    #[error("the mapping doesn't fit the file: {0}")]
    Mapping(#[from] MappingError),
}

fn advice(encoding: &&'static str) -> &'static str {
    match *encoding {
        UTF_8 => "; if another program wrote it, try encoding = \"windows-1252\" under [source] of the mapping",
        _ => "",
    }
}

const UTF_8: &str = "UTF-8";
const WINDOWS_1252: &str = "Windows-1252";

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
    pub(crate) cells: Result<Vec<String>, BrokenRow>,
}

impl Sheet {
    /// Reads a file by a mapping. Rows that aren't whole are kept, to be named in the report.
    ///
    /// # Errors
    /// If it isn't text in the declared encoding, isn't CSV, or lacks a column of the mapping.
    pub fn read(bytes: &[u8], mapping: &Mapping) -> Result<Self, SheetError> {
        let text = decode(bytes, mapping.encoding)?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(mapping.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut records = reader.records();
        let header = records.next().ok_or(SheetError::Empty)??;
        let headers: Vec<&str> = header.iter().map(str::trim).collect();
        let (columns, unmapped) = locate(mapping, &headers)?;

        let mut lines = Lines { text: &text, at: 0, line: 1 };
        let mut rows = Vec::new();
        let records = records.collect::<Result<Vec<_>, _>>()?;
        if records.is_empty() && is_open(&text) {
            return Err(SheetError::OpenHeader);
        }
        let last = records.len().saturating_sub(1);
        for (index, record) in records.iter().enumerate() {
            let start = record.position().map_or(text.len(), |position| to_usize(position.byte()));
            let (line, start) = lines.row_at(start);
            let cells = if index == last && is_open(&text[start..]) {
                Err(BrokenRow::OpenQuote)
            } else if record.len() != headers.len() {
                Err(BrokenRow::Width { found: record.len(), expected: headers.len() })
            } else {
                let cell = |column: &Column| record.get(column.position - 1).unwrap_or_default().to_owned();
                Ok(columns.iter().map(cell).collect())
            };
            rows.push(Row { line, cells });
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

/// A quote that is opened last in the text and never closed: the number of quotes is odd.
fn is_open(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1
}

/// Counts lines while walking forward through the text.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which the row begins that the reader met at or after this byte, and its first
    /// byte: the reader's position may lie in front of line ends that it skips.
    fn row_at(&mut self, byte: usize) -> (u64, usize) {
        let bytes = self.text.as_bytes();
        let mut start = byte.min(bytes.len());
        while start < bytes.len() && matches!(bytes[start], b'\r' | b'\n') {
            start += 1;
        }
        let passed = bytes.get(self.at..start).unwrap_or_default();
        self.line += passed.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.at = start.max(self.at);
        (self.line, start)
    }
}

fn decode(bytes: &[u8], encoding: Encoding) -> Result<String, SheetError> {
    let undecodable = |at: usize, length: usize, encoding| {
        let line = 1 + bytes[..at].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        SheetError::Undecodable { line, bytes: hex::encode(&bytes[at..at + length]), encoding }
    };
    match encoding {
        Encoding::Utf8 => {
            let text = std::str::from_utf8(bytes).map_err(|error| {
                let at = error.valid_up_to();
                undecodable(at, error.error_len().unwrap_or(bytes.len() - at), UTF_8)
            })?;
            Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
        }
        Encoding::Windows1252 => {
            // Five bytes have no meaning in Windows-1252; the decoder would turn them into control characters.
            if let Some(at) = bytes.iter().position(|byte| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)) {
                return Err(undecodable(at, 1, WINDOWS_1252));
            }
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes);
            Ok(text.into_owned())
        }
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
    let fitting = (1..).zip(headers).filter(|(_, header)| **header == wanted.trim()).map(|(position, _)| position);
    match fitting.collect::<Vec<usize>>().as_slice() {
        [position] => Ok(*position),
        [] => Err(MappingProblem::NoSuchHeader { nearest: nearest(&found, headers.iter().copied()), found }),
        positions => Err(MappingProblem::RepeatedHeader { found, positions: positions.to_vec() }),
    }
}
