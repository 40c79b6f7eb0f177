//! Signing, sending, and checking what comes back.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use probity_proto::v1::{self, register_result::Result as Outcome};
use probity_schemas::authority::{AuthorityEvent, SignerKind};
use probity_schemas::{Data, Event};
use probity_statement::{LedgerKeys, Receipt, SignedStatement, Signer as Key, Unsigned};
use probity_terminal::{Answer, Signer, errln, outln};
use serde_json::{Value, json};

use super::args::SignArgs;
use super::recording::Recording;
use crate::client::headline;
use crate::output;
use crate::people::People;

/// Signs an event for a ledger.
pub(crate) fn sign<K: Key>(event: &Event, signer: &Signer<K>, ledger: &LedgerKeys) -> Result<SignedStatement> {
    let kid = signer.key.public().id();
    let unsigned =
        Unsigned::new(event, &signer.identity, ledger.origin.as_str(), kid).with_context(|| headline(event))?;
    unsigned.sign_with(&signer.key).with_context(|| headline(event))
}

/// A receipt is only worth something once it has been checked: with the statement as we signed it.
pub(crate) fn check_receipt(recorded: &v1::Recorded, statement: &SignedStatement, ledger: &LedgerKeys) -> Result<()> {
    let receipt = Receipt::parse(recorded.receipt.clone())?;
    receipt
        .verify_inclusion(&ledger.receipt, ledger.origin.as_str(), &statement.leaf_hash())
        .with_context(|| format!("the server's receipt for index {} is not valid", recorded.index))?;
    Ok(())
}

impl Recording<'_> {
    /// Signs events, sends them in one call, checks every receipt and says what became of each.
    pub(crate) async fn submit(&mut self, events: &[Event], args: &SignArgs) -> Result<Answer> {
        let signed = events.iter().map(|event| sign(event, &self.signer, &self.ledger)).collect::<Result<Vec<_>>>()?;
        self.send(events, &signed, args).await
    }

    /// The same for statements that are signed already.
    pub(crate) async fn send(
        &mut self,
        events: &[Event],
        statements: &[SignedStatement],
        args: &SignArgs,
    ) -> Result<Answer> {
        let submission = |statement: &SignedStatement| v1::Submission {
            statement: statement.bytes().clone(),
            expected_revision: args.expect_revision,
        };
        let response = self.client.registration.register(statements.iter().map(submission).collect()).await;
        // What was recorded before a failure has its receipt all the same.
        let (results, failure) = match response {
            Ok(results) => (results.into_iter().map(Some).collect(), None),
            Err(error) => (error.answered.clone(), Some(error)),
        };

        let mut answer = Answer::Yes;
        let mut rows = Vec::new();
        let (mut power, mut removals) = (Vec::new(), Vec::new());
        for ((event, statement), result) in events.iter().zip(statements).zip(results) {
            let Some(result) = result else { continue };
            match result.result {
                Some(Outcome::Recorded(recorded)) => {
                    check_receipt(&recorded, statement, &self.ledger)?;
                    self.client.remember(recorded.index + 1);
                    if let Some(dir) = &args.receipts {
                        save(dir, &recorded, statement)?;
                    }
                    rows.push(recorded_row(event, &recorded, self.session.json, self.people()));
                    if takes_two(event) && !recorded.already_recorded {
                        power.push(recorded.index.to_string());
                    } else if removes(event) && !recorded.already_recorded {
                        removals.push(recorded.index.to_string());
                    }
                }
                Some(Outcome::Refused(refused)) => {
                    answer = Answer::No;
                    rows.push(self.refused(event, &refused));
                }
                None => {
                    anyhow::bail!("the server's answer for {} is empty; it is newer than this client", headline(event))
                }
            }
        }
        if self.session.json && (failure.is_none() || !rows.is_empty()) {
            output::json(&rows)?;
        } else {
            if !power.is_empty() {
                errln!(
                    "Unless one administrator is enough here, this takes effect with a second person's yes within seven days:\n\
                     probity confirm {}",
                    power.join(" "),
                );
            }
            if !removals.is_empty() {
                errln!(
                    "If this leaves fewer than two administrators, it takes effect with a second person's yes:\n\
                     probity confirm {}",
                    removals.join(" "),
                );
            }
        }
        match failure {
            None => Ok(answer),
            Some(failure) => Err(failure.into()),
        }
    }
}

/// Whether an event gives power, or undoes what was done with it, which takes two persons. A service is enrolled by one: others
/// answer for it.
fn takes_two(event: &Event) -> bool {
    match &event.data {
        Data::Authority(AuthorityEvent::Enrolled(enrolled)) => enrolled.kind == SignerKind::Person,
        // The key is out at once; that its earlier acts do not count takes two.
        Data::Authority(AuthorityEvent::KeyRevoked(revoked)) => revoked.compromised_since.is_some(),
        Data::Authority(AuthorityEvent::RoleGranted(_)) | Data::Policy(_) => true,
        _ => false,
    }
}

/// Whether an event takes something from somebody, which takes two persons where it is one of the last
/// two administrators.
fn removes(event: &Event) -> bool {
    use AuthorityEvent::{Departed, KeyRevoked, RoleWithdrawn};
    matches!(&event.data, Data::Authority(RoleWithdrawn(_) | KeyRevoked(_) | Departed(_)))
}

fn recorded_row(event: &Event, recorded: &v1::Recorded, quiet: bool, people: &People) -> Value {
    if !quiet {
        let again = if recorded.already_recorded { " (already recorded)" } else { "" };
        outln!("{:>8}  {}{again}", recorded.index, people.spell_out(&headline(event)));
    }
    json!({
        "id": event.id, "index": recorded.index, "tree_size": recorded.tree_size,
        "recorded_at": recorded.recorded_at, "already_recorded": recorded.already_recorded,
    })
}

fn save(dir: &Path, recorded: &v1::Recorded, statement: &SignedStatement) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for (extension, bytes) in [("statement", statement.bytes()), ("receipt", &recorded.receipt)] {
        let path = dir.join(format!("{}.{extension}", recorded.index));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
