//! `probity record`: sign events and record them.
//!
//! An event comes from a file, from a type's sample or from the command line. What is missing is
//! asked for at a terminal; what will be signed is shown in plain words before it is. The shortcuts
//! (`probity approve` and the like) fill in a draft and go the same way.

mod args;
mod ask;
mod checking;
mod documents;
mod draft;
mod fetched;
mod help;
mod prompt;
mod recording;
mod resolving;
mod show;
mod source;
mod submit;

use anyhow::Result;
use probity_terminal::{Answer, wrong_use};

use crate::session::Session;

pub(crate) use args::{FieldArgs, RecordArgs, SignArgs};
pub(crate) use draft::{Draft, complete};
pub(crate) use fetched::FetchedStatement;
pub(crate) use prompt::{at_terminal, yes};
pub(crate) use recording::{Prepared, Recording};
pub(crate) use submit::{check_receipt, sign};

pub(crate) async fn run(args: RecordArgs, session: &Session) -> Result<Answer> {
    if args.help {
        return help::show(args.what.as_deref(), session);
    }
    if args.types {
        return help::types(session);
    }
    if let Some(event_type) = &args.sample {
        return help::sample(event_type);
    }
    let mut drafts = source::read(args.what.as_deref(), args.from.as_deref())?;
    if args.edit {
        for draft in &mut drafts {
            draft.edit()?;
        }
    }
    match drafts.as_mut_slice() {
        [draft] => {
            draft.apply(&args.fields)?;
            draft.subject(args.subject.as_deref())?;
            draft.regarding(args.regarding.as_deref());
        }
        _ if args.subject.is_some() || args.regarding.is_some() || !args.fields.is_empty() => {
            return Err(wrong_use!("fields on the command line are for one event; this file holds {}", drafts.len()));
        }
        _ => {}
    }
    record(drafts, &args.sign, session).await
}

/// Records drafts: asks for what is missing, shows them, signs them, sends them.
pub(crate) async fn record(drafts: Vec<Draft>, args: &SignArgs, session: &Session) -> Result<Answer> {
    for draft in &drafts {
        draft.check_complete()?;
    }
    let mut recording = Recording::start(args, session).await?;
    recording.record(drafts, args).await
}
