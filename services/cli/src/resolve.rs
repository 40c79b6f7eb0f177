//! What a name on the command line means: the one place that says so.
//!
//! A subject is written in full (`model:credit/pd@3`), without its kind (`credit/pd`), or as the
//! index or id of an event, which stands for what that event is about. A person is written as an
//! identity, or by the name that the directory knows. What is none of these ends the command with
//! the nearest name.

use anyhow::{Result, anyhow};
use probity_proto::v1;
use probity_schemas::{EventId, Identity, Subject, SubjectKind};
use probity_terminal::{ClearNo, clear_no, wrong_use};
use tonic::Code;

use crate::client::{Client, failed};
use crate::people::People;

/// What has a part in the lineage, what is asked about most first.
const LINEAGE: [SubjectKind; 5] =
    [SubjectKind::Model, SubjectKind::Dataset, SubjectKind::Endpoint, SubjectKind::Usecase, SubjectKind::Supplier];

/// How an event is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventName {
    /// By its position in the log.
    Index(u64),
    /// By its own id.
    Id(EventId),
}

impl EventName {
    /// The event that a text names; nothing where it is no name of one.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        text.parse().map(Self::Index).ok().or_else(|| text.parse().map(Self::Id).ok())
    }
}

/// A person or service that a text names: an identity, or a name in the directory, or a part of one
/// that only one has.
pub(crate) fn identity(text: &str, people: &People) -> Result<Identity> {
    let text = text.trim();
    if let Ok(identity) = text.parse() {
        return Ok(identity);
    }
    if text.contains(':') {
        let error = text.parse::<Identity>().err().map(|error| error.to_string()).unwrap_or_default();
        return Err(wrong_use!("{text:?}: {error}"));
    }
    let found = people.called(text);
    match found.as_slice() {
        [(identity, _)] => Ok(identity.parse()?),
        [] => {
            let nearest = people.nearest(text).map_or(".".to_owned(), |name| format!("; did you mean {name}?"));
            Err(wrong_use!(
                "{text:?} is nobody whom the directory of people knows{nearest} Write person:<uuid> or service:<name>, or \
                 name another directory with --people; `probity people` lists who there is"
            ))
        }
        several => {
            let names: Vec<String> = several.iter().map(|(identity, name)| format!("{name} ({identity})")).collect();
            Err(wrong_use!("{text:?} is more than one: {}; say which", names.join(", ")))
        }
    }
}

/// An identity for a filter; empty stays empty.
pub(crate) fn identity_or_empty(text: &str, people: &People) -> Result<String> {
    if text.is_empty() { Ok(String::new()) } else { Ok(identity(text, people)?.to_string()) }
}

