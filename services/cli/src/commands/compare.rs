//! `probity compare`: what changed between two versions, or was recorded between two points of the
//! log.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::{NamespacePattern, Subject};
use probity_terminal::{Answer, outln, wrong_use};

use super::history::timeline;
use crate::session::Session;
use crate::{output, pages};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// A version such as model:credit/pd-scorecard@3.0.2; or a number of statements, as checkpoints
    /// name it.
    #[arg(value_name = "A")]
    from: String,
    /// The other version; or the later number of statements.
    #[arg(value_name = "B")]
    to: String,
    /// Between two points of the log: only about this subject and its versions.
    #[arg(long, value_name = "SUBJECT")]
    about: Option<Subject>,
    /// Between two points of the log: only about subjects in these namespaces.
    #[arg(long = "in", value_name = "NAMESPACE")]
    namespace: Option<NamespacePattern>,
}

pub(crate) async fn run(args: CompareArgs, session: &Session) -> Result<Answer> {
    if let (Ok(from), Ok(to)) = (args.from.parse(), args.to.parse()) {
        return points(from, to, &args, session).await;
    }
    let [from, to] = [&args.from, &args.to].map(|text| match text.parse::<Subject>() {
        Ok(version) if version.version.is_some() => Ok(version.to_string()),
        _ => Err(wrong_use!("{text:?} is neither a version such as model:credit/pd@2 nor a number of statements")),
    });
    if args.about.is_some() || args.namespace.is_some() {
        return Err(wrong_use!("--about and --in are for what was recorded between two numbers of statements"));
    }
    let request = v1::CompareVersionsRequest { from: from?, to: to?, min_tree_size: 0 };
    versions(request, session).await
}

async fn versions(request: v1::CompareVersionsRequest, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let header = ["FIELD", &request.from, &request.to].map(str::to_owned);
    let Some(answer) = session.answered(client.audit.compare_versions(request).await)? else { return Ok(Answer::No) };
    if session.json {
        output::json(&answer)?;
        return Ok(Answer::Yes);
    }
    if answer.differences.is_empty() {
        outln!("nothing that is recorded tells them apart");
    } else {
        let mut table = output::table(&header.each_ref().map(String::as_str));
        let said = |text: &String| if text.is_empty() { "-".to_owned() } else { text.clone() };
        for difference in &answer.differences {
            table.add_row([difference.field.clone(), said(&difference.from), said(&difference.to)]);
        }
        outln!("{table}");
    }
    outln!("\nrests on {}", output::indices(&answer.indices));
    output::as_of(answer.as_of.as_ref());
    Ok(Answer::Yes)
}

async fn points(from: u64, to: u64, args: &CompareArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let text = |value: Option<String>| value.unwrap_or_default();
    let request = v1::CompareRequest {
        from_tree_size: from,
        to_tree_size: to,
        subject: text(args.about.as_ref().map(ToString::to_string)),
        namespace: text(args.namespace.as_ref().map(ToString::to_string)),
        ..Default::default()
    };
    let answer = pages::first(usize::MAX, request, async |page| client.audit.compare(page).await).await;
    let Some(mut answer) = session.answered(answer)? else { return Ok(Answer::No) };
    if session.json {
        output::json(&answer)?;
        return Ok(Answer::Yes);
    }
    if answer.events.is_empty() {
        outln!("nothing was recorded between them, or nothing that you may see");
    } else {
        // The log's order stays within each subject.
        answer.events.sort_by(|a, b| a.subject.cmp(&b.subject));
        outln!("{}", timeline(&answer.events, &session.people()?));
    }
    output::as_of(answer.as_of.as_ref());
    Ok(Answer::Yes)
}
