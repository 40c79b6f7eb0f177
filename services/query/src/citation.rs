//! The source that an answer cites for a fact.

use probity_projection::Stated;
use probity_proto::v1;

/// Puts what a view keeps of a fact's origin into an answer.
pub trait Citation {
    /// The source as a message.
    fn source(&self) -> v1::Source;

    /// `value`, with this as its source.
    fn fact(&self, value: impl Into<String>) -> v1::Fact {
        v1::Fact { value: value.into(), source: Some(self.source()) }
    }
}

impl Citation for Stated {
    fn source(&self) -> v1::Source {
        v1::Source {
            index: self.index,
            provenance: self.provenance.as_str().to_owned(),
            signer: self.signer.clone(),
            recorded_at: self.recorded_at,
            occurred: self.occurred.map(|(earliest_ms, latest_ms)| v1::Occurred { earliest_ms, latest_ms }),
        }
    }
}
