//! How one thing comes from another.

use probity_projection::View;
use probity_proto::v1;
use probity_query::{QueryError, Scope};

use crate::asking::Graph;
use crate::graph::{Relation, Side};
use crate::search::{Direction, Limits, Search};
use crate::sight::Sight;

/// Answers a [`v1::FindPathRequest`], without saying as of when: the shortest path upstream, or downstream where there is
/// none upstream.
///
/// # Errors
/// There is no such node, or none that the caller may see.
pub fn find_path(
    view: &View,
    scope: &Scope,
    request: &v1::FindPathRequest,
) -> Result<v1::FindPathResponse, QueryError> {
    let graph = Graph::of(view);
    let from = graph.find("from", &request.from, scope)?;
    let to = graph.find("to", &request.to, scope)?;
    // A further name to which nothing else leads is not walked to: the thing it names is the same.
    let quiet = graph.node(to)?.quiet.filter(|_| from != to);
    let mut ended = false;
    if let Some((thing, _)) = quiet {
        graph.edges(to, &graph.node(to)?, Side::Same, |edge| {
            ended |= edge.to == thing && edge.relation == Relation::AliasOf && edge.ended > 0;
        })?;
    }
    let until = match quiet {
        Some((thing, _)) if !ended => thing,
        _ => to,
    };
    for direction in [Direction::Up, Direction::Down] {
        let limits = Limits { until: Some(until), ..Limits::NONE };
        let search = Search::from(view, from, direction, limits)?;
        let Some(end) = search.visit_of(until) else { continue };
        let way = search.way_to(end);
        let sight = Sight::of(&search, graph, scope, Some(&way))?;
        let all = sight.nodes()?;
        let mut names: Vec<&str> = way.iter().filter_map(|at| sight.name(*at)).collect();
        names.dedup();
        let nodes = names.iter().filter_map(|name| all.iter().find(|node| node.name == *name).cloned());
        let crossings = way.iter().filter_map(|at| search.visits[*at].from.map(|(_, crossing)| crossing));
        let edges = sight.edges(crossings);
        return Ok(v1::FindPathResponse { as_of: None, nodes: nodes.collect(), edges });
    }
    Ok(v1::FindPathResponse::default())
}
