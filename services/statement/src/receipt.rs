//! Receipts (RFC 9942): what the ledger hands back, and what an outsider checks without asking it.
//!
//! A receipt is a COSE_Sign1 with a detached payload: the root that its proof leads to. All receipts of one block share
//! one protected header and one signature ([`RootSignature`]); only the proofs differ.

use bytes::Bytes;
use probity_tlog::{ConsistencyProof, Hash, InclusionProof, ProofError};

use crate::cbor::{self, CborError, Profile, Reader, Writer};
use crate::keys::{KeyId, PublicKey, SIGNATURE_LENGTH, SecretKey};
use crate::statement::{ALG_ED25519, ALG_EDDSA, sig_structure};

/// COSE header label of the verifiable data structure in use (RFC 9942 §4).
pub(crate) const LABEL_VDS: i64 = 395;
/// COSE header label of the proofs.
pub(crate) const LABEL_PROOFS: i64 = 396;
/// COSE header label of the receipts attached to a transparent statement.
pub(crate) const LABEL_RECEIPTS: i64 = 394;
/// RFC9162_SHA256, the tree these receipts are about.
pub(crate) const VDS_RFC9162_SHA256: u64 = 1;

const INCLUSION: i64 = -1;
const CONSISTENCY: i64 = -2;

/// The ledger's signature over one root, from which every receipt at that tree size is made.
#[derive(Debug, Clone)]
pub struct RootSignature {
    protected: Vec<u8>,
    signature: [u8; SIGNATURE_LENGTH],
    size: u64,
}

impl RootSignature {
    /// Signs `root` of the tree of `size` leaves, recorded at `time` (Unix seconds) by the ledger `origin`.
    pub fn sign(key: &SecretKey, origin: &str, size: u64, root: &Hash, time: u64) -> Self {
        let mut header = Writer::with_capacity(128);
        header.map(4).uint(1).int(ALG_EDDSA).uint(4).bytes(&key.public().id().0);
        header.uint(15).map(4).uint(1).text(origin).uint(2).text(origin).uint(6).uint(time).text("size").uint(size);
        header.int(LABEL_VDS).uint(VDS_RFC9162_SHA256);
        let protected = header.into_bytes();
        let signature = key.sign(&sig_structure(&protected, root.as_bytes()));
        Self { protected, signature, size }
    }

    /// The receipt of one statement. `None` if the proof is not at the signed tree size.
    pub fn inclusion_receipt(&self, proof: &InclusionProof) -> Option<Vec<u8>> {
        (proof.tree_size == self.size).then(|| self.encode(INCLUSION, [proof.tree_size, proof.leaf_index], &proof.path))
    }

    /// The receipt that the signed tree extends an older one. `None` if the proof does not end at the signed tree size.
    pub fn consistency_receipt(&self, proof: &ConsistencyProof) -> Option<Vec<u8>> {
        (proof.second == self.size).then(|| self.encode(CONSISTENCY, [proof.first, proof.second], &proof.path))
    }

    fn encode(&self, label: i64, numbers: [u64; 2], path: &[Hash]) -> Vec<u8> {
        let mut proof = Writer::with_capacity(32 + 34 * path.len());
        proof.array(3).uint(numbers[0]).uint(numbers[1]).array(path.len());
        for hash in path {
            proof.bytes(hash.as_bytes());
        }
        let proof = proof.into_bytes();
        let mut receipt = Writer::with_capacity(proof.len() + self.protected.len() + 96);
        receipt.tag(18).array(4).bytes(&self.protected);
        receipt.map(1).int(LABEL_PROOFS).map(1).int(label).array(1).bytes(&proof);
        receipt.null().bytes(&self.signature);
        receipt.into_bytes()
    }
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptProof {
    /// One statement is in the tree.
    Inclusion(InclusionProof),
    /// The tree extends an older one.
    Consistency(ConsistencyProof),
}

/// A well-formed receipt; its claims hold only once [`verify_inclusion`](Self::verify_inclusion) or
/// [`verify_consistency`](Self::verify_consistency) said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    bytes: Bytes,
    protected: Vec<u8>,
    signature: [u8; SIGNATURE_LENGTH],
    kid: KeyId,
    origin: String,
    time: u64,
    proof: ReceiptProof,
}

