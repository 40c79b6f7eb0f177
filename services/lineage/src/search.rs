//! Walking the graph, breadth first: each node is entered once, whatever circles there are.
//!
//! A thing that has versions or parts is entered in one of two ways. *As a whole*, all of its versions follow: they descend
//! from what the whole descends from. Or *by a version* of it, then only what uses the whole follows, not the sisters. The
//! other way round it is the same: who uses a whole may rest on each of its versions, while a version rests on what the
//! whole rests on, not on its sisters. So what is downstream of one thing has that thing upstream.

use std::mem;

use probity_projection::{StoreError, View};

use crate::asking::{Graph, Loader};
use crate::graph::{Edge, Node, Relation, Side};

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To what it comes from.
    Up,
    /// To what comes from it.
    Down,
}

/// How far to walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) depth: u32,
    pub(crate) nodes: usize,
    /// Whether edges that have ended are walked too.
    pub(crate) include_ended: bool,
    /// Whether the edges are wanted, not only the way to each node.
    pub(crate) all_edges: bool,
    /// The node at which it is enough.
    pub(crate) until: Option<u32>,
}

impl Limits {
    /// As far as it goes, and only the way to each node.
    pub(crate) const NONE: Self =
        Self { depth: u32::MAX, nodes: usize::MAX, include_ended: false, all_edges: false, until: None };
}

/// An edge as it was walked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crossing {
    pub(crate) at: u32,
    pub(crate) side: Side,
    pub(crate) edge: Edge,
}

/// A node that was reached.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) number: u32,
    pub(crate) node: Node,
    pub(crate) depth: u32,
    /// The visit it was reached from, and how.
    pub(crate) from: Option<(usize, Crossing)>,
    /// Whether it was entered as a whole.
    pub(crate) whole: bool,
}

/// A node about to be entered.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    number: u32,
    whole: bool,
    from: Option<(usize, Crossing)>,
}

const UNSEEN: u8 = 0;
const BY_PART: u8 = 1;
const AS_WHOLE: u8 = 2;

/// A walk and what it reached, nearest first, and in the order in which the log named them.
#[derive(Debug)]
pub(crate) struct Search<'v> {
    graph: Graph<'v>,
    pub(crate) direction: Direction,
    limits: Limits,
    pub(crate) visits: Vec<Visit>,
    pub(crate) crossings: Vec<Crossing>,
    /// Whether there is more than was reached.
    pub(crate) truncated: bool,
    /// By number: how it was seen, and its visit plus one.
    seen: Vec<u8>,
    places: Vec<u32>,
}

impl<'v> Search<'v> {
    /// Walks from `start`.
    pub(crate) fn from(view: &'v View, start: u32, direction: Direction, limits: Limits) -> Result<Self, StoreError> {
        let graph = Graph::of(view);
        let size = graph.count()? as usize + 1;
        let (seen, places) = (vec![UNSEEN; size], vec![0; size]);
        let (visits, crossings) = (Vec::new(), Vec::new());
        let mut search = Self { graph, direction, limits, visits, crossings, truncated: false, seen, places };
        search.run(start)?;
        Ok(search)
    }

    /// The visit of a node.
    pub(crate) fn visit_of(&self, number: u32) -> Option<usize> {
        (*self.places.get(number as usize)? as usize).checked_sub(1)
    }

