//! The mapping of faults in reading to gRPC status: once, for every variant, without a wildcard.

use probity_log::ReadError;
use probity_proto::{Code, Verdict};
use tonic::Status;

use crate::ledger::ReadFault;

impl From<&ReadFault> for Verdict {
    fn from(fault: &ReadFault) -> Self {
        let with = |code, reason| Verdict::new(code, reason, fault);
        match fault {
            ReadFault::NoSuchEntry { index, size } => {
                with(Code::NotFound, "NO_SUCH_ENTRY").with("index", index).with("tree_size", size)
            }
            ReadFault::NoSuchHeight { height } => with(Code::NotFound, "NO_SUCH_HEIGHT").with("height", height),
            ReadFault::NoInclusion { size, .. }
            | ReadFault::NoConsistency { size, .. }
            | ReadFault::NoSuchRange { size, .. } => with(Code::OutOfRange, "OUT_OF_RANGE").with("tree_size", size),
            ReadFault::NotAllowed { .. } | ReadFault::NamesOthers { .. } => {
                with(Code::PermissionDenied, "MAY_NOT_READ")
            }
            ReadFault::Unidentified => with(Code::Unauthenticated, "UNIDENTIFIED"),
            ReadFault::Damaged { .. } => with(Code::DataLoss, "DAMAGED"),
            ReadFault::NoReceiptKey => with(Code::Unavailable, "NO_RECEIPT_KEY"),
            ReadFault::Index(_) => with(Code::Unavailable, "INDEX_UNREADABLE"),
            ReadFault::Log(error) => match error.as_ref() {
                ReadError::Damaged { .. } => with(Code::DataLoss, "DAMAGED"),
                ReadError::NoSuchBlock { .. }
                | ReadError::NoSuchStatement { .. }
                | ReadError::Storage(_)
                | ReadError::Abandoned => with(Code::Unavailable, "LOG_UNREADABLE"),
            },
        }
    }
}

impl From<ReadFault> for Status {
    fn from(fault: ReadFault) -> Self {
        Verdict::from(&fault).into()
    }
}
