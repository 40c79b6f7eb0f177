//! The gRPC interface: what is generated from `probity/v1/*.proto`, and the conversions to our own
//! types, once. Nothing here opens a connection: the client library is `probity-client`.

mod convert;
mod json;
mod reason;
mod verdict;

pub use convert::MalformedMessage;
pub use reason::{Reason, retry_after};
pub use tonic::Code;
pub use verdict::Verdict;

/// Package `probity.v1`.
#[allow(missing_docs, clippy::pedantic, reason = "generated; the documentation is in the .proto files")]
pub mod v1 {
    tonic::include_proto!("probity.v1");

    /// The encoded `FileDescriptorSet` of this package, for server reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
