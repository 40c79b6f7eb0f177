//! `probity lineage`: what something comes from, and what comes from it.

mod diagram;
mod tree;

use anyhow::Result;
use clap::{Args, ValueEnum};
use probity_proto::v1;
use probity_terminal::{Answer, errln, out, outln};

use crate::after::AfterArgs;
use crate::client::Client;
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct LineageArgs {
    /// A dataset, model, version or other subject; a digest; or code:COMMIT, run:EVENT,
    /// reference:PROVIDER/NAME, consumer:NAME.
    node: String,
    /// Only what it comes from.
    #[arg(long, conflicts_with = "down")]
    up: bool,
    /// Only what comes from it.
    #[arg(long)]
    down: bool,
    /// So many steps at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    depth: Option<u32>,
    /// So many nodes each way at most.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    nodes: u32,
    /// Instead, the shortest way to this node: upstream, or downstream where there is none.
    #[arg(long, value_name = "NODE", conflicts_with_all = ["up", "down", "depth", "nodes", "include_ended"])]
    to: Option<String>,
    /// How to draw it: as a tree, or as a graph for Graphviz or Mermaid.
    #[arg(long, value_enum, default_value_t = Format::Tree, conflicts_with = "json")]
    format: Format,
    /// Also what has ended, such as where a version served before.
    #[arg(long)]
    include_ended: bool,
    #[command(flatten)]
    after: AfterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Tree,
    Dot,
    Mermaid,
}

/// Which way was walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Self::Up => "upstream",
            Self::Down => "downstream",
        }
    }
}

pub(crate) async fn run(args: LineageArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let min_tree_size = args.after.min_tree_size(&client);
    let node = client.node(&args.node).await?;
    if let Some(to) = &args.to {
        let to = client.node(to).await?;
        let request = v1::FindPathRequest { from: node, to, min_tree_size };
        return path(request, args.format, &mut client, session).await;
    }
    let ways: &[Way] = match (args.up, args.down) {
        (true, _) => &[Way::Up],
        (_, true) => &[Way::Down],
        _ => &[Way::Up, Way::Down],
    };
    let mut walks: Vec<(Way, v1::WalkResponse)> = Vec::new();
    for way in ways {
        // Both ways as of one moment, as far as one may ask for that: not before the first.
        let as_of = walks.first().and_then(|(_, walk)| walk.as_of.as_ref());
        let request = v1::WalkRequest {
            node: node.clone(),
            direction: way.as_str().to_owned(),
            max_depth: args.depth.unwrap_or_default(),
            max_nodes: args.nodes,
            include_ended: args.include_ended,
            min_tree_size: as_of.map_or(min_tree_size, |as_of| as_of.tree_size),
        };
        let Some(walk) = session.answered(client.lineage.walk(request).await)? else { return Ok(Answer::No) };
        walks.push((*way, walk));
    }
    if session.json {
        match walks.as_slice() {
            [(_, walk)] => output::json(walk)?,
            walks => {
                let walks = walks.iter().map(|(way, walk)| Ok((way.as_str().to_owned(), serde_json::to_value(walk)?)));
                output::json(&walks.collect::<Result<serde_json::Map<_, _>>>()?)?;
            }
        }
        return Ok(Answer::Yes);
    }
    let drawn: Vec<_> = walks.iter().map(|(way, walk)| (*way, walk.nodes.as_slice(), walk.edges.as_slice())).collect();
    match args.format {
        Format::Dot => out!("{}", diagram::dot(&drawn)),
        Format::Mermaid => out!("{}", diagram::mermaid(&drawn)),
        Format::Tree => {
            for (at, (way, walk)) in walks.iter().enumerate() {
                if at == 0
                    && let Some(node) = walk.nodes.first()
                {
                    outln!("{}", tree::title(node));
                }
                outln!("\n{}", way.as_str());
                out!("{}", tree::draw(*way, &walk.nodes, &walk.edges));
                if walk.truncated {
                    outln!("and more; --depth and --nodes say how much is shown");
                }
            }
            output::as_of(walks.last().and_then(|(_, walk)| walk.as_of.as_ref()));
        }
    }
    Ok(Answer::Yes)
}

async fn path(request: v1::FindPathRequest, format: Format, client: &mut Client, session: &Session) -> Result<Answer> {
    let Some(path) = session.answered(client.lineage.find_path(request).await)? else { return Ok(Answer::No) };
    let answer = if path.nodes.is_empty() { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&path)?;
        return Ok(answer);
    }
    if answer == Answer::No {
        errln!("probity: neither comes from the other, as far as you may see");
    }
    let drawn = [(Way::Up, path.nodes.as_slice(), path.edges.as_slice())];
    match format {
        Format::Dot => out!("{}", diagram::dot(&drawn)),
        Format::Mermaid => out!("{}", diagram::mermaid(&drawn)),
        Format::Tree => {
            out!("{}", tree::path(&path.nodes, &path.edges));
            output::as_of(path.as_of.as_ref());
        }
    }
    Ok(answer)
}
