//! `probity model`: everything about one model.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, Table, fold, outln, width};

use super::models::owners;
use crate::after::AfterArgs;
use crate::output;
use crate::people::People;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct ModelArgs {
    /// The model, such as credit/pd-scorecard; or the index or id of an event about it.
    model: String,
    #[command(flatten)]
    after: AfterArgs,
}

pub(crate) async fn run(args: ModelArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let model = client.subject(&args.model, &[SubjectKind::Model]).await?;
    let whole = model.split('@').next().unwrap_or_default().to_owned();
    let min_tree_size = args.after.min_tree_size(&client);
    let request = v1::GetModelRequest { model: whole.clone(), min_tree_size };
    let Some(answer) = session.answered(client.inventory.get_model(request).await)? else { return Ok(Answer::No) };
    // What is wrong with it belongs to its dossier; a server without that view still shows the
    // rest.
    let request = v1::ListDeficienciesRequest { subject: whole, page_size: 50, min_tree_size, ..Default::default() };
    let lacks = client.compliance.list_deficiencies(request).await.ok().map(tonic::Response::into_inner);
    let needs = super::needs::of(&answer, &model, min_tree_size, &mut client).await?;
    if session.json {
        output::json(&serde_json::json!({ "dossier": answer, "deficiencies": lacks, "needs": needs }))?;
        return Ok(Answer::Yes);
    }
    let people = session.people()?;
    head(&answer, &people);
    versions(&answer.versions);
    deployments(&answer.deployments);
    rest(&answer);
    if !needs.is_empty() {
        section("What it still needs");
        super::needs::print(&needs, &people);
    }
    output::as_of(answer.as_of.as_ref());
    Ok(Answer::Yes)
}

fn section(title: &str) {
    outln!("\n{title}");
}

fn line(name: &str, value: impl AsRef<str>) {
    if !value.as_ref().is_empty() {
        let room = width().unwrap_or(usize::MAX).saturating_sub(14).max(20);
        for (line, part) in fold(value.as_ref(), room).into_iter().enumerate() {
            outln!("{:<14}{part}", if line == 0 { name } else { "" });
        }
    }
}

fn head(answer: &v1::GetModelResponse, people: &People) {
    let Some(model) = &answer.model else { return };
    outln!("{}{}", model.subject, if model.title.is_empty() { String::new() } else { format!(" — {}", model.title) });
    line("state", &model.state);
    line("kind", &model.kind);
    line("purpose", &model.purpose);
    line("intended", answer.intended_uses.join("; "));
    line("excluded", answer.excluded_uses.join("; "));
    let owned = owners(&model.owners, people);
    line("owners", if owned.is_empty() { "nobody has accepted to own it".to_owned() } else { owned });
    for class in &model.classes {
        let expiry = class.expires_at_ms.map(|at| format!(", until {}", output::day(at))).unwrap_or_default();
        let provenance = class.source.as_ref().map(|source| source.provenance.clone()).unwrap_or_default();
        line("class", format!("{} by {}{expiry} ({provenance})", class.class, class.framework));
    }
    line("supplier", &model.supplier);
    line("platform", &model.origin_platform);
    line("used for", model.use_cases.join(", "));
    line("jurisdictions", model.jurisdictions.join(", "));
    for link in &answer.links {
        line("link", &link.value);
    }
    line("last activity", output::time_ms(model.last_activity_ms));
    line("rests on", output::indices(&model.indices));
}

fn versions(versions: &[v1::Version]) {
    if versions.is_empty() {
        return;
    }
    section("Versions, the newest first");
    let mut table = output::table(&["VERSION", "STATE", "VALIDATION", "APPROVALS", "RUNS AT", "INDICES"])
        .folds(&["VALIDATION", "APPROVALS", "RUNS AT"])
        .drops(&["INDICES", "RUNS AT", "VALIDATION"])
        .states(&["STATE"]);
    for version in versions {
        let validation = version.validation.as_ref().map(|fact| fact.value.clone()).unwrap_or_default();
        let approvals = version.approvals.iter().map(|approval| {
            let until = approval.expires_at_ms.map(|at| format!(" until {}", output::day(at))).unwrap_or_default();
            format!("{} {}{until}", approval.gate, approval.state)
        });
        let short = version.subject.rsplit('@').next().unwrap_or_default();
        table.add_row(vec![
            short.to_owned(),
            version.state.clone(),
            validation,
            approvals.collect::<Vec<_>>().join(", "),
            version.endpoints.join(", "),
            output::indices(&version.indices),
        ]);
    }
    table.print();
    for version in versions.iter().filter(|version| !version.conflicting_digests.is_empty()) {
        let (digests, others) = (version.digests.join(", "), version.conflicting_digests.join(", "));
        outln!("CONFLICT: {} was registered as {digests} and as {others}", version.subject);
    }
}

fn deployments(deployments: &[v1::Deployment]) {
    if deployments.is_empty() {
        return;
    }
    section("Where it runs");
    production_map(deployments).print();
}

/// A line for each version at each endpoint.
pub(super) fn production_map(deployments: &[v1::Deployment]) -> Table {
    let header = ["ENDPOINT", "STATE", "ENVIRONMENT", "REGION", "VERSION", "EXPOSURE", "TRAFFIC", "FOR", "SINCE"];
    let mut table = output::table(&header)
        .folds(&["FOR", "SINCE", "TRAFFIC"])
        .drops(&["REGION", "SINCE", "EXPOSURE", "FOR", "TRAFFIC", "ENVIRONMENT"])
        .states(&["STATE"]);
    for deployment in deployments {
        let empty = [v1::Share::default()];
        let shares = if deployment.shares.is_empty() { &empty[..] } else { &deployment.shares };
        for share in shares {
            let state = if share.suspended { "suspended" } else { &deployment.state };
            let traffic = share.percent.map(|percent| format!("{percent} % {}", share.segment)).unwrap_or_default();
            table.add_row(vec![
                deployment.endpoint.clone(),
                state.to_owned(),
                deployment.environment.clone(),
                deployment.region.clone(),
                if share.version.is_empty() { "unknown".to_owned() } else { share.version.clone() },
                share.exposure.clone(),
                traffic.trim_end().to_owned(),
                deployment.use_case.clone(),
                share
                    .since
                    .as_ref()
                    .map(|since| output::answered_occurred(since.occurred.as_ref()))
                    .unwrap_or_default(),
            ]);
        }
    }
    table
}

fn rest(answer: &v1::GetModelResponse) {
    if !answer.dependencies.is_empty() {
        section("Depends on, and is used by");
        let mut table = output::table(&["DIRECTION", "KIND", "WHAT", "INDEX"]).drops(&["INDEX", "KIND"]);
        for dependency in &answer.dependencies {
            let v1::Dependency { direction, kind, what, index } = dependency.clone();
            table.add_row(vec![direction, kind, what, index.to_string()]);
        }
        table.print();
    }
    if !answer.monitors.is_empty() {
        section("Monitors");
        super::list::monitors(&answer.monitors).print();
    }
    if !answer.problems.is_empty() {
        section("Open issues and incidents");
        super::list::problems(&answer.problems).print();
    }
    if !answer.value.is_empty() {
        section("Value and cost");
        super::list::value(&answer.value).print();
    }
}
