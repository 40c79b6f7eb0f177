//! What a thing comes from, or what comes from it.

use probity_projection::View;
use probity_proto::v1;
use probity_query::{QueryError, Scope};

use crate::asking::Graph;
use crate::search::{Direction, Limits, Search};
use crate::sight::Sight;

/// Nodes of an answer where the caller does not say.
const USUAL_NODES: usize = 1_000;
/// Nodes of an answer at most.
const MOST_NODES: usize = 10_000;

/// Answers a [`v1::WalkRequest`], without saying as of when.
///
/// # Errors
/// There is no such node, or none that the caller may see; or the direction is none.
pub fn walk(view: &View, scope: &Scope, request: &v1::WalkRequest) -> Result<v1::WalkResponse, QueryError> {
    let direction = match request.direction.as_str() {
        "upstream" => Direction::Up,
        "downstream" => Direction::Down,
        other => {
            let reason = format!("{other:?} is neither upstream nor downstream");
            return Err(QueryError::Invalid { field: "direction", reason });
        }
    };
    let graph = Graph::of(view);
    let start = graph.find("node", &request.node, scope)?;
    let limits = Limits {
        depth: if request.max_depth == 0 { u32::MAX } else { request.max_depth },
        nodes: if request.max_nodes == 0 { USUAL_NODES } else { MOST_NODES.min(request.max_nodes as usize) },
        include_ended: request.include_ended,
        all_edges: true,
        until: None,
    };
    let search = Search::from(view, start, direction, limits)?;
    let sight = Sight::of(&search, graph, scope, None)?;
    let edges = sight.edges(search.crossings.iter().copied());
    Ok(v1::WalkResponse { as_of: None, nodes: sight.nodes()?, edges, truncated: search.truncated })
}
