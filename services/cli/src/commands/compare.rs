//! `probity compare`: what changed between two versions, or was recorded between two points of the
//! log.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::{NamespacePattern, SubjectKind};
use probity_terminal::{Answer, outln, wrong_use};

use super::history::timeline;
use crate::client::Client;
use crate::resolve::EventName;
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
    about: Option<String>,
    /// Between two points of the log: only about subjects in these namespaces.
    #[arg(long = "in", value_name = "NAMESPACE")]
    namespace: Option<NamespacePattern>,
}

pub(crate) async fn run(args: CompareArgs, session: &Session) -> Result<Answer> {
    if let (Ok(from), Ok(to)) = (args.from.parse(), args.to.parse()) {
        return points(from, to, &args, session).await;
    }
    if args.about.is_some() || args.namespace.is_some() {
        return Err(wrong_use!("--about and --in are for what was recorded between two numbers of statements"));
    }
    let mut client = session.server.connect().await?;
    let mut versions = Vec::with_capacity(2);
    for text in [&args.from, &args.to] {
        if !text.contains('@') && EventName::of(text).is_none() {
            return Err(wrong_use!("{text:?} is neither a version such as credit/pd@2 nor a number of statements"));
        }
        let version = client.subject(text, &[SubjectKind::Model]).await?;
        versions.push(version);
    }
    let [from, to] = <[String; 2]>::try_from(versions).unwrap_or_default();
    let request = v1::CompareVersionsRequest { from, to, min_tree_size: client.recorded() };
    self::versions(request, &mut client, session).await
}

async fn versions(request: v1::CompareVersionsRequest, client: &mut Client, session: &Session) -> Result<Answer> {
    let header = ["FIELD", &request.from, &request.to].map(str::to_owned);
    let Some(answer) = session.answered(client.audit.compare_versions(request).await)? else { return Ok(Answer::No) };
    if session.json {
        output::json(&answer)?;
        return Ok(Answer::Yes);
    }
    if answer.differences.is_empty() {
        outln!("nothing that is recorded tells them apart");
    } else {
        let mut table = output::table(&header.each_ref().map(String::as_str)).folds(&[&header[1], &header[2]]);
        let said = |text: &String| if text.is_empty() { "-".to_owned() } else { text.clone() };
        for difference in &answer.differences {
            table.add_row([difference.field.clone(), said(&difference.from), said(&difference.to)]);
        }
        table.print();
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
        subject: client.subject_or_empty(args.about.as_deref().unwrap_or_default(), &[]).await?,
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
        timeline(&answer.events, &session.people()?).print();
    }
    output::as_of(answer.as_of.as_ref());
    Ok(Answer::Yes)
}
