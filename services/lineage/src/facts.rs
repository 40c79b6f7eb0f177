//! What a statement put into the graph, taken back by a correction of its own signer.

use probity_projection::StoreError;

use crate::graph::{FACTS, Fact, NODES, fact_key, node_key};
use crate::telling::Telling;

impl Telling<'_, '_> {
    /// What the statement at this index put into the graph.
    pub(crate) fn fact_of(&self, index: u64) -> Result<Option<Fact>, StoreError> {
        self.batch.read(&FACTS, &fact_key(index))
    }

    /// Takes what the fact at this index put into the graph out of it. One that is void once is void.
    pub(crate) fn take_back(&mut self, index: u64) -> Result<(), StoreError> {
        let Some(mut fact) = self.fact_of(index)?.filter(|fact| !fact.void) else { return Ok(()) };
        fact.void = true;
        self.batch.put(&FACTS, fact_key(index), fact.clone());
        for link in &fact.links {
            self.end_link(link, true)?;
        }
        if let Some(node) = fact.registers {
            self.batch.record(&NODES, node_key(node))?.registered.retain(|at| *at != index);
        }
        for node in &fact.marks {
            self.batch.record(&NODES, node_key(*node))?.marks.retain(|mark| mark.index != index);
        }
        if let Some((endpoint, at_ms)) = fact.step {
            self.take_step_back(endpoint, at_ms, index)?;
        }
        if let Some(ended) = fact.ends {
            self.end_dependency(ended, false)?;
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
