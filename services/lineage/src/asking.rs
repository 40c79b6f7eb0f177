//! Reading the graph, and finding what a question is about.

use std::fmt;

use probity_projection::{Parts, StoreError, View};
use probity_query::{QueryError, Scope};
use probity_schemas::{Subject, nearest};

use crate::graph::{CHUNKS, COUNT, Edge, NAMES, NODES, Node, Side, chunk_key, name_key, node_key};

/// Names that are compared to find the nearest, at most.
const COMPARED: usize = 20_000;

/// Whether a caller may see a node.
pub(crate) fn sees(scope: &Scope, node: &Node) -> bool {
    match scope {
        Scope::Everything => true,
        Scope::Namespaces(_) if node.kind.is_subject() => scope.covers_subject(&node.name),
        Scope::Namespaces(_) => {
            let covers = |namespace: &String| namespace.parse().is_ok_and(|namespace| scope.covers(&namespace));
            node.namespaces.iter().any(covers)
        }
    }
}

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
        if let Some(number) = self.view.record(&NAMES, &name_key(name))? {
            let node = self.node(number)?;
            // A key cannot hold every text, so the name in the record decides.
            if node.name == name && sees(scope, &node) {
                return Ok(number);
            }
        }
        Err(match name.parse::<Subject>() {
            Ok(_) => QueryError::UnknownSubject { what: name.to_owned(), nearest: self.nearest(name, scope)? },
            Err(_) => QueryError::NotFound { what: name.to_owned() },
        })
    }

    /// The subject of the same kind that is called most like a name, of those that the caller may see.
    fn nearest(self, name: &str, scope: &Scope) -> Result<Option<String>, StoreError> {
        let Some((kind, _)) = name.split_once(':') else { return Ok(None) };
        let wants_version = name.contains('@');
        let mut names = Vec::new();
        for pair in self.view.scan_after(&NAMES.key().beginning(&format!("{kind}:")), None).take(COMPARED) {
            let (key, _) = pair?;
            let known = Parts::of(&key).text().filter(|known| scope.covers_subject(known));
            names.extend(known.filter(|known| wants_version || !known.contains('@')).map(str::to_owned));
        }
        Ok(nearest(name, names.iter().map(String::as_str)).map(str::to_owned))
    }
}

/// Below so many nodes each is read by itself.
const FEW: usize = 64;
/// Nodes are read in one go where at least one in so many is wanted.
const DENSE: usize = 8;

type Pairs<'v> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + 'v>;

/// Reads many nodes in the order of their numbers. What the log names together has numbers close to each other, and
/// reading all that lies between costs less than looking for each.
pub(crate) struct Loader<'v> {
    graph: Graph<'v>,
    pairs: Option<Pairs<'v>>,
}

impl fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}

impl<'v> Loader<'v> {
    /// For so many nodes whose numbers are between these two.
    pub(crate) fn of(graph: Graph<'v>, numbers: Option<(u32, u32)>, count: usize) -> Self {
        let dense = |(first, last): &(u32, u32)| count >= FEW && (last - first) as usize <= count * DENSE;
        let pairs = numbers.filter(dense).map(|(first, _)| {
            let before = node_key(first.saturating_sub(1));
            Box::new(graph.view.scan_after(&NODES.key(), Some(before.as_bytes()))) as Pairs<'v>
        });
        Self { graph, pairs }
    }

    /// The next node, whose number is higher than those before.
    pub(crate) fn node(&mut self, number: u32) -> Result<Node, StoreError> {
        let Some(pairs) = &mut self.pairs else { return self.graph.node(number) };
        for pair in pairs {
            let (key, bytes) = pair?;
            match Parts::of(&key).small() {
                Some(found) if found == number => return Ok(NODES.decode(&bytes)?),
                Some(found) if found < number => {}
                _ => break,
            }
        }
        Ok(Node::default())
    }
}
