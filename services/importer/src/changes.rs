//! What a later edition makes of the events that earlier ones led to. Nothing in the record is
//! touched: what is wrong is made void, what has ended gets its end, and what cannot be carried
//! over is named.

use probity_schemas::correction::{CorrectionKind, Recorded};
use probity_schemas::dependency::{DependencyEvent, Ended};
use probity_schemas::deployment::{DeploymentEvent, Stopped};
use probity_schemas::evidence::{EvidenceEvent, Withdrawn};
use probity_schemas::{Data, Event, Occurred, Text};

use crate::build::{Builder, Unmade};
use crate::history::{History, State};
use crate::mapping::{Changed, EventSpec, Gone};
use crate::naming::{Named, UNIT};
use crate::report::{Effect, Kept, Reason};
use crate::row::{Cells, Remark};

/// What the file says now by one event of the mapping.
pub(crate) struct Now<'r> {
    /// The event, where there is one.
    pub(crate) event: Option<Event>,
    /// Whether another event of the row says that this one has ended, and when.
    pub(crate) ended: Option<Option<Occurred>>,
    pub(crate) row: &'r Named,
    pub(crate) cells: &'r Cells<'r>,
}

/// What there is to record.
#[derive(Default)]
pub(crate) struct Carried {
    pub(crate) events: Vec<Event>,
    /// Whether something that is recorded is no longer what the file says.
    pub(crate) changed: bool,
    /// Whether what the file says was in the record.
    pub(crate) was_recorded: bool,
    pub(crate) remark: Option<Remark>,
}

/// Holds what the file says against what is recorded.
pub(crate) fn carry(
    builder: &Builder<'_>,
    spec: &EventSpec,
    now: Now<'_>,
    history: &History,
) -> Result<Carried, Unmade> {
    let mut carry = Carry { builder, spec, row: now.row, history, carried: Carried::default() };
    // Each time that something was recorded anew, it got an id of its own.
    let mut times = 0;
    let mut held: Option<&Event> = None;
    while let Some(event) = history.event(builder.id_of(&now.row.identity, spec, times)) {
        held = Some(event);
        times += 1;
    }
    let state = held.map(|held| (held, history.state(held.id)));
    let Some(mut event) = now.event else {
        if let Some((held, State::Holds)) = state {
            carry.gone(held, now.ended.flatten().or_else(|| spec.ended.and_then(|column| now.cells.date(column))))?;
        }
        return Ok(carry.carried);
    };
    event.id = builder.id_of(&now.row.identity, spec, times);
    match state {
        None | Some((_, State::Void)) => carry.record(event, now.ended)?,
        Some((held, state)) => {
            carry.carried.was_recorded = true;
            if event.occurred.is_none() && spec.occurred.is_some_and(|column| now.cells.is_unread(column)) {
                // A cell that can't be read doesn't take back what an earlier one said.
                event.occurred = held.occurred;
            }
            let same = says_the_same(held, &event);
            match (state, now.ended) {
                (State::Holds, None) if same => {}
                (State::Holds, None) => carry.changed(held, event, None)?,
                (State::Holds, Some(at)) if same => {
                    carry.end(held, at, carry.ended_reason()?)?;
                    carry.carried.changed = true;
                }
                (State::Holds, Some(at)) => carry.changed(held, event, Some(at))?,
                (State::Ended(end), None) if same => carry.resume(end)?,
                (State::Ended(end), None) if covers(end, &event) => {
                    carry.resume(end)?;
                    carry.changed(held, event, None)?;
                }
                // What begins after an end is something else.
                (State::Ended(_), None) => carry.record(event, None)?,
                (State::Ended(_), Some(_)) if same => {}
                (State::Ended(_), Some(_)) => carry.keep(Kept::Ended),
                (State::Void, _) => {}
            }
        }
    }
    Ok(carry.carried)
}

/// Whether two events differ in nothing but how they are called.
fn says_the_same(one: &Event, other: &Event) -> bool {
    one.data == other.data
        && one.subject == other.subject
        && one.about == other.about
        && one.occurred == other.occurred
        && one.title == other.title
}

/// Whether the views would put the end of a deployment behind an event, which begins anew.
fn covers(end: &Event, event: &Event) -> bool {
    let begins = event.occurred.map(|occurred| occurred.latest());
    let ends = end.occurred.map(|occurred| occurred.latest());
    matches!(end.data, Data::Deployment(_)) && begins.is_some_and(|begins| ends.is_none_or(|ends| begins < ends))
}

struct Carry<'c> {
    builder: &'c Builder<'c>,
    spec: &'c EventSpec,
    row: &'c Named,
    history: &'c History,
    carried: Carried,
}

