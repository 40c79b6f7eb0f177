//! Lineage as a tree of text: each node with what leads to it, and drawn out once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use probity_proto::v1::{LineageEdge, LineageNode};

use super::Way;

/// Remarks on a node.
pub(super) fn remarks(node: &LineageNode) -> Vec<&'static str> {
    let is_data = matches!(node.kind.as_str(), "dataset" | "digest");
    let hidden = node.name.starts_with("hidden:");
    let all = [
        (hidden, "outside of what you may see"),
        (!node.resolved && !hidden, "unresolved"),
        (node.withdrawn && is_data, "withdrawn"),
        (node.withdrawn && !is_data, "retired"),
        (node.live, "live"),
    ];
    all.into_iter().filter_map(|(holds, remark)| holds.then_some(remark)).collect()
}

/// A node with its kind and its further names.
pub(super) fn title(node: &LineageNode) -> String {
    let mut title = format!("{} ({})", node.name, node.kind);
    for remark in remarks(node) {
        let _ = write!(title, ", {remark}");
    }
    for alias in &node.aliases {
        let _ = write!(title, "\n  also {alias}");
    }
    title
}

fn edge_words(edge: &LineageEdge) -> String {
    let ended = if edge.ended { ", ended" } else { "" };
    format!("[{}{ended}]", edge.index)
}

fn line(prefix: &str, branch: &str, edge: &LineageEdge, name: &str, node: Option<&LineageNode>, end: &str) -> String {
    let mut line = format!("{prefix}{branch} {} {name} {}", edge.relation, edge_words(edge));
    for remark in node.map(remarks).unwrap_or_default() {
        let _ = write!(line, ", {remark}");
    }
    line + end + "\n"
}

/// A node whose branches are being drawn.
struct Open<'a> {
    name: &'a str,
    prefix: String,
    branches: Vec<(&'a LineageEdge, &'a str)>,
    next: usize,
}

/// The tree of what a walk reached, without the node it began at.
pub(super) fn draw(way: Way, nodes: &[LineageNode], edges: &[LineageEdge]) -> String {
    let Some(root) = nodes.first() else { return String::new() };
    let known: HashMap<&str, &LineageNode> = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    let mut branches: HashMap<&str, Vec<(&LineageEdge, &str)>> = HashMap::new();
    for edge in edges {
        let (later, earlier) = (edge.to.as_str(), edge.from.as_str());
        let both = matches!(edge.relation.as_str(), "same-as" | "renamed-from");
        if way == Way::Up || both {
            branches.entry(later).or_default().push((edge, earlier));
        }
        if way == Way::Down || both {
            branches.entry(earlier).or_default().push((edge, later));
        }
    }
    let of = |name: &str| branches.get(name).cloned().unwrap_or_default();
    let mut drawn = HashSet::from([root.name.as_str()]);
    let mut text = String::new();
    let (prefix, name) = (String::new(), root.name.as_str());
    let mut open = vec![Open { name, prefix, branches: of(name), next: 0 }];
    while let Some(at) = open.last_mut() {
        let Some((edge, name)) = at.branches.get(at.next).copied() else {
            open.pop();
            continue;
        };
        at.next += 1;
        let last = at.next == at.branches.len();
        let (branch, deeper) = if last { ("└─", "   ") } else { ("├─", "│  ") };
        let (prefix, below) = (at.prefix.clone(), format!("{}{deeper}", at.prefix));
        let first = drawn.insert(name);
        let end = match () {
            () if first => "",
            () if open.iter().any(|above| above.name == name) => " (a circle)",
            () if of(name).is_empty() => "",
            () => " (see above)",
        };
        text += &line(&prefix, branch, edge, name, known.get(name).copied(), end);
        if first {
            let mut branches = of(name);
            branches.retain(|(other, _)| !std::ptr::eq(*other, edge));
            open.push(Open { name, prefix: below, branches, next: 0 });
        }
    }
    if text.is_empty() { "└─ nothing\n".to_owned() } else { text }
}

/// A path, one node to a line.
pub(super) fn path(nodes: &[LineageNode], edges: &[LineageEdge]) -> String {
    let Some(first) = nodes.first() else { return String::new() };
    let mut text = title(first) + "\n";
    for (depth, pair) in nodes.windows(2).enumerate() {
        let [before, node] = pair else { continue };
        let joins = |edge: &&LineageEdge| {
            (edge.to == before.name && edge.from == node.name) || (edge.from == before.name && edge.to == node.name)
        };
        if let Some(edge) = edges.iter().find(joins) {
            text += &line(&"   ".repeat(depth), "└─", edge, &node.name, Some(node), "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> LineageNode {
        LineageNode { name: name.to_owned(), kind: "dataset".to_owned(), resolved: true, ..Default::default() }
    }

    fn edge(to: &str, from: &str) -> LineageEdge {
        let relation = "derived-from".to_owned();
        LineageEdge { to: to.to_owned(), from: from.to_owned(), relation, index: 7, ended: false }
    }

    #[test]
    fn a_circle_and_a_repeat_are_marked_and_drawn_once() {
        let nodes = [node("a"), node("b"), LineageNode { withdrawn: true, ..node("c") }];
        let edges = [edge("b", "a"), edge("c", "b"), edge("a", "c"), edge("c", "a")];
        let expected = "\
├─ derived-from b [7]
│  └─ derived-from c [7], withdrawn
│     └─ derived-from a [7] (a circle)
└─ derived-from c [7], withdrawn (see above)
";
        assert_eq!(draw(Way::Down, &nodes, &edges), expected);
    }

    #[test]
    fn what_is_the_same_is_not_walked_back() {
        let nodes = [node("a"), node("b")];
        let same = LineageEdge { relation: "same-as".to_owned(), ..edge("b", "a") };
        assert_eq!(draw(Way::Up, &nodes, &[same]), "└─ same-as b [7]\n");
    }

    #[test]
    fn a_path_leads_from_one_node_to_the_next() {
        let nodes = [node("a"), LineageNode { resolved: false, ..node("b") }];
        assert_eq!(path(&nodes, &[edge("a", "b")]), "a (dataset)\n└─ derived-from b [7], unresolved\n");
    }
}
