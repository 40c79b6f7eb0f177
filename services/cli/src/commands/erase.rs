//! `probity erase`: destroy a sealing key, and with it everything that was sealed under it.
//!
//! The erasure is recorded first, so that a hold can refuse it. What was signed is noted in the
//! vault before it is sent: whatever happens between recording and destroying, running the command
//! again finishes it.

use anyhow::{Result, anyhow};
use clap::Args;
use probity_statement::SignedStatement;
use probity_terminal::{Answer, errln, outln, wrong_use};
use serde_json::{Map, Value};

use super::record::{Draft, FieldArgs, Prepared, Recording, SignArgs, sign};
use crate::session::Session;
use crate::vault::Vault;

#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The person or case whose texts are erased, as the vault calls them.
    label: String,
    /// The law or order that demands it.
    #[arg(long, value_name = "TEXT")]
    legal_basis: Option<String>,
    /// What the texts were recorded about, such as usecase:claims/assistant.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(crate) async fn run(args: EraseArgs, session: &Session) -> Result<Answer> {
    let dir = args.sign.vault.as_deref().ok_or_else(|| wrong_use!("--vault is needed: where the sealing keys are"))?;
    let vault = Vault::new(dir);
    let finished = vault.finish_destroying()?;
    let Some(key) = vault.of(&args.label)? else {
        if finished > 0 {
            errln!("An erasure that was recorded before is finished now: its key is destroyed.");
            return Ok(Answer::Yes);
        }
        return Err(wrong_use!("the vault {} has no key for {:?}", dir.display(), args.label));
    };
    let id = key.id();
    let mut recording = Recording::start(&args.sign, session).await?;
    let (event, statement) = match vault.erasure(id)? {
        Some(bytes) => {
            errln!("An erasure of this key was begun before; it goes on.");
            let statement = SignedStatement::parse(bytes.into())?;
            (statement.event()?, statement)
        }
        None => {
            let mut data = Map::new();
            data.insert("key".to_owned(), id.to_string().into());
            data.insert("kind".to_owned(), "sealing-key".into());
            data.extend(args.legal_basis.map(|basis| ("legal_basis".to_owned(), Value::from(basis))));
            let mut draft = Draft::begun("payload.erased", args.subject.as_deref(), data.into())?;
            draft.apply(&args.fields)?;
            let events = match recording.prepare(vec![draft], &args.sign).await? {
                Prepared::Ready(events) => events,
                Prepared::Over(answer) => return Ok(answer),
            };
            let event = events.into_iter().next().ok_or_else(|| anyhow!("there is no event to sign"))?;
            let statement = sign(&event, &recording.signer, &recording.ledger)?;
            vault.begin_erasure(id, statement.bytes())?;
            (event, statement)
        }
    };
    if recording.send(&[event], &[statement], &args.sign).await? == Answer::No {
        vault.end_erasure(id)?;
        errln!("Nothing was erased.");
        return Ok(Answer::No);
    }
    vault.destroy(id)?;
    vault.end_erasure(id)?;
    let said = format!(
        "The key {id} is destroyed: what was sealed under it for {:?} can be read by nobody any more, wherever the log has \
         been copied. Copies of the vault, such as backups, are not reached from here.",
        args.label
    );
    if session.json {
        errln!("{said}")
    } else {
        outln!("{said}")
    }
    Ok(Answer::Yes)
}
