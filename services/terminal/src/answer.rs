//! How a command ends: the exit codes that scripts rely on.

use std::error::Error;
use std::process::ExitCode;

use crate::keyfile::KeyFileError;
use crate::{errln, outln};

/// How a command that ran has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done, or yes: exit code 0.
    Yes,
    /// A clear no, such as refused or does not verify: exit code 1.
    No,
    /// Nothing failed, but there was not enough to tell by: exit code 3.
    Unknown,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => ExitCode::SUCCESS,
            Answer::No => ExitCode::from(1),
            Answer::Unknown => ExitCode::from(3),
        }
    }
}

/// The command was called wrongly: exit code 2. All other errors mean that the answer could not be
/// found out: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// An error that ends a command because it was called wrongly. The message is given as to
/// `format!`.
#[macro_export]
macro_rules! wrong_use {
    ($($message:tt)*) => { anyhow::Error::new($crate::WrongUse(format!($($message)*))) };
}

/// The answer is a clear no, found out on the way to it: exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ClearNo(pub String);

/// An error that ends a command because the answer is a clear no. The message is given as to
/// `format!`.
#[macro_export]
macro_rules! clear_no {
    ($($message:tt)*) => { anyhow::Error::new($crate::ClearNo(format!($($message)*))) };
}

/// Gives a clear no with its reason on standard error and, with `json`, as a document on standard
/// output.
#[must_use]
pub fn no(json: bool, reason: &str) -> Answer {
    report(json, reason, 1);
    Answer::No
}

/// An error that ends a command, as the caller sees it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// What `error` comes to; `message` is the error with its causes.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static), message: String) -> Self {
        let code = match () {
            () if is_wrong_use(error) => 2,
            () if is_clear_no(error) => 1,
            () => 3,
        };
        Self { message, code }
    }

    /// Arguments that are no command's.
    #[must_use]
    pub fn wrong_use(message: String) -> Self {
        Self { message, code: 2 }
    }

    /// Reports it on standard error and, with `json`, as a document on standard output. Gives the
    /// exit code.
    #[must_use]
    pub fn report(&self, json: bool) -> ExitCode {
        report(json, &self.message, self.code);
        ExitCode::from(self.code)
    }
}

fn report(json: bool, message: &str, code: u8) {
    errln!("probity: {message}");
    if json {
        outln!("{:#}", serde_json::json!({ "error": message, "exit_code": code }));
    }
}

fn is_clear_no(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<ClearNo>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether an error, or one that it was caused by, is wrong use.
fn is_wrong_use(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<WrongUse>() || error.downcast_ref().is_some_and(KeyFileError::is_wrong_use) {
            return true;
        }
        cause = error.source();
    }
    false
}
