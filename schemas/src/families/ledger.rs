//! The ledger's own life.

use crate::{
    Digest, Identity, Kid, NonEmpty, Origin, PublicKey, Signature,
    SubjectKind::Ledger,
    Text, Timestamp, Title,
    story::{self, day, digest, hex},
};

record! {
    /// The keys a ledger signs with.
    pub struct LedgerKeys {
        /// Signs checkpoints.
        checkpoint: PublicKey,
        /// Signs the time of checkpoints.
        clock: PublicKey,
        /// Signs receipts.
        receipt: PublicKey,
    }
}

record! {
    /// One of the first who may enrol others.
    pub struct Administrator {
        /// Who.
        identity: Identity,
        /// Their key.
        public_key: PublicKey,
        /// Its name.
        kid: Kid,
    }
}

record! {
    /// Keys kept away from everything, good for enrolling administrators and for nothing else.
    pub struct Recovery {
        /// How many of them have to sign.
        threshold: u32,
        /// The keys.
        keys: NonEmpty<PublicKey>,
    }
}

record! {
    /// The last that is known of a ledger.
    pub struct LedgerHead {
        /// Its name.
        origin: Origin,
        /// How many statements it holds.
        tree_size: u64,
        /// The root over them.
        root: Digest,
    }
}

record! {
    /// A state of this ledger.
    pub struct TreeHead {
        /// How many statements it holds.
        tree_size: u64,
        /// The root over them.
        root: Digest,
    }
}

record! {
    /// A map from every subject of one kind to its statements, as a tree.
    pub struct SubjectMap {
        /// The kind.
        kind: crate::SubjectKind,
        /// The root of the map.
        root: Digest,
        /// How many subjects it holds.
        count: u64,
    }
}

choice! {
    /// Which of a ledger's keys.
    pub enum KeyPurpose {
        /// The one for checkpoints.
        Checkpoint,
        /// The one for times.
        Clock,
        /// The one for receipts.
        Receipt,
    }
}

choice! {
    /// Why a ledger stopped taking statements.
    pub enum HaltReason {
        /// What is stored and what was signed disagree.
        Disagreement,
        /// Statements that were acknowledged are gone.
        AcknowledgedLoss,
        /// The store could not be written.
        StorageFailure,
        /// An act in the log should not have been admitted.
        InadmissibleAct,
    }
}

