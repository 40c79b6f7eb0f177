//! `probity compliance`: what the standing questions find.

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, Table, indented, outln, wrong_use};

use super::pack::{self, PackCommand};
use super::verdicts::{self, VerdictsArgs};
use crate::after::AfterArgs;
use crate::client::Client;
use crate::pages::LimitArgs;
use crate::people::People;
use crate::resolve::EventName;
use crate::session::{Session, SessionArgs};
use crate::{names, output, pages};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ComplianceArgs {
    #[command(subcommand)]
    command: Option<ComplianceCommand>,
    /// What one question finds, such as live-without-approval; or what is found about a model and its
    /// versions, an endpoint or a use case, such as credit/pd-scorecard. Without it, how much each
    /// question finds.
    #[arg(value_name = "QUESTION|SUBJECT")]
    what: Option<String>,
    /// Only about this subject.
    #[arg(long, value_name = "SUBJECT")]
    of: Option<String>,
    /// What this question finds.
    #[arg(long, value_name = "NAME")]
    question: Option<String>,
    /// Whether approvals of a version, or of what serves at an endpoint, hold: who gave them, on
    /// what evidence, under which policy.
    #[arg(long, conflicts_with_all = ["question", "incidents"])]
    approvals: bool,
    /// Incidents with their clocks.
    #[arg(long, conflicts_with_all = ["what", "of", "question"])]
    incidents: bool,
    /// What is over by then as well, with until when it held.
    #[arg(long, conflicts_with_all = ["approvals", "incidents"])]
    over: bool,
    /// In these namespaces: credit, or credit/* for all within it.
    #[arg(long = "in", value_name = "NAMESPACE", value_parser = names::namespace, default_value = "", hide_default_value = true)]
    namespace: String,
    /// As of this moment: RFC 3339, a date, or a distance such as +30d. What is recorded counts all
    /// the same.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    after: AfterArgs,
}

#[derive(Debug, Subcommand)]
enum ComplianceCommand {
    /// Check, test, compare and adopt control packs.
    #[command(subcommand)]
    Pack(PackCommand),
    /// Show whether the record supports the controls of the packs in force.
    Verdicts(VerdictsArgs),
}

impl ComplianceArgs {
    /// Whether something is recorded.
    pub(super) fn records(&self) -> bool {
        matches!(&self.command, Some(ComplianceCommand::Pack(command)) if command.records())
    }
}

/// What is asked for, its names resolved.
struct Asked {
    subject: String,
    question: String,
    namespace: String,
    at_ms: Option<u64>,
    over: bool,
    limit: usize,
    min_tree_size: u64,
}

/// Yes where nothing is wrong.
pub(crate) async fn run(mut args: ComplianceArgs, session: SessionArgs, json: bool) -> Result<Answer> {
    match args.command.take() {
        Some(ComplianceCommand::Pack(command)) => pack::run(command, session, json).await,
        Some(ComplianceCommand::Verdicts(asked)) => verdicts::run(asked, &session.open_to_read(json)).await,
        None => standing(args, &session.open_to_read(json)).await,
    }
}

async fn standing(args: ComplianceArgs, session: &Session) -> Result<Answer> {
    let at_ms = session.moment("--at", args.at.as_deref())?;
    let mut client = session.server.connect().await?;
    let mut asked = Asked {
        subject: args.of.unwrap_or_default(),
        question: args.question.unwrap_or_default(),
        namespace: args.namespace,
        at_ms,
        over: args.over,
        limit: args.limit.most(),
        min_tree_size: args.after.min_tree_size(&client),
    };
    if let Some(word) = args.what {
        place(word, &mut asked, &mut client).await?;
    }
    asked.subject = client.subject_or_empty(&asked.subject, &SUBJECTS).await?;
    match (args.approvals, args.incidents, asked.subject.is_empty() && asked.question.is_empty()) {
        (true, ..) if asked.subject.is_empty() => Err(wrong_use!("--approvals of what? Name a version or an endpoint")),
        (true, ..) => approvals(asked, &mut client, session).await,
        (_, true, _) => incidents(asked, &mut client, session).await,
        (.., false) => deficiencies(asked, &mut client, session).await,
        (.., true) if asked.over => deficiencies(asked, &mut client, session).await,
        (.., true) => questions(asked, &mut client, session).await,
    }
}

