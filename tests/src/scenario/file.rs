//! Scenario files: what may stand in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A scenario as its file tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called.
    pub title: String,
    /// Whose practice it shows, in prose.
    pub story: String,
    /// Offline keys that can let administrators in when all others are lost.
    #[serde(default)]
    pub(super) recovery: Option<RecoveryKeys>,
    /// Everyone who signs besides the two administrators.
    pub(super) people: BTreeMap<String, Person>,
    /// Programs that sign.
    #[serde(default)]
    pub(super) services: BTreeMap<String, Service>,
    /// The policies in force before the first step.
    #[serde(default)]
    pub(super) policies: Vec<Policy>,
    /// What happens, in order.
    pub(super) steps: Vec<Step>,
    /// What is asked in the end.
    #[serde(default)]
    pub(super) questions: Vec<Question>,
}

/// A question that a user brings, and what the answer holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// In the user's words.
    pub(super) asks: String,
    /// The command of the real binary that answers it, without `--json`.
    pub(super) command: Vec<Value>,
    /// What its JSON holds: every field named here, and in a list an item like each that is named.
    #[serde(default)]
    pub(super) answer: Option<Value>,
    /// What its JSON must not hold.
    #[serde(default)]
    pub(super) never: Vec<Value>,
    /// How it ends: 0 for done or yes, 1 for a clear no.
    #[serde(default)]
    pub(super) exit: i32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecoveryKeys {
    pub(super) keys: Vec<String>,
    pub(super) threshold: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) roles: Vec<String>,
    #[serde(default = "everywhere", rename = "in")]
    pub(super) namespaces: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) roles: Vec<String>,
    #[serde(default = "everywhere", rename = "in")]
    pub(super) namespaces: Vec<String>,
    /// The persons who answer for it.
    pub(super) responsible: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) content: Value,
    pub(super) by: String,
    pub(super) confirmed_by: String,
}

/// Someone records something, or tries to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// What later steps call it.
    #[serde(default)]
    pub(super) label: Option<String>,
    pub(super) who: String,
    /// The key it is signed with, where it isn't the signer's first one.
    #[serde(default)]
    pub(super) with: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) event_type: Option<String>,
    #[serde(default)]
    pub(super) subject: Option<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) data: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) occurred: Option<Value>,
    #[serde(default)]
    pub(super) regarding: Option<String>,
    #[serde(default)]
    pub(super) causes: Vec<String>,
    #[serde(default)]
    pub(super) about: Vec<String>,
    #[serde(default)]
    pub(super) evidence: Vec<Evidence>,
    #[serde(default)]
    pub(super) external_ids: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) on_behalf_of: Option<String>,
    #[serde(default)]
    pub(super) initiators: Vec<String>,
    /// For `authority.enrolled`: the new key, by the name it has in this file.
    #[serde(default)]
    pub(super) key: Option<String>,
    /// The second person, where it takes two; their confirmation follows at once.
    #[serde(default)]
    pub(super) confirmed_by: Option<String>,
    /// A command of the real binary instead of an event.
    #[serde(default)]
    pub(super) command: Vec<Value>,
    /// The reason for which it is refused.
    #[serde(default)]
    pub(super) refused: Option<String>,
    /// What the refusal says, among other things.
    #[serde(default)]
    pub(super) because: Option<String>,
    /// How long to wait before it, in seconds.
    #[serde(default)]
    pub(super) wait: f64,
    /// Once for each of these, or for each number from `1..40`; `<n>` stands for it.
    #[serde(default, rename = "for")]
    pub(super) each: Option<Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    pub(super) kind: String,
    /// The document, by the name that digests know it by.
    pub(super) document: String,
    #[serde(default = "pdf")]
    pub(super) media_type: String,
}

fn everywhere() -> Vec<String> {
    vec!["*".to_owned()]
}

fn pdf() -> String {
    "application/pdf".to_owned()
}

impl Scenario {
    /// Reads a scenario; an error names the place.
    pub fn parse(text: &str) -> Result<Self> {
        // YAML 1.2: `NO` is Norway, not no.
        let options = serde_saphyr::options! { strict_booleans: true };
        let scenario: Self = serde_saphyr::from_str_with_options(text, options)?;
        for (number, step) in (1..).zip(&scenario.steps) {
            let event = step.event_type.is_some() && step.subject.is_some();
            if event == step.command.is_empty() {
                continue;
            }
            bail!("step {number}: it takes `type` and `subject`, or `command`");
        }
        Ok(scenario)
    }

    /// The types of the events that its steps record.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter(|step| step.refused.is_none()).filter_map(|step| step.event_type.as_deref())
    }
}

/// All scenarios of a directory by file name, or what is wrong with them.
pub fn read_all(directory: &Path) -> Result<Vec<(String, Result<Scenario>)>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("{}", directory.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let read = |path: PathBuf| -> Result<_> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, Scenario::parse(&std::fs::read_to_string(&path)?)))
    };
    paths.into_iter().map(read).collect()
}
