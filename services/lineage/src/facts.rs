//! What a statement put into the graph, taken back: by a correction of its own signer, and by the correction of that.

use probity_projection::{StoreError, Turn};
use probity_schemas::correction::CorrectionKind;

use crate::graph::{FACTS, Fact, NODES, fact_key, node_key};
use crate::telling::Telling;

impl Telling<'_, '_> {
    /// What the statement at this index put into the graph.
    pub(crate) fn fact_of(&self, index: u64) -> Result<Option<Fact>, StoreError> {
        self.batch.read(&FACTS, &fact_key(index))
    }

    /// Counts a correction that holds or holds no more. Where the fact so ends or comes back, so does what it put into
    /// the graph. One that is about something else is as little here as one that is void.
    pub(crate) fn turn(&mut self, turn: &Turn) -> Result<(), StoreError> {
        let takes_back = matches!(turn.kind, CorrectionKind::Voids | CorrectionKind::ReSubjects);
        let Some(mut fact) = self.fact_of(turn.fact.index)?.filter(|_| takes_back) else { return Ok(()) };
        let held = fact.voids == 0;
        fact.voids = if turn.holds { fact.voids.saturating_add(1) } else { fact.voids.saturating_sub(1) };
        let holds = fact.voids == 0;
        self.batch.put(&FACTS, fact_key(turn.fact.index), fact.clone());
        if held == holds { Ok(()) } else { self.put_back(&fact, holds) }
    }

    /// Takes what a fact put into the graph out of it, or puts it back.
    fn put_back(&mut self, fact: &Fact, holds: bool) -> Result<(), StoreError> {
        for link in &fact.links {
            self.end_link(link, !holds)?;
        }
        if let Some(node) = fact.registers {
            let registered = &mut self.batch.record(&NODES, node_key(node))?.registered;
            let place = registered.partition_point(|index| *index < fact.index);
            if holds {
                registered.insert(place, fact.index);
            } else {
                registered.retain(|index| *index != fact.index);
            }
        }
        for node in &fact.marks {
            let marks = &mut self.batch.record(&NODES, node_key(*node))?.marks;
            marks.iter_mut().filter(|mark| mark.index == fact.index).for_each(|mark| mark.void = !holds);
        }
        if let Some((endpoint, at_ms)) = fact.step {
            self.turn_step(endpoint, at_ms, fact.index, holds)?;
        }
        if let Some(ended) = fact.ends {
            self.end_dependency(ended, holds)?;
        }
        Ok(())
    }

    /// Ends the edges of a dependency, or lets them go on.
    pub(crate) fn end_dependency(&mut self, declared: u64, ended: bool) -> Result<(), StoreError> {
        let declared = self.fact_of(declared)?;
        for link in declared.iter().filter(|fact| fact.is_dependency).flat_map(|fact| &fact.links) {
            self.end_link(link, ended)?;
        }
        Ok(())
    }
}
