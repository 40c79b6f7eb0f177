//! Where a server is.

use std::fmt;
use std::str::FromStr;

use tonic::transport::{self, Uri};

/// The scheme, host and port of a server. Two spellings of one address are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address(Uri);

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// There is none.
    #[error("no server address was given")]
    Missing,
    /// It is not a URI with scheme `http` or `https` and a host.
    #[error("{address:?} is not an address such as http://127.0.0.1:7170")]
    Malformed {
        /// The address.
        address: String,
    },
    /// The caller's configuration does not suit it.
    #[error("the connection to {address} cannot be configured")]
    Configuration {
        /// The address.
        address: String,
        /// What is wrong with it.
        source: transport::Error,
    },
}

impl Address {
    /// For [`Endpoint`](transport::Endpoint).
    pub(crate) fn uri(&self) -> Uri {
        self.0.clone()
    }

    /// The host, without the port.
    pub(crate) fn host(&self) -> Option<&str> {
        self.0.host()
    }

    /// Whether what is sent there is encrypted and the server proves who it is.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed { address: text.to_owned() };
        let uri: Uri = text.trim().parse().map_err(|_| malformed())?;
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) => {
                let bare = Uri::builder().scheme(scheme).authority(authority.clone()).path_and_query("/").build();
                bare.map(Self).map_err(|_| malformed())
            }
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}", self.0.scheme_str().unwrap_or_default())
    }
}
