//! What the end-to-end suites and the load program share: a ledger of their own, served by the real binary.

pub mod fuzzing;
mod ledger;
pub mod lives;
pub mod nats;
mod people;
pub mod pressure;
pub mod scenario;
mod secured;

pub use ledger::{Carrier, ORIGIN, Server, TestLedger, binary, command, found, register};
pub use nats::free_port;
pub use people::{Signer, enrolment, granting};
pub use secured::{Authority, Issued, Secured, http};