/// What findings are about.
const SUBJECTS: [SubjectKind; 4] =
    [SubjectKind::Model, SubjectKind::Endpoint, SubjectKind::Usecase, SubjectKind::Dataset];

/// Puts a word where it belongs: a question has no slash and no colon in its name, a subject has.
async fn place(word: String, asked: &mut Asked, client: &mut Client) -> Result<()> {
    if word.contains([':', '/']) || EventName::of(&word).is_some() {
        if !asked.subject.is_empty() {
            return Err(wrong_use!("two subjects: {word} and {}", asked.subject));
        }
        asked.subject = word;
        return Ok(());
    }
    if !asked.question.is_empty() {
        return Err(wrong_use!("two questions: {word} and {}", asked.question));
    }
    let request = v1::ListQuestionsRequest { min_tree_size: 0, ..Default::default() };
    let questions = client.compliance.list_questions(request).await.map_err(crate::client::failed)?.into_inner();
    let names: Vec<&str> = questions.questions.iter().map(|question| question.name.as_str()).collect();
    if names.contains(&word.as_str()) {
        asked.question = word;
        return Ok(());
    }
    match probity_schemas::nearest(&word, names.iter().copied()) {
        Some(nearest) => Err(wrong_use!("{word:?} is neither a question nor a subject; did you mean {nearest}?")),
        None => Err(wrong_use!(
            "{word:?} is neither a question nor a subject such as credit/pd. The questions are {}",
            names.join(", ")
        )),
    }
}

async fn questions(asked: Asked, client: &mut Client, session: &Session) -> Result<Answer> {
    let Asked { namespace, at_ms, min_tree_size, .. } = asked;
    let request = v1::ListQuestionsRequest { namespace, at_ms, min_tree_size };
    let Some(answer) = session.answered(client.compliance.list_questions(request).await)? else {
        return Ok(Answer::No);
    };
    let nothing = answer.questions.iter().all(|question| question.count == 0) && !answer.at_least;
    let clean = if nothing { Answer::Yes } else { Answer::No };
    if session.json {
        output::json(&answer)?;
        return Ok(clean);
    }
    let mut table = output::table(&["FOUND", "QUESTION", "IN WORDS"]).folds(&["IN WORDS"]).drops(&["IN WORDS"]);
    for question in &answer.questions {
        let count = if question.count == 0 { "-".to_owned() } else { question.count.to_string() };
        table.add_row(vec![count, question.name.clone(), question.text.clone()]);
    }
    table.print();
    if answer.at_least {
        outln!("There is too much to count it all: each question finds at least so many. Ask with --in NAMESPACE.");
    }
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}

async fn deficiencies(asked: Asked, client: &mut Client, session: &Session) -> Result<Answer> {
    let request = v1::ListDeficienciesRequest {
        question: asked.question,
        namespace: asked.namespace,
        subject: asked.subject,
        at_ms: asked.at_ms,
        over: asked.over,
        min_tree_size: asked.min_tree_size,
        ..v1::ListDeficienciesRequest::default()
    };
    let Some(answer) = session.answered(
        pages::first(asked.limit, request, async |page| client.compliance.list_deficiencies(page).await).await,
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
        false => table(&answer.deficiencies, &session.people()?, asked.over).print(),
    }
    output::more(&answer.next_page_token);
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}

