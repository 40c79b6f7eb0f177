//! `LogService`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use probity_log::Block;
use probity_proto::v1;
use probity_proto::v1::log_service_server::LogService;
use probity_query::{Caller, QueryError, ReadPool, Scope, is_subject};
use probity_schemas::{Clock, Identity};
use probity_statement::SignedStatement;
use serde_json::Value;
use tonic::{Request, Response, Status};

use crate::ledger::{Ledger, ReadFault};
use crate::replay::cursor_after;

/// Blocks that are read in one go for a list of one issuer's statements.
const BLOCKS_AT_ONCE: u64 = 64;

/// A field of a request that cannot be read.
fn invalid(field: &'static str, reason: &impl ToString) -> Status {
    QueryError::Invalid { field, reason: reason.to_string() }.into()
}

/// The log over gRPC.
#[derive(Debug, Clone)]
pub struct LogHandler {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    pool: ReadPool,
}

impl LogHandler {
    /// Serves `ledger` on the threads of `pool`; the time decides which roles hold.
    pub fn new(ledger: Arc<Ledger>, clock: Arc<dyn Clock>, pool: ReadPool) -> Self {
        Self { ledger, clock, pool }
    }

    /// Runs file reads where they do not hold up other requests.
    async fn blocking<T: Send + 'static>(
        &self,
        caller: &Caller,
        read: impl FnOnce(&Ledger) -> Result<T, ReadFault> + Send + 'static,
    ) -> Result<T, Status> {
        let ledger = self.ledger.clone();
        Ok(self.pool.run(caller, move |_| read(&ledger)).await.map_err(QueryError::from)??)
    }
}

impl LogHandler {
    /// Reads something with an entry, for those who may read it.
    async fn readable<T: Send + 'static>(
        &self,
        caller: &Caller,
        read: impl FnOnce(&Ledger) -> Result<T, ReadFault> + Send + 'static,
        entry: impl FnOnce(&T) -> &v1::Entry,
    ) -> Result<T, Status> {
        let now = self.clock.now();
        let all = self.ledger.may_read_all(caller, now);
        if let (Err(fault), Caller::Local | Caller::Unmapped) = (&all, caller) {
            return Err(fault.clone().into());
        }
        let found = self.blocking(caller, read).await?;
        if let (Err(_), Caller::Identified(identity)) = (all, caller) {
            self.may_read(entry(&found), identity, now)?;
        }
        Ok(found)
    }

    /// Whether someone who may not read the whole ledger may read this: what they stated themselves, and
    /// what is about a subject that they see. A statement is given as it was signed or not at all, so
    /// one that names what they may not see is not given.
    fn may_read(&self, entry: &v1::Entry, identity: &Identity, now: u64) -> Result<(), ReadFault> {
        let statement = SignedStatement::parse(entry.statement.clone());
        let statement = statement.map_err(|_| ReadFault::Damaged { index: entry.index })?;
        if statement.issuer() == identity && self.ledger.may_read_own(identity, now) {
            return Ok(());
        }
        let scope = self.ledger.scope_of(&Caller::Identified(identity.clone()), now)?;
        if !is_subject(statement.subject()) || !scope.covers_subject(statement.subject()) {
            return Err(ReadFault::NotAllowed { identity: identity.clone() });
        }
        let event = statement.event().map_err(|_| ReadFault::Damaged { index: entry.index })?;
        let tree = serde_json::to_value(&event).map_err(|_| ReadFault::Damaged { index: entry.index })?;
        match names_hidden(&tree, &scope) {
            false => Ok(()),
            true => Err(ReadFault::NamesOthers { index: entry.index, identity: identity.clone() }),
        }
    }
}

