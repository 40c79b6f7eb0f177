//! What every command that asks or records is given: a server, and where people's names are.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use probity_terminal::{errln, no, wrong_use};
use tonic::{Code, Response, Status};

use crate::client::{ServerArgs, failed};
use crate::fields::moment;
use crate::output;
use crate::people::{self, People};

/// Where people's names are.
#[derive(Debug, Clone, Args)]
pub(crate) struct PeopleArgs {
    /// The directory of people's names, a file kept outside the ledger.
    #[arg(long, env = people::VARIABLE, default_value = "people.toml", value_name = "FILE", global = true)]
    pub(crate) people: PathBuf,
}

impl PeopleArgs {
    /// The names that are known here.
    pub(crate) fn load(&self) -> Result<People> {
        People::load(&self.people)
    }
}

/// The arguments of every command that talks to a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct SessionArgs {
    #[command(flatten)]
    people: PeopleArgs,
    #[command(flatten)]
    server: ServerArgs,
}

impl SessionArgs {
    /// Whether a copy is asked, and no server.
    pub(crate) fn is_of_copy(&self) -> bool {
        self.server.ledger.is_some()
    }

    pub(crate) fn open(self, json: bool) -> Session {
        Session { json, people: self.people, server: self.server }
    }
}

/// A command's way to its server and to its reader.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Whether JSON is printed instead of text.
    pub(crate) json: bool,
    pub(crate) people: PeopleArgs,
    pub(crate) server: ServerArgs,
}

impl Session {
    /// The names that are known here.
    pub(crate) fn people(&self) -> Result<People> {
        self.people.load()
    }

    /// The answer to a question; nothing where the server says that there is no such thing, which
    /// is reported.
    pub(crate) fn answered<T>(&self, answer: Result<Response<T>, Status>) -> Result<Option<T>> {
        match answer {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) if status.code() == Code::NotFound => {
                // The caller's answer is that no.
                let _ = no(self.json, status.message());
                Ok(None)
            }
            Err(status) if matches!(status.code(), Code::InvalidArgument | Code::OutOfRange) => {
                Err(wrong_use!("{}", status.message()))
            }
            Err(status) => Err(failed(status)),
        }
    }

    /// The moment of an option such as `--at`, in Unix milliseconds. What it means is said on
    /// standard error, unless it is written in full.
    pub(crate) fn moment(&self, option: &str, text: Option<&str>) -> Result<Option<u64>> {
        let Some(text) = text else { return Ok(None) };
        let ms = moment(text)?;
        let instant = output::time_ms(ms);
        if instant != text {
            errln!("probity: {option} {text} is {instant}");
        }
        Ok(Some(ms))
    }
}
