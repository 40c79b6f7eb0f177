//! Exceptions: a control that somebody may do without, for a time.

use crate::{
    Name, NonEmpty, Text, Timestamp,
    shared::ANY,
    story::{self, day},
};

family! {
    /// What an event of the family `exception` says.
    pub enum ExceptionEvent("exception");

    /// Someone asks to do without a control.
    fact "requested" v 1 on ANY;
    pub struct Requested {
        /// The control; a gate by its name.
        control: Name,
        /// Why.
        reason: Text,
        /// Until when.
        until: Option<Timestamp>,
    }
    sample {
        "occurred": day(165),
        "subject": story::assistant_version(),
        "causes": [story::id("vendor.change_observed")],
        "data": {
            "control": "production",
            "reason": "The vendor changed the model under us and the desk can't work without it while it is validated again.",
            "until": day(195),
        },
    }

    /// It may be done without, if something else makes up for it.
    act "granted" v 1 on ANY;
    pub struct Granted {
        /// The control; a gate by its name.
        control: Name,
        /// Why.
        reason: Text,
        /// What makes up for it.
        compensating_controls: NonEmpty<Text>,
        /// When it ends.
        expires_at: Timestamp,
    }
    sample {
        "occurred": day(166),
        "subject": story::assistant_version(),
        "regarding": story::id("exception.requested"),
        "data": {
            "control": "production",
            "reason": "The assistant only proposes; a clerk decides every claim.",
            "compensating_controls": ["Every twentieth answer is read by a second clerk.", "No answers about bodily injury."],
            "expires_at": day(195),
        },
    }

    /// It may be done without for longer.
    act "extended" v 1 on ANY;
    pub struct Extended {
        /// When it ends now.
        expires_at: Timestamp,
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(193),
        "subject": story::assistant_version(),
        "regarding": story::id("exception.granted"),
        "data": { "expires_at": day(210), "reason": "The validation found two cases that have to be tried again." },
    }

    /// It may no longer be done without.
    act "revoked" v 1 on ANY;
    pub struct Revoked {
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(204),
        "subject": story::assistant_version(),
        "regarding": story::id("exception.granted"),
        "data": { "reason": "The new snapshot is validated and approved." },
    }

    /// An emergency: one person does without a control, for at most 24 hours; a second one signs afterwards.
    act "invoked" v 1 on ANY;
    pub struct Invoked {
        /// The control; a gate by its name.
        control: Name,
        /// What the emergency is.
        reason: Text,
        /// When it ends.
        expires_at: Timestamp,
    }
    sample {
        "occurred": day(140),
        "subject": story::champion(),
        "data": {
            "control": "production",
            "reason": "Version 6.1.0 lets a wave of stolen cards through; the approval of 5.2.0 ended in May.",
            "expires_at": day(141),
        },
    }
}
