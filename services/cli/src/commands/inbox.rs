//! `probity inbox`: what waits for me, until when, and what changed since the version I last
//! approved.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_terminal::{Answer, outln, wrong_use};

use crate::after::AfterArgs;
use crate::session::Session;
use crate::signing::KeyArgs;
use crate::{output, resolve};

#[derive(Debug, Args)]
pub struct InboxArgs {
    /// Whose, by name or identity; by default that of the key.
    #[arg(long, value_name = "NAME|IDENTITY")]
    of: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    after: AfterArgs,
}

pub(crate) async fn run(args: InboxArgs, session: &Session) -> Result<Answer> {
    let people = session.people()?;
    let identity = match (&args.of, &args.key.key) {
        (Some(of), _) => resolve::identity(of, &people)?,
        (None, Some(_)) => args.key.open(session)?.identity,
        (None, None) => return Err(wrong_use!("whose inbox? Name a key with --key, or an identity with --of")),
    };
    let mut client = session.server.connect().await?;
    let min_tree_size = args.after.min_tree_size(&client);
    let request = v1::GetInboxRequest { identity: identity.to_string(), min_tree_size, at_ms: None };
    let Some(answer) = session.answered(client.compliance.get_inbox(request).await)? else { return Ok(Answer::No) };
    if session.json {
        output::json(&answer)?;
        return Ok(Answer::Yes);
    }
    if answer.items.is_empty() {
        outln!("nothing waits for {}", people.show(&identity.to_string()));
    } else {
        let mut table = output::table(&["KIND", "SUBJECT", "TO DO", "WHY", "UNTIL", "INDEX"])
            .folds(&["SUBJECT", "TO DO", "WHY"])
            .drops(&["WHY", "KIND", "UNTIL"]);
        for item in &answer.items {
            let until = item.due_ms.map(output::second).unwrap_or_default();
            let index = item.index.to_string();
            let subject = people.spell_out(&item.subject);
            table.add_row(vec![
                item.kind.clone(),
                subject,
                people.spell_out(&item.task),
                item.why.clone(),
                until,
                index,
            ]);
        }
        table.print();
        changes(&answer.items, &mut client).await;
    }
    output::as_of(answer.as_of.as_ref());
    Ok(Answer::Yes)
}

/// What differs from what the person approved last, for each approval that waits.
async fn changes(items: &[v1::InboxItem], client: &mut crate::client::Client) {
    let compared = items.iter().filter(|item| !item.last_approved.is_empty() && item.last_approved != item.subject);
    for item in compared {
        let request =
            v1::CompareVersionsRequest { from: item.last_approved.clone(), to: item.subject.clone(), min_tree_size: 0 };
        // Without the audit view, or the right to see it, the inbox is still of use.
        let Ok(answer) = client.audit.compare_versions(request).await else { continue };
        outln!("\n{} since {}, which you approved last:", item.subject, item.last_approved);
        let differences = answer.into_inner().differences;
        if differences.is_empty() {
            outln!("  nothing that is recorded differs");
        }
        for v1::Difference { field, from, to } in differences {
            let none = |text: String| if text.is_empty() { "nothing".to_owned() } else { text };
            outln!("  {field}: {} → {}", none(from), none(to));
        }
    }
}
