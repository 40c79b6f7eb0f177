//! `probity check`: whether an artefact may run somewhere.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, indented, outln};

use crate::after::AfterArgs;
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A digest, or a reference that ends with one: sha256:<hex>, registry/image@sha256:<hex>. A reference without one, such
    /// as image:latest, is denied.
    #[arg(value_name = "ARTIFACT", required = true)]
    artifacts: Vec<String>,
    /// Where: development, test, staging or production.
    #[arg(long, default_value = "production", value_name = "NAME")]
    environment: String,
    /// What for, such as usecase:credit/lending. An approval that is limited to uses does not cover it without.
    #[arg(long = "use", value_name = "SUBJECT")]
    use_case: Option<String>,
    /// In which jurisdiction, as approvals name it, such as DE.
    #[arg(long, value_name = "NAME")]
    jurisdiction: Option<String>,
    /// At which endpoint, for exceptions that are about it.
    #[arg(long, value_name = "SUBJECT")]
    endpoint: Option<String>,
    /// The oldest answer that will do, in seconds: a view that is further behind, or has halted, denies.
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    /// As of this moment: RFC 3339, a date, or a distance such as +30d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    #[command(flatten)]
    after: AfterArgs,
}

/// Yes where all of them may run.
pub(crate) async fn run(args: CheckArgs, session: &Session) -> Result<Answer> {
    let at_ms = session.moment("--at", args.at.as_deref())?;
    let mut client = session.server.connect().await?;
    let use_case =
        client.subject_or_empty(args.use_case.as_deref().unwrap_or_default(), &[SubjectKind::Usecase]).await?;
    let endpoint =
        client.subject_or_empty(args.endpoint.as_deref().unwrap_or_default(), &[SubjectKind::Endpoint]).await?;
    let question = |artifact: &String| v1::DeploymentQuestion {
        artifact: artifact.clone(),
        environment: args.environment.clone(),
        use_case: use_case.clone(),
        jurisdiction: args.jurisdiction.clone().unwrap_or_default(),
        endpoint: endpoint.clone(),
    };
    let request = v1::CheckDeploymentRequest {
        questions: args.artifacts.iter().map(question).collect(),
        max_age_s: args.max_age,
        at_ms,
        min_tree_size: args.after.min_tree_size(&client),
    };
    let Some(answer) = session.answered(client.compliance.check_deployment(request).await)? else {
        return Ok(Answer::No);
    };
    let allowed = answer.decisions.iter().all(|decision| decision.decision == "ALLOW");
    let allowed = if allowed { Answer::Yes } else { Answer::No };
    if session.json {
        output::json(&answer)?;
        return Ok(allowed);
    }
    let line = |indent, text: &str| outln!("{}", indented(indent, text));
    for decision in &answer.decisions {
        let version = if decision.version.is_empty() { String::new() } else { format!(" as {}", decision.version) };
        line(0, &format!("{}: {}{version}", decision.decision, decision.artifact));
        for reason in &decision.reasons {
            let of = match (reason.version.as_str(), reason.gate.as_str()) {
                ("", "") => String::new(),
                (version, "") => format!("{version}: "),
                (version, gate) => format!("{version}, gate {gate}: "),
            };
            let cites = if reason.indices.is_empty() {
                String::new()
            } else {
                format!(" ({})", output::indices(&reason.indices))
            };
            line(2, &format!("{of}{} [{}]{cites}", reason.text, reason.code));
        }
        if !decision.indices.is_empty() {
            line(2, &format!("rests on {}", output::indices(&decision.indices)));
        }
        if let Some(until_ms) = decision.expires_at_ms {
            line(2, &format!("until {}", output::second(until_ms)));
        }
        if let Some(most) = decision.max_traffic_percent {
            line(2, &format!("up to {most} % of the traffic"));
        }
    }
    output::as_of(answer.as_of.as_ref());
    Ok(allowed)
}
