//! `probity history`: who did what, when, on whose behalf; and which version decided at a moment.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::{NamespacePattern, SubjectKind};
use probity_terminal::{Answer, Table, errln, outln};

use crate::after::AfterArgs;
use crate::client::Client;
use crate::pages::LimitArgs;
use crate::people::People;
use crate::session::Session;
use crate::{output, pages, resolve};

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// What it is about, such as credit/pd-scorecard, with all its versions, or one version of it; or
    /// the index or id of an event about it.
    subject: Option<String>,
    /// Signed by this person or service, or on their behalf: by name or identity.
    #[arg(long, value_name = "NAME|IDENTITY", conflicts_with = "serving")]
    by: Option<String>,
    /// Of this type, such as approval.granted, or family, such as approval.*.
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "serving")]
    event_type: Option<String>,
    /// About subjects in these namespaces: credit, or credit/* for all within it.
    #[arg(long = "in", value_name = "NAMESPACE", conflicts_with = "serving")]
    namespace: Option<NamespacePattern>,
    /// Only what is said to have happened by then, or may have: RFC 3339, a date, or a distance
    /// such as -2h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// Only what was recorded by then.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    known_by: Option<String>,
    /// The newest first.
    #[arg(long, conflicts_with = "serving")]
    newest: bool,
    /// In the order in which it happened, not in which it was recorded.
    #[arg(long, conflicts_with = "serving")]
    by_time: bool,
    #[command(flatten)]
    limit: LimitArgs,
    /// Instead, which version served at the subject: an endpoint, a model or a use case.
    #[arg(long, requires = "subject")]
    serving: bool,
    #[command(flatten)]
    after: AfterArgs,
}

pub(crate) async fn run(args: HistoryArgs, session: &Session) -> Result<Answer> {
    let at_ms = session.moment("--at", args.at.as_deref())?;
    let known_by = session.moment("--known-by", args.known_by.as_deref())?.map(|ms| ms / 1_000);
    let mut client = session.server.connect().await?;
    let people = session.people()?;
    let text = |value: Option<String>| value.unwrap_or_default();
    let min_tree_size = args.after.min_tree_size(&client);
    let kinds: &[SubjectKind] = match args.serving {
        true => &[SubjectKind::Endpoint, SubjectKind::Model, SubjectKind::Usecase],
        false => &[],
    };
    let subject = match &args.subject {
        Some(subject) => client.subject(subject, kinds).await?,
        None => String::new(),
    };
    let signer = args.by.as_deref().map(|by| resolve::identity(by, &people)).transpose()?;
    if args.serving {
        let request = v1::GetServingRequest { subject, at_ms, known_by, min_tree_size };
        return serving(request, &mut client, session).await;
    }
    let request = v1::ListEventsRequest {
        subject,
        signer: text(signer.map(|signer| signer.to_string())),
        r#type: text(args.event_type),
        namespace: text(args.namespace.as_ref().map(ToString::to_string)),
        at_ms,
        known_by,
        descending: args.newest,
        by_occurred: args.by_time,
        brief: !session.json,
        min_tree_size,
        ..Default::default()
    };
    let answer = pages::first(args.limit.most(), request, async |page| client.audit.list_events(page).await).await;
    let Some(answer) = session.answered(answer)? else { return Ok(Answer::No) };
    let found = if answer.events.is_empty() { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&answer)?;
        return Ok(found);
    }
    if found == Answer::No {
        errln!("probity: nothing is recorded that fits, or nothing that you may see");
    } else {
        timeline(&answer.events, &people).print();
    }
    output::more(&answer.next_page_token);
    output::as_of(answer.as_of.as_ref());
    Ok(found)
}

