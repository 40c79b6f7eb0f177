//! What is affected by a thing: the versions that descend from it, what runs now first.
//!
//! Besides versions these are models of which no version is known, models that run without anyone saying in which version,
//! and artefacts that run and are nobody's. A version that is asked about is itself among them.

use std::collections::HashSet;

use probity_projection::{StoreError, View};
use probity_proto::v1;
use probity_query::{Page, Paged, QueryError, Scope};

use crate::asking::{Graph, sees};
use crate::graph::{Link, Node, OWNERS, Relation, SERVING_EDGES, Side, endpoint_edges_key, owners_key};
use crate::names::Kind;
use crate::ownership::owners;
use crate::search::{Direction, Limits, Search};

/// How what the caller may not see is shown.
const HIDDEN: &str = "hidden";

/// How many there are in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Everything that is affected, on whichever page.
    pub total: u64,
    /// What of it runs now.
    pub live: u64,
}

/// A page of the answer to a [`v1::GetImpactRequest`].
///
/// # Errors
/// There is no such node, or none that the caller may see.
pub fn impact(
    view: &View,
    scope: &Scope,
    request: &v1::GetImpactRequest,
    page: &Page,
) -> Result<(Paged<v1::Affected>, Totals), QueryError> {
    let graph = Graph::of(view);
    let start = graph.find("node", &request.node, scope)?;
    let search = Search::from(view, start, Direction::Down, Limits::NONE)?;
    let found = Impact { graph, scope, search: &search };
    let mut affected = found.affected()?;
    let total = affected.len() as u64;
    let live = affected.iter().filter(|rank| rank.live).count() as u64;
    affected.retain(|rank| rank.live || !request.live_only);
    affected.sort_unstable_by_key(Rank::key);
    let after = page.after.as_deref().unwrap_or_default();
    let items = affected.iter().map(|rank| (rank.key(), rank)).filter(|(key, _)| key.as_slice() > after);
    let items = items.map(|(key, rank)| Ok((key.to_vec(), Some(found.describe(rank)?))));
    Ok((page.take(items)?, Totals { total, live }))
}

/// Where something affected stands in the list.
#[derive(Debug, Clone, Copy)]
struct Rank {
    live: bool,
    depth: u32,
    number: u32,
    visit: usize,
}

impl Rank {
    fn key(&self) -> [u8; 9] {
        let mut key = [0; 9];
        key[0] = u8::from(!self.live);
        key[1..5].copy_from_slice(&self.depth.to_be_bytes());
        key[5..].copy_from_slice(&self.number.to_be_bytes());
        key
    }
}

/// What descends from a thing.
#[derive(Debug)]
struct Impact<'i, 'v> {
    graph: Graph<'v>,
    scope: &'i Scope,
    search: &'i Search<'v>,
}

impl Impact<'_, '_> {
    /// What of it the caller may see, in no order.
    fn affected(&self) -> Result<Vec<Rank>, StoreError> {
        let mut live = HashSet::new();
        let mut ranks = Vec::new();
        let visits = &self.search.visits;
        for (at, visit) in visits.iter().enumerate().filter(|(_, visit)| visit.node.live > 0) {
            let things = if visit.node.kind.is_subject() { Vec::new() } else { self.things(at)? };
            live.insert(at);
            live.extend(things);
        }
        for (at, visit) in visits.iter().enumerate() {
            let live = live.contains(&at);
            let counts = match visit.node.kind {
                Kind::Version => true,
                Kind::Model => live || visit.whole && !self.has_versions(at)?,
                kind => live && !kind.is_subject() && self.things(at)?.is_empty(),
            };
            if counts && sees(self.scope, &visit.node) {
                ranks.push(Rank { live, depth: visit.depth, number: visit.number, visit: at });
            }
        }
        Ok(ranks)
    }

    /// The visits of what a digest is a further name of.
    fn things(&self, at: usize) -> Result<Vec<usize>, StoreError> {
        let mut things = Vec::new();
        self.search.edges(at, Side::Same, |edge| {
            if edge.relation == Relation::AliasOf && edge.ended == 0 {
                things.extend(self.search.visit_of(edge.to));
            }
        })?;
        Ok(things)
    }

    fn has_versions(&self, at: usize) -> Result<bool, StoreError> {
        let mut found = false;
        self.search.edges(at, Side::Parts, |edge| found |= edge.relation == Relation::VersionOf)?;
        Ok(found)
    }

