//! Reading the graph, and finding what a question is about.

use probity_projection::{QueryError, Scope, StoreError, View};

use crate::graph::{CHUNKS, COUNT, Edge, NAMES, NODES, Node, Side, chunk_key, name_key, node_key};
use crate::sight::sees;

/// The graph as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Graph<'v> {
    pub(crate) view: &'v View,
}

impl<'v> Graph<'v> {
    pub(crate) fn of(view: &'v View) -> Self {
        Self { view }
    }

    /// How many nodes there are; the last one has this number.
    pub(crate) fn count(self) -> Result<u32, StoreError> {
        Ok(self.view.record(&COUNT, &COUNT.key())?.unwrap_or_default())
    }

    pub(crate) fn node(self, node: u32) -> Result<Node, StoreError> {
        Ok(self.view.record(&NODES, &node_key(node))?.unwrap_or_default())
    }

    /// Shows all edges of one side of a node, in the order of the log.
    pub(crate) fn edges(
        self,
        number: u32,
        node: &Node,
        side: Side,
        mut show: impl FnMut(&Edge),
    ) -> Result<(), StoreError> {
        let edges = node.side(side);
        for chunk in 0..edges.chunks {
            let chunk = self.view.record(&CHUNKS, &chunk_key(number, side, chunk))?.unwrap_or_default();
            chunk.iter().for_each(&mut show);
        }
        edges.last.iter().for_each(show);
        Ok(())
    }

    /// The node of this name.
    ///
    /// # Errors
    /// There is none, or none that the caller may see.
    pub(crate) fn find(self, field: &'static str, name: &str, scope: &Scope) -> Result<u32, QueryError> {
        if name.is_empty() {
            return Err(QueryError::Invalid { field, reason: "it names nothing".to_owned() });
        }
        let not_found = || QueryError::NotFound { what: name.to_owned() };
        let number = self.view.record(&NAMES, &name_key(name))?.ok_or_else(not_found)?;
        let node = self.node(number)?;
        // A key cannot hold every text, so the name in the record decides.
        if node.name == name && sees(scope, &node) { Ok(number) } else { Err(not_found()) }
    }
}