/// Whether an event names anything in a namespace outside of `scope`: in its fields or in its texts.
fn names_hidden(tree: &Value, scope: &Scope) -> bool {
    match tree {
        Value::String(text) => scope.redact(text) != *text,
        Value::Array(items) => items.iter().any(|item| names_hidden(item, scope)),
        Value::Object(fields) => {
            let namespace = fields.get("namespace").and_then(Value::as_str);
            let outside = |namespace: &str| !namespace.parse().is_ok_and(|namespace| scope.covers(&namespace));
            namespace.is_some_and(outside) || fields.values().any(|field| names_hidden(field, scope))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What is left of a list of entries. No thread is held for it while nobody takes the next entry,
/// and with the stream it is gone.
struct Entries {
    caller: Caller,
    ledger: Arc<Ledger>,
    pool: ReadPool,
    /// The indices of one issuer's statements, once they were looked up.
    issuer: Option<(Identity, Option<VecDeque<u64>>)>,
    /// The next index to read.
    index: u64,
    end: u64,
    read: VecDeque<v1::Entry>,
}

impl Entries {
    /// The next entry; `None` at the end.
    async fn next(&mut self) -> Result<Option<v1::Entry>, Status> {
        while self.read.is_empty() && self.index < self.end {
            let (ledger, from, end) = (self.ledger.clone(), self.index, self.end);
            let Some((issuer, left)) = &mut self.issuer else {
                let read = move |_| block_from(&ledger, from, end);
                (self.read, self.index) = self.pool.run(&self.caller, read).await.map_err(QueryError::from)??;
                continue;
            };
            let (issuer, known) = (issuer.clone(), left.take());
            let read = move |given_up: Arc<AtomicBool>| {
                let mut left = match known {
                    Some(left) => left,
                    None => ledger.stated_by(&issuer, from..end, &given_up)?,
                };
                Ok::<_, ReadFault>((some_of(&ledger, &mut left)?, left))
            };
            let (read, now_left) = self.pool.run(&self.caller, read).await.map_err(QueryError::from)??;
            self.index = now_left.front().copied().unwrap_or(end);
            (self.read, *left) = (read, Some(now_left));
        }
        Ok(self.read.pop_front())
    }
}

/// The entries from an index on that are in its block, and where to read on.
fn block_from(ledger: &Ledger, from: u64, end: u64) -> Result<(VecDeque<v1::Entry>, u64), ReadFault> {
    let block = ledger.block_of(from)?;
    let until = block.tree_size().min(end);
    let entries = (from..until).map(|index| checked(ledger, &block, index)).collect::<Result<_, _>>()?;
    Ok((entries, until))
}

/// The entries at the next of these indices, of some blocks; they are taken from the list.
fn some_of(ledger: &Ledger, left: &mut VecDeque<u64>) -> Result<VecDeque<v1::Entry>, ReadFault> {
    let mut found = VecDeque::new();
    for _ in 0..BLOCKS_AT_ONCE {
        let Some(first) = left.front() else { break };
        let block = ledger.block_of(*first)?;
        while let Some(index) = left.front().copied().filter(|index| *index < block.tree_size()) {
            found.push_back(checked(ledger, &block, index)?);
            left.pop_front();
        }
    }
    Ok(found)
}

/// An entry of a block, which is held against the tree.
fn checked(ledger: &Ledger, block: &Block, index: u64) -> Result<v1::Entry, ReadFault> {
    ledger.is_in_tree(block, index)?;
    entry(block, index).ok_or(ReadFault::Damaged { index })
}

/// Who asks, as the server's transport established it. A request that no transport vouches for is
/// that of an unmapped caller.
fn caller<T>(request: &Request<T>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or(Caller::Unmapped)
}

/// Lets in everyone that the server knows.
fn identified<T>(request: &Request<T>) -> Result<Caller, ReadFault> {
    match caller(request) {
        Caller::Unmapped => Err(ReadFault::Unidentified),
        caller => Ok(caller),
    }
}

fn entry(block: &Block, index: u64) -> Option<v1::Entry> {
    let statement = Bytes::copy_from_slice(block.statement(index)?);
    Some(v1::Entry { index, statement, recorded_at: block.time(), height: block.height() })
}

#[tonic::async_trait]
impl LogService for LogHandler {
    async fn get_ledger(
        &self,
        request: Request<v1::GetLedgerRequest>,
    ) -> Result<Response<v1::GetLedgerResponse>, Status> {
        let caller = identified(&request)?;
        let founding = self.blocking(&caller, |ledger| ledger.block_of(0)).await?;
        let receipt = self.blocking(&caller, |ledger| match ledger.receipt(0) {
            Ok((receipt, _)) => Ok(receipt),
            Err(ReadFault::NoReceiptKey) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        });
        let receipt = receipt.await?;
        let statement = founding.statement(0).map(Bytes::copy_from_slice).unwrap_or_default();
        Ok(Response::new(v1::GetLedgerResponse {
            origin: self.ledger.origin().to_owned(),
            founding_statement: statement,
            founding_receipt: receipt.into(),
        }))
    }

    async fn get_entry(&self, request: Request<v1::GetEntryRequest>) -> Result<Response<v1::Entry>, Status> {
        let caller = caller(&request);
        let index = request.get_ref().index;
        let read = move |ledger: &Ledger| {
            let block = ledger.block_of(index)?;
            checked(ledger, &block, index)
        };
        Ok(Response::new(self.readable(&caller, read, |entry| entry).await?))
    }

    async fn get_entry_with_receipt(
        &self,
        request: Request<v1::GetEntryRequest>,
    ) -> Result<Response<v1::EntryWithReceipt>, Status> {
        let caller = caller(&request);
        let index = request.get_ref().index;
        let read = move |ledger: &Ledger| {
            let block = ledger.block_of(index)?;
            // Its proof leads from the statement to the signed root.
            let receipt = ledger.receipt_in(&block, index)?.into();
            let entry = entry(&block, index).ok_or(ReadFault::Damaged { index })?;
            Ok((entry, block.tree_size(), receipt))
        };
        let (entry, tree_size, receipt) = self.readable(&caller, read, |(entry, ..)| entry).await?;
        Ok(Response::new(v1::EntryWithReceipt { entry: Some(entry), tree_size, receipt }))
    }

    type ListEntriesStream = BoxStream<'static, Result<v1::Entry, Status>>;

    async fn list_entries(
        &self,
        request: Request<v1::ListEntriesRequest>,
    ) -> Result<Response<Self::ListEntriesStream>, Status> {
        let caller = caller(&request);
        let request = request.into_inner();
        let issuer: Option<Identity> = match request.issuer.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|error| invalid("issuer", &error))?),
        };
        let now = self.clock.now();
        let own = match (&caller, &issuer) {
            (Caller::Identified(who), Some(issuer)) => who == issuer && self.ledger.may_read_own(who, now),
            _ => false,
        };
        if !own {
            self.ledger.may_read_all(&caller, now)?;
        }
        let size = self.ledger.size();
        let end = if request.end == 0 { size } else { request.end };
        if request.start > end || end > size {
            return Err(ReadFault::NoSuchRange { start: request.start, end, size }.into());
        }
        let (ledger, pool) = (self.ledger.clone(), self.pool.clone());
        let issuer = issuer.map(|issuer| (issuer, None));
        let entries = Entries { caller, ledger, pool, issuer, index: request.start, end, read: VecDeque::new() };
        let entries = stream::try_unfold(entries, |mut entries| async move {
            Ok(entries.next().await?.map(|entry| (entry, entries)))
        });
        Ok(Response::new(entries.boxed()))
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Result<Response<v1::GetReceiptResponse>, Status> {
        let caller = identified(&request)?;
        let index = request.get_ref().index;
        let (receipt, tree_size) = self.blocking(&caller, move |ledger| ledger.receipt(index)).await?;
        Ok(Response::new(v1::GetReceiptResponse { index, tree_size, receipt: receipt.into() }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let caller = identified(&request)?;
        let height = request.get_ref().height;
        let block = self.blocking(&caller, move |ledger| ledger.block_at(height)).await?;
        let root = cursor_after(&block).ok().map(|cursor| Bytes::copy_from_slice(cursor.root.as_bytes()));
        Ok(Response::new(v1::GetCheckpointResponse {
            checkpoint: block.checkpoint().to_owned(),
            tree_size: block.tree_size(),
            root: root.unwrap_or_default(),
            height: block.height(),
        }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::InclusionProof>, Status> {
        let caller = identified(&request)?;
        let v1::GetInclusionProofRequest { index, tree_size } = request.into_inner();
        let (proof, leaf) = self.blocking(&caller, move |ledger| ledger.inclusion_proof(index, tree_size)).await?;
        Ok(Response::new(v1::InclusionProof::of(&proof, &leaf)))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::ConsistencyProof>, Status> {
        let caller = identified(&request)?;
        let v1::GetConsistencyProofRequest { first, second } = request.into_inner();
        let proof = self.blocking(&caller, move |ledger| ledger.consistency_proof(first, second)).await?;
        Ok(Response::new((&proof).into()))
    }
}
