//! How a command ends: the exit codes that scripts rely on.

use std::process::ExitCode;

/// What a command has to say once it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or yes.
    Yes,
    /// A clear no: refused, does not verify.
    No,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => ExitCode::SUCCESS,
            Answer::No => ExitCode::from(1),
        }
    }
}

/// Marks an error as wrong use: exit code 2. All others mean that the answer could not be found out: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUse(pub(crate) String);

/// Ends a command because it was called wrongly.
macro_rules! wrong_use {
    ($($message:tt)*) => { anyhow::Error::new($crate::failure::WrongUse(format!($($message)*))) };
}
pub(crate) use wrong_use;

/// The exit code of an error.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(if error.is::<WrongUse>() { 2 } else { 3 })
}
