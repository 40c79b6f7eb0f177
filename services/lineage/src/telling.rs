//! One statement on its way into the graph: names become nodes, what it says becomes edges, and all of it is written down
//! so that it can be taken back.

use probity_projection::{Batch, Recorded, StoreError};
use probity_schemas::Subject;

use crate::graph::{
    CHUNK, CHUNKS, COUNT, Edge, Edges, FACTS, Fact, Fate, Link, Mark, NAMES, NODES, Node, RUNS, Relation, Side,
    chunk_key, fact_key, name_key, node_key, run_key,
};
use crate::names::Name;

/// One statement on its way into the graph.
#[derive(Debug)]
pub(crate) struct Telling<'t, 'b> {
    pub(crate) recorded: &'t Recorded,
    pub(crate) batch: &'t mut Batch<'b>,
    pub(crate) fact: Fact,
}

impl<'t, 'b> Telling<'t, 'b> {
    pub(crate) fn of(recorded: &'t Recorded, batch: &'t mut Batch<'b>) -> Self {
        let fact = Fact { index: recorded.index, ..Fact::default() };
        Self { recorded, batch, fact }
    }

    /// Writes down what it said.
    pub(crate) fn end(self) {
        self.batch.put(&FACTS, fact_key(self.fact.index), self.fact);
    }

    /// The node of the training run that the statement is. Of several that have one id, whoever names a run by its id
    /// means the first; the others have nodes of their own.
    pub(crate) fn own_run(&mut self) -> Result<u32, StoreError> {
        let (id, index) = (self.recorded.event.id, self.recorded.index);
        let first = match self.batch.read(&RUNS, &run_key(&id))? {
            Some(first) => first,
            None => {
                self.batch.put(&RUNS, run_key(&id), index);
                index
            }
        };
        self.node(&if first == index { Name::run(id) } else { Name::later_run(id, index) })
    }

    /// The node of this name, if there is one.
    pub(crate) fn known(&self, name: &Name) -> Result<Option<u32>, StoreError> {
        self.batch.read(&NAMES, &name_key(&name.text))
    }

    /// The node of this name; made where there is none, with what it is a version of.
    pub(crate) fn node(&mut self, name: &Name) -> Result<u32, StoreError> {
        if let Some(node) = self.known(name)? {
            return Ok(node);
        }
        let count = self.batch.record(&COUNT, COUNT.key())?;
        *count += 1;
        let node = *count;
        self.batch.put(&NAMES, name_key(&name.text), node);
        let record = Node { name: name.text.clone(), kind: name.kind, ..Node::default() };
        self.batch.put(&NODES, node_key(node), record);
        if let Some(whole) = name.whole() {
            let whole = self.node(&whole)?;
            // By its name alone, so it is never taken back.
            self.part(whole, node, Relation::VersionOf)?;
        }
        Ok(node)
    }

    /// The statement registers a node.
    pub(crate) fn register(&mut self, node: u32) -> Result<(), StoreError> {
        let index = self.recorded.index;
        let record = self.batch.record(&NODES, node_key(node))?;
        record.registered.push(index);
        self.fact.registers = Some(node);
        Ok(())
    }

    /// The statement says what happened to a thing.
    pub(crate) fn mark(&mut self, node: u32, fate: Fate) -> Result<(), StoreError> {
        self.wake(node)?;
        let mark = Mark { at_ms: self.recorded.sorted_at_ms(), index: self.recorded.index, fate };
        let record = self.batch.record(&NODES, node_key(node))?;
        let place = record.marks.partition_point(|other| other < &mark);
        record.marks.insert(place, mark);
        self.fact.marks.push(node);
        Ok(())
    }

