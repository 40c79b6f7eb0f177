//! What projectors are handed: statements under a verified checkpoint.

use std::sync::Arc;

use probity_domain::SignedBy;
use probity_domain::authority::{Authority, Enacted, Reach};
use probity_domain::corrections::takes_back;
use probity_domain::references::{Referent, is_answered, is_corrected};
use probity_domain::signed::ordered_at_ms;
use probity_schemas::correction::CorrectionEvent;
use probity_schemas::{Data, Event, Subject, SubjectKind};
use probity_statement::SignedStatement;

use crate::roster::signed;

/// A statement of the log, decoded, with its place and time.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its position in the log.
    pub index: u64,
    /// When it was recorded, in Unix seconds, as signed by the clock key.
    pub recorded_at: u64,
    /// The statement as it was signed.
    pub statement: SignedStatement,
    /// What it says.
    pub event: Event,
    /// The earlier event that it refers to by `regarding`, if there is one.
    pub referent: Option<Referent>,
    /// Whether it is of a type that others answer, and an earlier event, of another issuer, has its id, its type and its
    /// subject. What it would open is not opened: whoever answers means the first.
    pub is_repeat: bool,
    /// Who may do what with it.
    pub authority: Arc<Authority>,
    /// What became of it, where it says who may do what.
    pub enacted: Enacted,
}

impl Recorded {
    /// A statement of which it has not been looked up yet what it refers to.
    #[must_use]
    pub fn new(index: u64, recorded_at: u64, statement: SignedStatement, event: Event) -> Self {
        let (authority, enacted) = (Arc::default(), Enacted::Nothing);
        let (referent, is_repeat) = (None, false);
        Self { index, recorded_at, statement, event, referent, is_repeat, authority, enacted }
    }

    /// Who signed it, with which key, where and when.
    #[must_use]
    pub fn by(&self) -> SignedBy<'_> {
        let issuer = self.statement.issuer();
        SignedBy {
            issuer,
            number: self.authority.number(issuer).unwrap_or(u32::MAX),
            subject: self.statement.subject(),
            signed: signed(&self.authority, &self.statement, self.index, self.recorded_at_ms()),
        }
    }

    /// Whether it changes something about a subject that it names beside its own: whether its signer has a say there.
    #[must_use]
    pub fn reaches(&self, subject: &Subject) -> bool {
        subject.namespace == self.event.subject.namespace || self.reach().covers(&subject.namespace)
    }

    /// Where its signer has a say.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.authority.reach(self.statement.issuer(), self.event.info(), self.recorded_at_ms())
    }

    /// The event that it answers, continues or closes, if it does.
    #[must_use]
    pub fn answered(&self) -> Option<&Referent> {
        self.referent.as_ref().filter(|referent| is_answered(&self.event, referent))
    }

    /// The fact that it corrects, if it is a correction that counts: of the signer's own fact.
    #[must_use]
    pub fn corrected(&self) -> Option<&Referent> {
        self.referent.as_ref().filter(|fact| is_corrected(&self.event, &self.signer(), fact))
    }

    /// The fact that counts no more because of it, which may have been so before.
    #[must_use]
    pub fn taken_back(&self) -> Option<&Referent> {
        let Data::Correction(CorrectionEvent::Recorded(correction)) = &self.event.data else { return None };
        self.corrected().filter(|_| takes_back(correction.kind))
    }

    /// When it was recorded, in Unix milliseconds.
    #[must_use]
    pub fn recorded_at_ms(&self) -> u64 {
        self.recorded_at.saturating_mul(1_000)
    }

    /// Who signed it, as text.
    #[must_use]
    pub fn signer(&self) -> String {
        self.statement.issuer().to_string()
    }

    /// The moment to sort it by: when it happened if that is known to the moment, the latest it can have happened if an
    /// interval is known, and when it was recorded otherwise or if that is earlier. In Unix milliseconds.
    #[must_use]
    pub fn sorted_at_ms(&self) -> u64 {
        ordered_at_ms(self.event.occurred.map(|occurred| occurred.latest().as_ms()), self.recorded_at_ms())
    }

    /// How the fact came to be known.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        match self.event.event_type() {
            "deployment.observed" | "vendor.change_observed" => Provenance::Observed,
            "attestation.given" => Provenance::Attested,
            _ if self.event.id.as_uuid().get_version_num() == 8 => Provenance::Imported,
            _ => Provenance::Signed,
        }
    }

    /// Whether it is about a model or a version of one.
    #[must_use]
    pub fn is_about_model(&self) -> bool {
        self.event.subject.kind == SubjectKind::Model
    }
}

/// How a fact came to be known, for those who read an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Provenance {
    /// Stated by whoever caused it.
    Signed,
    /// Stated of many things at once by one signature.
    Attested,
    /// Taken over from another system: its id is derived from what was found there.
    Imported,
    /// Seen from outside, rather than stated by whoever caused it.
    Observed,
}

impl Provenance {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Attested => "attested",
            Self::Imported => "imported",
            Self::Observed => "observed",
        }
    }
}