impl Client {
    /// The subject that a text names. One without a kind is of the first of `kinds` that statements
    /// are about, or of any where none is given.
    pub(crate) async fn subject(&mut self, text: &str, kinds: &[SubjectKind]) -> Result<String> {
        let text = text.trim();
        if let Some(event) = EventName::of(text) {
            let event = self.event(event).await?;
            return Ok(event.subject);
        }
        if text.contains(':') {
            let subject: Subject = text.parse().map_err(|error| wrong_use!("{text:?}: {error}"))?;
            return Ok(subject.to_string());
        }
        let found = self.find_subjects(text).await?;
        let Some(found) = found else {
            // A server without that view: what is asked for most.
            let kind = kinds.first().copied().unwrap_or(SubjectKind::Model);
            let subject: Subject =
                format!("{}:{text}", kind.as_str()).parse().map_err(|error| wrong_use!("{text:?}: {error}"))?;
            return Ok(subject.to_string());
        };
        let is_of = |name: &String, kind: &SubjectKind| name.split_once(':').is_some_and(|(of, _)| of == kind.as_str());
        let of_kind = kinds.iter().find_map(|kind| found.subjects.iter().find(|name| is_of(name, kind)));
        match (of_kind, found.subjects.as_slice()) {
            (Some(name), _) => Ok(name.clone()),
            (None, [only]) if kinds.is_empty() => Ok(only.clone()),
            (None, []) => Err(clear_no!("{}", unknown(text, &found.nearest))),
            (None, several) if kinds.is_empty() => Err(wrong_use!("{text} is {}; say which", several.join(" and "))),
            (None, several) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
                Err(wrong_use!("{text} is {}, which is no {}", several.join(" and "), kinds.join(" or ")))
            }
        }
    }

    /// The same for what is recorded: a name without its kind must be one that statements are about.
    pub(crate) async fn recorded_subject(&mut self, text: &str, kinds: &[SubjectKind]) -> Result<String> {
        let subject = self.subject(text, kinds).await;
        subject.map_err(|error| match error.is::<ClearNo>() {
            true => wrong_use!(
                "{} What is new is named with its kind, as in model:{text} or endpoint:{text}",
                sentence(&error.to_string())
            ),
            false => error,
        })
    }

    /// A node of the lineage: a subject, or something else such as `code:<commit>` or a digest, which
    /// the server reads.
    pub(crate) async fn node(&mut self, text: &str) -> Result<String> {
        let other = text.split_once(':').is_some_and(|(kind, _)| kind.parse::<SubjectKind>().is_err());
        if other { Ok(text.to_owned()) } else { self.subject(text, &LINEAGE).await }
    }

    /// The same where nothing stands for nothing.
    pub(crate) async fn subject_or_empty(&mut self, text: &str, kinds: &[SubjectKind]) -> Result<String> {
        if text.is_empty() { Ok(String::new()) } else { self.subject(text, kinds).await }
    }

    /// What is called so as of all that is recorded now, by whomever; nothing where this server does not
    /// say so soon.
    pub(crate) async fn find_subjects_now(&mut self, name: &str) -> Option<v1::FindSubjectsResponse> {
        let newest = self.log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.ok()?.into_inner();
        let request = v1::FindSubjectsRequest { name: name.to_owned(), min_tree_size: newest.tree_size };
        Some(self.audit.find_subjects(request).await.ok()?.into_inner())
    }

    /// What is called so; nothing where this server does not say.
    pub(crate) async fn find_subjects(&mut self, name: &str) -> Result<Option<v1::FindSubjectsResponse>> {
        let request = v1::FindSubjectsRequest { name: name.to_owned(), min_tree_size: self.recorded() };
        match self.audit.find_subjects(request).await {
            Ok(found) => Ok(Some(found.into_inner())),
            Err(status) => match status.code() {
                Code::Unimplemented => Ok(None),
                Code::PermissionDenied => Err(clear_no!("{}", status.message())),
                Code::InvalidArgument => Err(wrong_use!("{}", status.message())),
                _ => Err(failed(status)),
            },
        }
    }

    /// The index of a statement that is named by it or by its event's id.
    pub(crate) async fn index(&mut self, text: &str) -> Result<u64> {
        match EventName::of(text) {
            Some(EventName::Index(index)) => Ok(index),
            Some(id) => Ok(self.event(id).await?.index),
            None => Err(wrong_use!("{text:?} is no index of the log and no id of an event")),
        }
    }

    /// An event of the log, as the audit view shows it.
    pub(crate) async fn event(&mut self, name: EventName) -> Result<v1::Entered> {
        let which = match name {
            EventName::Index(index) => v1::get_event_request::Which::Index(index),
            EventName::Id(id) => v1::get_event_request::Which::Id(id.to_string()),
        };
        let request = v1::GetEventRequest { which: Some(which), min_tree_size: self.recorded(), ..Default::default() };
        let response = self.audit.get_event(request).await.map_err(|status| match status.code() {
            Code::NotFound | Code::FailedPrecondition => wrong_use!("{}", status.message()),
            _ => failed(status),
        })?;
        response.into_inner().event.ok_or_else(|| anyhow!("the server sent no event"))
    }

    /// What continues, answers or closes an event, the oldest first.
    pub(crate) async fn answers(&mut self, index: u64) -> Result<Vec<v1::Entered>> {
        let which = Some(v1::get_event_request::Which::Index(index));
        let request = v1::GetEventRequest { which, min_tree_size: self.recorded(), ..Default::default() };
        Ok(self.audit.get_event(request).await.map_err(failed)?.into_inner().answers)
    }

    /// Events of a type about a subject and its versions, the newest first.
    pub(crate) async fn events_about(&mut self, subject: &str, event_type: &str) -> Result<Vec<v1::Entered>> {
        let request = v1::ListEventsRequest {
            subject: subject.to_owned(),
            r#type: event_type.to_owned(),
            descending: true,
            brief: true,
            page_size: 200,
            min_tree_size: self.recorded(),
            ..Default::default()
        };
        let answer = match self.audit.list_events(request).await {
            Ok(answer) => answer.into_inner(),
            // What is recorded for the first time is known to nobody yet.
            Err(status) if status.code() == Code::NotFound => return Ok(Vec::new()),
            Err(status) => return Err(failed(status)),
        };
        Ok(answer.events.into_iter().filter(|event| event.r#type == event_type).collect())
    }
}

/// A text with a full stop, where it does not end as a sentence already.
pub(crate) fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

fn unknown(name: &str, nearest: &str) -> String {
    let meant = if nearest.is_empty() { String::new() } else { format!("; did you mean {nearest}?") };
    format!("no statement is about {name}, or none that you may see{meant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_found_by_name_by_a_part_of_it_and_by_nothing_ambiguous() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("people.toml");
        let of =
            |number: u8| -> Identity { format!("person:00000000-0000-4000-8000-00000000000{number}").parse().unwrap() };
        for (number, name) in [(1, "Olga Owner"), (2, "Olga Ohm"), (3, "Arno Approver")] {
            People::remember(&file, &of(number), name).unwrap();
        }
        let people = People::load(&file).unwrap();
        for (text, number) in [("Olga Owner", 1), ("olga owner", 1), ("arno", 3), ("ohm", 2), (&of(2).to_string(), 2)] {
            assert_eq!(identity(text, &people).unwrap(), of(number), "{text}");
        }
        let refused = |text| identity(text, &people).unwrap_err().to_string();
        assert!(refused("olga").contains("Olga Owner") && refused("olga").contains("Olga Ohm"));
        assert!(refused("Arno Aprover").contains("did you mean Arno Approver?"));
        assert!(refused("person:1").contains("person:1"));
    }
}
