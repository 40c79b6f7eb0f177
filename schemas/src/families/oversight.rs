//! Human oversight: who watches, who may stop, and who is told.

use crate::{
    Digest, Identity, Name,
    SubjectKind::{Model, Usecase},
    Text, Timestamp,
    story::{self, day, digest},
};

choice! {
    /// Whom a notice goes to. A group, never a person's name.
    pub enum Audience {
        /// Those about whom decisions are made or supported.
        AffectedPersons,
        /// Those who work with the system.
        Workers,
        /// Those who speak for the workers.
        WorkersRepresentatives,
        /// Those who talk to the system or see what it makes.
        Users,
        /// Those who use what one provides under their own authority.
        Deployers,
        /// Everyone.
        Public,
    }
}

family! {
    /// What an event of the family `oversight` says.
    pub enum OversightEvent("oversight");

    /// Somebody watches over it.
    fact "assigned" v 1 on &[Usecase, Model];
    pub struct Assigned {
        /// Whether they may stop it.
        stop_authority: bool,
        /// Who; absent where it is whoever holds `role`.
        person: Option<Identity>,
        /// Who, by role.
        role: Option<Name>,
        /// What they have to do.
        tasks: Vec<Text>,
        /// The digests of the documents that show they were trained for it.
        training_evidence: Vec<Digest>,
        /// Until when.
        until: Option<Timestamp>,
    }
    sample {
        "occurred": day(59),
        "subject": story::origination(),
        "about": [story::scorecard()],
        "data": {
            "stop_authority": true,
            "person": story::OPERATOR,
            "tasks": ["Looks at refusals near the threshold every day.", "Stops the endpoint when the share of refusals doubles."],
            "training_evidence": [digest("oversight course certificate")],
        },
    }

    /// People were told that a model is at work.
    fact "notice_sent" v 1 on &[Usecase, Model];
    pub struct NoticeSent {
        /// Whom.
        to: Audience,
        /// What they were told.
        what: Text,
        /// By which way.
        how: Text,
        /// How many of them, about.
        recipient_count: Option<u64>,
        /// The digest of the notice.
        notice_digest: Option<Digest>,
    }
    sample {
        "occurred": day(72),
        "subject": story::claims(),
        "about": [story::assistant()],
        "data": {
            "to": "workers",
            "what": "From 22 March on a language model proposes answers; a clerk decides every claim.",
            "how": "Letter to all clerks and a meeting of the works council",
            "recipient_count": 240,
            "notice_digest": digest("notice to clerks"),
        },
    }
}
