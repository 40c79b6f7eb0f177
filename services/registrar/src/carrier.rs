//! Where the ledger's blocks go: files of one process, or files and a stream that processes share.

use std::sync::Arc;

use probity_log::{Block, Durability, FileLog, JetStreamLog, Log, Reader};

use crate::duty::Duty;

/// The log of a ledger.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// In local files: this process is the only one that appends.
    Files(Arc<FileLog>),
    /// On a stream: one of several processes appends.
    Stream(Arc<JetStreamLog>),
}

impl Carrier {
    /// The log, for whoever follows it.
    pub fn log(&self) -> Arc<dyn Log> {
        match self {
            Self::Files(log) => log.clone(),
            Self::Stream(log) => log.clone(),
        }
    }

    /// Reads committed blocks.
    pub fn reader(&self) -> &Reader {
        match self {
            Self::Files(log) => log.reader(),
            Self::Stream(log) => log.reader(),
        }
    }

    /// What a process does before anything is known of others.
    pub(crate) fn first_duty(&self) -> Duty {
        match self {
            Self::Files(_) => Duty::Active,
            Self::Stream(_) => Duty::Standby { active: None },
        }
    }

    pub(crate) fn enqueue(&self, block: Block) -> Durability {
        match self {
            Self::Files(log) => log.enqueue(block),
            Self::Stream(log) => log.enqueue(block),
        }
    }

    /// Takes in blocks that another process appended. Files have no other.
    pub(crate) fn adopt(&self, blocks: Vec<Block>) -> Option<Durability> {
        match self {
            Self::Files(_) => None,
            Self::Stream(log) => Some(log.adopt(blocks)),
        }
    }
}
