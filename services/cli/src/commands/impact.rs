//! `probity impact`: what runs now, or could, and descends from something that turned out bad.

use std::collections::HashSet;

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::Subject;
use probity_terminal::{Answer, errln, outln, wrong_use};
use serde_json::json;

use super::record::{Draft, FieldArgs, Recording, SignArgs};
use crate::after::AfterArgs;
use crate::pages::LimitArgs;
use crate::people::People;
use crate::session::Session;
use crate::{output, pages};

/// Statements that the server takes in one call, at most.
const AT_ONCE: usize = 4_096;

#[derive(Debug, Args)]
pub struct ImpactArgs {
    /// A dataset, digest, model, version or reference.
    node: String,
    /// Only what runs now.
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    limit: LimitArgs,
    /// Raise a finding for each affected model, about its version that is affected most: high where
    /// it runs now, medium otherwise, owned by whoever owns the model. They are shown, and recorded
    /// together once you say yes.
    #[arg(long)]
    raise_findings: bool,
    /// What the findings say; by default what the versions descend from.
    #[arg(long, value_name = "TEXT", requires = "raise_findings")]
    title: Option<String>,
    /// Where the findings come from.
    #[arg(long, value_name = "validator|audit|supervisor|monitor", default_value = "monitor")]
    source: String,
    #[command(flatten)]
    after: AfterArgs,
    #[command(flatten)]
    sign: SignArgs,
}

impl ImpactArgs {
    /// Whether findings are to be recorded.
    pub(crate) fn records(&self) -> bool {
        self.raise_findings
    }
}

pub(crate) async fn run(mut args: ImpactArgs, session: &Session) -> Result<Answer> {
    // What findings are raised about, and what programs read, is all of it.
    let everything = args.raise_findings || session.json;
    let most = if everything { usize::MAX } else { args.limit.most() };
    let mut client = session.server.connect().await?;
    args.node = client.node(&args.node).await?;
    let min_tree_size = args.after.min_tree_size(&client);
    let request =
        v1::GetImpactRequest { node: args.node.clone(), live_only: args.live, min_tree_size, ..Default::default() };
    let impact = pages::first(most, request, async |page| client.lineage.get_impact(page).await).await;
    let Some(impact) = session.answered(impact)? else { return Ok(Answer::No) };
    if session.json && !args.raise_findings {
        output::json(&impact)?;
        return Ok(Answer::Yes);
    }
    if !session.json {
        show(&impact, &args, &session.people()?);
    }
    if !args.raise_findings {
        return Ok(Answer::Yes);
    }
    let drafts = findings(&impact, &args)?;
    if drafts.is_empty() {
        errln!("There is nothing to raise a finding about.");
        return Ok(Answer::Yes);
    }
    let mut recording = Recording::start(&args.sign, session).await?;
    recording.record(drafts, &args.sign).await
}

fn show(impact: &v1::GetImpactResponse, args: &ImpactArgs, people: &People) {
    if impact.affected.is_empty() {
        let what = if args.live { "Nothing that runs now" } else { "No version" };
        outln!("{what} descends from {}, as far as you may see.", args.node);
        output::as_of(impact.as_of.as_ref());
        return;
    }
    let mut table = output::table(&["VERSION", "STEPS", "RUNS AT", "FOR", "OWNERS", "USED BY", "INDICES"])
        .folds(&["RUNS AT", "FOR", "OWNERS", "USED BY"])
        .drops(&["INDICES", "USED BY", "STEPS", "OWNERS", "FOR"]);
    let shown = impact.affected.iter().take(args.limit.most());
    for affected in shown {
        let owners: Vec<String> = affected.owners.iter().map(|owner| people.show(owner)).collect();
        table.add_row([
            if affected.retired { format!("{} (retired)", affected.version) } else { affected.version.clone() },
            affected.depth.to_string(),
            affected.endpoints.join(", "),
            affected.use_cases.join(", "),
            owners.join(", "),
            affected.consumers.join(", "),
            output::indices(&affected.indices),
        ]);
    }
    table.print();
    outln!("\n{} affected, of which {} run now", impact.total, impact.live);
    let all = if args.live { impact.live } else { impact.total };
    let shown = impact.affected.len().min(args.limit.most()) as u64;
    if all > shown {
        outln!("{} more; --all shows them", all - shown);
    }
    output::as_of(impact.as_of.as_ref());
}

/// One finding for each affected model. What is live and near comes first, so its first version
/// stands for it.
fn findings(impact: &v1::GetImpactResponse, args: &ImpactArgs) -> Result<Vec<Draft>> {
    let title = args.title.clone().unwrap_or_else(|| format!("It descends from {}.", args.node));
    let about: Option<Subject> = args.node.parse().ok();
    let mut models = HashSet::new();
    let mut drafts = Vec::new();
    for affected in &impact.affected {
        let Ok(subject) = affected.version.parse::<Subject>() else {
            errln!("{} runs, but nobody has said of which model it is: no finding", affected.version);
            continue;
        };
        if !models.insert(subject.without_version()) {
            continue;
        }
        let severity = if affected.endpoints.is_empty() { "medium" } else { "high" };
        let mut data = json!({ "title": title, "severity": severity, "source": args.source });
        if let Some(owner) = affected.owners.first() {
            data["owner"] = owner.as_str().into();
        }
        let mut draft = Draft::filled("finding.raised", &affected.version, data)?;
        if let Some(about) = about.as_ref().filter(|about| **about != subject) {
            draft.tree["about"] = json!([about]);
        }
        draft.apply(&FieldArgs::default())?;
        drafts.push(draft);
    }
    match drafts.len() {
        count if count > AT_ONCE => {
            Err(wrong_use!("{count} models are affected, and {AT_ONCE} findings can be raised at once; try --live"))
        }
        _ => Ok(drafts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct TestArgs {
        #[command(flatten)]
        impact: ImpactArgs,
    }

    fn affected(version: &str, live: bool, owners: &[&str]) -> v1::Affected {
        let endpoints = if live { vec!["endpoint:credit/eu".to_owned()] } else { Vec::new() };
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        v1::Affected { version: version.to_owned(), endpoints, owners, ..Default::default() }
    }

    #[test]
    fn one_finding_is_raised_for_each_model_and_is_high_where_it_runs() {
        let args = TestArgs::parse_from(["impact", "dataset:credit/loans", "--raise-findings"]).impact;
        let affected = vec![
            affected("model:credit/pd@2", true, &["service:owner"]),
            affected("model:credit/pd@1", false, &[]),
            affected("model:credit/lgd@1", false, &[]),
            affected("sha256:00", true, &[]),
        ];
        let impact = v1::GetImpactResponse { affected, ..Default::default() };
        let drafts = findings(&impact, &args).unwrap();
        let said: Vec<_> = drafts.iter().map(|draft| &draft.tree["data"]).collect();
        assert_eq!(drafts.len(), 2);
        assert_eq!(said[0]["severity"], "high");
        assert_eq!(said[0]["owner"], "service:owner");
        assert_eq!(said[0]["title"], "It descends from dataset:credit/loans.");
        assert_eq!(said[1]["severity"], "medium");
        assert_eq!(drafts[1].tree["subject"]["name"], "lgd");
        assert_eq!(drafts[1].tree["about"][0]["name"], "loans");
    }
}
