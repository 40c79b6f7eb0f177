//! What the ledger would say of events, asked before anything is signed: a missing role, a second
//! pair of eyes, a version that nobody registered; and what they would end.
//!
//! Nothing rests on the answer: a server that does not give one is no obstacle, and the ledger judges
//! again when the event is handed in.

use probity_proto::v1;
use probity_proto::v1::check_result::Result as Outcome;
use probity_schemas::Event;
use probity_statement::{SIGNATURE_LENGTH, Signer as _, Unsigned};
use probity_terminal::errln;
use serde_json::{Value, json};

use super::args::SignArgs;
use super::recording::Recording;
use crate::client::headline;

/// Events that are asked about at once, at most: as many as servers answer.
const MOST: usize = 64;

/// What would become of an event. Nothing stands in it where nobody says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Foreseen {
    /// Why it would be refused.
    pub(crate) refused: Option<v1::Refused>,
    /// What it would end.
    pub(crate) ends: Vec<v1::Ended>,
}

/// That an event ends what lets a version through a gate, for whoever is about to sign it.
pub(super) fn ends(ended: &v1::Ended) -> String {
    let v1::Ended { version, gate, index, reason, serves_at, what } = ended;
    let serves = match serves_at.is_empty() {
        true => String::new(),
        false => format!("; it serves at {} and would be covered no longer", serves_at.join(", ")),
    };
    let what = match what.as_str() {
        "exception" => format!("the exception for {version} from gate {gate}"),
        "change plan" => format!("the change plan that covers {version} at gate {gate}"),
        "approval elsewhere" => format!("the approval elsewhere of {version} at gate {gate}"),
        "passage" => format!("{version} has passed every gate, and would not pass gate {gate}"),
        _ => format!("the approval of {version} at gate {gate}"),
    };
    let index = index.map(|index| format!(" (index {index})")).unwrap_or_default();
    format!("{what}{index}: {reason}{serves}")
}

impl Recording<'_> {
    /// What would become of each of these events.
    pub(super) async fn check(&mut self, events: &[Event], args: &SignArgs) -> Vec<Foreseen> {
        let nobody_says = vec![Foreseen::default(); events.len()];
        if events.len() > MOST {
            return nobody_says;
        }
        let kid = self.signer.key.public().id();
        let unsigned = |event: &Event| {
            let unsigned = Unsigned::new(event, &self.signer.identity, self.ledger.origin.as_str(), kid).ok()?;
            let mut bytes = unsigned.prefix();
            bytes.extend([0; SIGNATURE_LENGTH]);
            Some(v1::Submission { statement: bytes.into(), expected_revision: args.expect_revision })
        };
        let Some(submissions) = events.iter().map(unsigned).collect::<Option<Vec<_>>>() else { return nobody_says };
        let Ok(answer) = self.client.door.check(v1::CheckRequest { submissions }).await else { return nobody_says };
        let foreseen = |result: v1::CheckResult| match result.result {
            Some(Outcome::Refused(refused)) => Foreseen { refused: Some(refused), ends: Vec::new() },
            Some(Outcome::Admissible(v1::Admissible { ends })) => Foreseen { refused: None, ends },
            None => Foreseen::default(),
        };
        let foreseen: Vec<_> = answer.into_inner().results.into_iter().map(foreseen).collect();
        if foreseen.len() == events.len() { foreseen } else { nobody_says }
    }

    /// Says that an event is refused. Returns it as JSON.
    pub(super) fn refused(&self, event: &Event, refused: &v1::Refused) -> Value {
        let said = self.people().spell_out(&format!("{}: {}", headline(event), refused.message));
        errln!("refused  {said} ({})", refused.reason);
        json!({ "id": event.id, "refused": refused.reason, "message": refused.message })
    }
}
