//! Who signs, with a key that is in a file or in ssh-agent.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use probity_schemas::Identity;
use probity_statement::Signer as Key;
use probity_terminal::{Signer, keyfile, wrong_use};

use crate::session::{PeopleArgs, Session};
use crate::{agent, resolve};

/// A key that is wherever it is.
pub(crate) type AnyKey = Box<dyn Key + Send + Sync>;

/// Whose key signs.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArgs {
    /// The signer's key: a key file, or agent:<comment, path or SHA256: fingerprint> for an Ed25519
    /// key in ssh-agent (agent: alone where it holds one).
    #[arg(long, env = "PROBITY_KEY", value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Who signs, where neither the key file nor the directory of people says: by name or identity.
    #[arg(long = "as", env = "PROBITY_AS", value_name = "NAME|IDENTITY")]
    pub(crate) identity: Option<String>,
}

impl KeyArgs {
    /// Opens the key.
    pub(crate) fn open(&self, session: &Session) -> Result<Signer<AnyKey>> {
        let key = self.key.as_deref().ok_or_else(|| wrong_use!("--key is needed: the key that signs"))?;
        open(key, self.identity(session)?, &session.people)
    }

    /// Who signs, where `--as` says so.
    pub(crate) fn identity(&self, session: &Session) -> Result<Option<Identity>> {
        self.identity.as_ref().map(|name| resolve::identity(name, &session.people()?)).transpose()
    }
}

/// Opens a key by its path or its name in ssh-agent.
pub(crate) fn open(key: &str, identity: Option<Identity>, people: &PeopleArgs) -> Result<Signer<AnyKey>> {
    let Some(selector) = agent::selector(key) else {
        let Signer { identity, key } = keyfile::read(Path::new(key), identity)?;
        return Ok(Signer { identity, key: Box::new(key) });
    };
    let (key, of_file) = agent::find(selector)?;
    let holder = people.load()?.holder(key.public().id()).cloned();
    match identity.or(of_file).or(holder) {
        Some(identity) => Ok(Signer { identity, key: Box::new(key) }),
        None => Err(wrong_use!(
            "nobody says whose key agent:{} is; add --as person:<uuid>, or give it to somebody once and for all with \
             `probity key new agent:{} --person NAME`",
            key.comment(),
            key.comment()
        )),
    }
}