family! {
    /// What an event of the family `ledger` says.
    pub enum LedgerEvent("ledger");

    /// The first statement of every ledger: its name, its keys and who may begin.
    fact "founded" v 1 on &[Ledger];
    pub struct Founded {
        /// Its name.
        origin: Origin,
        /// The rules that decide admission until others are adopted.
        rule_set: u32,
        /// What it signs with.
        keys: LedgerKeys,
        /// Who may enrol others.
        administrators: NonEmpty<Administrator>,
        /// Whether one administrator has to be enough.
        single_administrator: bool,
        /// What is left when all administrators' keys are lost.
        recovery: Option<Recovery>,
        /// The ledger it goes on from.
        succeeds: Option<LedgerHead>,
    }
    sample {
        "occurred": day(0),
        "subject": story::ledger(),
        "data": {
            "origin": story::ORIGIN,
            "rule_set": 1,
            "keys": {
                "checkpoint": hex("checkpoint key", 32),
                "clock": hex("clock key", 32),
                "receipt": hex("receipt key", 32),
            },
            "administrators": [
                {
                    "identity": story::FIRST_ADMINISTRATOR,
                    "public_key": hex("first administrator", 32),
                    "kid": hex("first administrator kid", 32),
                },
                {
                    "identity": story::SECOND_ADMINISTRATOR,
                    "public_key": hex("second administrator", 32),
                    "kid": hex("second administrator kid", 32),
                },
            ],
            "single_administrator": false,
            "recovery": {
                "threshold": 2,
                "keys": [hex("recovery 1", 32), hex("recovery 2", 32), hex("recovery 3", 32)],
            },
        },
    }

    /// Other rules decide admission from the next statement on.
    fact "rules_adopted" v 1 on &[Ledger];
    pub struct RulesAdopted {
        /// Their number.
        rule_set: u32,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(180),
        "subject": story::ledger(),
        "data": { "rule_set": 2, "reason": "Approvals need a quorum from now on." },
    }

    /// Another key signs from the next block on. The old key signs the statement, the new one
    /// signs `possession`.
    fact "key_rotated" v 1 on &[Ledger];
    pub struct KeyRotated {
        /// Which key.
        purpose: KeyPurpose,
        /// The one that retires.
        old: PublicKey,
        /// The one that takes over.
        new: PublicKey,
        /// A signature by the new key.
        possession: Signature,
    }
    sample {
        "occurred": day(365),
        "subject": story::ledger(),
        "data": {
            "purpose": "receipt",
            "old": hex("receipt key", 32),
            "new": hex("second receipt key", 32),
            "possession": hex("rotation", 64),
        },
    }

    /// The state of the ledger at one point, with what it holds about each kind of subject.
    fact "sealed" v 1 on &[Ledger];
    pub struct Sealed {
        /// How many statements.
        tree_size: u64,
        /// The root over them.
        root: Digest,
        /// Maps from subjects to their statements.
        subject_maps: Vec<SubjectMap>,
    }
    sample {
        "occurred": day(30),
        "subject": story::ledger(),
        "data": {
            "tree_size": 1204,
            "root": digest("root at 1204"),
            "subject_maps": [{ "kind": "model", "root": digest("models at 1204"), "count": 187 }],
        },
    }

    /// An outside authority certified when a checkpoint existed (RFC 3161).
    fact "timestamped" v 1 on &[Ledger];
    pub struct Timestamped {
        /// How many statements the checkpoint covers.
        tree_size: u64,
        /// Its root.
        root: Digest,
        /// Who certified it.
        authority: Title,
        /// The digest of the DER-encoded token, which is kept outside.
        token_digest: Digest,
        /// The time in the token.
        certified_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(31),
        "subject": story::ledger(),
        "data": {
            "tree_size": 1204,
            "root": digest("root at 1204"),
            "authority": "tsa.example",
            "token_digest": digest("token"),
            "certified_at": day(31),
        },
    }

    /// Someone recomputed all of it.
    fact "verified" v 1 on &[Ledger];
    pub struct Verified {
        /// How many statements.
        tree_size: u64,
        /// The root they gave.
        root: Digest,
        /// What they were verified with.
        tool: Option<Text>,
    }
    sample {
        "occurred": day(32),
        "subject": story::ledger(),
        "data": { "tree_size": 1204, "root": digest("root at 1204"), "tool": "probity verify 0.1.0" },
    }

    /// The ledger had stopped. Written once it goes on.
    fact "halted" v 1 on &[Ledger];
    pub struct Halted {
        /// Why.
        reason: HaltReason,
        /// Its last good state.
        last_good: TreeHead,
        /// The height of the first block that is in doubt.
        height: Option<u64>,
        /// What exactly differed.
        detail: Option<Text>,
    }
    sample {
        "occurred": day(210),
        "subject": story::ledger(),
        "data": {
            "reason": "disagreement",
            "last_good": { "tree_size": 9310, "root": digest("root at 9310") },
            "height": 4021,
            "detail": "Block 4021 has another root than its checkpoint.",
        },
    }

    /// The ledger goes on after a halt.
    fact "recovered" v 1 on &[Ledger];
    pub struct Recovered {
        /// Where it goes on from.
        from: TreeHead,
        /// What was done.
        action: Text,
        /// Who decided it.
        decided_by: Vec<Identity>,
    }
    sample {
        "occurred": day(210),
        "subject": story::ledger(),
        "regarding": story::id("ledger.halted"),
        "data": {
            "from": { "tree_size": 9310, "root": digest("root at 9310") },
            "action": "Block 4021 was taken from the replica after its signatures had been checked.",
            "decided_by": [story::FIRST_ADMINISTRATOR, story::SECOND_ADMINISTRATOR],
        },
    }

    /// The ledger goes on from a backup.
    fact "restored" v 1 on &[Ledger];
    pub struct Restored {
        /// The state the backup held.
        from: TreeHead,
        /// When the backup was made.
        backup_taken_at: Option<Timestamp>,
        /// Why it was needed.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(250),
        "subject": story::ledger(),
        "data": {
            "from": { "tree_size": 10877, "root": digest("root at 10877") },
            "backup_taken_at": day(249),
            "reason": "The disk failed.",
        },
    }
}
