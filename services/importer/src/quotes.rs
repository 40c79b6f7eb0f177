//! Whether the quotes of a CSV file leave no doubt about where its cells end (RFC 4180, section 2).
//!
//! A reader that forgives stray quotes takes everything behind one that was not closed for a part
//! of its cell. A file with such a quote is refused before it is taken apart.

/// Quotes that leave open where a cell ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The file ends inside quotes.
    #[error("line {opened}: a quote is opened and not closed before the file ends")]
    NotClosed {
        /// The line on which the quote is opened, counted from 1.
        opened: u64,
    },
    /// Text stands behind a closing quote: it was an opening one, or a quote that is not doubled.
    #[error(
        "line {opened}: a quote is opened and not closed, or a quote inside the cell is not doubled: the next quote, \
         on line {next}, stands in front of further text"
    )]
    Stray {
        /// The line on which the quote is opened, counted from 1.
        opened: u64,
        /// The line of the next quote.
        next: u64,
    },
}

/// Where the walk through the file is.
#[derive(Copy, Clone)]
enum Within {
    /// At the beginning of a cell.
    Beginning,
    /// In a cell that does not begin with a quote; quotes mean nothing there.
    Plain,
    /// Inside quotes.
    Quotes,
    /// Behind a quote inside quotes: the second of a pair follows, or the cell has ended.
    Closing,
    /// Behind a closing quote and white space.
    Closed,
}

/// Refuses a file in which a quoted cell ends in front of anything but a delimiter or a line end.
/// Blanks behind the closing quote are forgiven.
///
/// # Errors
/// The first quote that is not closed, by the line on which it is opened.
pub(crate) fn check_quotes(text: &str, delimiter: u8) -> Result<(), QuoteError> {
    let (mut within, mut line, mut opened, mut closed) = (Within::Beginning, 1, 1, 1);
    for byte in text.bytes() {
        let ends_cell = byte == delimiter || byte == b'\n' || byte == b'\r';
        within = match within {
            Within::Beginning if byte == b'"' => {
                opened = line;
                Within::Quotes
            }
            Within::Quotes if byte == b'"' => {
                closed = line;
                Within::Closing
            }
            Within::Quotes => Within::Quotes,
            Within::Closing if byte == b'"' => Within::Quotes,
            Within::Beginning | Within::Plain | Within::Closing | Within::Closed if ends_cell => Within::Beginning,
            Within::Beginning | Within::Plain => Within::Plain,
            Within::Closing | Within::Closed if matches!(byte, b' ' | b'\t') => Within::Closed,
            Within::Closing | Within::Closed => return Err(QuoteError::Stray { opened, next: closed }),
        };
        line += u64::from(byte == b'\n');
    }
    match within {
        Within::Quotes => Err(QuoteError::NotClosed { opened }),
        Within::Beginning | Within::Plain | Within::Closing | Within::Closed => Ok(()),
    }
}
