//! What can be taken back, and what becomes of it.

use probity_schemas::correction::CorrectionKind;

/// The type of corrections.
const CORRECTION: &str = "correction.recorded";

/// Whether a statement of this type can be corrected, by `by`, when `signer` said it.
///
/// Signers take back their own facts: such a fact is as if it had not been said. What somebody else said
/// stays, and so does an act, which is revoked and never corrected. Nor is a correction corrected: what it took
/// back is recorded again, and what it amended is amended again. So what is void stays void, for everybody who
/// is asked. Signers can be given in any form in which they are told apart.
#[must_use]
pub fn can_be_void<S: PartialEq + ?Sized>(event_type: &str, signer: &S, by: &S) -> bool {
    signer == by && !is_act(event_type) && event_type != CORRECTION
}

/// Whether events of this type are acts. One of a type that is not known is taken for a fact.
#[must_use]
pub fn is_act(event_type: &str) -> bool {
    probity_schemas::newest(event_type).is_ok_and(|info| info.is_act())
}

/// Whether a correction of this kind takes back what the fact said of its subject. A fact that is said to be about
/// something else is one of its own subject no more; what it says of the other counts once it is recorded there, by
/// somebody who has a say over it.
#[must_use]
pub fn takes_back(kind: CorrectionKind) -> bool {
    matches!(kind, CorrectionKind::Voids | CorrectionKind::ReSubjects)
}
