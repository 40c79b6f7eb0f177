//! The gRPC handlers of the write side and of the log.

mod log;
mod registration;

pub use log::LogHandler;
pub use registration::{RandomBytes, RegistrationHandler};

use probity_query::Caller;
use tonic::Request;

use crate::read::ReadFault;

/// Who asks, as the server's transport established it. A request that no transport vouches for is nobody's.
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
