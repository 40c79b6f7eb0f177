//! `probity views`: how far the views of a ledger are, while no server has them open; and to have
//! one built anew.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use probity_projection::{Generation, Generations, Store};
use probity_terminal::{self as terminal, Answer, wrong_use};
use serde_json::json;

use crate::config::ViewName;
use crate::ledger_dir::LedgerDir;

/// Page cache for reading them once.
const CACHE: usize = 32 << 20;

#[derive(Debug, Args)]
pub struct ViewsArgs {
    /// The data directory that `probity init` made.
    directory: PathBuf,
    /// Where the views are, if not in it.
    #[arg(long, value_name = "DIR")]
    views: Option<PathBuf>,
    /// Have this view built anew from the log when the server starts next; it answers from the old
    /// one until then.
    #[arg(long, value_name = "NAME")]
    rebuild: Option<ViewName>,
    /// Also compute the digest of what each holds: views folded from the same log have the same.
    #[arg(long)]
    digest: bool,
}

pub(crate) fn run(args: ViewsArgs, json: bool) -> Result<Answer> {
    let path = args.views.unwrap_or_else(|| LedgerDir::new(&args.directory).views());
    if !path.is_dir() {
        return Err(wrong_use!("there are no views in {}; a server makes them when it starts", path.display()));
    }
    let store = Store::open(&path, CACHE).with_context(|| {
        format!("cannot open {}; where a server has it open, its /readyz says how far the views are", path.display())
    })?;
    if let Some(name) = &args.rebuild {
        Generations::rebuild(&store, name.as_str())?;
    }
    let mut rows = Vec::new();
    for name in ViewName::all().map(ViewName::as_str) {
        let generations = Generations::of(&store, name)?;
        for (role, generation) in [("current", generations.current), ("being built", generations.building)] {
            rows.extend(generation.map(|generation| row(&store, name, role, &generation, args.digest)).transpose()?);
        }
    }
    store.flush()?;
    if json {
        terminal::json(&rows)?;
        return Ok(Answer::Yes);
    }
    let mut table = terminal::table(&["VIEW", "", "VERSION", "STATEMENTS", "DIGEST"]);
    for row in rows {
        let text = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
        let digest = if args.digest { text("digest") } else { String::new() };
        table.add_row(vec![text("view"), text("role"), text("version"), text("statements"), digest]);
    }
    table.print();
    Ok(Answer::Yes)
}

fn row(store: &Store, name: &str, role: &str, generation: &Generation, digest: bool) -> Result<serde_json::Value> {
    let view = store.view(&generation.tree)?;
    let statements = view.cursor()?.map_or(0, |cursor| cursor.tree_size);
    let digest = if digest { Some(hex::encode(view.digest()?)) } else { None };
    Ok(json!({
        "view": name, "role": role, "version": generation.version, "statements": statements, "digest": digest,
    }))
}
