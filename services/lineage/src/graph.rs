//! What the view holds: nodes by number, their edges in chunks, and what each statement put there.
//!
//! Nodes are numbered in the order in which the log names them. The last edges of a node stand in its own record, full
//! chunks of earlier ones beside it, so that appending one rewrites little and a walk reads one record of most nodes.

use probity_domain::serving::{Serving, Step};
use probity_projection::{Key, Table};
use probity_schemas::EventId;
use serde::{Deserialize, Serialize};

use crate::names::Kind;

/// Edges to a full chunk.
pub(crate) const CHUNK: u32 = 32;

pub(crate) const COUNT: Table<u32> = Table::new(1);
pub(crate) const NAMES: Table<u32> = Table::new(2);
pub(crate) const NODES: Table<Node> = Table::new(3);
pub(crate) const CHUNKS: Table<Vec<Edge>> = Table::new(4);
pub(crate) const FACTS: Table<Fact> = Table::new(5);
pub(crate) const STEPS: Table<Step> = Table::new(6);
pub(crate) const SERVING_EDGES: Table<EndpointEdges> = Table::new(7);
pub(crate) const OWNERS: Table<Vec<Acceptance>> = Table::new(8);
/// Event id → the index of the training run that had it first.
pub(crate) const RUNS: Table<u64> = Table::new(9);

pub(crate) fn name_key(name: &str) -> Key {
    NAMES.key().text(name)
}

pub(crate) fn node_key(node: u32) -> Key {
    NODES.key().small(node)
}

pub(crate) fn chunk_key(node: u32, side: Side, chunk: u32) -> Key {
    CHUNKS.key().small(node).byte(side as u8).small(chunk)
}

pub(crate) fn fact_key(index: u64) -> Key {
    FACTS.key().number(index)
}

pub(crate) fn run_key(id: &EventId) -> Key {
    RUNS.key().fixed(id.as_uuid().as_bytes())
}

pub(crate) fn steps_key(endpoint: u32) -> Key {
    STEPS.key().small(endpoint)
}

pub(crate) fn step_key(endpoint: u32, at_ms: u64, index: u64) -> Key {
    steps_key(endpoint).number(at_ms).number(index)
}

pub(crate) fn endpoint_edges_key(endpoint: u32) -> Key {
    SERVING_EDGES.key().small(endpoint)
}

pub(crate) fn owners_key(model: u32) -> Key {
    OWNERS.key().small(model)
}

/// How two things are related.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Relation {
    #[default]
    TrainedOn,
    Produced,
    DerivedFrom,
    BuiltFrom,
    BasedOn,
    Component,
    AdaptedFrom,
    Serves,
    For,
    Consumes,
    SuppliedBy,
    SplitFrom,
    /// A version and what it is one of.
    VersionOf,
    /// A part of a dataset and the dataset.
    PartOf,
    /// From a thing to a further name of it, such as a digest.
    Alias,
    /// From the further name to the thing.
    AliasOf,
    SameAs,
    RenamedFrom,
    /// The same from the other side.
    RenamedTo,
}

impl Relation {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TrainedOn => "trained-on",
            Self::Produced => "produced",
            Self::DerivedFrom => "derived-from",
            Self::BuiltFrom => "built-from",
            Self::BasedOn => "based-on",
            Self::Component => "component",
            Self::AdaptedFrom => "adapted-from",
            Self::Serves => "serves",
            Self::For => "for",
            Self::Consumes => "consumes",
            Self::SuppliedBy => "supplied-by",
            Self::SplitFrom => "split-from",
            Self::VersionOf => "version-of",
            Self::PartOf => "part-of",
            Self::Alias | Self::AliasOf | Self::SameAs => "same-as",
            Self::RenamedFrom | Self::RenamedTo => "renamed-from",
        }
    }
}

/// The lists of edges of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    /// To what was made from it or uses it.
    Out = 0,
    /// To what it was made from or uses.
    In = 1,
    /// To what is the same.
    Same = 2,
    /// To its versions and parts.
    Parts = 3,
    /// To what it is a version or part of.
    Wholes = 4,
}