impl Carry<'_> {
    /// What is recorded for the first time, or again.
    fn record(&mut self, event: Event, ended: Option<Option<Occurred>>) -> Result<(), Unmade> {
        self.carried.events.push(event.clone());
        match ended {
            Some(at) => self.end(&event, at, self.ended_reason()?),
            None => Ok(()),
        }
    }

    /// What had ended has not.
    fn resume(&mut self, end: &Event) -> Result<(), Unmade> {
        self.carried.changed = true;
        self.void(end, self.reason("no longer says so")?)
    }

    fn changed(&mut self, held: &Event, event: Event, ended: Option<Option<Occurred>>) -> Result<(), Unmade> {
        let rule = match (self.spec.changed, &held.data, &event.data) {
            // Only a class under the same framework and for the same use takes another's place.
            (
                Changed::Add,
                Data::Model(probity_schemas::model::ModelEvent::Classified(before)),
                Data::Model(probity_schemas::model::ModelEvent::Classified(now)),
            ) if (&before.framework, &before.use_case) != (&now.framework, &now.use_case) => Changed::Correct,
            (Changed::Add, ..) if held.subject != event.subject => Changed::Correct,
            (rule, ..) => rule,
        };
        match rule {
            Changed::Keep => {
                self.keep(Kept::Changed);
                return match ended {
                    Some(at) => self.end(held, at, self.ended_reason()?),
                    None => Ok(()),
                };
            }
            Changed::Correct => self.void(held, self.reason("says otherwise")?)?,
            Changed::End => self.end(held, event.occurred, self.reason("says otherwise")?)?,
            Changed::Add => {}
        }
        self.carried.changed = true;
        self.record(event, ended)
    }

    fn gone(&mut self, held: &Event, at: Option<Occurred>) -> Result<(), Unmade> {
        match self.spec.gone {
            Gone::Keep => {
                self.keep(Kept::Gone);
                return Ok(());
            }
            Gone::Void => self.void(held, self.reason("no longer says so")?)?,
            Gone::End => self.end(held, at, self.reason("no longer says so")?)?,
        }
        self.carried.changed = true;
        Ok(())
    }

    fn keep(&mut self, kept: Kept) {
        let reason = Reason::Kept { event_type: self.spec.info.event_type, kept };
        self.carried.remark = Some(Remark { effect: Effect::EventKept, column: None, reason });
    }

    fn void(&mut self, held: &Event, reason: Text) -> Result<(), Unmade> {
        let correction = Recorded::new(CorrectionKind::Voids, reason);
        self.close(held, Recorded::INFO.event_type, correction, None)
    }

    /// Records the end of what an event says, by the word that the vocabulary has for it.
    fn end(&mut self, held: &Event, at: Option<Occurred>, reason: Text) -> Result<(), Unmade> {
        // The views put facts into the order of their moments. An end that would come before its
        // beginning, or beside one whose moment is unknown, is one of an unknown moment.
        let at = at.filter(|at| held.occurred.is_some_and(|begun| begun.latest() <= at.latest()));
        match &held.data {
            Data::Deployment(DeploymentEvent::Started(started)) => {
                let stopped = Stopped { version: started.version.clone(), reason: Some(reason) };
                self.close(held, Stopped::INFO.event_type, stopped, at)
            }
            Data::Dependency(DependencyEvent::Declared(_)) => {
                self.close(held, Ended::INFO.event_type, Ended { reason: Some(reason) }, at)
            }
            Data::Evidence(EvidenceEvent::Attached(attached)) => {
                let mut withdrawn = Withdrawn::new(reason);
                withdrawn.digest = attached.digest;
                self.close(held, Withdrawn::INFO.event_type, withdrawn, at)
            }
            // The mapping was refused if it asked for an end that the vocabulary doesn't have.
            _ => Ok(()),
        }
    }

    fn close(
        &mut self,
        held: &Event,
        event_type: &str,
        data: impl Into<Data>,
        at: Option<Occurred>,
    ) -> Result<(), Unmade> {
        let earlier = self.history.closings(held.id);
        let found = format!("{}{UNIT}{}{UNIT}{earlier}", self.row.identity, held.id);
        let mut event = Event::new(self.builder.id(&found, event_type), held.subject.clone(), data);
        event.regarding = Some(held.id);
        event.occurred = at;
        event.external_ids = vec![self.builder.external_id(&self.row.identity)?];
        self.builder.check_size(&event)?;
        self.carried.events.push(event);
        Ok(())
    }

    fn reason(&self, what: &str) -> Result<Text, Unmade> {
        Ok(format!("The source {what} since its edition {}.", self.builder.edition).parse()?)
    }

    fn ended_reason(&self) -> Result<Text, Unmade> {
        Ok("The source says that it has ended.".parse()?)
    }
}
