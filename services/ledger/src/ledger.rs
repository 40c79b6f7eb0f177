//! The read side: entries, receipts, checkpoints and proofs of what is committed.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use probity_admission::Rights;
use probity_log::{Backend, Block, BlockReader, Head, ReadError};
use probity_query::{Access, AccessDenied, Caller, Member, Scope, scope_of};
use probity_schemas::{Identity, Namespace, NamespacePattern};
use probity_statement::{LedgerKeys, RootSignature, SecretKey, SignedStatement};
use probity_tlog::{BlockTree, ConsistencyProof, Hash, InclusionProof, NodeReader, SignedCheckpoint, leaf_hash};
use tokio::sync::watch;

use crate::committed::CommittedBlock;
use crate::error::with_causes;
use crate::index::stated_by;
use crate::index_store::{IndexTree, StoreError};

/// Why a question is not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadFault {
    /// No statement there.
    #[error("there is no statement at index {index}; the ledger has {size}")]
    NoSuchEntry {
        /// The index asked for.
        index: u64,
        /// The tree size.
        size: u64,
    },
    /// No block there.
    #[error("there is no block at height {height}")]
    NoSuchHeight {
        /// The height asked for.
        height: u64,
    },
    /// No proof that one statement is in a tree of that size.
    #[error("there is no proof for index {index} in a tree of {of}; the ledger has {size} statements")]
    NoInclusion {
        /// The index asked for.
        index: u64,
        /// The size asked for.
        of: u64,
        /// The tree size.
        size: u64,
    },
    /// No proof that one tree extends another.
    #[error("there is no proof from size {first} to size {second}; the ledger has {size} statements")]
    NoConsistency {
        /// The smaller size asked for.
        first: u64,
        /// The larger size asked for.
        second: u64,
        /// The tree size.
        size: u64,
    },
    /// A range that is empty the wrong way round, or goes beyond the tree.
    #[error("there are no statements {start}..{end}; the ledger has {size} statements")]
    NoSuchRange {
        /// The first index asked for.
        start: u64,
        /// The index after the last one asked for.
        end: u64,
        /// The tree size.
        size: u64,
    },
    /// The caller may not read this.
    #[error("{identity} may not read the whole ledger; it takes a reading role such as auditor in all namespaces (*)")]
    NotAllowed {
        /// Who asked.
        identity: Identity,
    },
    /// The caller may read what a statement is about, and not all that it names.
    #[error(
        "the statement at index {index} names what is in namespaces that {identity} does not see; its hash, receipt and \
         proofs can be had"
    )]
    NamesOthers {
        /// The index.
        index: u64,
        /// Who asked.
        identity: Identity,
    },
    /// The caller's certificate is mapped to nobody.
    #[error("the client certificate is mapped to no identity; add it to [[access.certificate]]")]
    Unidentified,
    /// What is stored does not lead to the signed root.
    #[error("what is stored for index {index} does not lead to the signed root; run `probity verify`")]
    Damaged {
        /// The index.
        index: u64,
    },
    /// Receipts are signed, and this process holds no keys.
    #[error("this server only follows the ledger and holds no receipt key; ask a registrar")]
    NoReceiptKey,
    /// The log could not be read.
    #[error("{}", with_causes(.0.as_ref()))]
    Log(#[from] Arc<ReadError>),
    /// The index could not be read.
    #[error("{}", with_causes(.0.as_ref()))]
    Index(#[from] Arc<StoreError>),
}

impl From<ReadError> for ReadFault {
    fn from(error: ReadError) -> Self {
        Self::Log(Arc::new(error))
    }
}

/// The committed part of one ledger, for any number of readers.
#[derive(Debug)]
pub struct Ledger {
    backend: Arc<dyn Backend>,
    keys: LedgerKeys,
    /// `None` in a process that only follows.
    receipt_key: Option<SecretKey>,
    head: watch::Sender<Head>,
    rights: RwLock<Rights>,
    /// The index of event ids, for what one issuer stated.
    ids: Mutex<IndexTree>,
    /// Those that receipts were asked for lately.
    signatures: Mutex<Signatures>,
}

/// The root of a block by its height, and the signature that the block's receipts share.
type Signatures = HashMap<u64, (Hash, Arc<RootSignature>)>;

/// How many of them are remembered: some hundred bytes each.
const SIGNATURES: usize = 1_024;

impl Ledger {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        keys: LedgerKeys,
        receipt_key: Option<SecretKey>,
        (head, rights): (Head, Rights),
        ids: IndexTree,
    ) -> Self {
        let (head, rights, ids) = (watch::Sender::new(head), RwLock::new(rights), Mutex::new(ids));
        Self { backend, keys, receipt_key, head, rights, ids, signatures: Mutex::default() }
    }

    /// The log that it reads.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    fn reader(&self) -> &BlockReader {
        self.backend.reader()
    }

    /// The public keys that the ledger was founded with.
    pub fn keys(&self) -> &LedgerKeys {
        &self.keys
    }

    /// The newest committed block.
    pub fn head(&self) -> Head {
        *self.head.borrow()
    }

    /// Shows readers a block that has become durable.
    pub fn publish_head(&self, head: Head) {
        self.head.send_replace(head);
    }

    fn rights(&self) -> Rights {
        self.rights.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes who may read what; `rights` follow from what is durable, not from what is on its
    /// way.
    pub fn publish_rights(&self, rights: Rights) {
        *self.rights.write().unwrap_or_else(PoisonError::into_inner) = rights;
    }

    /// The ledger's name.
    pub fn origin(&self) -> &str {
        self.keys.origin.as_str()
    }

    /// How many statements are committed.
    pub fn size(&self) -> u64 {
        self.head().tree_size
    }

    /// Whether `caller` may read everything at `now` (Unix seconds).
    ///
    /// # Errors
    /// They may not, or it is not known who they are.
    pub fn may_read_all(&self, caller: &Caller, now: u64) -> Result<(), ReadFault> {
        match caller {
            Caller::Local => Ok(()),
            Caller::Unmapped => Err(ReadFault::Unidentified),
            Caller::Identified(identity) if self.rights().may_read_all(identity, now) => Ok(()),
            Caller::Identified(identity) => Err(ReadFault::NotAllowed { identity: identity.clone() }),
        }
    }

    /// Whether `identity` may read what it stated itself, at `now` (Unix seconds).
    pub fn may_read_own(&self, identity: &Identity, now: u64) -> bool {
        self.rights().may_read(identity, now)
    }

    /// The block that holds the statement at `index`.
    ///
    /// # Errors
    /// There is none, or the log cannot be read.
    pub fn block_of(&self, index: u64) -> Result<Block, ReadFault> {
        let size = self.size();
        if index >= size {
            return Err(ReadFault::NoSuchEntry { index, size });
        }
        Ok(self.reader().block_of(index)?)
    }

    /// Makes sure that the statement at `index` of `block` is the one under the signed root: a file
    /// may have been changed since it was opened, or before a copy of it was made.
    ///
    /// # Errors
    /// It is another one, or the nodes of the tree are damaged.
    pub fn is_in_tree(&self, block: &Block, index: u64) -> Result<(), ReadFault> {
        let node = self.reader().tiles().node(0, index);
        match (block.statement(index), node) {
            (Some(statement), Ok(node)) if leaf_hash(statement) == node => Ok(()),
            _ => Err(ReadFault::Damaged { index }),
        }
    }

    /// The indices within `range` of what an issuer stated, in order. Reads the index, and the few last blocks
    /// that are not in it yet.
    ///
    /// # Errors
    /// The index or the log cannot be read, or nobody waits for it any more.
    pub fn stated_by(
        &self,
        issuer: &Identity,
        range: Range<u64>,
        given_up: &AtomicBool,
    ) -> Result<VecDeque<u64>, ReadFault> {
        let Some(number) = self.rights().issuer_number(issuer) else { return Ok(VecDeque::new()) };
        let (mut found, cursor) = {
            // A scan changes nothing.
            let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            stated_by(&ids, number, &range, given_up).map_err(Arc::new)?
        };
        let (first, head) = (cursor.map_or(0, |cursor| cursor.next_height), self.head().height);
        for height in first..=head {
            let block = self.reader().block(height)?;
            let is_theirs = |statement: &[u8]| {
                let statement = SignedStatement::parse(Bytes::copy_from_slice(statement));
                statement.is_ok_and(|statement| statement.issuer() == issuer)
            };
            let places = (block.first_index()..).zip(block.statements());
            found.extend(
                places
                    .filter(|(index, statement)| range.contains(index) && is_theirs(statement))
                    .map(|(index, _)| index),
            );
        }
        found.sort_unstable();
        found.dedup();
        Ok(found.into())
    }

    /// What `caller` may read at `now` (Unix seconds) of what is about subjects in namespaces.
    ///
    /// # Errors
    /// Nothing at all.
    pub fn scope_of(&self, caller: &Caller, now: u64) -> Result<Scope, ReadFault> {
        scope_of(self, caller, now).map_err(|denied| match denied {
            // What is out of sight is said of what was asked, never of a caller.
            AccessDenied::Unidentified | AccessDenied::OutOfSight { .. } => ReadFault::Unidentified,
            AccessDenied::NoRole { identity } | AccessDenied::NotYours { identity } => {
                ReadFault::NotAllowed { identity }
            }
        })
    }

    /// The block at `height`; the newest for `None`.
    ///
    /// # Errors
    /// There is none, or the log cannot be read.
    pub fn block_at(&self, height: Option<u64>) -> Result<Block, ReadFault> {
        let newest = self.head().height;
        match height.unwrap_or(newest) {
            height if height > newest => Err(ReadFault::NoSuchHeight { height }),
            height => Ok(self.reader().block(height)?),
        }
    }

    /// The block of a statement, with what makes receipts for it: the same bytes as when it was
    /// recorded.
    ///
    /// # Errors
    /// There is no such statement, the log cannot be read or is damaged, or this process has no
    /// receipt key.
    pub async fn committed_block(self: &Arc<Self>, index: u64) -> Result<CommittedBlock, ReadFault> {
        let ledger = self.clone();
        let task = tokio::task::spawn_blocking(move || ledger.rebuild(index));
        task.await.map_err(|_| ReadFault::from(ReadError::Abandoned))?
    }

    fn rebuild(&self, index: u64) -> Result<CommittedBlock, ReadFault> {
        let receipt_key = self.receipt_key.as_ref().ok_or(ReadFault::NoReceiptKey)?;
        let block = self.block_of(index)?;
        let damaged = || ReadFault::Damaged { index };
        let before = self.reader().tiles().frontier(block.first_index()).map_err(|_| damaged())?;
        let leaves: Vec<Hash> = block.statements().map(leaf_hash).collect();
        let tree = BlockTree::new(&before, &leaves);
        // The stored nodes are a cache: never sign a root that the checkpoint key has not signed.
        let signed = self.keys.checkpoint_verifier().ok();
        let signed = signed.and_then(|verifier| verifier.open(block.checkpoint()).ok());
        match signed {
            Some(signed) if signed.checkpoint.root == tree.root() => {
                Ok(CommittedBlock::new(block, tree, &self.keys.origin, receipt_key))
            }
            _ => Err(damaged()),
        }
    }

    /// The receipt of the statement at `index` and the tree size it is for. Blocks, and reads files.
    ///
    /// # Errors
    /// As [`Ledger::committed_block`].
    pub fn receipt(&self, index: u64) -> Result<(Vec<u8>, u64), ReadFault> {
        let block = self.block_of(index)?;
        Ok((self.receipt_in(&block, index)?, block.tree_size()))
    }

    /// The receipt of a statement of a block: the same bytes as when it was recorded, from the stored nodes of the tree.
    ///
    /// # Errors
    /// It is not in the block, the nodes or the block are damaged, or this process has no receipt key.
    pub fn receipt_in(&self, block: &Block, index: u64) -> Result<Vec<u8>, ReadFault> {
        let damaged = ReadFault::Damaged { index };
        let Some(leaf) = block.statement(index).map(leaf_hash) else { return Err(damaged) };
        let Ok(proof) = probity_tlog::inclusion_proof(self.reader().tiles(), index, block.tree_size()) else {
            return Err(damaged);
        };
        let Ok(root) = proof.root(&leaf) else { return Err(damaged) };
        let signature = self.signature_of(block, root)?;
        signature.and_then(|signature| signature.inclusion_receipt(&proof)).ok_or(damaged)
    }

    /// The signature that the receipts of a block share; `None` where this is not its root.
    fn signature_of(&self, block: &Block, root: Hash) -> Result<Option<Arc<RootSignature>>, ReadFault> {
        let receipt_key = self.receipt_key.as_ref().ok_or(ReadFault::NoReceiptKey)?;
        let known = |signatures: &Signatures| {
            signatures.get(&block.height()).filter(|(of, _)| *of == root).map(|(_, signature)| signature.clone())
        };
        if let Some(signature) = known(&self.signatures.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(Some(signature));
        }
        // The stored nodes are a cache: never sign a root that the checkpoint key has not signed.
        let signed = self.keys.checkpoint_verifier().ok();
        let signed = signed.and_then(|verifier| verifier.open(block.checkpoint()).ok());
        let is_signed = |signed: &SignedCheckpoint| {
            signed.checkpoint.root == root && signed.checkpoint.size == block.tree_size() && signed.time == block.time()
        };
        if !signed.is_some_and(|signed| is_signed(&signed)) {
            return Ok(None);
        }
        let signature = RootSignature::sign(receipt_key, self.origin(), block.tree_size(), &root, block.time());
        let signature = Arc::new(signature);
        let mut signatures = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        if signatures.len() >= SIGNATURES {
            signatures.clear();
        }
        signatures.insert(block.height(), (root, signature.clone()));
        Ok(Some(signature))
    }

    /// The proof that the statement at `index` is in the tree of `size` (0 for the newest), and its
    /// leaf.
    ///
    /// # Errors
    /// There is no such proof, or the nodes of the tree are damaged.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<(InclusionProof, Hash), ReadFault> {
        let current = self.size();
        let size = if size == 0 { current } else { size };
        if size > current || index >= size {
            return Err(ReadFault::NoInclusion { index, of: size, size: current });
        }
        let tiles = self.reader().tiles();
        let damaged = |_| ReadFault::Damaged { index };
        let leaf = tiles.node(0, index).map_err(damaged)?;
        let proof = probity_tlog::inclusion_proof(tiles, index, size);
        Ok((proof.map_err(|_| ReadFault::Damaged { index })?, leaf))
    }

    /// The proof that the tree of `second` (0 for the newest) extends the one of `first`.
    ///
    /// # Errors
    /// There is no such proof, or the nodes of the tree are damaged.
    pub fn consistency_proof(&self, first: u64, second: u64) -> Result<ConsistencyProof, ReadFault> {
        let current = self.size();
        let second = if second == 0 { current } else { second };
        if first == 0 || first > second || second > current {
            return Err(ReadFault::NoConsistency { first, second, size: current });
        }
        let proof = probity_tlog::consistency_proof(self.reader().tiles(), first, second);
        proof.map_err(|_| ReadFault::Damaged { index: first - 1 })
    }
}

impl Access for Ledger {
    fn namespaces(&self, identity: &Identity, now: u64) -> Vec<NamespacePattern> {
        self.rights().namespaces(identity, now)
    }

    fn roles(&self, identity: &Identity, namespace: &Namespace, now: u64) -> Vec<String> {
        self.rights().roles(identity, namespace, now)
    }

    fn roles_for(&self, identity: &Identity, event_type: &str, namespace: &Namespace, now: u64) -> Vec<String> {
        let info = probity_schemas::newest(event_type);
        info.map(|info| self.rights().roles_for(identity, info, namespace, now)).unwrap_or_default()
    }

    fn roster(&self, now: u64) -> Vec<Member> {
        let member = |enrolee: probity_admission::Enrolee| Member {
            identity: enrolee.identity,
            roles: enrolee
                .roles
                .into_iter()
                .map(|held| (held.role.to_string(), held.namespaces, held.until_ms))
                .collect(),
            responsible: enrolee.responsible,
            departed_ms: enrolee.departed_ms,
            has_key: enrolee.has_key,
        };
        self.rights().roster(now).into_iter().map(member).collect()
    }

    fn tree_size(&self) -> u64 {
        self.size()
    }
}
