//! What every command that asks or records is given: a server, and where people's names are.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use probity_terminal::{Format, errln, format, no, page, set_csv, wrong_use};
use tonic::{Code, Response, Status};

use crate::client::{ServerArgs, failed};
use crate::fields::moment;
use crate::output;
use crate::people::{self, People};

/// Where people's names are.
#[derive(Debug, Clone, Args)]
pub(crate) struct PeopleArgs {
    /// The directory of people's names, a file kept outside the ledger. Without it, the first of
    /// these that is there: people.toml here, beside the file that PROBITY_CONFIG names, and in
    /// ~/.config/probity.
    #[arg(long = "people", env = people::VARIABLE, value_name = "FILE", global = true)]
    people: Option<PathBuf>,
}

impl PeopleArgs {
    /// The file that is read, and written where a name is added.
    pub(crate) fn file(&self) -> PathBuf {
        self.people.clone().unwrap_or_else(people::find)
    }

    /// The names that are known here.
    pub(crate) fn load(&self) -> Result<People> {
        People::load(&self.file())
    }
}

/// The arguments of every command that talks to a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct SessionArgs {
    #[command(flatten)]
    people: PeopleArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// Print a table as CSV, as spreadsheets open it, with every column; where there are several
    /// tables, one after the other.
    #[arg(long, global = true)]
    csv: bool,
}

impl SessionArgs {
    /// Whether a copy is asked, and no server.
    pub(crate) fn is_of_copy(&self) -> bool {
        self.server.ledger.is_some()
    }

    pub(crate) fn open(self, json: bool) -> Session {
        // A program that asks for JSON gets it.
        if self.csv && !json {
            set_csv();
        }
        Session { json, people: self.people, server: self.server }
    }

    /// For a command that only asks: a pager shows what is long.
    pub(crate) fn open_to_read(self, json: bool) -> Session {
        let session = self.open(json);
        if !json && format() == Format::People {
            page();
        }
        session
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
            Err(status) if matches!(status.code(), Code::NotFound | Code::PermissionDenied) => {
                // The caller's answer is that no.
                let _ = no(self.json, status.message());
                Ok(None)
            }
            Err(status) if matches!(status.code(), Code::InvalidArgument | Code::OutOfRange) => {
                Err(wrong_use!("{}", status.message()))
            }
            Err(status) if status.code() == Code::DeadlineExceeded => Err(failed(status)
                .context("what was recorded from here is not taken in yet; --after 0 does not wait for it")),
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
