//! Changes to a model, and whether they are substantial.

use crate::{
    EventId, Identity,
    SubjectKind::Model,
    Text,
    story::{self, day},
};

family! {
    /// What an event of the family `change` says.
    pub enum ChangeEvent("change");

    /// A model changes. After a substantial change what was approved before is approved again.
    fact "declared" v 1 on &[Model];
    pub struct Declared {
        /// What changes.
        description: Text,
        /// Whether it is substantial; absent where nobody has decided.
        substantial: Option<bool>,
        /// Why, or why not.
        rationale: Option<Text>,
        /// The validator who says that it isn't substantial.
        validator: Option<Identity>,
        /// The validator's own event that says so.
        validated_by: Option<EventId>,
    }
    sample {
        "occurred": day(52),
        "subject": story::scorecard_version(),
        "data": {
            "description": "The time in employment is cut off at forty years.",
            "substantial": false,
            "rationale": "It concerns 14 of 400,000 applications and moves none across the threshold.",
            "validator": story::VALIDATOR,
            "validated_by": story::id("validation.completed"),
        },
    }
}
