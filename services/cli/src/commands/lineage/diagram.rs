//! Lineage as a graph for other programs to draw: in the languages of Graphviz and Mermaid.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use probity_proto::v1::{LineageEdge, LineageNode};

use super::Way;
use super::tree::remarks;

/// Nodes and edges of one walk.
pub(super) type Walk<'a> = (Way, &'a [LineageNode], &'a [LineageEdge]);

/// The nodes and edges of several walks, each once.
struct Diagram<'a> {
    nodes: Vec<&'a LineageNode>,
    /// Later, earlier, and the edge.
    edges: Vec<(usize, usize, &'a LineageEdge)>,
}

impl<'a> Diagram<'a> {
    fn of(walks: &[Walk<'a>]) -> Self {
        let mut graph = Self { nodes: Vec::new(), edges: Vec::new() };
        let (mut known, mut drawn) = (HashMap::new(), HashSet::new());
        for (at, (_, nodes, edges)) in walks.iter().enumerate() {
            // What is hidden is numbered anew in each answer.
            let walk = |name: &str| if name.starts_with("hidden:") { at + 1 } else { 0 };
            for node in *nodes {
                known.entry((walk(&node.name), node.name.as_str())).or_insert_with(|| {
                    graph.nodes.push(node);
                    graph.nodes.len() - 1
                });
            }
            for edge in *edges {
                let place = |name: &'a str| known.get(&(walk(name), name)).copied();
                let Some((to, from)) = place(&edge.to).zip(place(&edge.from)) else { continue };
                if drawn.insert((to, from, edge.relation.as_str())) {
                    graph.edges.push((to, from, edge));
                }
            }
        }
        graph
    }
}

/// Name, kind and remarks, between two line breaks in the language.
fn label(node: &LineageNode, line: &str) -> String {
    let mut words = vec![node.kind.as_str()];
    words.extend(remarks(node));
    format!("{}{line}{}", node.name, words.join(", "))
}

/// In the language of Graphviz.
pub(super) fn dot(walks: &[Walk<'_>]) -> String {
    let graph = Diagram::of(walks);
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let mut text = "digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for (at, node) in graph.nodes.iter().enumerate() {
        let style = if node.live { ", style=bold" } else { "" };
        let _ = writeln!(text, "  n{at} [label=\"{}\"{style}];", quoted(&label(node, "\n")));
    }
    for (to, from, edge) in graph.edges {
        let style = if edge.ended { ", style=dashed" } else { "" };
        let _ = writeln!(text, "  n{from} -> n{to} [label=\"{}\"{style}];", quoted(&edge.relation));
    }
    text + "}\n"
}

/// In the language of Mermaid.
pub(super) fn mermaid(walks: &[Walk<'_>]) -> String {
    let graph = Diagram::of(walks);
    let quoted = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('\n', " ");
    let mut text = "flowchart LR\n".to_owned();
    for (at, node) in graph.nodes.iter().enumerate() {
        let label = quoted(&label(node, "\u{1}")).replace('\u{1}', "<br/>");
        let _ = writeln!(text, "  n{at}[\"{label}\"]");
    }
    for (to, from, edge) in graph.edges {
        let arrow = if edge.ended { "-.->" } else { "-->" };
        let _ = writeln!(text, "  n{from} {arrow}|{}| n{to}", edge.relation);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> LineageNode {
        LineageNode { name: name.to_owned(), kind: "report".to_owned(), resolved: true, ..Default::default() }
    }

    fn edge(to: &str, from: &str) -> LineageEdge {
        let relation = "consumes".to_owned();
        LineageEdge { to: to.to_owned(), from: from.to_owned(), relation, index: 7, ended: true }
    }

    #[test]
    fn a_node_of_both_walks_is_drawn_once_and_its_name_cannot_break_out() {
        let (above, below) = ([node("a \"b\""), node("hidden:1")], [node("a \"b\""), node("hidden:1")]);
        let (up, down) = ([edge("a \"b\"", "hidden:1")], [edge("hidden:1", "a \"b\"")]);
        let walks: [Walk<'_>; 2] = [(Way::Up, &above, &up), (Way::Down, &below, &down)];
        let expected = "\
digraph lineage {
  rankdir=LR;
  node [shape=box];
  n0 [label=\"a \\\"b\\\"\\nreport\"];
  n1 [label=\"hidden:1\\nreport, outside of what you may see\"];
  n2 [label=\"hidden:1\\nreport, outside of what you may see\"];
  n1 -> n0 [label=\"consumes\", style=dashed];
  n0 -> n2 [label=\"consumes\", style=dashed];
}
";
        assert_eq!(dot(&walks), expected);
        let drawn = mermaid(&walks);
        assert!(drawn.contains("n0[\"a &quot;b&quot;<br/>report\"]\n"), "{drawn}");
        assert!(drawn.contains("n1 -.->|consumes| n0\n"), "{drawn}");
    }
}
