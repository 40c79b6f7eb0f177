//! `probity needs`: what a model still needs, and what to do about it.
//!
//! What is missing is what the views say: nothing is judged here.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, Format, fold, format, outln, width};
use serde::Serialize;

use crate::after::AfterArgs;
use crate::client::Client;
use crate::output;
use crate::people::People;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct NeedsArgs {
    /// A model or a version of it, such as credit/pd-scorecard; without a version the newest one.
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    after: AfterArgs,
}

/// Something that a model lacks.
#[derive(Debug, Serialize)]
pub(super) struct Need {
    what: String,
    subject: String,
    why: String,
    /// The command that is a way to it; empty where there is not one way.
    next: String,
}

/// No where something is missing.
pub(crate) async fn run(args: NeedsArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let subject = client.subject(&args.model, &[SubjectKind::Model]).await?;
    let min_tree_size = args.after.min_tree_size(&client);
    let whole = subject.split('@').next().unwrap_or_default().to_owned();
    let request = v1::GetModelRequest { model: whole, min_tree_size };
    let Some(dossier) = session.answered(client.inventory.get_model(request).await)? else { return Ok(Answer::No) };
    let needs = of(&dossier, &subject, min_tree_size, &mut client).await?;
    let answer = if needs.is_empty() { Answer::Yes } else { Answer::No };
    if session.json {
        output::json(&serde_json::json!({ "as_of": dossier.as_of, "subject": subject, "needs": needs }))?;
        return Ok(answer);
    }
    match needs.is_empty() {
        true => outln!("{subject} needs nothing that the record shows"),
        false => print(&needs, &session.people()?),
    }
    output::as_of(dossier.as_of.as_ref());
    Ok(answer)
}

/// What a model lacks, or one version of it; without a version the newest one counts.
pub(super) async fn of(
    dossier: &v1::GetModelResponse,
    subject: &str,
    min_tree_size: u64,
    client: &mut Client,
) -> Result<Vec<Need>> {
    let mut needs = Vec::new();
    let whole = subject.split('@').next().unwrap_or_default();
    let version = match subject.contains('@') {
        true => dossier.versions.iter().find(|version| version.subject == subject),
        false => dossier.versions.first(),
    };
    let need = |what: &str, subject: &str, why: &str, next: String| Need {
        what: what.to_owned(),
        subject: subject.to_owned(),
        why: why.to_owned(),
        next,
    };
    match version {
        None if dossier.model.as_ref().is_some_and(|model| model.state != "retired") => {
            let next = format!("probity record model.version_registered --subject {whole}@1");
            needs.push(need("a version", whole, "none is registered", next));
        }
        Some(version) if version.state != "retired" => {
            let name = &version.subject;
            let passed = version.validation.as_ref().is_some_and(|fact| fact.value.starts_with("passed"));
            if !passed {
                let why = match &version.validation {
                    Some(fact) => format!("the last validation: {}", fact.value),
                    None => "none is recorded".to_owned(),
                };
                let next = format!("probity record validation.completed --subject {name}");
                needs.push(need("a validation that passed", name, &why, next));
            }
            needs.extend(approvals(name, min_tree_size, client).await);
        }
        _ => {}
    }
    let request = v1::ListDeficienciesRequest {
        subject: whole.to_owned(),
        page_size: 200,
        min_tree_size,
        ..v1::ListDeficienciesRequest::default()
    };
    // A server without that view still says the rest.
    let found = client.compliance.list_deficiencies(request).await.ok().map(tonic::Response::into_inner);
    for deficiency in found.unwrap_or_default().deficiencies {
        let next = remedy(&deficiency);
        needs.push(need(&deficiency.question.replace('-', " "), &deficiency.subject, &deficiency.reason, next));
    }
    Ok(needs)
}

/// The gates at which a version has no approval that holds, and the conditions that are open.
async fn approvals(version: &str, min_tree_size: u64, client: &mut Client) -> Vec<Need> {
    let request = v1::GetApprovalRequest { subject: version.to_owned(), at_ms: None, min_tree_size };
    let Ok(answer) = client.compliance.get_approval(request).await else { return Vec::new() };
    let mut needs = Vec::new();
    let approvals = answer.into_inner().approvals;
    for standing in &approvals {
        // One gate may have been asked more than once; one yes is enough.
        let holds = |other: &v1::ApprovalStanding| other.gate == standing.gate && other.standing.starts_with("valid");
        if !approvals.iter().any(holds) {
            let next = match standing.request_index {
                0 => format!("probity record approval.requested --subject {version} --set gate={}", standing.gate),
                index => format!("probity approve {index}"),
            };
            let what = match standing.gate.as_str() {
                "" => "an approval".to_owned(),
                gate => format!("an approval at gate {gate}"),
            };
            needs.push(Need { what, subject: version.to_owned(), why: standing.standing.clone(), next });
        }
        for signature in &standing.signatures {
            let index = signature.source.as_ref().map_or(0, |source| source.index);
            for condition in signature.conditions.iter().filter(|condition| condition.contains("(open)")) {
                needs.push(Need {
                    what: "a condition that is met".to_owned(),
                    subject: version.to_owned(),
                    why: condition.clone(),
                    next: format!("probity record approval.condition_met --subject {version} --regarding {index}"),
                });
            }
        }
    }
    needs
}

/// A way out of a deficiency, where there is one.
fn remedy(deficiency: &v1::Deficiency) -> String {
    let v1::Deficiency { question, subject, indices, .. } = deficiency;
    let regarding = indices.first().map(|index| format!(" --regarding {index}")).unwrap_or_default();
    match question.as_str() {
        "no-owner" | "owner-left" => {
            format!("probity record model.ownership_accepted --subject {subject} --set role=owner")
        }
        "classification-expired" => format!("probity record model.classified --subject {subject}"),
        "review-overdue" => format!("probity record review.completed --subject {subject}{regarding}"),
        "finding-open" | "finding-overdue" => {
            format!("probity record finding.responded --subject {subject}{regarding}")
        }
        "incident-open" => format!("probity record incident.closed --subject {subject}{regarding}"),
        "incident-not-notified" => format!("probity record incident.authority_notified --subject {subject}{regarding}"),
        _ => String::new(),
    }
}

/// Prints needs: each with its reason, and the command under it so that it can be copied.
pub(super) fn print(needs: &[Need], people: &People) {
    if format() == Format::Csv {
        let mut table = output::table(&["NEEDS", "SUBJECT", "WHY", "NEXT"]);
        for need in needs {
            table.add_row([&need.what, &need.subject, &people.spell_out(&need.why), &need.next].map(String::as_str));
        }
        return table.print();
    }
    for need in needs {
        let text = format!("{} ({}): {}", need.what, need.subject, people.spell_out(&need.why));
        for (line, part) in fold(&text, width().unwrap_or(100).saturating_sub(4)).into_iter().enumerate() {
            outln!("{}{part}", if line == 0 { "- " } else { "  " });
        }
        if !need.next.is_empty() {
            // Goes on in the next line as a shell takes it.
            let room = width().unwrap_or(usize::MAX).saturating_sub(10);
            outln!("    {}", fold(&need.next, room).join(" \\\n      "));
        }
    }
}
