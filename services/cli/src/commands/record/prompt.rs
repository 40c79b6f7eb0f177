//! Whether there is a person to ask, and a plain question to them.

use std::io::{self, IsTerminal};

use anyhow::Result;
use dialoguer::Confirm;
use dialoguer::theme::ColorfulTheme;

/// Whether a person can be asked.
pub(crate) fn at_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Yes or no; no, where the person broke off.
pub(crate) fn yes(question: &str) -> Result<bool> {
    let answer = Confirm::with_theme(&ColorfulTheme::default()).with_prompt(question).default(false).interact();
    match answer.map_err(anyhow::Error::from) {
        Err(error) if is_end(&error) => Ok(false),
        answer => answer,
    }
}

/// Whether the person broke off, or the terminal is gone.
pub(super) fn is_end(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<dialoguer::Error>();
    error.is_some_and(|dialoguer::Error::IO(error)| {
        matches!(error.kind(), std::io::ErrorKind::Interrupted | std::io::ErrorKind::UnexpectedEof)
    })
}
