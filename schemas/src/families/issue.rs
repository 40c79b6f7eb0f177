//! Issues: what goes wrong from day to day, who looks after it, and what it came from.

use crate::{
    ExternalId, Identity, Text, Timestamp, Title,
    shared::{ANY, Severity},
    story::{self, day},
};

choice! {
    /// Who looks after an issue.
    pub enum Team {
        /// Those who look after data.
        Data,
        /// Those who look after machines and networks.
        It,
        /// Those who look after deployments.
        Devops,
        /// Those who make models.
        DataScience,
        /// Those who look after rules.
        Compliance,
    }
}

choice! {
    /// What an issue came from.
    pub enum RootCause {
        /// The data.
        Data,
        /// The way from the data to the model.
        Pipeline,
        /// Machines and networks.
        Infrastructure,
        /// The model itself.
        Model,
        /// What people did with it.
        Usage,
    }
}

family! {
    /// What an event of the family `issue` says.
    pub enum IssueEvent("issue");

    /// Something doesn't work as it should.
    fact "opened" v 1 on ANY;
    pub struct Opened {
        /// What, in a line.
        title: Title,
        /// What, in full.
        description: Option<Text>,
        /// How bad it is.
        severity: Option<Severity>,
    }
    sample {
        "occurred": day(106),
        "subject": story::endpoint(),
        "causes": [story::id("monitor.silent")],
        "data": {
            "title": "The weekly figures by age group have stopped coming.",
            "severity": "medium",
        },
    }

    /// A team looks after it.
    fact "routed" v 1 on ANY;
    pub struct Routed {
        /// Which.
        team: Team,
        /// The ticket it has there.
        ticket: Option<ExternalId>,
        /// Who in the team.
        assignee: Option<Identity>,
        /// By when.
        due: Option<Timestamp>,
    }
    sample {
        "occurred": day(106),
        "subject": story::endpoint(),
        "regarding": story::id("issue.opened"),
        "data": { "team": "data", "ticket": { "system": "servicenow", "id": "INC0048812" }, "due": day(111) },
    }

    /// One knows what it came from.
    fact "root_cause_recorded" v 1 on ANY;
    pub struct RootCauseRecorded {
        /// What.
        class: RootCause,
        /// In words.
        description: Option<Text>,
    }
    sample {
        "occurred": day(109),
        "subject": story::endpoint(),
        "regarding": story::id("issue.opened"),
        "data": { "class": "pipeline", "description": "The column with the year of birth was renamed on its way to the monitor." },
    }

    /// It works again.
    fact "resolved" v 1 on ANY;
    pub struct Resolved {
        /// What was done.
        resolution: Text,
    }
    sample {
        "occurred": day(110),
        "subject": story::endpoint(),
        "regarding": story::id("issue.opened"),
        "data": { "resolution": "The column has its name back, and the missing weeks were computed." },
    }

    /// It doesn't after all.
    fact "reopened" v 1 on ANY;
    pub struct Reopened {
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(119),
        "subject": story::endpoint(),
        "regarding": story::id("issue.resolved"),
        "data": { "reason": "The next nightly run renamed the column again." },
    }
}