    fn name(&self, node: &Node) -> String {
        if sees(self.scope, node) { node.name.clone() } else { HIDDEN.to_owned() }
    }

    fn describe(&self, rank: &Rank) -> Result<v1::Affected, StoreError> {
        let node = &self.search.visits[rank.visit].node;
        let mut affected = v1::Affected { version: node.name.clone(), depth: rank.depth, ..v1::Affected::default() };
        self.way(rank.visit, &mut affected);
        self.uses(rank.number, node, true, &mut affected)?;
        let mut others = Vec::new();
        self.graph.edges(rank.number, node, Side::Same, |edge| {
            if edge.relation == Relation::Alias && edge.ended == 0 && !edge.quiet {
                others.push((edge.to, true));
            }
        })?;
        self.graph.edges(rank.number, node, Side::Wholes, |edge| {
            if edge.relation == Relation::VersionOf && edge.ended == 0 {
                others.push((edge.to, false));
            }
        })?;
        affected.retired = node.is_retired();
        for (number, itself) in others {
            let other = self.graph.node(number)?;
            affected.retired |= other.is_retired();
            self.uses(number, &other, itself, &mut affected)?;
        }
        for list in [&mut affected.owners, &mut affected.endpoints, &mut affected.use_cases, &mut affected.consumers] {
            let mut seen = HashSet::new();
            list.retain(|name| name == HIDDEN || seen.insert(name.clone()));
        }
        affected.indices.sort_unstable();
        affected.indices.dedup();
        Ok(affected)
    }

    /// The way from what was asked about, without the further names of things on it.
    fn way(&self, visit: usize, affected: &mut v1::Affected) {
        let way = self.search.way_to(visit);
        let mut names: Vec<String> = Vec::with_capacity(way.len());
        for (place, at) in way.iter().enumerate() {
            let visit = &self.search.visits[*at];
            let crossing = visit.from.map(|(_, crossing)| crossing);
            affected.indices.extend(crossing.map(|crossing| crossing.edge.index));
            match crossing.map(|crossing| crossing.edge.relation) {
                // What a digest is of stands in its place, unless the digest is what was asked about.
                Some(Relation::AliasOf) if place > 1 => drop(names.pop()),
                Some(Relation::Alias) if place + 1 < way.len() => continue,
                _ => {}
            }
            names.push(self.name(&visit.node));
        }
        affected.path = names;
    }

    /// Who uses a node and who owns it; where it runs, if it is the thing itself rather than what it is a version of.
    fn uses(&self, number: u32, node: &Node, itself: bool, affected: &mut v1::Affected) -> Result<(), StoreError> {
        let mut edges = Vec::new();
        self.graph.edges(number, node, Side::Out, |edge| {
            let wanted = matches!(edge.relation, Relation::Consumes | Relation::For)
                || edge.relation == Relation::Serves && itself;
            if wanted && edge.ended == 0 {
                edges.push(*edge);
            }
        })?;
        for edge in edges {
            let user = self.graph.node(edge.to)?;
            match edge.relation {
                Relation::Serves if !self.runs(edge.to, number, affected)? => continue,
                Relation::Serves => affected.endpoints.push(self.name(&user)),
                Relation::For => affected.use_cases.push(self.name(&user)),
                _ => affected.consumers.push(self.name(&user)),
            }
            affected.indices.push(edge.index);
        }
        let acceptances = self.graph.view.record(&OWNERS, &owners_key(number))?.unwrap_or_default();
        for acceptance in owners(&acceptances) {
            affected.owners.push(acceptance.owner.clone());
            affected.indices.push(acceptance.index);
        }
        Ok(())
    }

    /// Whether a node runs at an endpoint now, and what for.
    fn runs(&self, endpoint: u32, number: u32, affected: &mut v1::Affected) -> Result<bool, StoreError> {
        let place = self.graph.view.record(&SERVING_EDGES, &endpoint_edges_key(endpoint))?.unwrap_or_default();
        let is_here = |nodes: &[(u32, Link)]| nodes.iter().any(|(node, _)| *node == number);
        let runs = place.shares.iter().any(|share| share.running && is_here(&share.nodes));
        if runs && let Some(used) = place.use_case {
            let visible = self.scope.covers_subject(&used.use_case);
            affected.use_cases.push(if visible { used.use_case } else { HIDDEN.to_owned() });
            affected.indices.push(used.index);
        }
        Ok(runs)
    }
}
