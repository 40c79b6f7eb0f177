//! Which servers there are, the connections to them, and which one answered last.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tonic::transport::{self, Channel, Endpoint};

use crate::address::{Address, AddressError};
use probity_proto::v1::registration_service_client::RegistrationServiceClient;

/// Longer than any answer of a server.
const MAX_MESSAGE: usize = 64 << 20;
/// How long a connection may take to come up, unless the caller says otherwise.
const CONNECT: Duration = Duration::from_secs(5);

type Connection = RegistrationServiceClient<Channel>;
type Configure = dyn Fn(Endpoint) -> Result<Endpoint, transport::Error> + Send + Sync;

/// The servers of one ledger.
pub(crate) struct Servers {
    /// At least one.
    configured: Vec<Address>,
    configure: Box<Configure>,
    known: Mutex<KnownServers>,
}

struct KnownServers {
    active: Address,
    connections: HashMap<Address, Connection>,
}

impl Servers {
    pub(crate) fn new(configured: Vec<Address>, configure: Box<Configure>) -> Result<Self, AddressError> {
        let active = configured.first().cloned().ok_or(AddressError::Missing)?;
        let known = Mutex::new(KnownServers { active, connections: HashMap::new() });
        let servers = Self { configured, configure, known };
        // What is wrong with a configuration shows here, not when the second server is needed.
        servers.configured.iter().try_for_each(|address| servers.endpoint(address).map(drop))?;
        Ok(servers)
    }

    pub(crate) fn configured(&self) -> &[Address] {
        &self.configured
    }

    /// The server that answered last, or else the first.
    pub(crate) fn active(&self) -> Address {
        self.known().active.clone()
    }

    pub(crate) fn set_active(&self, address: &Address) {
        self.known().active = address.clone();
    }

    /// The connection to a server. It comes up with the first call.
    pub(crate) fn connection(&self, address: &Address) -> Result<Connection, AddressError> {
        if let Some(connection) = self.known().connections.get(address) {
            return Ok(connection.clone());
        }
        let connection = Connection::new(self.endpoint(address)?.connect_lazy()).max_decoding_message_size(MAX_MESSAGE);
        let mut known = self.known();
        // Of the servers that were not configured the newest is kept: how many there are is not up
        // to us.
        known.connections.retain(|other, _| self.configured.contains(other));
        known.connections.insert(address.clone(), connection.clone());
        Ok(connection)
    }

    /// Drops a connection on which nothing came back; the next attempt makes a new one.
    pub(crate) fn forget(&self, address: &Address) {
        self.known().connections.remove(address);
    }

    fn endpoint(&self, address: &Address) -> Result<Endpoint, AddressError> {
        let endpoint = Endpoint::from(address.uri()).connect_timeout(CONNECT);
        (self.configure)(endpoint)
            .map_err(|source| AddressError::Configuration { address: address.to_string(), source })
    }

    fn known(&self) -> MutexGuard<'_, KnownServers> {
        // Each change is a single assignment, so it is never left half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers").field("configured", &self.configured).finish_non_exhaustive()
    }
}
