//! Every type there is.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use schemars::{Schema, SchemaGenerator};
use serde::{Deserializer, Serialize, Serializer, de};

use crate::{Event, EventError, SubjectKind, error::nearest, families::*, schema, tree::shorten};

/// Whether a type records what happened, or happens by being recorded.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nature {
    /// Something happened in the world. It is admitted from any enrolled signer and judged
    /// afterwards.
    Fact,
    /// Something that exists only by being recorded, such as an approval. It must obey the rules
    /// at the door.
    Act,
}

/// What is known about one version of a type.
pub struct TypeInfo {
    /// Family and past-tense name, such as `model.registered`.
    pub event_type: &'static str,
    /// The version of its fields.
    pub version: u32,
    /// Fact or act.
    pub nature: Nature,
    /// The kinds of subject it can be about.
    pub subject_kinds: &'static [SubjectKind],
    pub(crate) data_schema: fn(&mut SchemaGenerator) -> Schema,
    pub(crate) sample: Sample,
    pub(crate) more_samples: &'static [(&'static str, Sample)],
}

pub(crate) type Sample = fn() -> Result<Event, EventError>;

impl TypeInfo {
    /// Whether it is an act.
    pub const fn is_act(&self) -> bool {
        matches!(self.nature, Nature::Act)
    }

    /// The family, such as `model`.
    pub fn family(&self) -> &'static str {
        self.event_type.split_once('.').map_or(self.event_type, |(family, _)| family)
    }

    /// The name within the family, such as `registered`.
    pub fn name(&self) -> &'static str {
        self.event_type.split_once('.').map_or("", |(_, name)| name)
    }

    /// The JSON Schema (draft 2020-12) of a whole event of this type.
    pub fn json_schema(&self) -> Schema {
        schema::of(self)
    }

    /// A realistic event of this type; the samples of all types tell one story.
    ///
    /// # Errors
    /// None that outlives the tests, which make every sample.
    pub fn sample(&self) -> Result<Event, EventError> {
        (self.sample)()
    }

    /// All samples of this type, as far as the story needs it more than once: the one without a label first.
    ///
    /// # Errors
    /// None that outlives the tests, as with [`TypeInfo::sample`].
    pub fn samples(&self) -> impl Iterator<Item = (Option<&'static str>, Result<Event, EventError>)> {
        let more = self.more_samples.iter().map(|(label, sample)| (Some(*label), sample()));
        std::iter::once((None, self.sample())).chain(more)
    }
}

impl PartialEq for TypeInfo {
    fn eq(&self, other: &Self) -> bool {
        (self.event_type, self.version) == (other.event_type, other.version)
    }
}

impl Eq for TypeInfo {}

impl fmt::Debug for TypeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.event_type, self.version)
    }
}

/// A family of types: what is said about one side of a model's life.
#[derive(Debug)]
pub struct Family {
    /// Its name, such as `model`.
    pub name: &'static str,
    /// What it is about, in a line.
    pub description: &'static str,
    /// Its types.
    pub types: &'static [&'static TypeInfo],
}

/// Names the families: each line adds one to [`Data`].
macro_rules! families {
    ($(#[doc = $description:literal] $variant:ident($module:ident::$family:ident),)+) => {
        /// What an event says beyond its envelope, by family.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Data {
            $(#[doc = $description] $variant($module::$family),)+
        }

        const FAMILIES: &[Family] = &[$(
            Family { name: $module::$family::NAME, description: $description, types: $module::$family::TYPES },
        )+];

        impl Data {
            /// The catalogue entry of the type this is.
            pub fn info(&self) -> &'static TypeInfo {
                match self {
                    $(Self::$variant(data) => data.info(),)+
                }
            }

            /// Reads the data of the type `info`.
            pub(crate) fn decode<'de, D: Deserializer<'de>>(
                info: &TypeInfo,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                match info.family() {
                    $($module::$family::NAME => {
                        $module::$family::decode(info, deserializer).map(Self::$variant)
                    })+
                    family => Err(de::Error::custom(format_args!("unknown family {family}"))),
                }
            }
        }

        impl Serialize for Data {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(data) => data.serialize(serializer),)+
                }
            }
        }

        $(impl From<$module::$family> for Data {
            fn from(data: $module::$family) -> Self {
                Self::$variant(data)
            }
        })+
    };
}

