//! The mapping of faults in reading to gRPC status: once, for every variant, without a wildcard.

use probity_log::ReadError;
use probity_proto::{Code, Verdict};
use tonic::Status;

use crate::ledger::ReadFault;

impl From<ReadFault> for Status {
    fn from(fault: ReadFault) -> Self {
        let verdict = match &fault {
            ReadFault::NoSuchEntry { index, size } => {
                Verdict::new(Code::NotFound, "NO_SUCH_ENTRY", &fault).with("index", index).with("tree_size", size)
            }
            ReadFault::NoSuchHeight { height } => {
                Verdict::new(Code::NotFound, "NO_SUCH_HEIGHT", &fault).with("height", height)
            }
            ReadFault::OutOfRange { .. } => Verdict::new(Code::OutOfRange, "OUT_OF_RANGE", &fault),
            ReadFault::NotAllowed { .. } => Verdict::new(Code::PermissionDenied, "MAY_NOT_READ", &fault),
            ReadFault::Unidentified => Verdict::new(Code::Unauthenticated, "UNIDENTIFIED", &fault),
            ReadFault::Damaged { .. } => Verdict::new(Code::DataLoss, "DAMAGED", &fault),
            ReadFault::NoReceiptKey => Verdict::new(Code::Unavailable, "NO_RECEIPT_KEY", &fault),
            ReadFault::Log(error) => match error.as_ref() {
                ReadError::Damaged { .. } => Verdict::new(Code::DataLoss, "DAMAGED", &fault),
                ReadError::NoSuchBlock { .. }
                | ReadError::NoSuchStatement { .. }
                | ReadError::Storage(_)
                | ReadError::Abandoned => Verdict::new(Code::Unavailable, "LOG_UNREADABLE", &fault),
            },
        };
        verdict.into()
    }
}
