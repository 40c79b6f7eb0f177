//! What projectors are handed: statements under a verified checkpoint.

use probity_schemas::{Event, SubjectKind};
use probity_statement::SignedStatement;

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
}

impl Recorded {
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
    /// interval is known, and when it was recorded otherwise. In Unix milliseconds.
    #[must_use]
    pub fn sorted_at_ms(&self) -> u64 {
        self.event.occurred.map_or_else(|| self.recorded_at_ms(), |occurred| occurred.latest().as_ms())
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
