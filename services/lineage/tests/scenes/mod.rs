//! Lives told to a lineage view, and questions about them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeSet;

use probity_lineage::{LineageProjector, Totals, find_path, impact, walk};
use probity_projection::testing::Scene;
use probity_proto::v1;
use probity_query::{Page, QueryError, Scope};
use serde_json::{Value, json};

pub(crate) const DEVELOPER: &str = "service:developer";
pub(crate) const OPERATOR: &str = "service:operator";

pub(crate) struct Life {
    pub(crate) scene: Scene<LineageProjector>,
    pub(crate) scope: Scope,
}

/// A digest that is called so.
pub(crate) fn digest(name: &str) -> String {
    let mut bytes = [0_u8; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Of somebody who holds roles in these namespaces.
pub(crate) fn scope(namespaces: &[&str]) -> Scope {
    Scope::of(namespaces.iter().map(|namespace| namespace.parse().unwrap()).collect())
}

impl Life {
    pub(crate) fn new() -> Self {
        let scene = Scene::new();
        Self { scene, scope: Scope::Everything }
    }

    pub(crate) fn say(&mut self, signer: &str, event_type: &str, subject: &str, data: Value) -> u64 {
        let day = self.scene.recorded().len() as u64;
        self.scene.record(signer, day, json!({ "type": event_type, "subject": subject, "data": data }))
    }

    pub(crate) fn say_regarding(
        &mut self,
        signer: &str,
        event_type: &str,
        subject: &str,
        regarding: u64,
        data: Value,
    ) -> u64 {
        let day = self.scene.recorded().len() as u64;
        let regarding = self.scene.id(regarding);
        let event = json!({ "type": event_type, "subject": subject, "regarding": regarding, "data": data });
        self.scene.record(signer, day, event)
    }

    /// As [`Self::say`], but it happened on another day than it was recorded.
    pub(crate) fn say_of_day(
        &mut self,
        signer: &str,
        occurred: u64,
        event_type: &str,
        subject: &str,
        data: Value,
    ) -> u64 {
        let day = self.scene.recorded().len() as u64;
        let occurred = (probity_projection::testing::DAY_0 + occurred * 86_400) * 1_000;
        let event = json!({ "type": event_type, "subject": subject, "occurred": occurred, "data": data });
        self.scene.record(signer, day, event)
    }

    pub(crate) fn void(&mut self, signer: &str, fact: u64) -> u64 {
        let subject = self.scene.recorded()[fact as usize].event.subject.to_string();
        self.say_regarding(signer, "correction.recorded", &subject, fact, json!({ "kind": "voids", "reason": "no" }))
    }

    pub(crate) fn train(&mut self, version: &str, datasets: &[&str]) -> u64 {
        let model = version.split_once('@').unwrap().0;
        let data = json!({ "produced_version": version, "datasets": datasets });
        self.say(DEVELOPER, "training.completed", model, data)
    }

    pub(crate) fn start(&mut self, endpoint: &str, version: &str) -> u64 {
        let data = json!({ "version": version, "environment": "production" });
        self.say(OPERATOR, "deployment.started", endpoint, data)
    }

    pub(crate) fn run(&self, index: u64) -> String {
        format!("run:{}", self.scene.id(index))
    }

    pub(crate) fn walk_as(&self, request: v1::WalkRequest) -> Result<v1::WalkResponse, QueryError> {
        walk(self.scene.view(), &self.scope, &request)
    }

    pub(crate) fn walk(&self, direction: &str, node: &str) -> v1::WalkResponse {
        let (node, direction) = (node.to_owned(), direction.to_owned());
        self.walk_as(v1::WalkRequest { node, direction, max_nodes: 10_000, ..Default::default() }).unwrap()
    }

    fn names(&self, direction: &str, node: &str) -> BTreeSet<String> {
        self.walk(direction, node).nodes.into_iter().skip(1).map(|node| node.name).collect()
    }

    pub(crate) fn up(&self, node: &str) -> BTreeSet<String> {
        self.names("upstream", node)
    }

    pub(crate) fn down(&self, node: &str) -> BTreeSet<String> {
        self.names("downstream", node)
    }

    /// A node as it is shown when it is asked about.
    pub(crate) fn node(&self, node: &str) -> v1::LineageNode {
        self.walk("upstream", node).nodes.remove(0)
    }

    pub(crate) fn path(&self, from: &str, to: &str) -> v1::FindPathResponse {
        let (from, to) = (from.to_owned(), to.to_owned());
        let request = v1::FindPathRequest { from, to, min_tree_size: 0 };
        find_path(self.scene.view(), &self.scope, &request).unwrap()
    }

    pub(crate) fn impact_as(&self, request: v1::GetImpactRequest) -> Result<v1::GetImpactResponse, QueryError> {
        let page = Page::of(request.page_size, &request.page_token)?;
        let (paged, Totals { total, live }) = impact(self.scene.view(), &self.scope, &request, &page)?;
        let (affected, next_page_token) = (paged.items, paged.next_page_token);
        Ok(v1::GetImpactResponse { as_of: None, affected, next_page_token, total, live })
    }

    pub(crate) fn impact(&self, node: &str) -> v1::GetImpactResponse {
        self.impact_as(v1::GetImpactRequest { node: node.to_owned(), ..Default::default() }).unwrap()
    }

    /// The names of what is affected, in their order.
    pub(crate) fn affected(&self, node: &str) -> Vec<String> {
        self.impact(node).affected.into_iter().map(|affected| affected.version).collect()
    }

    /// The same statements folded in groups must give the same view.
    pub(crate) fn folds_alike(&self) {
        let first = self.scene.view().digest().unwrap();
        for together in BTreeSet::from([1, 7, self.scene.recorded().len().max(1)]) {
            assert_eq!(self.scene.fold_again(together).digest().unwrap(), first, "in groups of {together}");
        }
    }
}

pub(crate) fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(ToOwned::to_owned).collect()
}

/// The edges as `to relation from`, with `ended` after those that are.
pub(crate) fn edges(walk: &v1::WalkResponse) -> BTreeSet<String> {
    let ended = |edge: &v1::LineageEdge| if edge.ended { " ended" } else { "" };
    walk.edges.iter().map(|edge| format!("{} {} {}{}", edge.to, edge.relation, edge.from, ended(edge))).collect()
}