    /// Whether a digest is known as a name of something that the signer has no say over.
    pub(crate) fn is_somebody_elses(&self, digest: u32) -> Result<bool, StoreError> {
        let Some(node) = self.batch.read(&NODES, &node_key(digest))? else { return Ok(false) };
        let same = node.side(Side::Same);
        let mut edges: Vec<Edge> = same.last.clone();
        for chunk in 0..same.chunks {
            edges.extend(self.batch.read(&CHUNKS, &chunk_key(digest, Side::Same, chunk))?.unwrap_or_default());
        }
        for edge in edges.iter().filter(|edge| edge.relation == Relation::AliasOf) {
            let named = self.batch.read(&NODES, &node_key(edge.to))?.unwrap_or_default().name;
            if named.parse::<Subject>().is_ok_and(|subject| !self.recorded.reaches(&subject)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The statement says that `later` comes from `earlier`. They may be one thing: an edition of a dataset derived from
    /// an earlier edition is of the same name, and then each part of it may come from any other.
    pub(crate) fn comes_from(&mut self, later: u32, earlier: u32, relation: Relation) -> Result<(), StoreError> {
        let link = self.link(later, earlier, relation, self.recorded.index)?;
        self.fact.links.push(link);
        Ok(())
    }

    /// An edge that is not taken back with this statement, but by whoever keeps the link.
    pub(crate) fn link(
        &mut self,
        later: u32,
        earlier: u32,
        relation: Relation,
        index: u64,
    ) -> Result<Link, StoreError> {
        let edge = |to| Edge { to, relation, index, ..Edge::default() };
        self.tie((earlier, Side::Out, edge(later)), (later, Side::In, edge(earlier)))
    }

    /// The statement says that `part` is a part of `whole`.
    pub(crate) fn part_of(&mut self, whole: u32, part: u32, relation: Relation) -> Result<(), StoreError> {
        let link = self.part(whole, part, relation)?;
        self.fact.links.push(link);
        Ok(())
    }

    fn part(&mut self, whole: u32, part: u32, relation: Relation) -> Result<Link, StoreError> {
        let edge = |to| Edge { to, relation, index: self.recorded.index, ..Edge::default() };
        let (whole, part) = ((whole, Side::Parts, edge(part)), (part, Side::Wholes, edge(whole)));
        self.tie(whole, part)
    }

    /// The statement says that two things are one.
    pub(crate) fn same(&mut self, one: u32, other: u32, relations: [Relation; 2]) -> Result<(), StoreError> {
        if one == other {
            return Ok(());
        }
        let edge = |to, relation| Edge { to, relation, index: self.recorded.index, ..Edge::default() };
        let [there, back] = relations;
        let link = self.tie((one, Side::Same, edge(other, there)), (other, Side::Same, edge(one, back)))?;
        self.fact.links.push(link);
        Ok(())
    }

    /// The statement says that `alias` is a further name of `thing`.
    pub(crate) fn alias(&mut self, thing: u32, alias: u32) -> Result<(), StoreError> {
        if thing == alias {
            return Ok(());
        }
        let index = self.recorded.index;
        let record = self.batch.record(&NODES, node_key(alias))?;
        let quiet = record.marks.is_empty() && record.sides.iter().all(Edges::is_empty);
        let there = Edge { to: alias, relation: Relation::Alias, index, quiet, ..Edge::default() };
        let back = Edge { to: thing, relation: Relation::AliasOf, index, ..Edge::default() };
        let link = self.tie((thing, Side::Same, there), (alias, Side::Same, back))?;
        if quiet {
            let (_, _, place) = link.ends[0];
            self.batch.record(&NODES, node_key(alias))?.quiet = Some((thing, place));
        }
        self.fact.links.push(link);
        Ok(())
    }

    fn tie(&mut self, one: (u32, Side, Edge), other: (u32, Side, Edge)) -> Result<Link, StoreError> {
        let mut place = |(node, side, edge)| Ok::<_, StoreError>((node, side, self.append(node, side, edge)?));
        Ok(Link { ends: [place(one)?, place(other)?] })
    }

    /// Appends an edge and says where it stands.
    fn append(&mut self, node: u32, side: Side, edge: Edge) -> Result<u32, StoreError> {
        self.wake(node)?;
        let namespace = self.recorded.event.subject.namespace.as_str();
        let record = self.batch.record(&NODES, node_key(node))?;
        if !record.kind.is_subject() && !record.namespaces.iter().any(|known| known == namespace) {
            record.namespaces.push(namespace.to_owned());
        }
        let edges = &mut record.sides[side as usize];
        let chunk = edges.chunks;
        let place = chunk * CHUNK + edges.last.len() as u32;
        edges.last.push(edge);
        if edges.last.len() as u32 == CHUNK {
            edges.chunks += 1;
            let full = std::mem::take(&mut edges.last);
            self.batch.put(&CHUNKS, chunk_key(node, side, chunk), full);
        }
        Ok(place)
    }

    /// From now on there is something to see at a node that was only a further name.
    fn wake(&mut self, node: u32) -> Result<(), StoreError> {
        let Some((thing, place)) = self.batch.record(&NODES, node_key(node))?.quiet.take() else { return Ok(()) };
        self.edge(thing, Side::Same, place, |edge| edge.quiet = false)
    }

    /// Changes an edge where it stands.
    fn edge(&mut self, node: u32, side: Side, place: u32, change: impl FnOnce(&mut Edge)) -> Result<(), StoreError> {
        let edges = &mut self.batch.record(&NODES, node_key(node))?.sides[side as usize];
        let chunk = place / CHUNK;
        let edges = if chunk < edges.chunks {
            self.batch.record(&CHUNKS, chunk_key(node, side, chunk))?
        } else {
            &mut edges.last
        };
        if let Some(edge) = edges.get_mut((place % CHUNK) as usize) {
            change(edge);
        }
        Ok(())
    }

    /// Ends an edge, or takes back that it ended.
    pub(crate) fn end_link(&mut self, link: &Link, ended: bool) -> Result<(), StoreError> {
        for (node, side, place) in link.ends {
            self.edge(node, side, place, |edge| match ended {
                true => edge.ended = edge.ended.saturating_add(1),
                false => edge.ended = edge.ended.saturating_sub(1),
            })?;
        }
        Ok(())
    }
}
