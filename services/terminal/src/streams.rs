//! Standard output and standard error, for readers that may go away.
//!
//! A reader such as `head` that has closed its end wants nothing more: nothing more is written, and
//! the command goes on to its end and its exit code. Any other failure, such as a full disk, is
//! kept for [`take_failure`].

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// The first failure of standard output.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints to standard output, as `print!` does.
#[macro_export]
macro_rules! out {
    ($($text:tt)*) => { $crate::write_out(format_args!($($text)*)) };
}

/// Prints a line to standard output, as `println!` does.
#[macro_export]
macro_rules! outln {
    () => { $crate::write_out(format_args!("\n")) };
    ($($text:tt)*) => { $crate::write_out(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints a line to standard error, as `eprintln!` does.
#[macro_export]
macro_rules! errln {
    () => { $crate::write_err(format_args!("\n")) };
    ($($text:tt)*) => { $crate::write_err(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes to standard output; what [`out!`] and [`outln!`] expand to.
pub fn write_out(text: fmt::Arguments<'_>) {
    keep(io::stdout().lock().write_fmt(text));
}

/// Writes to standard error; what [`errln!`] expands to. Where standard error fails, there is
/// nowhere left to say so.
pub fn write_err(text: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Why standard output did not take everything, unless its reader went away.
#[must_use]
pub fn take_failure() -> Option<io::Error> {
    keep(io::stdout().flush());
    FAILURE.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn keep(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILURE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}
