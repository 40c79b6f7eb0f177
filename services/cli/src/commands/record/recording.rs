//! A signer connected to a ledger, who can look up statements and record new ones.

use std::collections::HashSet;

use anyhow::Result;
use probity_proto::v1;
use probity_schemas::{Event, Identity, SubjectKind};
use probity_statement::{LedgerKeys, SignedStatement};
use probity_terminal::{Answer, Signer, clear_no, errln, wrong_use};

use super::args::SignArgs;
use super::ask;
use super::checking::ends;
use super::draft::Draft;
use super::fetched::FetchedStatement;
use super::prompt::at_terminal;
use super::show::plain_words;
use crate::client::{Client, failed, headline};
use crate::output;
use crate::people::People;
use crate::resolve::EventName;
use crate::session::Session;
use crate::signing::AnyKey;
use crate::vault::Vault;

/// What drafts came to.
pub(crate) enum Prepared {
    /// Events that may be signed.
    Ready(Vec<Event>),
    /// Nothing is to be signed, and that is the answer.
    Over(Answer),
}

/// A signer connected to a ledger.
pub(crate) struct Recording<'a> {
    pub(crate) session: &'a Session,
    pub(crate) signer: Signer<AnyKey>,
    pub(crate) client: Client,
    pub(crate) ledger: LedgerKeys,
    people: People,
}

impl<'a> Recording<'a> {
    /// Opens the key and connects.
    pub(crate) async fn start(args: &SignArgs, session: &'a Session) -> Result<Self> {
        let signer = args.key.open(session)?;
        let client = session.server.connect().await?;
        let ledger = client.ledger().clone();
        Ok(Self { session, signer, client, ledger, people: session.people()? })
    }

    /// Records drafts with this key.
    pub(crate) async fn record(&mut self, drafts: Vec<Draft>, args: &SignArgs) -> Result<Answer> {
        match self.prepare(drafts, args).await? {
            Prepared::Ready(events) => self.submit(&events, args).await,
            Prepared::Over(answer) => Ok(answer),
        }
    }

    /// Turns drafts into events that may be signed, unless they are not to be.
    pub(crate) async fn prepare(&mut self, mut drafts: Vec<Draft>, args: &SignArgs) -> Result<Prepared> {
        let vault = args.vault.as_deref().map(Vault::new);
        let vault = if args.dry_run { vault.map(Vault::trial) } else { vault };
        let mut events = Vec::with_capacity(drafts.len());
        // What drafts of one list say of each other.
        let mut batch: HashSet<String> =
            drafts.iter().filter_map(|draft| Some(draft.tree.get("id")?.as_str()?.to_owned())).collect();
        for draft in &mut drafts {
            draft.check_complete()?;
            if !ask::missing(draft, &self.people)? {
                errln!("Nothing was recorded.");
                return Ok(Prepared::Over(Answer::No));
            }
            self.resolve(draft, &batch, args).await?;
            let event = draft.finish(&self.ledger.origin, vault.as_ref())?;
            batch.insert(event.id.to_string());
            events.push(event);
        }
        let foreseen = self.check(&events, args).await;
        for (draft, foreseen) in drafts.iter_mut().zip(&foreseen) {
            foreseen.ends.iter().for_each(|approval| draft.note("ends", ends(approval)));
        }
        if args.shows() {
            self.show(&drafts, &events);
        } else {
            // A script is told as well; its caller may read it.
            let said = events
                .iter()
                .zip(&foreseen)
                .flat_map(|(event, foreseen)| foreseen.ends.iter().map(move |it| (event, it)));
            said.for_each(|(event, approval)| errln!("probity: {} ends {}", headline(event), ends(approval)));
        }
        let refused = events.iter().zip(&foreseen).filter_map(|(event, said)| Some((event, said.refused.as_ref()?)));
        let refused: Vec<_> = refused.collect();
        // Of a list, the ledger takes what it takes; a program sends it as it is.
        if !refused.is_empty() && (refused.len() == events.len() || args.shows()) {
            let rows: Vec<_> = refused.iter().map(|(event, refusal)| self.refused(event, refusal)).collect();
            if refused.len() == events.len() {
                errln!("Nothing was signed.");
                if self.session.json {
                    output::json(&rows)?;
                }
                return Ok(Prepared::Over(Answer::No));
            }
        }
        if args.dry_run {
            if self.session.json {
                output::json(&events)?;
            }
            return Ok(Prepared::Over(Answer::Yes));
        }
        if at_terminal() && !args.yes && !ask::may_sign(events.len())? {
            errln!("Nothing was recorded.");
            return Ok(Prepared::Over(Answer::No));
        }
        Ok(Prepared::Ready(events))
    }

    fn show(&self, drafts: &[Draft], events: &[Event]) {
        /// So many are shown in full; of the others, one line.
        const IN_FULL: usize = 5;
        for (at, (draft, event)) in drafts.iter().zip(events).enumerate() {
            match at {
                0..IN_FULL => {
                    errln!("You are about to sign\n{}", draft.in_words(event, &self.signer.identity, &self.people))
                }
                _ => errln!("and {}", headline(event)),
            }
        }
    }

    /// Fetches a statement.
    pub(crate) async fn entry(&mut self, index: u64) -> Result<FetchedStatement> {
        let entry = self.client.log.get_entry(v1::GetEntryRequest { index }).await;
        let entry = entry.map_err(|status| match status.code() {
            tonic::Code::NotFound | tonic::Code::FailedPrecondition => wrong_use!("{}", status.message()),
            _ => failed(status),
        })?;
        let statement = SignedStatement::parse(entry.into_inner().statement)?;
        let event = statement.event()?;
        Ok(FetchedStatement { index, statement, event })
    }

    /// Fetches a statement, named by its index in the log or by its event's id.
    pub(crate) async fn entry_named(&mut self, name: &str) -> Result<FetchedStatement> {
        let index = self.client.index(name).await?;
        self.entry(index).await
    }

    /// Fetches a statement of one of these types: named by its index in the log or by its event's id,
    /// or by what it is about, where one such is open. A name without a kind is of the first of
    /// `kinds` that there is.
    pub(crate) async fn entry_of(
        &mut self,
        name: &str,
        types: &[&str],
        kinds: &[SubjectKind],
    ) -> Result<FetchedStatement> {
        if EventName::of(name).is_none() {
            let subject = self.client.subject(name, kinds).await?;
            let open = self.open(&subject, types).await?;
            return match open.as_slice() {
                [only] => self.entry(only.index).await,
                [] => Err(clear_no!("no {} about {subject} is open", types.join(" or "))),
                several => {
                    let lines = several.iter().map(|event| format!("{:>8}  {}", event.index, event.summary));
                    let lines: Vec<String> = lines.collect();
                    Err(wrong_use!("{} are open about {subject}; say which:\n{}", lines.len(), lines.join("\n")))
                }
            };
        }
        let found = self.entry_named(name).await?;
        let (index, event_type) = (found.index, found.event.event_type());
        match types.contains(&event_type) {
            true => Ok(found),
            false => Err(wrong_use!("index {index} is {event_type}, not {}", types.join(" or "))),
        }
    }

    /// The names that are known here.
    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// What a recorded event says, for people.
    pub(crate) fn words(&self, event: &Event, issuer: &Identity) -> Result<String> {
        let tree = serde_json::to_value(event)?;
        Ok(plain_words(event.info(), &tree, issuer, &self.people, &[]))
    }
}
