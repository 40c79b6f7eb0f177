//! Tables for people: as wide as the terminal, and no wider.
//!
//! What does not fit is folded between words, never within a word, a time or a name. What still does
//! not fit is left out, what matters least first, and named under the table. Where even that is too
//! wide, each row is a paragraph of its own. Everything in a cell that deceives is written out before
//! it is measured, so that no text of a ledger moves a column.

use std::borrow::Cow;

use probity_schemas::{shown, spreadsheet_cell};
use unicode_width::UnicodeWidthStr as _;

use crate::streams::{self, Format};
use crate::{errln, screen};

/// Between two columns.
const GAP: &str = "  ";
/// Columns that fold get at least so much, unless what is left out would leave nothing.
const COMFORT: usize = 24;

/// A table with a header.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    folds: Vec<usize>,
    drops: Vec<usize>,
    states: Vec<usize>,
}

/// A table with a header, of which no column folds and none is left out.
#[must_use]
pub fn table(header: &[&str]) -> Table {
    let (header, none) = (header.iter().map(|title| (*title).to_owned()).collect(), Vec::new);
    Table { header, rows: Vec::new(), folds: none(), drops: none(), states: none() }
}

impl Table {
    fn places(&self, names: &[&str]) -> Vec<usize> {
        names.iter().filter_map(|name| self.header.iter().position(|title| title == name)).collect()
    }

    /// Columns whose texts may fold between words.
    #[must_use]
    pub fn folds(mut self, names: &[&str]) -> Self {
        self.folds = self.places(names);
        self
    }

    /// Columns that may be left out, what matters least first.
    #[must_use]
    pub fn drops(mut self, names: &[&str]) -> Self {
        self.drops = self.places(names);
        self
    }

    /// Columns whose words say how something stands, shown in colour at a terminal as well.
    #[must_use]
    pub fn states(mut self, names: &[&str]) -> Self {
        self.states = self.places(names);
        self
    }

    /// Adds a row.
    pub fn add_row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.header.len(), String::new());
        self.rows.push(row);
    }

    /// Prints it as the command was asked to: for people, or as CSV (RFC 4180) that no spreadsheet takes
    /// for formulas.
    pub fn print(&self) {
        match streams::format() {
            Format::Csv => streams::write_table(&self.csv()),
            Format::People => streams::write_table(&self.render(screen::width(), screen::has_colour())),
        }
    }

    /// As CSV, every column in it.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = self.header.iter().map(|title| Cow::Borrowed(title.as_str()));
        let header: Vec<Cow<'_, str>> = header.collect();
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| spreadsheet_cell(cell)).collect::<Vec<_>>());
        for row in std::iter::once(header).chain(rows) {
            // Writing to memory does not fail.
            if let Err(error) = writer.write_record(row.iter().map(|cell| cell.as_bytes())) {
                errln!("probity: a row cannot be written as CSV: {error}");
            }
        }
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// For people, at most `width` columns wide where one is given.
    #[must_use]
    pub fn render(&self, width: Option<usize>, colour: bool) -> String {
        let cells: Vec<Vec<Cow<'_, str>>> =
            self.rows.iter().map(|row| row.iter().map(|cell| shown(cell.trim())).collect()).collect();
        let mut page = Page { table: self, cells, colour, text: String::new() };
        page.draw(width);
        page.text
    }
}

/// A table on its way to a page.
struct Page<'t> {
    table: &'t Table,
    cells: Vec<Vec<Cow<'t, str>>>,
    colour: bool,
    text: String,
}

