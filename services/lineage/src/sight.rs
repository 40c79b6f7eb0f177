//! What a caller sees of a walk: names and edges, with further names folded into the things they name, and with what is
//! outside the caller's scope hidden.

use std::collections::HashMap;

use probity_projection::StoreError;
use probity_proto::v1;
use probity_query::Scope;

use crate::asking::{Graph, sees};
use crate::graph::{Relation, Side};
use crate::search::{Crossing, Direction, Search};

/// What a caller sees of a walk.
#[derive(Debug)]
pub(crate) struct Sight<'s, 'v> {
    search: &'s Search<'v>,
    graph: Graph<'v>,
    scope: &'s Scope,
    /// By visit: whether the caller may see it.
    visible: Vec<bool>,
    /// By visit: the visit of the thing that it is a further name of; itself for most.
    thing: Vec<usize>,
    /// By visit: the name it is shown by; none where it is not shown.
    names: Vec<Option<String>>,
}

impl<'s, 'v> Sight<'s, 'v> {
    /// What the caller sees of all of it, or of the way to one visit.
    pub(crate) fn of(
        search: &'s Search<'v>,
        graph: Graph<'v>,
        scope: &'s Scope,
        way: Option<&[usize]>,
    ) -> Result<Self, StoreError> {
        let visible: Vec<bool> = search.visits.iter().map(|visit| sees(scope, &visit.node)).collect();
        let mut sight = Self { search, graph, scope, thing: Vec::new(), names: Vec::new(), visible };
        let first: Vec<Option<usize>> = (0..search.visits.len()).map(|at| sight.named(at)).collect::<Result<_, _>>()?;
        // Names of names stay: what they name is not shown by itself, and there may be circles.
        let thing = |at: usize| first[at].filter(|thing| first[*thing].is_none()).unwrap_or(at);
        sight.thing = (0..first.len()).map(thing).collect();
        sight.names = sight.name_all(way);
        Ok(sight)
    }

    /// The visible thing that a visible node is a further name of.
    fn named(&self, at: usize) -> Result<Option<usize>, StoreError> {
        let node = &self.search.visits[at].node;
        let mut named = None;
        if !node.kind.is_subject() && self.visible[at] {
            self.search.edges(at, Side::Same, |edge| {
                if edge.relation == Relation::AliasOf && edge.ended == 0 && named.is_none() {
                    named = self.search.visit_of(edge.to).filter(|thing| self.visible[*thing]);
                }
            })?;
        }
        Ok(named)
    }

    fn name_all(&self, way: Option<&[usize]>) -> Vec<Option<String>> {
        let visits = &self.search.visits;
        let on_way = |at: usize| way.is_none_or(|way| way.iter().any(|on_way| self.thing[*on_way] == at));
        // A hidden node is shown where it touches something visible on the way to it, or lies on the way to it.
        let mut shown = self.visible.clone();
        for at in (0..visits.len()).rev() {
            if let Some((from, _)) = visits[at].from {
                if shown[at] {
                    shown[from] = true;
                }
                shown[at] |= self.visible[from];
            }
        }
        let mut hidden = 0;
        let mut name = |at: usize| {
            if self.visible[at] {
                return visits[at].node.name.clone();
            }
            hidden += 1;
            format!("hidden:{hidden}")
        };
        (0..visits.len()).map(|at| (shown[at] && self.thing[at] == at && on_way(at)).then(|| name(at))).collect()
    }

    /// The name by which a visit is shown.
    pub(crate) fn name(&self, at: usize) -> Option<&str> {
        self.names[self.thing[at]].as_deref()
    }

    /// The nodes, in the order in which they were reached.
    pub(crate) fn nodes(&self) -> Result<Vec<v1::LineageNode>, StoreError> {
        let visits = &self.search.visits;
        let mut places = vec![None; visits.len()];
        let mut nodes: Vec<v1::LineageNode> = Vec::new();
        for at in 0..visits.len() {
            let thing = self.thing[at];
            let (Some(name), visit) = (&self.names[thing], &visits[at]) else { continue };
            let place = *places[thing].get_or_insert_with(|| {
                let (thing, name) = (&visits[thing], name.clone());
                let kind = thing.node.kind.as_str().to_owned();
                nodes.push(v1::LineageNode { name, kind, depth: visit.depth, ..v1::LineageNode::default() });
                nodes.len() - 1
            });
            if self.visible[at] && thing == at {
                nodes[place].resolved = visit.node.is_resolved();
                nodes[place].aliases = self.quiet_names(at)?;
            }
        }
        for (at, visit) in visits.iter().enumerate().filter(|(at, _)| self.visible[*at]) {
            for thing in self.things(at)? {
                let Some(node) = places[thing].and_then(|place: usize| nodes.get_mut(place)) else { continue };
                node.live |= visit.node.live > 0;
                node.withdrawn |= visit.node.is_withdrawn();
                if thing != at {
                    node.aliases.push(visit.node.name.clone());
                }
            }
        }
        Ok(nodes)
    }

