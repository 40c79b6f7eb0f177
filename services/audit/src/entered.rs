//! Statements as they stand in answers, with what their signers corrected later.

use probity_projection::View;
use probity_proto::v1;
use probity_query::QueryError;
use probity_schemas::Data;
use probity_schemas::correction::CorrectionEvent;

use crate::corrections;
use crate::layout::{self, EventHead, EventRecord};
use crate::summary::{shorten, summary};

/// Whether something happened by a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// Nothing was asked.
    Unasked,
    /// It did.
    Yes,
    /// It may have: in an interval around the moment, or at an unknown time.
    Possibly,
}

impl Happened {
    /// Whether it happened by then; `None` if it certainly did not.
    pub(crate) fn by(head: &EventHead, at_ms: Option<u64>) -> Option<Self> {
        match (at_ms, head.happened()) {
            (None, _) => Some(Self::Unasked),
            // Nobody knows when; but what is recorded had happened by then.
            (Some(at_ms), None) if head.sorted_at_ms() <= at_ms => Some(Self::Yes),
            (Some(_), None) => Some(Self::Possibly),
            (Some(at_ms), Some((_, latest))) if latest <= at_ms => Some(Self::Yes),
            (Some(at_ms), Some((earliest, _))) if earliest <= at_ms => Some(Self::Possibly),
            (Some(_), Some(_)) => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Unasked => "",
            Self::Yes => "yes",
            Self::Possibly => "possibly",
        }
    }
}

/// How statements are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Showing {
    /// Corrections among the first so many statements.
    pub(crate) known: u64,
    /// Without the events themselves.
    pub(crate) brief: bool,
}

/// What a confirmation says: the act that it confirms, in words. One that is about another subject is not told: who sees
/// the confirmation may not see that.
fn confirmed(view: &View, act: u64, subject: &str) -> Result<Option<String>, QueryError> {
    let Some(entry) = layout::entry(view, act)?.filter(|act| act.head.subject == subject) else { return Ok(None) };
    let event = entry.event(view, act)?;
    Ok(Some(shorten(&format!("confirmed index {act} ({}): {}", event.event_type(), summary(&event)))))
}

impl Showing {
    /// A statement as it stands in answers.
    pub(crate) fn entered(
        self,
        view: &View,
        index: u64,
        entry: &EventRecord,
        happened: Happened,
    ) -> Result<v1::Entered, QueryError> {
        let event = entry.event(view, index)?;
        let head = &entry.head;
        let text = |text: &Option<probity_schemas::Title>| text.as_ref().map(ToString::to_string).unwrap_or_default();
        let evidence = event.evidence.iter().map(|evidence| v1::Evidence {
            digest: evidence.digest.to_string(),
            kind: evidence.kind.to_string(),
            title: text(&evidence.title),
        });
        Ok(v1::Entered {
            index,
            id: event.id.to_string(),
            r#type: head.event_type.clone(),
            subject: head.subject.clone(),
            signer: head.signer.clone(),
            on_behalf_of: head.on_behalf_of.clone().unwrap_or_default(),
            initiators: event.initiators.iter().map(ToString::to_string).collect(),
            recorded_at: head.recorded_at,
            occurred: head.occurred.map(|(earliest_ms, latest_ms)| v1::Occurred { earliest_ms, latest_ms }),
            happened: happened.as_str().to_owned(),
            title: text(&event.title),
            summary: match head.confirms {
                Some(act) => confirmed(view, act, &head.subject)?.unwrap_or_else(|| summary(&event)),
                None => summary(&event),
            },
            evidence: evidence.collect(),
            regarding: event.regarding.map(|id| id.to_string()).unwrap_or_default(),
            provenance: head.provenance().to_owned(),
            corrections: self.corrections(view, index, head)?,
            event_json: match self.brief {
                true => String::new(),
                false => serde_json::to_string(&event).unwrap_or_default(),
            },
            about: head.about.clone(),
            statement_digest: digest_text(&entry.digest),
        })
    }

    /// What its signer corrected. Whoever may see an event is told what became of it, whatever the correction is about.
    fn corrections(self, view: &View, index: u64, head: &EventHead) -> Result<Vec<v1::Correction>, QueryError> {
        let mut shown = Vec::new();
        for correction in corrections::of(view, index, self.known)? {
            let Some(entry) = layout::entry(view, correction.index)? else { continue };
            let Data::Correction(CorrectionEvent::Recorded(recorded)) = entry.event(view, correction.index)?.data
            else {
                continue;
            };
            let (old, new) = (recorded.old, recorded.new);
            let text = |text: Option<probity_schemas::Text>| text.map(String::from).unwrap_or_default();
            shown.push(v1::Correction {
                index: correction.index,
                kind: probity_schemas::word(&recorded.kind),
                field: text(recorded.field),
                old: match &correction.new_subject {
                    Some(_) => head.subject.clone(),
                    None => text(old),
                },
                new: correction.new_subject.unwrap_or_else(|| text(new)),
                reason: recorded.reason.to_string(),
                recorded_at: entry.head.recorded_at,
            });
        }
        Ok(shown)
    }
}

fn digest_text(digest: &[u8; 32]) -> String {
    probity_schemas::Digest::from_bytes(*digest).to_string()
}
