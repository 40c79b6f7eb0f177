//! What can be taken back, and what becomes of it.

use probity_schemas::correction::CorrectionKind;
use serde::{Deserialize, Serialize};

use crate::references::Referent;

/// So many corrections of corrections count, one of the other: one more is an answer like any other. Nobody needs as
/// many, and without an end one more of a long chain would turn all of it.
pub const CHAIN_MAX: u8 = 8;

/// Whether a statement of this type is void when `by` says so of what `signer` said.
///
/// Signers take back their own facts: such a fact is as if it had not been said. What somebody else said
/// stays, and so does an act, which is revoked and never corrected. Signers can be given in any form in which
/// they are told apart.
#[must_use]
pub fn can_be_void<S: PartialEq + ?Sized>(event_type: &str, signer: &S, by: &S) -> bool {
    signer == by && !is_act(event_type)
}

/// Whether events of this type are acts. One of a type that is not known is taken for a fact.
#[must_use]
pub fn is_act(event_type: &str) -> bool {
    probity_schemas::newest(event_type).is_ok_and(|info| info.is_act())
}

/// A correction that begins to hold, or holds no more because it is void itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The fact that it corrects; a correction is one, too.
    pub fact: Referent,
    /// What it does to it.
    pub kind: CorrectionKind,
    /// Whether it holds from now on.
    pub holds: bool,
}

/// What corrections have to do with one event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// How many corrections that hold make it void.
    voids: u64,
    /// What it corrects itself, and how.
    corrects: Option<(Referent, CorrectionKind)>,
    /// How many corrections lead from it to a fact that is none.
    depth: u8,
}

impl Standing {
    /// Whether its signer has taken it back.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.voids > 0
    }

    /// Counts a correction that makes it void, or does so no more. Gives whether that changes whether it is.
    fn count(&mut self, holds: bool) -> bool {
        let before = self.is_void();
        self.voids = if holds { self.voids.saturating_add(1) } else { self.voids.saturating_sub(1) };
        before != self.is_void()
    }
}

/// Where the standing of events is kept, by index; of most there is none.
pub trait Standings {
    /// Why it could not be read or written.
    type Error;

    /// The standing of the event at `index`.
    ///
    /// # Errors
    /// It could not be read.
    fn standing(&self, index: u64) -> Result<Standing, Self::Error>;

    /// Keeps the standing of the event at `index`.
    ///
    /// # Errors
    /// It could not be written.
    fn keep(&mut self, index: u64, standing: Standing) -> Result<(), Self::Error>;
}

/// Takes in a correction at `index` of a fact, and gives all that turns because of it: the correction itself, and where
/// what it makes void is a correction, that one, and so on. A correction at the end of too long a chain turns nothing.
///
/// # Errors
/// A standing could not be read or written.
pub fn correct<S: Standings>(
    standings: &mut S,
    index: u64,
    fact: Referent,
    kind: CorrectionKind,
) -> Result<Vec<Turn>, S::Error> {
    let depth = standings.standing(fact.index)?.depth + 1;
    if depth > CHAIN_MAX {
        return Ok(Vec::new());
    }
    standings.keep(index, Standing { voids: 0, corrects: Some((fact.clone(), kind)), depth })?;
    let mut turns = vec![Turn { fact, kind, holds: true }];
    while let Some(Turn { fact, kind: CorrectionKind::Voids, holds }) = turns.last() {
        let (index, holds) = (fact.index, *holds);
        let mut standing = standings.standing(index)?;
        let turned = standing.count(holds);
        let corrects = standing.corrects.clone();
        standings.keep(index, standing)?;
        match corrects.filter(|_| turned) {
            Some((fact, kind)) => turns.push(Turn { fact, kind, holds: !holds }),
            None => break,
        }
    }
    Ok(turns)
}