    /// All that a visit is a further name of; itself for most.
    fn things(&self, at: usize) -> Result<Vec<usize>, StoreError> {
        let mut things = Vec::new();
        if self.thing[at] == at {
            things.push(at);
        } else {
            self.search.edges(at, Side::Same, |edge| {
                if edge.relation == Relation::AliasOf && edge.ended == 0 {
                    things.extend(self.search.visit_of(edge.to).filter(|thing| self.visible[*thing]));
                }
            })?;
            things.sort_unstable();
            things.dedup();
        }
        Ok(things)
    }

    /// The further names of a thing that were not walked to, since there is nothing else to see.
    fn quiet_names(&self, at: usize) -> Result<Vec<String>, StoreError> {
        let mut quiet = Vec::new();
        self.search.edges(at, Side::Same, |edge| {
            if edge.quiet && edge.ended == 0 {
                quiet.push(edge.to);
            }
        })?;
        let names = quiet.into_iter().map(|number| self.graph.node(number));
        let names = names.filter(|node| node.as_ref().map_or(true, |node| sees(self.scope, node)));
        names.map(|node| node.map(|node| node.name)).collect()
    }

    /// The edges, each once.
    pub(crate) fn edges(&self, crossings: impl Iterator<Item = Crossing>) -> Vec<v1::LineageEdge> {
        let mut places = HashMap::new();
        let mut edges: Vec<v1::LineageEdge> = Vec::new();
        for crossing in crossings {
            let Some((to, from, relation)) = self.ends(&crossing) else { continue };
            let Some((to_name, from_name)) = self.name(to).zip(self.name(from)) else { continue };
            let (to, from) = (self.thing[to], self.thing[from]);
            if to == from {
                continue;
            }
            let ended = crossing.edge.ended > 0;
            let place = *places.entry((to, from, relation)).or_insert(edges.len());
            if let Some(edge) = edges.get_mut(place) {
                if edge.ended && !ended {
                    (edge.ended, edge.index) = (false, crossing.edge.index);
                }
                continue;
            }
            edges.push(v1::LineageEdge {
                to: to_name.to_owned(),
                from: from_name.to_owned(),
                relation: relation.to_owned(),
                index: crossing.edge.index,
                ended,
            });
        }
        edges
    }

    /// The later visit, the earlier one, and how they are related; none where one of them was not reached, or where it
    /// goes without saying.
    fn ends(&self, crossing: &Crossing) -> Option<(usize, usize, &'static str)> {
        let (at, other) = (self.search.visit_of(crossing.at)?, self.search.visit_of(crossing.edge.to)?);
        let relation = crossing.edge.relation;
        let word = relation.as_str();
        Some(match (crossing.side, self.search.direction, relation) {
            (Side::Out, ..) => (other, at, word),
            (Side::In, ..) => (at, other, word),
            (Side::Same, _, Relation::RenamedTo | Relation::Alias) => (other, at, word),
            // Which of the two is later is not known: the same edge may be seen from both.
            (Side::Same, _, Relation::SameAs) => (at.max(other), at.min(other), word),
            (Side::Same, ..) => (at, other, word),
            (Side::Parts, _, Relation::Produced) => (at, other, word),
            (Side::Wholes, _, Relation::Produced) => (other, at, word),
            // Every version was reached from the whole already, or will be.
            (Side::Wholes, ..) if self.search.visits[other].whole => return None,
            (Side::Parts, Direction::Down, _) => (other, at, word),
            (Side::Wholes, Direction::Up, _) => (at, other, word),
            (Side::Parts, Direction::Up, _) => (at, other, "contains"),
            (Side::Wholes, Direction::Down, _) => (other, at, "contains"),
        })
    }
}
