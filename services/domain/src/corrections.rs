//! What can be taken back.

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
