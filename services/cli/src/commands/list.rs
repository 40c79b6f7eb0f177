//! `probity list`: use cases, deployments, datasets, monitors, issues and incidents, value.

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, Table, errln};

use super::models::{FilterArgs, count};
use crate::after::AfterArgs;
use crate::client::Client;
use crate::pages::LimitArgs;
use crate::session::Session;
use crate::{names, output, pages};

#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// What models are to be used for, who wants it, and what was decided.
    UseCases(UseCasesArgs),
    /// The production map: which version runs where, and what share of the traffic it gets.
    Deployments(DeploymentsArgs),
    /// Datasets, and whether they were withdrawn.
    Datasets(DatasetsArgs),
    /// What is watched, and how it stands.
    Monitors(MonitorsArgs),
    /// Issues and incidents, and to whom they were handed.
    Problems(ProblemsArgs),
    /// Value against target, and cost.
    Value(ValueArgs),
}

#[derive(Debug, Args)]
pub struct UseCasesArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Instead of a list, how many there are by a property: namespace, state, owner, jurisdiction
    /// or class:FRAMEWORK.
    #[arg(long, value_name = "PROPERTY")]
    count_by: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    after: AfterArgs,
}

#[derive(Debug, Args)]
pub struct DeploymentsArgs {
    /// Of this model or version.
    #[arg(long, value_name = "SUBJECT", default_value = "", hide_default_value = true)]
    model: String,
    /// In this environment.
    #[arg(long, default_value = "", hide_default_value = true)]
    environment: String,
    /// In this region.
    #[arg(long, default_value = "", hide_default_value = true)]
    region: String,
    /// For this use case.
    #[arg(long, value_name = "SUBJECT", default_value = "", hide_default_value = true)]
    use_case: String,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
pub struct DatasetsArgs {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
pub struct MonitorsArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
pub struct ProblemsArgs {
    /// Only issues, or only incidents.
    #[arg(long, value_name = "issue|incident", default_value = "", hide_default_value = true)]
    kind: String,
    /// Handed to this team: data, it, devops, data-science or compliance.
    #[arg(long, default_value = "", hide_default_value = true)]
    team: String,
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
pub struct ValueArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
struct OfArgs {
    /// About this subject, such as credit/pd-scorecard.
    #[arg(long, value_name = "SUBJECT", default_value = "", hide_default_value = true)]
    of: String,
}

#[derive(Debug, Args)]
struct StateArgs {
    /// In this state.
    #[arg(long, default_value = "", hide_default_value = true)]
    state: String,
}

#[derive(Debug, Args)]
struct PlaceArgs {
    /// In these namespaces: credit, or credit/* for all within it.
    #[arg(long = "in", value_name = "NAMESPACE", value_parser = names::namespace, default_value = "", hide_default_value = true)]
    namespace: String,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    after: AfterArgs,
}

pub(crate) async fn run(command: ListCommand, session: &Session) -> Result<Answer> {
    let client = &mut session.server.connect().await?;
    match command {
        ListCommand::UseCases(args) => use_cases(args, client, session).await,
        ListCommand::Deployments(args) => {
            let DeploymentsArgs { model, environment, region, use_case, state, place } = args;
            let model = client.subject_or_empty(&model, &[SubjectKind::Model]).await?;
            let use_case = client.subject_or_empty(&use_case, &[SubjectKind::Usecase]).await?;
            let request = v1::ListDeploymentsRequest {
                namespace: place.namespace,
                state: state.state,
                model,
                environment,
                region,
                use_case,
                min_tree_size: place.after.min_tree_size(client),
                ..v1::ListDeploymentsRequest::default()
            };
            let Some(answer) = session.answered(
                pages::first(place.limit.most(), request, async |page| client.inventory.list_deployments(page).await)
                    .await,
            )?
            else {
                return Ok(Answer::No);
            };
            let v1::ListDeploymentsResponse { as_of, deployments, next_page_token } = &answer;
            let table = super::dossier::production_map(deployments);
            shown(session, &answer, deployments.len(), &table, next_page_token, as_of.as_ref())
        }
        ListCommand::Datasets(DatasetsArgs { state: StateArgs { state }, place }) => {
            let PlaceArgs { namespace, limit, after } = place;
            let request = v1::ListDatasetsRequest {
                namespace,
                state,
                min_tree_size: after.min_tree_size(client),
                ..v1::ListDatasetsRequest::default()
            };
            let Some(answer) = session.answered(
                pages::first(limit.most(), request, async |page| client.inventory.list_datasets(page).await).await,
            )?
            else {
                return Ok(Answer::No);
            };
            let v1::ListDatasetsResponse { as_of, datasets, next_page_token } = &answer;
            shown(session, &answer, datasets.len(), &self::datasets(datasets), next_page_token, as_of.as_ref())
        }
        ListCommand::Monitors(MonitorsArgs { of: OfArgs { of }, state: StateArgs { state }, place }) => {
            let PlaceArgs { namespace, limit, after } = place;
            let of = client.subject_or_empty(&of, &[]).await?;
            let request = v1::ListMonitorsRequest {
                namespace,
                subject: of,
                state,
                min_tree_size: after.min_tree_size(client),
                ..v1::ListMonitorsRequest::default()
            };
            let Some(answer) = session.answered(
                pages::first(limit.most(), request, async |page| client.inventory.list_monitors(page).await).await,
            )?
            else {
                return Ok(Answer::No);
            };
            let v1::ListMonitorsResponse { as_of, monitors, next_page_token } = &answer;
            shown(session, &answer, monitors.len(), &self::monitors(monitors), next_page_token, as_of.as_ref())
        }
        ListCommand::Problems(ProblemsArgs { kind, team, of: OfArgs { of }, state: StateArgs { state }, place }) => {
            let of = client.subject_or_empty(&of, &[]).await?;
            let request = v1::ListProblemsRequest {
                namespace: place.namespace,
                subject: of,
                state,
                kind,
                team,
                min_tree_size: place.after.min_tree_size(client),
                ..v1::ListProblemsRequest::default()
            };
            let Some(answer) = session.answered(
                pages::first(place.limit.most(), request, async |page| client.inventory.list_problems(page).await)
                    .await,
            )?
            else {
                return Ok(Answer::No);
            };
            let v1::ListProblemsResponse { as_of, problems, next_page_token } = &answer;
            shown(session, &answer, problems.len(), &self::problems(problems), next_page_token, as_of.as_ref())
        }
        ListCommand::Value(ValueArgs { of: OfArgs { of }, place }) => {
            let PlaceArgs { namespace, limit, after } = place;
            let of = client.subject_or_empty(&of, &[]).await?;
            let request = v1::ListValueRequest {
                namespace,
                subject: of,
                min_tree_size: after.min_tree_size(client),
                ..v1::ListValueRequest::default()
            };
            let Some(answer) = session.answered(
                pages::first(limit.most(), request, async |page| client.inventory.list_value(page).await).await,
            )?
            else {
                return Ok(Answer::No);
            };
            let v1::ListValueResponse { as_of, value, next_page_token } = &answer;
            shown(session, &answer, value.len(), &self::value(value), next_page_token, as_of.as_ref())
        }
    }
}

async fn use_cases(args: UseCasesArgs, client: &mut Client, session: &Session) -> Result<Answer> {
    if let Some(by) = args.count_by {
        return count("usecase", by, args.filter.namespace, args.after, client, session).await;
    }
    let people = session.people()?;
    let request = v1::ListUseCasesRequest {
        filter: Some(args.filter.resolve(client, &people).await?),
        min_tree_size: args.after.min_tree_size(client),
        ..v1::ListUseCasesRequest::default()
    };
    let Some(answer) = session.answered(
        pages::first(args.limit.most(), request, async |page| client.inventory.list_use_cases(page).await).await,
    )?
    else {
        return Ok(Answer::No);
    };
    let mut table = output::table(&["USE CASE", "STATE", "TITLE", "OWNER", "MODELS", "CLASSES", "JURISDICTIONS"])
        .folds(&["TITLE", "OWNER", "MODELS", "CLASSES", "JURISDICTIONS"])
        .drops(&["JURISDICTIONS", "CLASSES", "OWNER", "MODELS", "TITLE"])
        .states(&["STATE"]);
    for use_case in &answer.use_cases {
        let models: Vec<&str> = use_case.models.iter().map(|linked| linked.model.as_str()).collect();
        let classes: Vec<&str> = use_case.classes.iter().map(|class| class.class.as_str()).collect();
        table.add_row(vec![
            use_case.subject.clone(),
            use_case.state.clone(),
            use_case.title.clone(),
            use_case.owner.as_ref().map(|owner| people.show(&owner.value)).unwrap_or_default(),
            models.join(", "),
            classes.join(", "),
            use_case.jurisdictions.join(", "),
        ]);
    }
    shown(session, &answer, answer.use_cases.len(), &table, &answer.next_page_token, answer.as_of.as_ref())
}

/// Prints a list as JSON or as a table.
fn shown(
    session: &Session,
    answer: &impl serde::Serialize,
    count: usize,
    table: &Table,
    next_page_token: &str,
    as_of: Option<&v1::AsOf>,
) -> Result<Answer> {
    let found = if count == 0 { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(answer)?;
        return Ok(found);
    }
    match count {
        0 => errln!("probity: there is nothing that fits, or nothing that you may see"),
        _ => table.print(),
    }
    output::more(next_page_token);
    output::as_of(as_of);
    Ok(found)
}

fn datasets(datasets: &[v1::Dataset]) -> Table {
    let mut table = output::table(&["DATASET", "STATE", "KIND", "TITLE", "PERSONAL DATA", "DERIVED FROM", "INDICES"])
        .folds(&["TITLE", "DERIVED FROM"])
        .drops(&["INDICES", "DERIVED FROM", "PERSONAL DATA", "KIND", "TITLE"])
        .states(&["STATE"]);
    for dataset in datasets {
        table.add_row(vec![
            dataset.subject.clone(),
            dataset.state.clone(),
            dataset.kind.clone(),
            dataset.title.clone(),
            dataset.personal_data.clone(),
            dataset.derived_from.join(", "),
            output::indices(&dataset.indices),
        ]);
    }
    table
}

pub(super) fn monitors(monitors: &[v1::Monitor]) -> Table {
    let mut table =
        output::table(&["MONITOR", "AT", "STATE", "METRIC", "VALUE", "THRESHOLD", "LAST REPORT", "INDICES"])
            .folds(&["METRIC", "VALUE", "THRESHOLD"])
            .drops(&["INDICES", "METRIC", "LAST REPORT", "THRESHOLD", "VALUE"])
            .states(&["STATE"]);
    for monitor in monitors {
        let value = monitor.value.map(|value| format!("{value} {}", monitor.unit)).unwrap_or_default();
        let last =
            if monitor.last_report_ms == 0 { "never".to_owned() } else { output::second(monitor.last_report_ms) };
        table.add_row(vec![
            monitor.name.clone(),
            monitor.subject.clone(),
            monitor.state.clone(),
            monitor.metric.clone(),
            value.trim_end().to_owned(),
            monitor.threshold.clone(),
            last,
            output::indices(&monitor.indices),
        ]);
    }
    table
}

pub(super) fn problems(problems: &[v1::Problem]) -> Table {
    let mut table =
        output::table(&["KIND", "SUBJECT", "STATE", "SEVERITY", "WHAT", "HANDED TO", "CAUSE", "OPENED", "INDICES"])
            .folds(&["WHAT", "HANDED TO", "OPENED"])
            .drops(&["INDICES", "CAUSE", "OPENED", "HANDED TO"])
            .states(&["STATE", "SEVERITY"]);
    for problem in problems {
        let handed: Vec<&str> = problem.hand_offs.iter().map(|hand_off| hand_off.team.as_str()).collect();
        table.add_row(vec![
            problem.kind.clone(),
            problem.subject.clone(),
            problem.state.clone(),
            problem.severity.clone(),
            problem.title.clone(),
            handed.join(" → "),
            problem.root_cause.clone(),
            output::answered_occurred(problem.opened.as_ref()),
            output::indices(&problem.indices),
        ]);
    }
    table
}

pub(super) fn value(values: &[v1::Value]) -> Table {
    let mut table = output::table(&["SUBJECT", "VALUE", "COST", "KPIS", "VERDICT", "INDICES"])
        .folds(&["VALUE", "COST", "KPIS", "VERDICT"])
        .drops(&["INDICES", "VERDICT", "KPIS"]);
    for value in values {
        let sum = |money: &[v1::Money]| {
            let sums: Vec<String> =
                money.iter().map(|money| format!("{:.2} {}", money.amount, money.currency)).collect();
            sums.join(", ")
        };
        let kpi = |kpi: &v1::Kpi| {
            let number = |number: Option<f64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
            let v1::Kpi { name, unit, value, target, .. } = kpi;
            format!("{name} {} of {} {unit}", number(*value), number(*target)).trim_end().to_owned()
        };
        table.add_row(vec![
            value.subject.clone(),
            sum(&value.value),
            sum(&value.cost),
            value.kpis.iter().map(kpi).collect::<Vec<_>>().join(", "),
            value.verdict.as_ref().map(|verdict| verdict.value.clone()).unwrap_or_default(),
            output::indices(&value.indices),
        ]);
    }
    table
}
