//! The server's TLS: what its files say, read again when they change.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::config::TlsSection;

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

/// What the files hold.
struct Files {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    fn read(section: &TlsSection) -> Result<Self> {
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("[tls] cannot read {}", path.display()));
        Ok(Self {
            certificate: read(&section.certificate)?,
            private_key: read(&section.private_key)?,
            client_ca: section.client_ca.as_deref().map(read).transpose()?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for file in [Some(&self.certificate), Some(&self.private_key), self.client_ca.as_ref()].into_iter().flatten() {
            hasher.update((file.len() as u64).to_be_bytes());
            hasher.update(file);
        }
        hasher.finalize().into()
    }

    fn config(&self, section: &TlsSection) -> Result<ServerConfig> {
        let of = |path: &Path| format!("[tls] {} is not usable", path.display());
        let chain = certificates(&self.certificate).with_context(|| of(&section.certificate))?;
        let key = PrivateKeyDer::from_pem_slice(&self.private_key).with_context(|| of(&section.private_key))?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match (&self.client_ca, &section.client_ca) {
            (Some(authorities), Some(path)) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(authorities).with_context(|| of(path))? {
                    roots.add(authority).with_context(|| of(path))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.with_context(|| of(path))?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).with_context(|| of(&section.certificate))?;
        config.alpn_protocols.push(b"h2".to_vec());
        Ok(config)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    anyhow::ensure!(!found.is_empty(), "it holds no PEM certificate");
    Ok(found)
}

impl ServerTls {
    /// Reads the files that are configured.
    pub(crate) fn read(section: &TlsSection) -> Result<Self> {
        let files = Files::read(section)?;
        let present = Present { config: Arc::new(files.config(section)?), digest: files.digest() };
        Ok(Self { section: section.clone(), present: RwLock::new(present) })
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
    pub(crate) fn read_again(&self) -> Result<bool> {
        let files = Files::read(&self.section)?;
        let digest = files.digest();
        if self.present.read().unwrap_or_else(PoisonError::into_inner).digest == digest {
            return Ok(false);
        }
        let config = Arc::new(files.config(&self.section)?);
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Present { config, digest };
        Ok(true)
    }
}
