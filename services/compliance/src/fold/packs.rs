//! Adopting control packs.

use probity_domain::packs;
use probity_projection::{Batch, Recorded};
use probity_schemas::Subject;
use probity_schemas::policy::Published;

use crate::records::packs::{AdoptedPack, PACKS};

/// A pack comes into force with its confirmation.
pub(crate) fn adopt(batch: &mut Batch<'_>, recorded: &Recorded, subject: &Subject, published: &Published) {
    let Published::ControlPack(pack) = published else { return };
    let adopted = AdoptedPack {
        subject: subject.without_version().to_string(),
        index: recorded.index,
        since_ms: recorded.recorded_at_ms(),
        namespaces: packs::namespaces(pack).iter().map(ToString::to_string).collect(),
        text: packs::text(pack).to_owned(),
    };
    batch.put(&PACKS, PACKS.key().number(recorded.index), adopted);
}
