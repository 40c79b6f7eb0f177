//! A signer connected to a ledger, who can look up statements and record new ones.

use anyhow::{Result, anyhow};
use probity_proto::v1;
use probity_schemas::{Event, EventId, Identity};
use probity_statement::{LedgerKeys, SignedStatement};
use probity_terminal::{Answer, Signer, errln, wrong_use};

use super::args::SignArgs;
use super::ask;
use super::draft::Draft;
use super::fetched::FetchedStatement;
use super::prompt::at_terminal;
use super::show::plain_words;
use crate::client::{Client, failed, headline};
use crate::output;
use crate::people::People;
use crate::session::Session;
use crate::signing::AnyKey;
use crate::vault::Vault;

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
            Some(events) => self.submit(&events, args).await,
            None => Ok(if args.dry_run { Answer::Yes } else { Answer::No }),
        }
    }

    /// Turns drafts into events that may be signed; none if they are not to be.
    pub(crate) async fn prepare(&mut self, mut drafts: Vec<Draft>, args: &SignArgs) -> Result<Option<Vec<Event>>> {
        let vault = args.vault.as_deref().map(Vault::new);
        let vault = if args.dry_run { vault.map(Vault::trial) } else { vault };
        let mut events = Vec::with_capacity(drafts.len());
        for draft in &mut drafts {
            self.resolve(draft).await?;
            draft.check_complete()?;
            if !ask::missing(draft)? {
                errln!("Nothing was recorded.");
                return Ok(None);
            }
            events.push(draft.finish(&self.ledger.origin, vault.as_ref())?);
        }
        if args.shows() {
            self.show(&drafts, &events);
        }
        if args.dry_run {
            if self.session.json {
                output::json(&events)?;
            }
            return Ok(None);
        }
        if at_terminal() && !args.yes && !ask::may_sign(events.len())? {
            errln!("Nothing was recorded.");
            return Ok(None);
        }
        Ok(Some(events))
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

    /// Puts the id of the event that a draft regards in the place of its index.
    async fn resolve(&mut self, draft: &mut Draft) -> Result<()> {
        let Some(regarding) = draft.regards.take() else { return Ok(()) };
        if let Ok(index) = regarding.parse() {
            let found = self.entry(index).await?;
            draft.regard(&found);
        } else {
            let id: EventId = regarding.parse().map_err(|error| {
                wrong_use!("--regarding {regarding:?}: {error}; an index of the log will do as well")
            })?;
            draft.tree["regarding"] = id.to_string().into();
        }
        Ok(())
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
        let index = match name.parse() {
            Ok(index) => index,
            Err(_) => self.index_of(name).await?,
        };
        self.entry(index).await
    }

    /// Fetches a statement of one of these types, named by its index in the log or by its event's
    /// id.
    pub(crate) async fn entry_of(&mut self, name: &str, types: &[&str]) -> Result<FetchedStatement> {
        let found = self.entry_named(name).await?;
        let (index, event_type) = (found.index, found.event.event_type());
        match types.contains(&event_type) {
            true => Ok(found),
            false => Err(wrong_use!("index {index} is {event_type}, not {}", types.join(" or "))),
        }
    }

    /// Where the event with this id is in the log.
    async fn index_of(&mut self, id: &str) -> Result<u64> {
        let id: EventId = id.parse().map_err(|_| wrong_use!("{id:?} is no index of the log and no id of an event"))?;
        let which = Some(v1::get_event_request::Which::Id(id.to_string()));
        let response =
            self.client.audit.get_event(v1::GetEventRequest { which, ..v1::GetEventRequest::default() }).await;
        let response = response.map_err(|status| match status.code() {
            tonic::Code::NotFound | tonic::Code::FailedPrecondition => wrong_use!("{}", status.message()),
            _ => failed(status),
        })?;
        response.into_inner().event.map(|event| event.index).ok_or_else(|| anyhow!("the server sent no event"))
    }

    /// What a recorded event says, for people.
    pub(crate) fn words(&self, event: &Event, issuer: &Identity) -> Result<String> {
        let tree = serde_json::to_value(event)?;
        Ok(plain_words(event.info(), &tree, issuer, &self.people, &[]))
    }
}
