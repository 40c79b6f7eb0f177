//! What a statement put into the graph, taken back: by a correction of its own signer, and by the correction of that.

use probity_domain::corrections::can_be_void;
use probity_projection::StoreError;
use probity_schemas::EventId;

use crate::graph::{FACTS, Fact, NODES, fact_key, node_key};
use crate::telling::Telling;

impl Telling<'_, '_> {
    /// What the statement of this event put into the graph.
    pub(crate) fn fact_of(&self, id: EventId) -> Result<Option<Fact>, StoreError> {
        self.batch.read(&FACTS, &fact_key(id.as_uuid().as_bytes()))
    }

    /// Takes back a fact, if it is the signer's own.
    pub(crate) fn take_back(&mut self, id: EventId) -> Result<bool, StoreError> {
        let by = &self.fact.signer;
        let own = self.fact_of(id)?.is_some_and(|fact| can_be_void(&fact.event_type, &fact.signer, by));
        if own {
            let id = *id.as_uuid().as_bytes();
            self.fact.takes_back = Some(id);
            self.turn(id, true)?;
        }
        Ok(own)
    }

    /// Counts a correction that holds or holds no more. Where the fact so ends or comes back, so does what it put into the
    /// graph, and where it was a correction itself, what that took back: one after the other, however long the chain.
    fn turn(&mut self, mut id: [u8; 16], mut void: bool) -> Result<(), StoreError> {
        loop {
            let fact = self.batch.record(&FACTS, fact_key(&id))?;
            let held = fact.voids == 0;
            fact.voids = if void { fact.voids.saturating_add(1) } else { fact.voids.saturating_sub(1) };
            let holds = fact.voids == 0;
            if held == holds {
                return Ok(());
            }
            let fact = fact.clone();
            self.put_back(&fact, holds)?;
            match fact.takes_back {
                Some(taken_back) => (id, void) = (taken_back, holds),
                None => return Ok(()),
            }
        }
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
            self.end_dependency(&ended, holds)?;
        }
        Ok(())
    }

    /// Ends the edges of a dependency, or lets them go on.
    pub(crate) fn end_dependency(&mut self, id: &[u8; 16], ended: bool) -> Result<(), StoreError> {
        let declared = self.batch.read(&FACTS, &fact_key(id))?;
        for link in declared.iter().filter(|fact| fact.is_dependency).flat_map(|fact| &fact.links) {
            self.end_link(link, ended)?;
        }
        Ok(())
    }
}
