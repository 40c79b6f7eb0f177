//! `probity people`: who may sign, in which roles, and until when.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_terminal::Answer;

use crate::after::AfterArgs;
use crate::session::Session;
use crate::{names, output};

#[derive(Debug, Args)]
pub struct PeopleListArgs {
    /// Only who holds a role in these namespaces: credit, or credit/* for all within it.
    #[arg(long = "in", value_name = "NAMESPACE", value_parser = names::namespace, default_value = "", hide_default_value = true)]
    namespace: String,
    /// Only who holds this role.
    #[arg(long, default_value = "", hide_default_value = true)]
    role: String,
    #[command(flatten)]
    after: AfterArgs,
}

pub(crate) async fn run(args: PeopleListArgs, session: &Session) -> Result<Answer> {
    let mut client = session.server.connect().await?;
    let request = v1::ListPeopleRequest {
        namespace: args.namespace,
        role: args.role,
        min_tree_size: args.after.min_tree_size(&client),
    };
    let Some(answer) = session.answered(client.audit.list_people(request).await)? else { return Ok(Answer::No) };
    if session.json {
        output::json(&answer)?;
        return Ok(Answer::Yes);
    }
    let people = session.people()?;
    let mut table = output::table(&["NAME", "ROLES", "STANDING", "IDENTITY"])
        .folds(&["NAME", "ROLES", "STANDING"])
        .drops(&["IDENTITY", "STANDING"]);
    for member in &answer.people {
        let name = people.show(&member.identity);
        let roles: Vec<String> = member.roles.iter().map(role).collect();
        let responsible: Vec<String> = member.responsible.iter().map(|person| people.show(person)).collect();
        let standing = match (member.departed_ms, member.has_key) {
            (Some(last), _) => format!("left on {}", output::day(last)),
            (None, false) => "no key that counts".to_owned(),
            (None, true) if !responsible.is_empty() => format!("answered for by {}", responsible.join(", ")),
            (None, true) => String::new(),
        };
        let named = if name == member.identity { String::new() } else { name };
        table.add_row([named, roles.join("; "), standing, member.identity.clone()]);
    }
    table.print();
    output::as_of(answer.as_of.as_ref());
    Ok(Answer::Yes)
}

fn role(held: &v1::HeldRole) -> String {
    let until = held.until_ms.map(|until| format!(" until {}", output::day(until))).unwrap_or_default();
    format!("{} in {}{until}", held.role, held.namespaces.join(", "))
}