    fn run(&mut self, start: u32) -> Result<(), StoreError> {
        self.seen[start as usize] = AS_WHOLE;
        let mut next = vec![Ahead { number: start, whole: true, from: None }];
        let mut depth = 0;
        let mut found = Vec::new();
        while !next.is_empty() {
            if depth > self.limits.depth {
                self.truncated |= next.iter().any(|ahead| self.visit_of(ahead.number).is_none());
                return Ok(());
            }
            let mut level = mem::take(&mut next);
            // What is the same thing is as near, so a level may grow.
            while !level.is_empty() {
                level.sort_unstable_by_key(|ahead| (ahead.number, !ahead.whole));
                let level_now = mem::take(&mut level);
                let numbers = level_now.first().zip(level_now.last()).map(|(first, last)| (first.number, last.number));
                let mut loader = Loader::of(self.graph, numbers, level_now.len());
                for ahead in level_now {
                    let Some(place) = self.enter(&ahead, depth, &mut loader)? else { return Ok(()) };
                    if self.limits.until == Some(ahead.number) {
                        return Ok(());
                    }
                    self.look(place, ahead.whole, &mut found)?;
                    for crossing in found.drain(..) {
                        self.consider(place, ahead.whole, crossing, &mut level, &mut next);
                    }
                }
            }
            depth += 1;
        }
        Ok(())
    }

    /// The visit of a node that is entered, a new one or the one before; none if there may be no more.
    fn enter(&mut self, ahead: &Ahead, depth: u32, loader: &mut Loader<'v>) -> Result<Option<usize>, StoreError> {
        if let Some(place) = self.visit_of(ahead.number) {
            self.visits[place].whole |= ahead.whole;
            return Ok(Some(place));
        }
        if self.visits.len() >= self.limits.nodes {
            self.truncated = true;
            return Ok(None);
        }
        let node = loader.node(ahead.number)?;
        self.visits.push(Visit { number: ahead.number, node, depth, from: ahead.from, whole: ahead.whole });
        self.places[ahead.number as usize] = self.visits.len() as u32;
        Ok(Some(self.visits.len() - 1))
    }

    /// The edges to walk from a node.
    fn look(&self, place: usize, whole: bool, found: &mut Vec<Crossing>) -> Result<(), StoreError> {
        let Visit { number, node, .. } = &self.visits[place];
        let onward = match self.direction {
            Direction::Down => Side::Out,
            Direction::Up => Side::In,
        };
        for side in [Side::Same, Side::Parts, Side::Wholes, onward] {
            if node.side(side).is_empty() || side == Side::Parts && !whole {
                continue;
            }
            // A run of which some version of a model came is a part of the model only to those who use the model.
            let against =
                matches!((side, self.direction), (Side::Parts, Direction::Down) | (Side::Wholes, Direction::Up));
            self.graph.edges(*number, node, side, |edge| {
                let ended = edge.ended > 0 && !self.limits.include_ended;
                let backwards = against && edge.relation == Relation::Produced;
                if !ended && !backwards && !edge.quiet {
                    found.push(Crossing { at: *number, side, edge: *edge });
                }
            })?;
        }
        Ok(())
    }

    fn consider(
        &mut self,
        place: usize,
        whole: bool,
        crossing: Crossing,
        level: &mut Vec<Ahead>,
        next: &mut Vec<Ahead>,
    ) {
        if self.limits.all_edges {
            self.crossings.push(crossing);
        }
        let number = crossing.edge.to;
        let whole = match crossing.side {
            Side::Wholes => false,
            Side::Same => whole,
            Side::Out | Side::In | Side::Parts => true,
        };
        let seen = &mut self.seen[number as usize];
        let now = if whole { AS_WHOLE } else { BY_PART };
        if now > *seen {
            *seen = now;
            let ahead = Ahead { number, whole, from: Some((place, crossing)) };
            if crossing.side == Side::Same { level.push(ahead) } else { next.push(ahead) }
        }
    }

    /// All edges of one side of a node that was reached.
    pub(crate) fn edges(&self, place: usize, side: Side, show: impl FnMut(&Edge)) -> Result<(), StoreError> {
        self.graph.edges(self.visits[place].number, &self.visits[place].node, side, show)
    }

    /// The visits on the way to one, from the start.
    pub(crate) fn way_to(&self, place: usize) -> Vec<usize> {
        let mut way = vec![place];
        let mut at = place;
        while let Some((from, _)) = self.visits[at].from {
            way.push(from);
            at = from;
        }
        way.reverse();
        way
    }
}
