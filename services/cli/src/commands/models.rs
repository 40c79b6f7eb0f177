//! `probity models`: which models there are, in what state, where they run, who owns them.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, errln};

use crate::after::AfterArgs;
use crate::client::Client;
use crate::pages::LimitArgs;
use crate::people::People;
use crate::session::Session;
use crate::{names, output, pages, resolve};

#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Instead of a list, how many there are by a property: namespace, state, kind, environment,
    /// owner, supplier, jurisdiction, class:FRAMEWORK or attribute:NAME.
    #[arg(long, value_name = "PROPERTY")]
    count_by: Option<String>,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    after: AfterArgs,
}

/// What a list is narrowed to.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct FilterArgs {
    /// In these namespaces: credit, or credit/* for all within it.
    #[arg(long = "in", value_name = "NAMESPACE", value_parser = names::namespace, default_value = "", hide_default_value = true)]
    pub(crate) namespace: String,
    /// In this state, such as live, suspended, approved, validated, registered or retired.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) state: String,
    /// Of this class or tier, such as high-risk.
    #[arg(long, default_value = "", hide_default_value = true)]
    class: String,
    /// Owned by this person, in any role: by name or identity.
    #[arg(long, value_name = "NAME|IDENTITY", default_value = "", hide_default_value = true)]
    owner: String,
    /// Used in this jurisdiction.
    #[arg(long, default_value = "", hide_default_value = true)]
    jurisdiction: String,
    /// Running in this environment now.
    #[arg(long, default_value = "", hide_default_value = true)]
    environment: String,
    /// With these words, or words that begin so, in name, title or purpose.
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    text: String,
    /// From this supplier.
    #[arg(long, value_name = "SUBJECT", default_value = "", hide_default_value = true)]
    supplier: String,
    /// With this value in a field of your own.
    #[arg(long, value_name = "NAME=VALUE", default_value = "", hide_default_value = true)]
    attribute: String,
}

impl FilterArgs {
    /// The filter, its names resolved.
    pub(super) async fn resolve(self, client: &mut Client, people: &People) -> Result<v1::InventoryFilter> {
        let Self { namespace, state, class, owner, jurisdiction, environment, text, supplier, attribute } = self;
        let owner = resolve::identity_or_empty(&owner, people)?;
        let supplier = client.subject_or_empty(&supplier, &[SubjectKind::Supplier]).await?;
        Ok(v1::InventoryFilter { namespace, state, class, owner, jurisdiction, environment, text, supplier, attribute })
    }
}

pub(crate) async fn run(args: ModelsArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    if let Some(by) = args.count_by {
        return count("model", by, args.filter.namespace, args.after, &mut client, session).await;
    }
    let people = session.people()?;
    let request = v1::ListModelsRequest {
        filter: Some(args.filter.resolve(&mut client, &people).await?),
        min_tree_size: args.after.min_tree_size(&client),
        ..v1::ListModelsRequest::default()
    };
    let Some(answer) = session.answered(
        pages::first(args.limit.most(), request, async |page| client.inventory.list_models(page).await).await,
    )?
    else {
        return Ok(Answer::No);
    };
    let found = if answer.models.is_empty() { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&answer)?;
        return Ok(found);
    }
    if found == Answer::No {
        errln!("probity: no model fits, or none that you may see");
    } else {
        let mut table = output::table(&["MODEL", "STATE", "TITLE", "CLASSES", "OWNERS", "RUNS", "VERSIONS", "LAST"])
            .folds(&["TITLE", "CLASSES", "OWNERS", "RUNS"])
            .drops(&["LAST", "VERSIONS", "CLASSES", "OWNERS", "RUNS", "TITLE"])
            .states(&["STATE"]);
        for model in &answer.models {
            let classes: Vec<String> = model.classes.iter().map(|class| class.class.clone()).collect();
            table.add_row(vec![
                model.subject.clone(),
                model.state.clone(),
                model.title.clone(),
                classes.join(", "),
                owners(&model.owners, &people),
                match model.environments.join(", ") {
                    nowhere if nowhere.is_empty() => String::new(),
                    environments => format!("{environments} ({})", model.endpoints),
                },
                model.versions.to_string(),
                output::day(model.last_activity_ms),
            ]);
        }
        table.print();
    }
    output::more(&answer.next_page_token);
    output::as_of(answer.as_of.as_ref());
    Ok(found)
}

/// Owners by name, each with the role.
pub(super) fn owners(owners: &[v1::Fact], people: &People) -> String {
    let shown = owners.iter().map(|owner| match owner.value.split_once(' ') {
        Some((role, person)) => format!("{} ({role})", people.show(person)),
        None => owner.value.clone(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// How many there are by a property.
pub(super) async fn count(
    kind: &str,
    by: String,
    namespace: String,
    after: AfterArgs,
    client: &mut Client,
    session: &Session,
) -> Result<Answer> {
    let request = v1::CountRequest {
        kind: kind.to_owned(),
        by: by.clone(),
        namespace,
        min_tree_size: after.min_tree_size(client),
    };
    let Some(answer) = session.answered(client.inventory.count(request).await)? else { return Ok(Answer::No) };
    let found = if answer.counts.is_empty() { Answer::No } else { Answer::Yes };
    if session.json {
        output::json(&answer)?;
        return Ok(found);
    }
    let people = session.people()?;
    let mut table = output::table(&["COUNT", &by.to_uppercase()]);
    for counted in &answer.counts {
        table.add_row(vec![counted.count.to_string(), people.show(&counted.value)]);
    }
    table.print();
    output::as_of(answer.as_of.as_ref());
    Ok(found)
}