/// Why a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not the deterministic CBOR of a receipt.
    #[error("receipt: {0}")]
    Malformed(#[from] CborError),
    /// Another signature algorithm than Ed25519.
    #[error("receipt: signature algorithm {0} is not accepted")]
    Algorithm(i64),
    /// Another verifiable data structure than RFC9162_SHA256.
    #[error("receipt: data structure {0} is not RFC9162_SHA256")]
    DataStructure(u64),
    /// The signed tree size is not the one of the proof.
    #[error("receipt: signed for tree size {claimed}, but its proof is for {proved}")]
    SizeMismatch {
        /// The size in the protected header.
        claimed: u64,
        /// The size in the proof.
        proved: u64,
    },
    /// Issuer and subject of the receipt differ.
    #[error("receipt: issued by {issuer} about {subject}; a ledger speaks about itself")]
    IssuerMismatch {
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
    },
    /// From another ledger than the expected one.
    #[error("receipt: from ledger {found}, not from {expected}")]
    Origin {
        /// The origin that was expected.
        expected: String,
        /// The origin it names.
        found: String,
    },
    /// Signed with another key.
    #[error("receipt: signed with key {found}, not with the ledger's receipt key {expected}")]
    Key {
        /// The key that was expected.
        expected: KeyId,
        /// The key it names.
        found: KeyId,
    },
    /// It proves something else than was asked.
    #[error("receipt: proves {found}, not {expected}")]
    Kind {
        /// What was asked.
        expected: &'static str,
        /// What it holds.
        found: &'static str,
    },
    /// The path does not fit index and size, or leads to another root.
    #[error("receipt: {0}")]
    Proof(#[from] ProofError),
    /// The signature does not verify over the root that the path leads to: the statement is not the one this receipt is
    /// for, or one of them was changed.
    #[error("receipt: the signature does not verify over the root that this statement's path leads to")]
    Signature,
}

impl Receipt {
    /// Parses strictly: nothing but the proof may be unprotected, and every byte must be canonical.
    pub fn parse(bytes: Bytes) -> Result<Self, ReceiptError> {
        cbor::check(&bytes, Profile::ENVELOPE)?;
        let mut reader = Reader::new(&bytes);
        reader.label_tag(18, "tag 18 (COSE_Sign1)")?;
        reader.array_of(4, "the four parts of a COSE_Sign1")?;
        let protected = reader.bytes()?;
        reader.map_of(1, "the proofs and nothing else unprotected")?;
        reader.label(LABEL_PROOFS, "label 396 (proofs)")?;
        reader.map_of(1, "one kind of proof")?;
        let at = reader.position();
        let kind = reader.int()?;
        reader.array_of(1, "one proof")?;
        let proof = read_proof(kind, reader.bytes()?, at)?;
        reader.null()?;
        let signature = reader.byte_array("a signature of 64 bytes")?;
        reader.end()?;

        let header = ReceiptHeader::read(protected)?;
        let proved = match &proof {
            ReceiptProof::Inclusion(proof) => proof.tree_size,
            ReceiptProof::Consistency(proof) => proof.second,
        };
        if header.size != proved {
            return Err(ReceiptError::SizeMismatch { claimed: header.size, proved });
        }
        let (protected, kid, origin, time) = (protected.to_vec(), header.kid, header.origin, header.time);
        Ok(Self { protected, signature, kid, origin, time, proof, bytes })
    }

    /// The receipt as received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The ledger it names.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// When the block was recorded, in Unix seconds.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The key it names.
    pub fn kid(&self) -> KeyId {
        self.kid
    }

    /// What it proves.
    pub fn proof(&self) -> &ReceiptProof {
        &self.proof
    }

    /// Verifies that the statement with this leaf is in the ledger `origin`, and returns the root it leads to.
    pub fn verify_inclusion(&self, key: &PublicKey, origin: &str, leaf: &Hash) -> Result<Hash, ReceiptError> {
        let ReceiptProof::Inclusion(proof) = &self.proof else {
            return Err(ReceiptError::Kind { expected: "inclusion", found: "consistency" });
        };
        let root = proof.root(leaf)?;
        self.verify_root(key, origin, &root)?;
        Ok(root)
    }

    /// Verifies that the tree of `second` root extends the one of `first` root in the ledger `origin`.
    pub fn verify_consistency(
        &self,
        key: &PublicKey,
        origin: &str,
        first: &Hash,
        second: &Hash,
    ) -> Result<(), ReceiptError> {
        let ReceiptProof::Consistency(proof) = &self.proof else {
            return Err(ReceiptError::Kind { expected: "consistency", found: "inclusion" });
        };
        proof.verify(first, second)?;
        self.verify_root(key, origin, second)
    }

    fn verify_root(&self, key: &PublicKey, origin: &str, root: &Hash) -> Result<(), ReceiptError> {
        if self.origin != origin {
            return Err(ReceiptError::Origin { expected: origin.to_owned(), found: self.origin.clone() });
        }
        if self.kid != key.id() {
            return Err(ReceiptError::Key { expected: key.id(), found: self.kid });
        }
        let message = sig_structure(&self.protected, root.as_bytes());
        key.verify(&message, &self.signature).map_err(|_| ReceiptError::Signature)
    }
}

fn read_proof(kind: i64, bytes: &[u8], at: usize) -> Result<ReceiptProof, CborError> {
    cbor::check(bytes, Profile::ENVELOPE)?;
    let mut reader = Reader::new(bytes);
    reader.array_of(3, "two numbers and a path")?;
    let (first, second) = (reader.uint()?, reader.uint()?);
    let path =
        (0..reader.array()?).map(|_| reader.byte_array("a hash of 32 bytes").map(Hash)).collect::<Result<_, _>>()?;
    match kind {
        INCLUSION => Ok(ReceiptProof::Inclusion(InclusionProof { tree_size: first, leaf_index: second, path })),
        CONSISTENCY => Ok(ReceiptProof::Consistency(ConsistencyProof { first, second, path })),
        _ => Err(CborError::Expected { what: "-1 (inclusion) or -2 (consistency)", at }),
    }
}

struct ReceiptHeader {
    kid: KeyId,
    origin: String,
    time: u64,
    size: u64,
}

impl ReceiptHeader {
    fn read(bytes: &[u8]) -> Result<Self, ReceiptError> {
        cbor::check(bytes, Profile::ENVELOPE)?;
        let mut reader = Reader::new(bytes);
        reader.map_of(4, "the headers alg, kid, CWT claims and data structure")?;
        reader.label(1, "label 1 (alg)")?;
        let algorithm = reader.int()?;
        if algorithm != ALG_EDDSA && algorithm != ALG_ED25519 {
            return Err(ReceiptError::Algorithm(algorithm));
        }
        reader.label(4, "label 4 (kid)")?;
        let kid = KeyId(reader.byte_array("a thumbprint of 32 bytes")?);
        reader.label(15, "label 15 (CWT claims)")?;
        reader.map_of(4, "the claims iss, sub, iat and size")?;
        reader.label(1, "claim 1 (iss)")?;
        let issuer = reader.text()?;
        reader.label(2, "claim 2 (sub)")?;
        let subject = reader.text()?;
        if issuer != subject {
            return Err(ReceiptError::IssuerMismatch { issuer: issuer.to_owned(), subject: subject.to_owned() });
        }
        reader.label(6, "claim 6 (iat)")?;
        let time = reader.uint()?;
        let at = reader.position();
        if reader.text()? != "size" {
            return Err(CborError::Expected { what: "claim \"size\"", at }.into());
        }
        let size = reader.uint()?;
        reader.label(LABEL_VDS, "label 395 (data structure)")?;
        let structure = reader.uint()?;
        if structure != VDS_RFC9162_SHA256 {
            return Err(ReceiptError::DataStructure(structure));
        }
        reader.end()?;
        Ok(Self { kid, origin: issuer.to_owned(), time, size })
    }
}