families! {
    /// Uses that models are put to.
    Usecase(usecase::UsecaseEvent),
    /// Models and their versions.
    Model(model::ModelEvent),
    /// What depends on what.
    Dependency(dependency::DependencyEvent),
    /// Datasets.
    Data(data::DataEvent),
    /// Training runs.
    Training(training::TrainingEvent),
    /// Changes approved before they are made.
    Plan(plan::PlanEvent),
    /// Independent validation.
    Validation(validation::ValidationEvent),
    /// What somebody found wrong.
    Finding(finding::FindingEvent),
    /// Risks and who bears them.
    Risk(risk::RiskEvent),
    /// Documents attached.
    Evidence(evidence::EvidenceEvent),
    /// Approvals.
    Approval(approval::ApprovalEvent),
    /// One signature for many subjects.
    Attestation(attestation::AttestationEvent),
    /// Controls somebody may do without.
    Exception(exception::ExceptionEvent),
    /// Where versions run.
    Deployment(deployment::DeploymentEvent),
    /// Trials of one version against another.
    Experiment(experiment::ExperimentEvent),
    /// What gates answered.
    Gate(gate::GateEvent),
    /// What is watched.
    Monitor(monitor::MonitorEvent),
    /// What goes wrong from day to day.
    Issue(issue::IssueEvent),
    /// Harm, and what was done about it.
    Incident(incident::IncidentEvent),
    /// Worries anyone may voice.
    Concern(concern::ConcernEvent),
    /// What models are worth and what they cost.
    Value(value::ValueEvent),
    /// Changes to a model.
    Change(change::ChangeEvent),
    /// Looking again.
    Review(review::ReviewEvent),
    /// Who watches, and who is told.
    Oversight(oversight::OversightEvent),
    /// Declarations and registers.
    Conformity(conformity::ConformityEvent),
    /// Suppliers and what they change.
    Vendor(vendor::VendorEvent),
    /// The end of a model.
    Retirement(retirement::RetirementEvent),
    /// The rules in force.
    Policy(policy::PolicyEvent),
    /// Who may sign what.
    Authority(authority::AuthorityEvent),
    /// Corrections of one's own facts.
    Correction(correction::CorrectionEvent),
    /// What must not be erased.
    Hold(hold::HoldEvent),
    /// Erasure.
    Payload(payload::PayloadEvent),
    /// Comparisons with other systems.
    Reconciliation(reconciliation::ReconciliationEvent),
    /// What was handed to others.
    Export(export::ExportEvent),
    /// Imports from other systems.
    Import(import::ImportEvent),
    /// Who is sent what.
    Subscription(subscription::SubscriptionEvent),
    /// The ledger's own life.
    Ledger(ledger::LedgerEvent),
}

/// Every version of every type, family by family.
pub fn catalogue() -> impl Iterator<Item = &'static TypeInfo> {
    FAMILIES.iter().flat_map(|family| family.types.iter().copied())
}

/// Every family, in the order in which a model's life meets them.
pub fn families() -> &'static [Family] {
    FAMILIES
}

/// Looks up a version of a type.
///
/// # Errors
/// [`EventError::UnknownType`] or [`EventError::UnsupportedVersion`].
pub fn find(event_type: &str, version: u32) -> Result<&'static TypeInfo, EventError> {
    let versions = BY_TYPE.get(event_type).ok_or_else(|| unknown(event_type))?;
    let found = versions.iter().find(|info| info.version == version);
    found.copied().ok_or_else(|| EventError::UnsupportedVersion {
        event_type: versions[0].event_type,
        found: version,
        known: versions.iter().map(|info| info.version).collect(),
    })
}

/// The versions of each type. No type is without one.
static BY_TYPE: LazyLock<HashMap<&'static str, Vec<&'static TypeInfo>>> = LazyLock::new(|| {
    let mut types: HashMap<_, Vec<_>> = HashMap::new();
    for info in catalogue() {
        types.entry(info.event_type).or_default().push(info);
    }
    types
});

/// Looks up the newest version of a type.
///
/// # Errors
/// [`EventError::UnknownType`].
pub fn newest(event_type: &str) -> Result<&'static TypeInfo, EventError> {
    let versions = BY_TYPE.get(event_type).into_iter().flatten().copied();
    versions.max_by_key(|info| info.version).ok_or_else(|| unknown(event_type))
}

fn unknown(event_type: &str) -> EventError {
    let nearest = nearest(event_type, catalogue().map(|info| info.event_type));
    EventError::UnknownType { found: shorten(event_type), nearest }
}
