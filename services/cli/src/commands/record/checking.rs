//! What the ledger would say of events, asked before anything is signed: a missing role, a second
//! pair of eyes, a version that nobody registered.
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

impl Recording<'_> {
    /// Why each of these events would be refused; nothing where one would not, or where nobody says.
    pub(super) async fn check(&mut self, events: &[Event], args: &SignArgs) -> Vec<Option<v1::Refused>> {
        let nobody_says = vec![None; events.len()];
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
        let refused = |result: v1::CheckResult| match result.result {
            Some(Outcome::Refused(refused)) => Some(refused),
            Some(Outcome::Admissible(_)) | None => None,
        };
        let refusals: Vec<_> = answer.into_inner().results.into_iter().map(refused).collect();
        if refusals.len() == events.len() { refusals } else { nobody_says }
    }

    /// Says that an event is refused. Returns it as JSON.
    pub(super) fn refused(&self, event: &Event, refused: &v1::Refused) -> Value {
        let said = self.people().spell_out(&format!("{}: {}", headline(event), refused.message));
        errln!("refused  {said} ({})", refused.reason);
        json!({ "id": event.id, "refused": refused.reason, "message": refused.message })
    }
}
