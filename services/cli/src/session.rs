//! What every command that asks or records is given: a server, and where people's names are.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::client::ServerArgs;
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
}