/// Deficiencies for people.
pub(super) fn table(deficiencies: &[v1::Deficiency], people: &People, over: bool) -> Table {
    let mut table = output::table(&["QUESTION", "SUBJECT", "WHAT IS WRONG", "SINCE", "OWNERS", "KNOWN", "INDICES"])
        .folds(&["WHAT IS WRONG", "OWNERS"])
        .drops(&["KNOWN", "INDICES", "OWNERS", "SINCE"]);
    for found in deficiencies {
        let owners: Vec<String> = found.owners.iter().map(|owner| people.show(owner)).collect();
        // The id of an event says nothing to people; its index stands beside.
        let about = match found.about.as_str() {
            "" => String::new(),
            id if EventName::of(id).is_some() => String::new(),
            about => format!(" ({})", people.show(about)),
        };
        table.add_row(vec![
            found.question.clone(),
            found.subject.clone(),
            format!("{}{about}", found.reason),
            held(found, over),
            owners.join(", "),
            found.provenance.clone(),
            output::indices(&found.indices),
        ]);
    }
    table
}

/// Since when it holds; where what is over was asked for as well, until when it did, or will.
fn held(found: &v1::Deficiency, over: bool) -> String {
    let since = match found.since_ms {
        0 => "unknown".to_owned(),
        since_ms => output::second(since_ms),
    };
    match found.until_ms.filter(|_| over) {
        Some(until_ms) => format!("{since} to {}", output::second(until_ms)),
        None => since,
    }
}

async fn approvals(asked: Asked, client: &mut Client, session: &Session) -> Result<Answer> {
    let Asked { subject, at_ms, min_tree_size, .. } = asked;
    let request = v1::GetApprovalRequest { subject, at_ms, min_tree_size };
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
        let line = |indent, text: &str| outln!("{}", indented(indent, text));
        line(0, &format!("{}{at}: {}", approval.version, approval.standing));
        if !approval.gate.is_empty() {
            let v1::ApprovalStanding { gate, policy, policy_index, request_index, .. } = approval;
            line(2, &format!("asked for at index {request_index}, gate {gate}, under {policy} (index {policy_index})"));
        }
        for signature in &approval.signatures {
            let source = signature.source.clone().unwrap_or_default();
            let behalf = match signature.on_behalf_of.as_str() {
                "" => String::new(),
                person => format!(" on behalf of {}", people.show(person)),
            };
            let occurred = output::answered_occurred(source.occurred.as_ref());
            let (signer, standing) = (people.show(&signature.signer), &signature.standing);
            line(2, &format!("{signer}{behalf} signed on {occurred} (index {}): {standing}", source.index));
            line(4, &signature.meaning);
            signature.evidence_seen.iter().for_each(|evidence| line(4, &format!("saw {evidence}")));
            signature.conditions.iter().for_each(|condition| line(4, &format!("condition {condition}")));
            if let Some(until) = signature.expires_at_ms {
                line(4, &format!("until {}", output::time_ms(until)));
            }
        }
    }
    output::as_of(answer.as_of.as_ref());
    Ok(valid)
}

async fn incidents(asked: Asked, client: &mut Client, session: &Session) -> Result<Answer> {
    let Asked { namespace, at_ms, limit, min_tree_size, .. } = asked;
    let request = v1::ListIncidentClocksRequest { namespace, at_ms, min_tree_size, ..Default::default() };
    let Some(answer) = session.answered(
        pages::first(limit, request, async |page| client.compliance.list_incident_clocks(page).await).await,
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
    let mut table = output::table(&header)
        .folds(&["WHAT", "REPORTABLE", "TOLD", "ASKED"])
        .drops(&["INDICES", "AWARE SINCE", "TOLD", "ASKED", "REPORTABLE", "FOR"])
        .states(&["STATE", "SEVERITY"]);
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
            output::second(incident.aware_at_ms),
            output::duration(incident.elapsed_ms),
            regimes.collect::<Vec<_>>().join(", "),
            told.collect::<Vec<_>>().join(", "),
            asked.collect::<Vec<_>>().join(", "),
            output::indices(&incident.indices),
        ]);
    }
    match answer.incidents.is_empty() {
        true => outln!("no incident is recorded"),
        false => table.print(),
    }
    output::more(&answer.next_page_token);
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}