/// Events for people, corrections under what they correct.
pub(super) fn timeline(events: &[v1::Entered], people: &People) -> Table {
    let mut table = output::table(&["INDEX", "OCCURRED", "RECORDED", "WHO", "TYPE", "SUBJECT", "WHAT"])
        .folds(&["WHAT", "WHO", "OCCURRED"])
        .drops(&["RECORDED", "SUBJECT", "TYPE", "OCCURRED"]);
    for event in events {
        let possibly = if event.happened == "possibly" { "possibly; " } else { "" };
        table.add_row([
            event.index.to_string(),
            format!("{possibly}{}", output::answered_occurred(event.occurred.as_ref())),
            output::time(event.recorded_at),
            who(event, people),
            event.r#type.clone(),
            event.subject.clone(),
            what(event),
        ]);
        for correction in &event.corrections {
            table.add_row([
                format!("  └ {}", correction.index),
                String::new(),
                output::time(correction.recorded_at),
                String::new(),
                format!("  {}", correction.kind),
                String::new(),
                corrected(correction),
            ]);
        }
    }
    table
}

fn who(event: &v1::Entered, people: &People) -> String {
    let mut who = people.show(&event.signer);
    if !event.on_behalf_of.is_empty() {
        who.push_str(&format!(" for {}", people.show(&event.on_behalf_of)));
    }
    if !event.initiators.is_empty() {
        let initiators: Vec<String> = event.initiators.iter().map(|identity| people.show(identity)).collect();
        who.push_str(&format!(", set in motion by {}", initiators.join(", ")));
    }
    who
}

fn what(event: &v1::Entered) -> String {
    let kinds: Vec<&str> = event.evidence.iter().map(|evidence| evidence.kind.as_str()).collect();
    match kinds.is_empty() {
        true => event.summary.clone(),
        false => format!("{} (evidence: {})", event.summary, kinds.join(", ")),
    }
}

fn corrected(correction: &v1::Correction) -> String {
    let said = [("", &correction.field), ("from ", &correction.old), ("to ", &correction.new)];
    let said = said.iter().filter(|(_, text)| !text.is_empty()).map(|(word, text)| format!("{word}{text}"));
    let said = said.collect::<Vec<_>>().join(" ");
    match said.is_empty() {
        true => correction.reason.clone(),
        false => format!("{said}: {}", correction.reason),
    }
}

async fn serving(request: v1::GetServingRequest, client: &mut Client, session: &Session) -> Result<Answer> {
    let subject = request.subject.clone();
    let Some(answer) = session.answered(client.audit.get_serving(request).await)? else { return Ok(Answer::No) };
    let found = if answer.served.is_empty() { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&answer)?;
        return Ok(found);
    }
    let at = output::time_ms(answer.at_ms);
    if found == Answer::No {
        outln!("nothing that is recorded says that anything served for {subject} at {at}");
    } else {
        outln!("{subject} at {at}");
        let header = ["ENDPOINT", "VERSION", "CERTAINTY", "EXPOSURE", "SHARE", "ENVIRONMENT", "USE CASE", "RESTS ON"];
        let mut table = output::table(&header)
            .folds(&["EXPOSURE", "SHARE"])
            .drops(&["RESTS ON", "SHARE", "USE CASE", "ENVIRONMENT", "EXPOSURE"])
            .states(&["CERTAINTY"]);
        for served in &answer.served {
            let version = match (served.version.as_str(), served.digest.as_str()) {
                ("", "") => "unknown",
                ("", digest) => digest,
                (version, _) => version,
            };
            let suspended = if served.suspended { ", suspended" } else { "" };
            let segment = if served.segment.is_empty() { String::new() } else { format!(" of {}", served.segment) };
            table.add_row([
                served.endpoint.clone(),
                version.to_owned(),
                served.certainty.clone(),
                format!("{}{suspended}", served.exposure),
                format!("{}{segment}", served.percent.map(|percent| format!("{percent} %")).unwrap_or_default()),
                served.environment.clone(),
                served.use_case.clone(),
                output::indices(&served.indices),
            ]);
        }
        table.print();
    }
    output::as_of(answer.as_of.as_ref());
    Ok(found)
}
