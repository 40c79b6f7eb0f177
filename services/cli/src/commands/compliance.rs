//! `probity compliance`: what the standing questions find.

use anyhow::Result;
use clap::Args;
use comfy_table::Table;
use probity_proto::v1;
use probity_terminal::{Answer, outln};

use crate::client::Client;
use crate::people::People;
use crate::session::Session;
use crate::{names, output, pages};

#[derive(Debug, Args)]
pub struct ComplianceArgs {
    /// Only about this model and its versions, this endpoint or this use case.
    #[arg(value_parser = names::subject)]
    subject: Option<String>,
    /// What one question finds, such as live-without-approval; without it, how much each finds.
    #[arg(long, value_name = "NAME")]
    question: Option<String>,
    /// Whether approvals of a version, or of what serves at an endpoint, hold: who gave them, on
    /// what evidence, under which policy.
    #[arg(long, requires = "subject", conflicts_with_all = ["question", "incidents"])]
    approvals: bool,
    /// Incidents with their clocks.
    #[arg(long, conflicts_with_all = ["subject", "question"])]
    incidents: bool,
    /// In these namespaces: credit, or credit/* for all within it.
    #[arg(long = "in", value_name = "NAMESPACE", value_parser = names::namespace, default_value = "", hide_default_value = true)]
    namespace: String,
    /// As of this moment: RFC 3339, a date, or a distance such as +30d. What is recorded counts all
    /// the same.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// So many at most.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Yes where nothing is wrong.
pub(crate) async fn run(args: ComplianceArgs, session: &Session) -> Result<Answer> {
    let at_ms = session.moment("--at", args.at.as_deref())?;
    let mut client = session.server.connect().await?;
    match (args.approvals, args.incidents, args.subject.is_some() || args.question.is_some()) {
        (true, ..) => approvals(args.subject.unwrap_or_default(), at_ms, &mut client, session).await,
        (_, true, _) => incidents(args.namespace, at_ms, args.limit, &mut client, session).await,
        (.., true) => deficiencies(args, at_ms, &mut client, session).await,
        (.., false) => questions(args.namespace, at_ms, &mut client, session).await,
    }
}

async fn questions(namespace: String, at_ms: Option<u64>, client: &mut Client, session: &Session) -> Result<Answer> {
    let request = v1::ListQuestionsRequest { namespace, at_ms, min_tree_size: 0 };
    let Some(answer) = session.answered(client.compliance.list_questions(request).await)? else {
        return Ok(Answer::No);
    };
    let clean = if answer.questions.iter().all(|question| question.count == 0) { Answer::Yes } else { Answer::No };
    if session.json {
        output::json(&answer)?;
        return Ok(clean);
    }
    let mut table = output::table(&["FOUND", "QUESTION", ""]);
    for question in &answer.questions {
        let count = if question.count == 0 { "-".to_owned() } else { question.count.to_string() };
        table.add_row(vec![count, question.name.clone(), question.text.clone()]);
    }
    outln!("{table}");
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}

async fn deficiencies(
    args: ComplianceArgs,
    at_ms: Option<u64>,
    client: &mut Client,
    session: &Session,
) -> Result<Answer> {
    let request = v1::ListDeficienciesRequest {
        question: args.question.unwrap_or_default(),
        namespace: args.namespace,
        subject: args.subject.unwrap_or_default(),
        at_ms,
        ..v1::ListDeficienciesRequest::default()
    };
    let Some(answer) = session.answered(
        pages::first(args.limit as usize, request, async |page| client.compliance.list_deficiencies(page).await).await,
    )?
    else {
        return Ok(Answer::No);
    };
    let clean = if answer.deficiencies.is_empty() { Answer::Yes } else { Answer::No };
    if session.json {
        output::json(&answer)?;
        return Ok(clean);
    }
    match answer.deficiencies.is_empty() {
        true => outln!("nothing is found"),
        false => outln!("{}", table(&answer.deficiencies, &session.people()?)),
    }
    output::more(&answer.next_page_token);
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}

/// Deficiencies for people.
pub(super) fn table(deficiencies: &[v1::Deficiency], people: &People) -> Table {
    let mut table = output::table(&["QUESTION", "SUBJECT", "WHAT IS WRONG", "SINCE", "OWNERS", "KNOWN", "INDICES"]);
    for found in deficiencies {
        let owners: Vec<String> = found.owners.iter().map(|owner| people.show(owner)).collect();
        let about = if found.about.is_empty() { String::new() } else { format!(" ({})", people.show(&found.about)) };
        table.add_row(vec![
            found.question.clone(),
            found.subject.clone(),
            format!("{}{about}", found.reason),
            if found.since_ms == 0 { "unknown".to_owned() } else { output::time_ms(found.since_ms) },
            owners.join(", "),
            found.provenance.clone(),
            output::indices(&found.indices),
        ]);
    }
    table
}

async fn approvals(subject: String, at_ms: Option<u64>, client: &mut Client, session: &Session) -> Result<Answer> {
    let request = v1::GetApprovalRequest { subject, at_ms, min_tree_size: 0 };
    let Some(answer) = session.answered(client.compliance.get_approval(request).await)? else { return Ok(Answer::No) };
    let valid = answer.approvals.iter().any(|approval| approval.standing == "valid");
    let valid = if valid { Answer::Yes } else { Answer::No };
    if session.json {
        output::json(&answer)?;
        return Ok(valid);
    }
    let people = session.people()?;
    for approval in &answer.approvals {
        let at = if approval.endpoint.is_empty() { String::new() } else { format!(" at {}", approval.endpoint) };
        outln!("{}{at}: {}", approval.version, approval.standing);
        if !approval.gate.is_empty() {
            let v1::ApprovalStanding { gate, policy, policy_index, request_index, .. } = approval;
            outln!("  asked for at index {request_index}, gate {gate}, under {policy} (index {policy_index})");
        }
        for signature in &approval.signatures {
            let source = signature.source.clone().unwrap_or_default();
            let behalf = match signature.on_behalf_of.as_str() {
                "" => String::new(),
                person => format!(" on behalf of {}", people.show(person)),
            };
            let occurred = output::answered_occurred(source.occurred.as_ref());
            let signer = people.show(&signature.signer);
            outln!("  {signer}{behalf} signed on {occurred} (index {}): {}", source.index, signature.standing);
            outln!("    {}", signature.meaning);
            for evidence in &signature.evidence_seen {
                outln!("    saw {evidence}");
            }
            for condition in &signature.conditions {
                outln!("    condition {condition}");
            }
            if let Some(until) = signature.expires_at_ms {
                outln!("    until {}", output::time_ms(until));
            }
        }
    }
    output::as_of(answer.as_of.as_ref());
    Ok(valid)
}

async fn incidents(
    namespace: String,
    at_ms: Option<u64>,
    limit: u32,
    client: &mut Client,
    session: &Session,
) -> Result<Answer> {
    let request = v1::ListIncidentClocksRequest { namespace, at_ms, ..v1::ListIncidentClocksRequest::default() };
    let Some(answer) = session.answered(
        pages::first(limit as usize, request, async |page| client.compliance.list_incident_clocks(page).await).await,
    )?
    else {
        return Ok(Answer::No);
    };
    let open = answer.incidents.iter().any(|incident| incident.state == "open");
    let clean = if open { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&answer)?;
        return Ok(clean);
    }
    let header =
        ["STATE", "SUBJECT", "WHAT", "SEVERITY", "AWARE SINCE", "FOR", "REPORTABLE", "TOLD", "ASKED", "INDICES"];
    let mut table = output::table(&header);
    for incident in &answer.incidents {
        let regimes = incident.regimes.iter().map(|regime| format!("{}: {}", regime.regime, regime.reportable));
        let told = incident.notices.iter().map(|notice| format!("{} ({})", notice.authority, notice.stage));
        let asked = incident.asks.iter().map(|ask| {
            let due = ask.due_ms.map(|due| format!(" by {}", output::day(due))).unwrap_or_default();
            format!("{}{due}: {}", ask.authority, ask.asks.join("; "))
        });
        table.add_row(vec![
            incident.state.clone(),
            incident.subject.clone(),
            incident.summary.clone(),
            incident.severity.clone(),
            output::time_ms(incident.aware_at_ms),
            output::duration(incident.elapsed_ms),
            regimes.collect::<Vec<_>>().join(", "),
            told.collect::<Vec<_>>().join(", "),
            asked.collect::<Vec<_>>().join(", "),
            output::indices(&incident.indices),
        ]);
    }
    match answer.incidents.is_empty() {
        true => outln!("no incident is recorded"),
        false => outln!("{table}"),
    }
    output::more(&answer.next_page_token);
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}