impl Page<'_> {
    fn draw(&mut self, width: Option<usize>) {
        let mut left: Vec<usize> = (0..self.table.header.len()).collect();
        // What says nothing takes no room.
        left.retain(|column| {
            !self.table.drops.contains(column) || self.cells.iter().any(|row| !row[*column].is_empty())
        });
        let Some(width) = width else {
            let widths: Vec<usize> = left.iter().map(|column| self.natural(*column)).collect();
            return self.lines(&left, &widths);
        };
        let mut out = Vec::new();
        let mut drops = self.table.drops.iter();
        loop {
            // First what is comfortable to read, then what is possible.
            let comfort = if out.len() == self.table.drops.len() { 0 } else { COMFORT };
            if let Some(widths) = self.fitted(&left, width, comfort) {
                self.lines(&left, &widths);
                break;
            }
            match drops.next() {
                Some(column) => {
                    out.push(*column);
                    left.retain(|other| other != column);
                }
                None => {
                    // Nothing is left out of paragraphs.
                    return self.paragraphs(width);
                }
            }
        }
        let named: Vec<&str> = out
            .iter()
            .filter(|column| self.cells.iter().any(|row| !row[**column].is_empty()))
            .map(|column| self.table.header[*column].as_str())
            .collect();
        if !named.is_empty() {
            self.text.push_str(
                &fold(&format!("(not shown for want of room: {}; --csv has everything)", named.join(", ")), width)
                    .join("\n"),
            );
            self.text.push('\n');
        }
    }

    fn natural(&self, column: usize) -> usize {
        let cells = self.cells.iter().map(|row| row[column].width());
        cells.max().unwrap_or(0).max(self.table.header[column].width())
    }

    /// The longest word of a column: it is never broken.
    fn least(&self, column: usize) -> usize {
        let words = self.cells.iter().flat_map(|row| row[column].split(' ')).map(|word| word.width());
        words.max().unwrap_or(0).max(self.table.header[column].width())
    }

    /// How wide each column is, where they fit.
    fn fitted(&self, columns: &[usize], width: usize, comfort: usize) -> Option<Vec<usize>> {
        let mut widths: Vec<usize> = columns.iter().map(|column| self.natural(*column)).collect();
        let gaps = GAP.len() * columns.len().saturating_sub(1);
        let least = |at: usize| match self.table.folds.contains(&columns[at]) {
            true => self.least(columns[at]).max(comfort.min(self.natural(columns[at]))),
            false => self.natural(columns[at]),
        };
        let leasts: Vec<usize> = (0..columns.len()).map(least).collect();
        if leasts.iter().sum::<usize>() + gaps > width {
            return None;
        }
        // The widest gives way first.
        while widths.iter().sum::<usize>() + gaps > width {
            let widest = (0..widths.len()).filter(|at| widths[*at] > leasts[*at]).max_by_key(|at| widths[*at])?;
            widths[widest] -= 1;
        }
        Some(widths)
    }

    fn lines(&mut self, columns: &[usize], widths: &[usize]) {
        let header: Vec<Vec<String>> = columns.iter().map(|column| vec![self.table.header[*column].clone()]).collect();
        self.row(columns, widths, &header, None);
        for at in 0..self.cells.len() {
            let folded: Vec<Vec<String>> =
                columns.iter().zip(widths).map(|(column, width)| fold(&self.cells[at][*column], *width)).collect();
            self.row(columns, widths, &folded, Some(at));
        }
    }

    fn row(&mut self, columns: &[usize], widths: &[usize], cells: &[Vec<String>], of: Option<usize>) {
        let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for line in 0..height {
            let mut text = String::new();
            for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
                let part = cell.get(line).map(String::as_str).unwrap_or_default();
                if at > 0 {
                    text.push_str(GAP);
                }
                text.push_str(&self.painted(columns[at], part, of));
                // Nothing stands behind the last column.
                if at + 1 < cells.len() {
                    text.extend(std::iter::repeat_n(' ', width.saturating_sub(part.width())));
                }
            }
            self.text.push_str(text.trim_end());
            self.text.push('\n');
        }
    }

    /// A row as lines of names and values.
    fn paragraphs(&mut self, width: usize) {
        let table = self.table;
        let names = table.header.iter().map(|title| title.width()).max().unwrap_or(0) + GAP.len();
        for at in 0..self.cells.len() {
            if at > 0 {
                self.text.push('\n');
            }
            for (column, title) in table.header.iter().enumerate() {
                let cell = self.cells[at][column].to_string();
                if cell.is_empty() {
                    continue;
                }
                for (line, part) in fold(&cell, width.saturating_sub(names).max(1)).iter().enumerate() {
                    let name = if line == 0 { title.as_str() } else { "" };
                    let part = self.painted(column, part, Some(at));
                    self.text.push_str(&format!("{name:names$}{part}\n"));
                }
            }
        }
    }

    fn painted<'p>(&self, column: usize, part: &'p str, of: Option<usize>) -> Cow<'p, str> {
        if !self.colour || part.is_empty() {
            return Cow::Borrowed(part);
        }
        match of {
            None => Cow::Owned(format!("\u{1b}[1m{part}\u{1b}[0m")),
            Some(_) if self.table.states.contains(&column) => match colour_of(part) {
                Some(code) => Cow::Owned(format!("\u{1b}[{code}m{part}\u{1b}[0m")),
                None => Cow::Borrowed(part),
            },
            Some(_) => Cow::Borrowed(part),
        }
    }
}