/// An edge as one of its nodes knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edge {
    /// The other node.
    pub(crate) to: u32,
    pub(crate) relation: Relation,
    /// The statement that says so.
    pub(crate) index: u64,
    /// How many statements ended it or took it back.
    pub(crate) ended: u16,
    /// Whether there is nothing to see at the other node but this edge.
    pub(crate) quiet: bool,
}

/// Edges of one side of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edges {
    /// Full chunks that stand beside the node.
    pub(crate) chunks: u32,
    /// The edges after those.
    pub(crate) last: Vec<Edge>,
}

impl Edges {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks == 0 && self.last.is_empty()
    }
}

/// What happened to a thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Fate {
    #[default]
    Withdrawn,
    Retired,
    /// It is not to end after all.
    KeptStep,
}

/// A statement about what happened to a thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) at_ms: u64,
    pub(crate) index: u64,
    pub(crate) fate: Fate,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The statements by which it is registered.
    pub(crate) registered: Vec<u64>,
    /// In the order of their moments.
    pub(crate) marks: Vec<Mark>,
    /// At how many endpoints it runs now.
    pub(crate) live: u32,
    /// Of what is no subject: the namespaces whose statements name it.
    pub(crate) namespaces: Vec<String>,
    /// The only node that leads here, by an edge that stands there in this place and is marked quiet.
    pub(crate) quiet: Option<(u32, u32)>,
    /// By [`Side`].
    pub(crate) sides: [Edges; 5],
}

impl Node {
    pub(crate) fn side(&self, side: Side) -> &Edges {
        &self.sides[side as usize]
    }

    /// Whether it was withdrawn or retired.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.is_retired() || self.marks.iter().any(|mark| mark.fate == Fate::Withdrawn)
    }

    /// Whether it was retired, and that was not reversed: what was recorded last counts, as it does at the door.
    pub(crate) fn is_retired(&self) -> bool {
        let last = self.marks.iter().filter(|mark| mark.fate != Fate::Withdrawn).max_by_key(|mark| mark.index);
        last.is_some_and(|mark| mark.fate == Fate::Retired)
    }

    /// Whether it is registered, or nothing like it ever is.
    pub(crate) fn is_resolved(&self) -> bool {
        !self.registered.is_empty() || !self.kind.is_registered()
    }
}

/// Where both ends of an edge stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The node, the side and the place on it.
    pub(crate) ends: [(u32, Side, u32); 2],
}

/// What a statement put into the graph, so that it can be taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fact {
    pub(crate) index: u64,
    /// Whether its signer took it back.
    pub(crate) void: bool,
    pub(crate) links: Vec<Link>,
    /// The node that it registers.
    pub(crate) registers: Option<u32>,
    /// The nodes that have a mark of it.
    pub(crate) marks: Vec<u32>,
    /// The endpoint and the moment of its step there.
    pub(crate) step: Option<(u32, u64)>,
    /// Whether it declares a dependency, which can end.
    pub(crate) is_dependency: bool,
    /// The dependency that it ends.
    pub(crate) ends: Option<u64>,
}

/// What serves at an endpoint, and which edges say so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointEdges {
    pub(crate) serving: Serving,
    /// Moment and index of the last step.
    pub(crate) last: Option<(u64, u64)>,
    pub(crate) shares: Vec<Served>,
    pub(crate) use_case: Option<UsedFor>,
}

/// What an endpoint is for, and the edge that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsedFor {
    pub(crate) use_case: String,
    pub(crate) link: Link,
    pub(crate) index: u64,
}

/// The edges of one share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) version: String,
    pub(crate) digest: Option<String>,
    /// Whether it is counted as running at its nodes.
    pub(crate) running: bool,
    pub(crate) nodes: Vec<(u32, Link)>,
}

/// Somebody took a model on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Acceptance {
    pub(crate) at_ms: u64,
    pub(crate) index: u64,
    pub(crate) role: String,
    pub(crate) owner: String,
    pub(crate) from: Option<String>,
}
