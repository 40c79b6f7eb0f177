//! `probity compliance verdicts`: whether the record supports the controls of the packs in force.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use probity_controls::Verdict;
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, outln, wrong_use};

use crate::after::AfterArgs;
use crate::client::Client;
use crate::pages::LimitArgs;
use crate::session::Session;
use crate::{names, output, pages};

#[derive(Debug, Args)]
pub(crate) struct VerdictsArgs {
    /// Of a model, a version, an endpoint or a use case. Without it, and without a verdict that is asked for, how many
    /// versions get which.
    subject: Option<String>,
    /// By this pack only.
    #[arg(long, value_name = "NAME")]
    pack: Option<String>,
    /// On this control only.
    #[arg(long, value_name = "ID")]
    control: Option<String>,
    /// Only these: fail, indeterminate, pending, waived, pass, not_applicable, not_yet_effective; several with commas.
    #[arg(long, value_name = "VERDICTS", value_delimiter = ',')]
    verdict: Vec<String>,
    /// In these namespaces: credit, or credit/* for all within it.
    #[arg(long = "in", value_name = "NAMESPACE", value_parser = names::namespace, default_value = "", hide_default_value = true)]
    namespace: String,
    /// Of all versions; otherwise of those of a model that serve, or else of the newest.
    #[arg(long)]
    all_versions: bool,
    /// As of this moment: RFC 3339, a date, or a distance such as -30d. What is recorded counts all the same.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// By what was recorded before this index.
    #[arg(long, value_name = "INDEX")]
    known_by: Option<u64>,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    after: AfterArgs,
}

const SUBJECTS: [SubjectKind; 3] = [SubjectKind::Model, SubjectKind::Endpoint, SubjectKind::Usecase];

/// Yes where nothing fails and nothing is left open.
pub(super) async fn run(args: VerdictsArgs, session: &Session) -> Result<Answer> {
    let at_ms = session.moment("--at", args.at.as_deref())?;
    let mut client = session.server.connect().await?;
    let min_tree_size = args.after.min_tree_size(&client);
    let subject = client.subject_or_empty(args.subject.as_deref().unwrap_or_default(), &SUBJECTS).await?;
    if subject.is_empty() && args.verdict.is_empty() && args.control.is_none() {
        if args.known_by.is_some() {
            return Err(wrong_use!("--known-by is for verdicts one by one; name a subject, or --verdict"));
        }
        let request = v1::CountVerdictsRequest {
            pack: args.pack.unwrap_or_default(),
            namespace: args.namespace,
            all_versions: args.all_versions,
            at_ms,
            min_tree_size,
            ..v1::CountVerdictsRequest::default()
        };
        return counts(request, &mut client, session).await;
    }
    let request = v1::ListVerdictsRequest {
        pack: args.pack.unwrap_or_default(),
        control: args.control.unwrap_or_default(),
        namespace: args.namespace,
        subject,
        verdicts: args.verdict,
        all_versions: args.all_versions,
        at_ms,
        known: args.known_by,
        min_tree_size,
        ..v1::ListVerdictsRequest::default()
    };
    let most = args.limit.most();
    let asked = pages::first(most, request, async |page| client.compliance.list_verdicts(page).await).await;
    let Some(answer) = session.answered(asked)? else { return Ok(Answer::No) };
    let open = |verdict: &v1::ControlVerdict| matches!(verdict.verdict.as_str(), "fail" | "indeterminate");
    let clean = if answer.verdicts.iter().any(open) { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&answer)?;
        return Ok(clean);
    }
    if answer.packs == 0 {
        outln!("no control pack is in force; adopt one with: probity compliance pack publish NAME");
    } else if answer.verdicts.is_empty() {
        outln!("there is no such verdict");
    } else {
        let mut table = output::table(&[
            "VERDICT",
            "VERSION",
            "PACK",
            "CONTROL",
            "ARTICLE",
            "WHY",
            "DUE",
            "RESPONSIBLE",
            "OWNERS",
            "INDICES",
        ])
        .folds(&["WHY", "ARTICLE", "OWNERS"])
        .drops(&["OWNERS", "INDICES", "RESPONSIBLE", "ARTICLE", "DUE", "PACK"])
        .states(&["VERDICT"]);
        let people = session.people()?;
        for verdict in &answer.verdicts {
            let owners: Vec<String> = verdict.owners.iter().map(|owner| people.show(owner)).collect();
            table.add_row(vec![
                verdict.verdict.clone(),
                verdict.version.clone(),
                verdict.pack.clone(),
                verdict.control.clone(),
                verdict.article.clone(),
                verdict.reason.clone(),
                verdict.due_ms.map(output::second).unwrap_or_default(),
                verdict.responsible.clone(),
                owners.join(", "),
                output::indices(&verdict.indices),
            ]);
        }
        table.print();
    }
    output::more(&answer.next_page_token);
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}

/// Asks page by page, and adds up. Where the ledger moved on between two pages, it is begun again.
async fn counts(request: v1::CountVerdictsRequest, client: &mut Client, session: &Session) -> Result<Answer> {
    let asked = pages::first(usize::MAX, request, async |page| client.compliance.count_verdicts(page).await).await;
    let Some(answer) = session.answered(asked)? else { return Ok(Answer::No) };
    let mut rows: BTreeMap<(String, String, String), BTreeMap<String, u64>> = BTreeMap::new();
    for count in &answer.counts {
        let key = (format!("{} {}", count.pack, count.edition), count.control.clone(), count.article.clone());
        *rows.entry(key).or_default().entry(count.verdict.clone()).or_default() += count.versions;
    }
    let failing = rows.values().any(|row| row.contains_key("fail") || row.contains_key("indeterminate"));
    let clean = if failing { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&answer)?;
        return Ok(clean);
    }
    if rows.is_empty() {
        outln!("no control pack is in force for any model; adopt one with: probity compliance pack publish NAME");
        output::as_of(answer.as_of.as_ref());
        return Ok(clean);
    }
    let mut header = vec!["PACK", "CONTROL", "ARTICLE"];
    let words: Vec<String> =
        Verdict::ALL.iter().map(|verdict| verdict.as_str().replace('_', " ").to_uppercase()).collect();
    header.extend(words.iter().map(String::as_str));
    let mut table = output::table(&header).folds(&["ARTICLE"]).drops(&["ARTICLE", "PACK"]);
    for ((pack, control, article), row) in rows {
        let count = |verdict: &Verdict| row.get(verdict.as_str()).map_or_else(|| "-".to_owned(), u64::to_string);
        table.add_row([pack, control, article].into_iter().chain(Verdict::ALL.iter().map(count)));
    }
    table.print();
    outln!("{} models, {} versions", answer.models, answer.versions);
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}
