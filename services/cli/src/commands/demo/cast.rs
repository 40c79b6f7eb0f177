//! Who takes part in the demo.

use std::path::Path;

use anyhow::Result;
use probity_schemas::{Identity, NamespacePattern, Origin, Subject};
use probity_statement::{PublicKey, SecretKey};
use probity_terminal::Signer;
use uuid::Uuid;

use super::story::StoryStep;
use crate::commands::key::{enrolment, granting};
use crate::people::People;

/// A part in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Ada,
    Ben,
    Olivia,
    Dev,
    Vera,
    Arno,
    Dana,
    Rita,
    Otto,
    Pipeline,
}

use Who::{Ada, Arno, Ben, Dana, Dev, Olivia, Otto, Pipeline, Rita, Vera};

/// Everyone, in the order of their keys.
const ALL: [Who; 10] = [Ada, Ben, Olivia, Dev, Vera, Arno, Dana, Rita, Otto, Pipeline];

impl Who {
    /// As shown.
    pub(super) fn name(self) -> &'static str {
        match self {
            Ada => "Ada (administrator)",
            Ben => "Ben (administrator)",
            Olivia => "Olivia (owner)",
            Dev => "Dev (developer)",
            Vera => "Vera (validator)",
            Arno => "Arno (approver)",
            Dana => "Dana (deployer)",
            Rita => "Rita (risk officer)",
            Otto => "Otto (operator)",
            Pipeline => "training pipeline",
        }
    }

    fn role(self) -> Option<&'static str> {
        match self {
            Ada | Ben => None,
            Olivia => Some("owner"),
            Dev | Pipeline => Some("developer"),
            Vera => Some("validator"),
            Arno => Some("approver"),
            Dana => Some("deployer"),
            Rita => Some("risk-officer"),
            Otto => Some("operator"),
        }
    }
}

/// Everyone with their keys.
#[derive(Debug)]
pub(super) struct Cast {
    signers: Vec<Signer>,
}

impl Cast {
    /// Makes keys for everyone, and writes the names of people to the directory in `home`.
    pub(super) fn new(home: &Path) -> Result<Self> {
        let mut signers = Vec::new();
        for who in ALL {
            let identity = match who {
                Pipeline => Identity::Service("training-pipeline".parse()?),
                _ => Identity::Person(Uuid::new_v4()),
            };
            if who != Pipeline {
                People::remember(&home.join("people.toml"), &identity, who.name())?;
            }
            signers.push(Signer { identity, key: SecretKey::generate(&mut rand::rng())? });
        }
        Ok(Self { signers })
    }

    /// The signer of a part.
    pub(super) fn signer(&self, who: Who) -> &Signer {
        &self.signers[who as usize]
    }

    /// The identity of a part.
    pub(super) fn identity(&self, who: Who) -> &Identity {
        &self.signer(who).identity
    }

    /// The two who found the ledger.
    pub(super) fn administrators(&self) -> Vec<(Identity, PublicKey)> {
        let of = |who| (self.identity(who).clone(), self.signer(who).key.public().clone());
        vec![of(Ada), of(Ben)]
    }

    /// What lets everyone else in.
    pub(super) fn enrolments(&self, origin: &Origin) -> Result<Vec<StoryStep>> {
        let namespaces: Vec<NamespacePattern> = vec!["credit/*".parse()?, "claims/*".parse()?];
        let mut steps = Vec::new();
        for who in ALL {
            let Some(role) = who.role() else { continue };
            let responsible = if who == Pipeline { vec![self.identity(Dev).clone()] } else { Vec::new() };
            let enrolled = enrolment(self.signer(who), origin, &responsible);
            let confirmed_by = (who != Pipeline).then_some(Ben);
            steps.push(StoryStep { who: Ada, event: enrolled, regarding: None, confirmed_by });
            let mut granted = granting(self.identity(who), &role.parse()?, &namespaces);
            granted["title"] = format!("{role} in credit and claims").into();
            steps.push(StoryStep { who: Ben, event: granted, regarding: None, confirmed_by: Some(Ada) });
        }
        Ok(steps)
    }

    /// A subject for people to read: persons by name.
    pub(super) fn show(&self, subject: &Subject) -> String {
        let known = ALL.into_iter().find(|who| self.identity(*who).subject() == *subject);
        known.map_or_else(|| subject.to_string(), |who| who.name().to_owned())
    }
}
