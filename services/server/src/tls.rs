//! The server's TLS: what its files say, read again when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use crate::config::TlsSection;

/// A file that `[tls]` names and that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("[tls] {key} {}: {fault}", path.display())]
pub(crate) struct TlsError {
    /// The key that names it.
    pub(crate) key: &'static str,
    path: PathBuf,
    fault: TlsFault,
}

/// What is wrong with such a file.
#[derive(Debug, thiserror::Error)]
enum TlsFault {
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("it holds no PEM certificate")]
    NoCertificate,
    #[error("it holds no PEM private key")]
    NoKey,
    #[error("it is no PEM file: {0}")]
    Pem(pem::Error),
    #[error("its private key cannot be used: {0}")]
    Key(rustls::Error),
    #[error("it is the private key of another certificate than the one in {}", certificate.display())]
    OtherKey { certificate: PathBuf },
    #[error("its certificate cannot be used: {0}")]
    Certificate(rustls::Error),
    #[error("it holds no authority that can be used: {0}")]
    Authority(VerifierBuilderError),
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// What new connections are met with.
#[derive(Debug)]
pub(crate) struct ServerTls {
    section: TlsSection,
    present: RwLock<Present>,
}

/// A reading of the files.
#[derive(Debug)]
struct Present {
    config: Arc<ServerConfig>,
    /// SHA-256 of the files' contents, to see whether they change.
    digest: [u8; 32],
}

/// One of the files.
struct PemFile<'s> {
    key: &'static str,
    path: &'s Path,
    bytes: Vec<u8>,
}

impl<'s> PemFile<'s> {
    fn read(key: &'static str, path: &'s Path) -> Result<Self, TlsError> {
        let fault = |source| TlsError { key, path: path.to_owned(), fault: TlsFault::Unreadable(source) };
        Ok(Self { key, path, bytes: std::fs::read(path).map_err(fault)? })
    }

    fn is_wrong(&self, fault: TlsFault) -> TlsError {
        TlsError { key: self.key, path: self.path.to_owned(), fault }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let found = found.map_err(|error| self.is_wrong(TlsFault::Pem(error)))?;
        match found.is_empty() {
            true => Err(self.is_wrong(TlsFault::NoCertificate)),
            false => Ok(found),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| match error {
            pem::Error::NoItemsFound => self.is_wrong(TlsFault::NoKey),
            other => self.is_wrong(TlsFault::Pem(other)),
        })
    }
}

/// What the server shows: its certificate, with the key that belongs to it.
fn shown(certificate: &PemFile<'_>, key: &PemFile<'_>, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let (chain, private) = (certificate.certificates()?, key.private_key()?);
    CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            key.is_wrong(TlsFault::OtherKey { certificate: certificate.path.to_owned() })
        }
        rustls::Error::General(_) => key.is_wrong(TlsFault::Key(error)),
        other => certificate.is_wrong(TlsFault::Certificate(other)),
    })
}

/// What decides whether a client's certificate is let in.
fn verifier(authorities: &PemFile<'_>, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities.certificates()? {
        roots.add(authority).map_err(|error| authorities.is_wrong(TlsFault::Certificate(error)))?;
    }
    let built = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
    built.map_err(|error| authorities.is_wrong(TlsFault::Authority(error)))
}

/// Everything that is wrong with the files that are configured.
pub(crate) fn faults(section: &TlsSection) -> Vec<TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut found = Vec::new();
    let certificate = PemFile::read("certificate", &section.certificate);
    let key = PemFile::read("private_key", &section.private_key);
    match (certificate, key) {
        (Ok(certificate), Ok(key)) => {
            let parts = [certificate.certificates().err(), key.private_key().err()];
            let broken: Vec<_> = parts.into_iter().flatten().collect();
            match broken.is_empty() {
                true => found.extend(shown(&certificate, &key, &provider).err()),
                false => found.extend(broken),
            }
        }
        (certificate, key) => {
            found.extend(certificate.and_then(|file| file.certificates()).err());
            found.extend(key.and_then(|file| file.private_key()).err());
        }
    }
    if let Some(path) = &section.client_ca {
        found.extend(PemFile::read("client_ca", path).and_then(|file| verifier(&file, provider)).err());
    }
    found
}

impl Present {
    fn read(section: &TlsSection) -> Result<Self, TlsError> {
        let certificate = PemFile::read("certificate", &section.certificate)?;
        let key = PemFile::read("private_key", &section.private_key)?;
        let authorities = section.client_ca.as_deref().map(|path| PemFile::read("client_ca", path)).transpose()?;
        let mut hasher = Sha256::new();
        for file in [Some(&certificate), Some(&key), authorities.as_ref()].into_iter().flatten() {
            hasher.update((file.bytes.len() as u64).to_be_bytes());
            hasher.update(&file.bytes);
        }
        let provider = Arc::new(ring::default_provider());
        let shown = shown(&certificate, &key, &provider)?;
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| certificate.is_wrong(TlsFault::Setup(error)))?;
        let builder = match &authorities {
            Some(authorities) => builder.with_client_cert_verifier(verifier(authorities, provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        config.alpn_protocols.push(b"h2".to_vec());
        Ok(Self { config: Arc::new(config), digest: hasher.finalize().into() })
    }
}

impl ServerTls {
    /// Reads the files that are configured.
    pub(crate) fn read(section: &TlsSection) -> Result<Self, TlsError> {
        Ok(Self { section: section.clone(), present: RwLock::new(Present::read(section)?) })
    }

    /// What meets the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.present.read().unwrap_or_else(PoisonError::into_inner).config.clone().into()
    }

    /// Reads the files again; whether they have changed. New connections are met with what they say
    /// now, connections that are there stay as they are.
    ///
    /// # Errors
    /// They cannot be read or used: what was read before goes on.
    pub(crate) fn read_again(&self) -> Result<bool, TlsError> {
        let read = Present::read(&self.section)?;
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let changed = present.digest != read.digest;
        if changed {
            *present = read;
        }
        Ok(changed)
    }
}