/// The colour that goes with a word for how something stands. The word says it all by itself.
fn colour_of(word: &str) -> Option<&'static str> {
    Some(match word.split([' ', ',']).next().unwrap_or_default() {
        "live" | "running" | "ok" | "valid" | "accepted" | "approved" | "certain" => "32",
        "suspended"
        | "breached"
        | "open"
        | "high"
        | "critical"
        | "unregistered"
        | "observed"
        | "withdrawn"
        | "retired-still-serving" => "31",
        "proposed" | "requested" | "silent" | "possible" | "medium" | "mitigated" => "33",
        "retired" | "stopped" | "declined" | "closed" | "resolved" => "2",
        _ => return None,
    })
}

/// A text in lines of at most so many columns, broken between words only.
#[must_use]
pub fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut sample = table(&["MODEL", "STATE", "TITLE", "OWNERS", "LAST"])
            .folds(&["TITLE", "OWNERS"])
            .drops(&["LAST", "OWNERS"])
            .states(&["STATE"]);
        sample.add_row([
            "model:credit/pd",
            "live",
            "Probability of default, consumer loans",
            "Olga Owner (owner)",
            "2026-11-28",
        ]);
        sample.add_row(["model:credit/\u{202e}x", "retired", "a\rb\nc", "", "2026-11-27"]);
        sample
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_word_is_broken() {
        let sample = sample();
        let words: Vec<&str> =
            sample.rows.iter().flatten().flat_map(|cell| cell.split(' ')).filter(|word| !word.is_empty()).collect();
        for width in 30..130 {
            let text = sample.render(Some(width), false);
            for line in text.lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
            for word in words.iter().filter(|word| !word.contains(char::is_control)) {
                let left_out = text.contains("not shown") && !text.contains(word);
                assert!(left_out || text.contains(&*shown(word)), "{width}: {word} is broken in\n{text}");
            }
        }
    }

    #[test]
    fn what_matters_least_is_left_out_first_and_named() {
        let mut narrower = (30..130).rev().map(|width| sample().render(Some(width), false));
        let text = narrower.find(|text| text.contains("not shown")).unwrap_or_default();
        assert!(text.contains("not shown for want of room: LAST;") && !text.contains("2026-11-28"), "{text}");
        assert!(text.contains("Olga"), "{text}");
        let narrower = sample().render(Some(60), false);
        assert!(narrower.contains("LAST, OWNERS;") && !narrower.contains("Olga"), "{narrower}");
        let narrow = sample().render(Some(30), false);
        assert!(narrow.starts_with("MODEL   model:credit/pd\n"), "{narrow}");
    }

    #[test]
    fn a_text_of_a_ledger_moves_no_column_and_ends_no_line() {
        let text = sample().render(Some(200), false);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("a\\u{d}b\\u{a}c") && text.contains("\\u{202e}x"), "{text}");
    }

    #[test]
    fn colour_is_never_alone() {
        let strip = |text: &str| {
            let mut parts = text.split('\u{1b}');
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
        };
        let (plain, painted) = (sample().render(Some(100), false), sample().render(Some(100), true));
        assert_ne!(plain, painted);
        assert_eq!(strip(&painted), plain);
    }

    #[test]
    fn a_spreadsheet_takes_nothing_for_a_formula() {
        let mut sample = table(&["WHAT", "VALUE"]);
        sample.add_row(["=HYPERLINK(\"http://x\")", "-12.5"]);
        sample.add_row(["@SUM(A1)", "+1 is more"]);
        sample.add_row(["nul\0, \"quoted\"", ""]);
        let csv = sample.csv();
        assert_eq!(
            csv,
            "WHAT,VALUE\n\"'=HYPERLINK(\"\"http://x\"\")\",-12.5\n'@SUM(A1),'+1 is more\n\"nul\\u{0}, \"\"quoted\"\"\",\n"
        );
    }
}
