//! What the names in a draft mean: looked up before anything is shown or signed, so that nothing is
//! recorded that cannot take effect without a word.

use std::collections::HashSet;

use anyhow::Result;
use probity_domain::references::answerable;
use probity_proto::v1;
use probity_schemas::{EventId, Subject, SubjectKind, TypeInfo};
use probity_terminal::{clear_no, errln, wrong_use};
use serde_json::Value;

use super::args::SignArgs;
use super::draft::Draft;
use super::prompt::{at_terminal, choose, yes};
use super::recording::Recording;
use crate::fields::{self, FieldShape, Path, each_name};
use crate::resolve::{self, EventName, sentence};

/// Families of facts that say nothing without the event that they continue or close.
const LEFT_OPEN: [&str; 6] = ["incident", "issue", "finding", "concern", "review", "evidence"];

/// How the types end with which an event is closed.
const CLOSING: [&str; 14] = [
    "closed",
    "resolved",
    "resumed",
    "lifted",
    "answered",
    "accepted",
    "declined",
    "approved",
    "rejected",
    "completed",
    "withdrawn",
    "revoked",
    "removed",
    "reversed",
];

impl Recording<'_> {
    /// Puts what is meant in the place of every short name.
    pub(super) async fn resolve(&mut self, draft: &mut Draft, batch: &HashSet<String>, args: &SignArgs) -> Result<()> {
        let info = draft.info()?;
        self.resolve_names(draft, info).await?;
        if let Some(what) = draft.about_what.take() {
            let kinds = info.subject_kinds;
            let subject = match (EventName::of(&what), kinds) {
                // What is registered first is known to nobody yet.
                (None, [kind]) => format!("{}:{what}", kind.as_str()),
                _ => self.client.recorded_subject(&what, kinds).await?,
            };
            let subject: Subject = subject.parse().map_err(|error| wrong_use!("--subject {what:?}: {error}"))?;
            draft.tree["subject"] = serde_json::to_value(subject)?;
        }
        self.resolve_regarding(draft, info, batch, args).await?;
        self.fits_what_it_corrects(draft).await?;
        self.serves_there(draft, args).await
    }

    /// People by name, events by index.
    async fn resolve_names(&mut self, draft: &mut Draft, info: &TypeInfo) -> Result<()> {
        let shape = fields::of_type(info);
        let (mut wrong, mut events, mut subjects) = (None, Vec::new(), Vec::new());
        each_name(&shape, &mut draft.tree, &mut |shape, value| {
            let Some(text) = value.as_str().map(str::to_owned) else { return };
            match shape {
                FieldShape::Identity => match resolve::identity(&text, self.people()) {
                    Ok(identity) => *value = identity.to_string().into(),
                    Err(error) => drop(wrong.get_or_insert(error)),
                },
                FieldShape::Subject(kinds) => subjects.push((text, kinds.clone())),
                _ => {
                    if let Ok(index) = text.trim().parse::<u64>() {
                        events.push((text, index));
                    }
                }
            }
        });
        if let Some(error) = wrong {
            return Err(error);
        }
        for (text, kinds) in subjects {
            let kinds: Vec<SubjectKind> = kinds.iter().filter_map(|kind| kind.parse().ok()).collect();
            let subject = match kinds.as_slice() {
                [kind] if text.contains('/') => format!("{}:{text}", kind.as_str()),
                kinds => self.client.recorded_subject(&text, kinds).await?,
            };
            each_name(&shape, &mut draft.tree, &mut |shape, value| {
                if matches!(shape, FieldShape::Subject(_)) && value.as_str() == Some(&text) {
                    *value = subject.as_str().into();
                }
            });
        }
        for (text, index) in events {
            let id = self.entry(index).await?.event.id.to_string();
            each_name(&shape, &mut draft.tree, &mut |shape, value| {
                if matches!(shape, FieldShape::Event) && value.as_str() == Some(&text) {
                    *value = id.as_str().into();
                }
            });
        }
        Ok(())
    }

    /// The event that a draft continues, answers or closes.
    async fn resolve_regarding(
        &mut self,
        draft: &mut Draft,
        info: &TypeInfo,
        batch: &HashSet<String>,
        args: &SignArgs,
    ) -> Result<()> {
        let takes = answerable(info.event_type);
        let named = draft.regards.take();
        let given = draft.tree.get("regarding").and_then(Value::as_str).map(str::to_owned);
        match (named, given) {
            (Some(named), _) => match EventName::of(&named) {
                Some(EventName::Index(index)) => {
                    let found = self.entry(index).await?;
                    fits(takes, info, index, found.event.event_type())?;
                    draft.regard(&found);
                    Ok(())
                }
                Some(EventName::Id(id)) => {
                    draft.tree["regarding"] = id.to_string().into();
                    self.exists(&id, takes, info, batch, args).await
                }
                None if takes.is_empty() => {
                    Err(wrong_use!("--regarding {named:?} is no index of the log and no id of an event"))
                }
                None => {
                    let subject = self.client.subject(&named, &[]).await?;
                    self.take_open(draft, info, &subject, true).await
                }
            },
            (None, Some(given)) => match given.parse::<EventId>() {
                Ok(id) => self.exists(&id, takes, info, batch, args).await,
                // The type says what is wrong with it.
                Err(_) => Ok(()),
            },
            (None, None) if takes.is_empty() => Ok(()),
            (None, None) => {
                let needed = LEFT_OPEN.contains(&info.family());
                if !needed && !info.is_act() {
                    return Ok(());
                }
                let subject =
                    draft.tree.get("subject").cloned().and_then(|it| serde_json::from_value::<Subject>(it).ok());
                let text =
                    || draft.tree.get("subject").and_then(Value::as_str).and_then(|text| text.parse::<Subject>().ok());
                let Some(subject) = subject.or_else(text) else { return Ok(()) };
                self.take_open(draft, info, &subject.to_string(), needed).await
            }
        }
    }

    /// Takes the only open event about a subject that a draft can answer; asks where there are
    /// several.
    async fn take_open(&mut self, draft: &mut Draft, info: &TypeInfo, subject: &str, needed: bool) -> Result<()> {
        let takes = answerable(info.event_type);
        let open = self.open(subject, takes).await?;
        let what = takes.join(" or ");
        let index = match open.as_slice() {
            [] if needed => {
                return Err(clear_no!(
                    "nothing was recorded: {} answers {what}, and none about {subject} is open. Name the event with \
                     --regarding INDEX; `probity history {subject}` lists them",
                    info.event_type
                ));
            }
            [] => return Ok(()),
            [only] => only.index,
            several => {
                let lines: Vec<String> = several
                    .iter()
                    .map(|event| format!("{:>8}  {} {} — {}", event.index, event.r#type, event.subject, event.summary))
                    .collect();
                if !at_terminal() {
                    return Err(wrong_use!(
                        "{} are open about {subject}; name one with --regarding INDEX:\n{}",
                        several.len(),
                        lines.join("\n")
                    ));
                }
                match choose("Which one?", &lines)? {
                    Some(at) => several.get(at).map_or(0, |event| event.index),
                    None => return Err(clear_no!("nothing was recorded")),
                }
            }
        };
        let found = self.entry(index).await?;
        draft.regard(&found);
        Ok(())
    }

    /// The events of these types about a subject that nothing has closed and that this signer has not
    /// answered, the newest first.
    pub(crate) async fn open(&mut self, subject: &str, types: &[&str]) -> Result<Vec<v1::Entered>> {
        let mut open = Vec::new();
        for event_type in types {
            for event in self.client.events_about(subject, event_type).await? {
                let voided = event.corrections.iter().any(|correction| correction.kind == "voids");
                if !voided && self.is_open(event.index).await? {
                    open.push(event);
                }
            }
        }
        // One about the very subject comes before one about another version.
        if open.iter().any(|event| event.subject == subject) {
            open.retain(|event| event.subject == subject);
        }
        open.sort_by_key(|event| std::cmp::Reverse(event.index));
        Ok(open)
    }

    async fn is_open(&mut self, index: u64) -> Result<bool> {
        let me = self.signer.identity.to_string();
        let answers = self.client.answers(index).await?;
        let closes = |event_type: &str| {
            let ending = event_type.rsplit('.').next().unwrap_or_default();
            CLOSING.contains(&ending)
        };
        let last = answers.iter().rev().find(|answer| closes(&answer.r#type) || answer.r#type.ends_with(".reopened"));
        let signed = answers.iter().any(|answer| answer.r#type == "approval.granted" && answer.signer == me);
        Ok(!signed && last.is_none_or(|answer| answer.r#type.ends_with(".reopened")))
    }

    /// Makes sure that an event which is named by its id is there and can be answered.
    async fn exists(
        &mut self,
        id: &EventId,
        takes: &[&str],
        info: &TypeInfo,
        batch: &HashSet<String>,
        args: &SignArgs,
    ) -> Result<()> {
        if batch.contains(&id.to_string()) {
            return Ok(());
        }
        match self.client.event(EventName::Id(*id)).await {
            // Several signers may use one id; which is meant, the ledger says.
            Ok(event) => fits(takes, info, event.index, &event.r#type),
            Err(error) if info.is_act() => Err(error),
            Err(error) => self.caution(args, &format!("{error:#}: what it would answer is not recorded")),
        }
    }

    /// A correction is of what can be corrected, and names a field that it can have.
    async fn fits_what_it_corrects(&mut self, draft: &Draft) -> Result<()> {
        let said = |name: &str| draft.tree.pointer(&format!("/data/{name}")).and_then(Value::as_str);
        if draft.info()?.event_type != "correction.recorded" {
            return Ok(());
        }
        let regarding = draft.tree.get("regarding").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let Some(id) = regarding else { return Ok(()) };
        let Ok(corrected) = self.client.event(EventName::Id(id)).await else { return Ok(()) };
        if corrected.r#type == "correction.recorded" {
            return Err(wrong_use!(
                "index {} is a correction, and those are not corrected: amend the fact again, or record again what \
                 was called void",
                corrected.index
            ));
        }
        let Some(field) = said("field").filter(|_| said("kind") == Some("amends")) else { return Ok(()) };
        let info = fields::info_of(&corrected.r#type)?;
        let path: Path = field.parse().map_err(|error| wrong_use!("the field that is corrected: {error}"))?;
        match path.unknown_in(&fields::of_type(info)) {
            None => Ok(()),
            Some(unknown) => Err(wrong_use!("{} {unknown}", info.event_type)),
        }
    }

    /// Where nothing is known to serve, there is nothing to stop; an emergency is recorded all the
    /// same, once a person says so.
    async fn serves_there(&mut self, draft: &Draft, args: &SignArgs) -> Result<()> {
        if draft.info()?.event_type != "deployment.suspended" {
            return Ok(());
        }
        let mut endpoint = draft.tree.get("subject").cloned().unwrap_or_default();
        fields::settle(&FieldShape::Subject(vec![SubjectKind::Endpoint.as_str().to_owned()]), &mut endpoint, 0)
            .map_err(|error| wrong_use!("{error}"))?;
        let Ok(endpoint) = serde_json::from_value::<Subject>(endpoint) else { return Ok(()) };
        let Some(found) = self.client.find_subjects_now(&endpoint.to_string()).await else { return Ok(()) };
        if !found.subjects.is_empty() {
            return Ok(());
        }
        let meant = match found.nearest.as_str() {
            "" => String::new(),
            nearest => format!("; did you mean {nearest}?"),
        };
        let said = format!("nothing is known to serve at {endpoint}{meant}");
        match draft.begun_here {
            true => self.caution(args, &said),
            // A file is written by a program, which stops what it must.
            false => {
                errln!("probity: {said}");
                Ok(())
            }
        }
    }

    /// Says that something may not be what is meant. A person is asked whether to go on; a script says
    /// so with `--yes`.
    pub(super) fn caution(&self, args: &SignArgs, said: &str) -> Result<()> {
        if args.yes || args.dry_run {
            errln!("probity: {said}");
            return Ok(());
        }
        if !at_terminal() {
            return Err(clear_no!("nothing was recorded: {} To record it all the same, add --yes", sentence(said)));
        }
        errln!("{said}");
        match yes("Record it all the same?")? {
            true => Ok(()),
            false => Err(clear_no!("nothing was recorded")),
        }
    }
}

/// Whether an event of a type can answer what it names.
fn fits(takes: &[&str], info: &TypeInfo, index: u64, found: &str) -> Result<()> {
    match takes.is_empty() || takes.contains(&found) {
        true => Ok(()),
        false => Err(wrong_use!("index {index} is {found}; {} answers {}", info.event_type, takes.join(" or "))),
    }
}
