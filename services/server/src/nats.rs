//! How commands are told where NATS is.

use std::path::PathBuf;

use clap::Args;

use crate::config::NatsSection;

/// The NATS servers whose stream carries the ledger's blocks. A user's password comes from
/// PROBITY_NATS__PASSWORD.
#[derive(Debug, Clone, Default, Args)]
pub struct NatsArgs {
    /// Addresses of NATS servers of one cluster, such as nats://a:4222,nats://b:4222.
    #[arg(long = "nats", value_name = "URL", value_parser = without_secrets)]
    pub(crate) url: Option<String>,
    /// Credentials file for NATS (JWT and nkey seed), as nsc writes it.
    #[arg(long = "nats-credentials", value_name = "FILE", requires = "url")]
    credentials: Option<PathBuf>,
    /// File that holds an nkey seed for NATS.
    #[arg(long = "nats-nkey", value_name = "FILE", requires = "url")]
    nkey: Option<PathBuf>,
    /// User name for NATS; the password comes from the environment variable PROBITY_NATS__PASSWORD.
    #[arg(long = "nats-user", value_name = "USER", requires = "url")]
    user: Option<String>,
    /// PEM certificates of the authority that the NATS servers' certificates come from; TLS is
    /// required then.
    #[arg(long = "nats-ca", value_name = "PEM", requires = "url")]
    ca: Option<PathBuf>,
    /// PEM client certificate for NATS.
    #[arg(long = "nats-certificate", value_name = "PEM", requires = "private_key")]
    certificate: Option<PathBuf>,
    /// PEM private key of the client certificate.
    #[arg(long = "nats-private-key", value_name = "PEM", id = "private_key", requires = "certificate")]
    private_key: Option<PathBuf>,
}

/// Refuses an address that holds a user or a password: the client would not use them, and messages show
/// addresses.
fn without_secrets(url: &str) -> Result<String, &'static str> {
    match url.contains('@') {
        true => Err("it holds a user or password; give --nats-user, and PROBITY_NATS__PASSWORD in the environment"),
        false => Ok(url.to_owned()),
    }
}

impl NatsArgs {
    /// Lays what was given over a section of the configuration.
    pub(crate) fn over(self, section: Option<NatsSection>) -> Option<NatsSection> {
        let Some(url) = self.url else { return section };
        let NatsSection { password, monitoring, advertise, .. } = section.unwrap_or_default();
        let Self { url: _, credentials, nkey, user, ca, certificate, private_key } = self;
        Some(NatsSection {
            url,
            credentials,
            nkey,
            user,
            password,
            ca,
            certificate,
            private_key,
            monitoring,
            advertise,
        })
    }

    /// The flags that were given, with their values.
    pub(crate) fn flags(&self) -> Vec<(&'static str, String)> {
        let Self { url, credentials, nkey, user, ca, certificate, private_key } = self;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let flags = [
            ("--nats", url.clone()),
            ("--nats-credentials", path(credentials)),
            ("--nats-nkey", path(nkey)),
            ("--nats-user", user.clone()),
            ("--nats-ca", path(ca)),
            ("--nats-certificate", path(certificate)),
            ("--nats-private-key", path(private_key)),
        ];
        flags.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect()
    }

    /// As given, with the password from the environment.
    pub(crate) fn section(self) -> Option<NatsSection> {
        let password = std::env::var("PROBITY_NATS__PASSWORD").ok();
        self.over(None).map(|section| NatsSection { password, ..section })
    }
}
