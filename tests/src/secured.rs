//! Certificates for the tests, and servers that ask for them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::{Server, Signer, TestLedger};

/// A certificate authority of the test's own.
#[derive(Debug)]
pub struct Authority {
    /// Its certificate.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that it issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// PEM.
    pub certificate: String,
    /// PEM of the private key.
    pub key: String,
    /// As `openssl x509 -fingerprint -sha256` prints it.
    pub sha256: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// A certificate for a client of this name.
    pub fn client(&self, name: &str) -> Result<Issued> {
        self.issue(name, ExtendedKeyUsagePurpose::ClientAuth, |_| {})
    }

    /// A certificate for a server on this machine.
    pub fn server(&self) -> Result<Issued> {
        self.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth, |_| {})
    }

    /// The same, changed before it is signed.
    pub fn issue(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<Issued> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.extended_key_usages = vec![purpose];
        change(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let sha256 = openssl_fingerprint(&certificate.pem())?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem(), sha256 })
    }
}

/// The fingerprint as an operator reads it: `openssl x509 -fingerprint -sha256`.
fn openssl_fingerprint(pem: &str) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), pem)?;
    let output =
        Command::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(file.path()).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.trim().split('=').nth(1).context("openssl printed no fingerprint")?.to_owned())
}

/// A configuration file of a server that asks for certificates, and the files it names.
#[derive(Debug)]
pub struct Secured {
    /// Who issues the certificates of both sides.
    pub authority: Authority,
    directory: PathBuf,
    /// What is written into the file besides: sections that are not written here.
    pub more: String,
}

impl Secured {
    /// Files in the directory of `ledger`, with a certificate of the server.
    pub fn new(ledger: &TestLedger) -> Result<Self> {
        let secured =
            Self { authority: Authority::new()?, directory: ledger.home.path().to_owned(), more: String::new() };
        secured.write_server(&secured.authority.server()?)?;
        std::fs::write(secured.path("ca.pem"), &secured.authority.pem)?;
        Ok(secured)
    }

    /// A file beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Replaces the certificate of the server, as an operator does: key and certificate are renamed into place.
    pub fn write_server(&self, issued: &Issued) -> Result<()> {
        for (name, text) in [("server.key.pem", &issued.key), ("server.pem", &issued.certificate)] {
            let partial = self.path("partial");
            std::fs::write(&partial, text)?;
            std::fs::rename(partial, self.path(name))?;
        }
        Ok(())
    }

    /// Writes the configuration with these clients, and starts the server.
    pub fn serve(&self, ledger: &TestLedger, clients: &[(&Signer, &Issued)]) -> Result<Server> {
        let mapping = |(signer, issued): &(&Signer, &Issued)| {
            format!("[[access.certificate]]\nsha256 = {:?}\nidentity = \"{}\"\n", issued.sha256, signer.identity)
        };
        let config = format!(
            "[ledger]\ndirectory = {:?}\n[tls]\ncertificate = {:?}\nprivate_key = {:?}\nclient_ca = {:?}\n{}{}{}",
            ledger.directory(),
            self.path("server.pem"),
            self.path("server.key.pem"),
            self.path("ca.pem"),
            ledger.carrier.section(),
            clients.iter().map(mapping).collect::<String>(),
            self.more,
        );
        let config =
            if config.contains("[listen]") { config } else { format!("{config}[listen]\ngrpc = '0.0.0.0:0'\n") };
        let file = self.path("probity.toml");
        std::fs::write(&file, config)?;
        let mut server = Server::with_config(&file)?;
        server.shares = ledger.carrier.url().is_some();
        Ok(server)
    }

    /// How a client with this certificate connects.
    pub fn endpoint(&self, server: &Server, client: Option<&Issued>) -> Result<Endpoint> {
        let port = server.address.rsplit(':').next().context("no port")?;
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.authority.pem));
        if let Some(client) = client {
            tls = tls.identity(Identity::from_pem(&client.certificate, &client.key));
        }
        Ok(Endpoint::from_shared(format!("https://localhost:{port}"))?.tls_config(tls)?)
    }

    /// A connection with this certificate.
    pub async fn channel(&self, server: &Server, client: &Issued) -> Result<Channel> {
        Ok(self.endpoint(server, Some(client))?.connect().await?)
    }
}

/// What a server's HTTP says at this path, once it can be reached.
pub async fn http(address: &str, path: &str) -> Result<(u16, String)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
    Ok((status, body.to_owned()))
}
