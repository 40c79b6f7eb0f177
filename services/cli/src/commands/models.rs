//! `probity models`: which models there are, in what state, where they run, who owns them.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_terminal::{Answer, errln, outln};

use crate::after::AfterArgs;
use crate::people::People;
use crate::session::Session;
use crate::{names, output, pages};

#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Instead of a list, how many there are by a property: namespace, state, kind, environment,
    /// owner, supplier, jurisdiction, class:FRAMEWORK or attribute:NAME.
    #[arg(long, value_name = "PROPERTY")]
    count_by: Option<String>,
    /// So many at most.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
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
    /// Owned by this identity, in any role.
    #[arg(long, value_name = "IDENTITY", value_parser = names::identity, default_value = "", hide_default_value = true)]
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
    #[arg(long, value_name = "SUBJECT", value_parser = names::subject, default_value = "", hide_default_value = true)]
    supplier: String,
    /// With this value in a field of your own.
    #[arg(long, value_name = "NAME=VALUE", default_value = "", hide_default_value = true)]
    attribute: String,
}

impl From<FilterArgs> for v1::InventoryFilter {
    fn from(args: FilterArgs) -> Self {
        let FilterArgs { namespace, state, class, owner, jurisdiction, environment, text, supplier, attribute } = args;
        Self { namespace, state, class, owner, jurisdiction, environment, text, supplier, attribute }
    }
}

pub(crate) async fn run(args: ModelsArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    if let Some(by) = args.count_by {
        return count("model", by, args.filter.namespace, args.after, &mut client, session).await;
    }
    let request = v1::ListModelsRequest {
        filter: Some(args.filter.into()),
        min_tree_size: args.after.min_tree_size(),
        ..v1::ListModelsRequest::default()
    };
    let Some(answer) = session.answered(
        pages::first(args.limit as usize, request, async |page| client.inventory.list_models(page).await).await,
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
        let people = session.people()?;
        let mut table = output::table(&["MODEL", "STATE", "TITLE", "CLASSES", "OWNERS", "RUNS", "VERSIONS", "LAST"]);
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
        outln!("{table}");
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
    client: &mut crate::client::Client,
    session: &Session,
) -> Result<Answer> {
    let request =
        v1::CountRequest { kind: kind.to_owned(), by: by.clone(), namespace, min_tree_size: after.min_tree_size() };
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
    outln!("{table}");
    output::as_of(answer.as_of.as_ref());
    Ok(found)
}
