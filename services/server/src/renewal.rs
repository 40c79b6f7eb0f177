//! Certificates and credentials that run out: read again when they change or on SIGHUP, and told
//! about before they end.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use probity_log::JetStreamLog;
use probity_schemas::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use x509_cert::Certificate;

use crate::config::Config;
use crate::tls::{ServerTls, TlsError};

/// How often the files are looked at.
const ROUND: Duration = Duration::from_secs(5);

/// How long before its end something is warned about, in seconds: two weeks, three days, one day.
const AHEAD: [u64; 3] = [14 * 86_400, 3 * 86_400, 86_400];

/// A file that holds something which ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Expiry {
    pub(crate) file: PathBuf,
    /// When the first of what it holds ends, in Unix seconds.
    pub(crate) at: u64,
}

impl Expiry {
    /// Seconds until then; negative once it has passed.
    pub(crate) fn left(&self, now: u64) -> i64 {
        i64::try_from(self.at).unwrap_or(i64::MAX).saturating_sub(i64::try_from(now).unwrap_or(i64::MAX))
    }

    /// How near the end is: 0 while nobody need care, then more, and most once it has passed.
    fn urgency(&self, now: u64) -> usize {
        AHEAD.iter().filter(|ahead| self.at < now.saturating_add(**ahead)).count() + usize::from(self.at <= now)
    }

    /// Whether people should be warned.
    pub(crate) fn is_near(&self, now: u64) -> bool {
        self.urgency(now) > 0
    }

    /// What to say of it.
    pub(crate) fn told(&self, now: u64) -> Told<'_> {
        Told { expiry: self, now }
    }
}

/// What is said of an [`Expiry`].
pub(crate) struct Told<'e> {
    expiry: &'e Expiry,
    now: u64,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.expiry.file.display();
        match self.expiry.left(self.now) {
            left if left <= 0 => write!(f, "{file} has expired {} ago: replace it", span(left.unsigned_abs())),
            left => write!(f, "{file} expires in {}", span(left.unsigned_abs())),
        }
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The files of a server that hold something which may end, with the keys that name them.
pub(crate) fn files(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let mut files = Vec::new();
    if let Some(tls) = &config.tls {
        files.push(("tls.certificate", tls.certificate.clone()));
        files.extend(tls.client_ca.clone().map(|file| ("tls.client_ca", file)));
    }
    if let Some(nats) = &config.nats {
        let named =
            [("nats.credentials", &nats.credentials), ("nats.ca", &nats.ca), ("nats.certificate", &nats.certificate)];
        files.extend(named.into_iter().filter_map(|(key, file)| Some((key, file.clone()?))));
    }
    files
}

/// When the first certificate or JWT in a file ends; `None` where none does, or the file cannot be
/// read: whoever uses it says so.
pub(crate) fn expiry(file: &Path) -> Option<Expiry> {
    let text = std::fs::read_to_string(file).ok()?;
    let at = match probity_log::credentials(&text) {
        Some((jwt, _)) => jwt_expiry(jwt),
        None => certificates_expiry(text.as_bytes()),
    };
    at.map(|at| Expiry { file: file.to_owned(), at })
}

/// `exp` of a JWT (RFC 7519, section 4.1.4), whose signature is the server's business.
fn jwt_expiry(jwt: &str) -> Option<u64> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    claims["exp"].as_u64().filter(|at| *at > 0)
}

/// `notAfter` of the first certificate to end (RFC 5280, section 4.1.2.5).
fn certificates_expiry(pem: &[u8]) -> Option<u64> {
    let chain = Certificate::load_pem_chain(pem).ok()?;
    chain.iter().map(|one| one.tbs_certificate.validity.not_after.to_unix_duration().as_secs()).min()
}

/// Reads the files again whenever they change and on SIGHUP, which also makes a new connection to
/// NATS, and publishes what ends when to the receiver.
pub(super) fn watch_files(
    config: &Config,
    tls: Option<Arc<ServerTls>>,
    stream: Option<Arc<JetStreamLog>>,
    clock: Arc<dyn Clock>,
) -> std::io::Result<(watch::Receiver<Vec<Expiry>>, JoinHandle<()>)> {
    let files = files(config);
    let mut hangups = signal(SignalKind::hangup())?;
    let (sender, receiver) = watch::channel(Vec::new());
    let task = tokio::spawn(async move {
        let mut rounds = tokio::time::interval(ROUND);
        let mut said = Said::default();
        loop {
            let asked = tokio::select! {
                _ = rounds.tick() => false,
                hangup = hangups.recv() => hangup.is_some(),
            };
            if let Some(tls) = &tls {
                said.of_tls(tls.read_again());
            }
            if asked {
                tracing::info!("SIGHUP: certificates and credentials are read again");
                if let Some(stream) = &stream
                    && let Err(error) = stream.reconnect().await
                {
                    tracing::warn!(%error, "there is no new connection to NATS");
                }
            }
            let found: Vec<Expiry> = files.iter().filter_map(|(_, file)| expiry(file)).collect();
            said.of_expiries(&found, clock.now());
            sender.send_replace(found);
        }
    });
    Ok((receiver, task))
}

/// What was said last, so that nothing is said at every look.
#[derive(Debug, Default)]
struct Said {
    fault: String,
    urgencies: HashMap<Expiry, usize>,
}

impl Said {
    fn of_tls(&mut self, read: Result<bool, TlsError>) {
        let fault = match read {
            Ok(true) => {
                tracing::info!("the certificate has changed: new connections are met with it");
                String::new()
            }
            Ok(false) => String::new(),
            Err(error) => error.to_string(),
        };
        if !fault.is_empty() && fault != self.fault {
            tracing::error!(fault, "the changed certificate cannot be used; the one before goes on");
        }
        self.fault = fault;
    }

    fn of_expiries(&mut self, found: &[Expiry], now: u64) {
        let urgencies: HashMap<_, _> = found.iter().map(|expiry| (expiry.clone(), expiry.urgency(now))).collect();
        for (expiry, urgency) in &urgencies {
            if *urgency > self.urgencies.get(expiry).copied().unwrap_or_default() {
                tracing::warn!("{}", expiry.told(now));
            }
        }
        self.urgencies = urgencies;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(left: i64) -> (bool, String) {
        let now: u64 = 1_800_000_000;
        let expiry = Expiry { file: "server.pem".into(), at: now.saturating_add_signed(left) };
        (expiry.is_near(now), expiry.told(now).to_string())
    }

    #[test]
    fn what_ends_soon_is_warned_about_and_says_when() {
        assert_eq!(told(30 * 86_400), (false, "server.pem expires in 30 days".to_owned()));
        assert_eq!(told(10 * 86_400), (true, "server.pem expires in 10 days".to_owned()));
        assert_eq!(told(90), (true, "server.pem expires in 90 s".to_owned()));
        assert_eq!(told(-7_200), (true, "server.pem has expired 2 hours ago: replace it".to_owned()));
    }

    #[test]
    fn it_is_more_urgent_the_nearer_it_is() {
        let urgency = |left: i64| {
            Expiry { file: "f".into(), at: 1_000_000_000_u64.saturating_add_signed(left) }.urgency(1_000_000_000)
        };
        let urgencies = [30 * 86_400, 10 * 86_400, 2 * 86_400, 3_600, -1].map(urgency);
        assert_eq!(urgencies, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_jwt_without_an_end_has_none() {
        let jwt = |claims: &str| format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(jwt_expiry(&jwt(r#"{"exp":1800000000}"#)), Some(1_800_000_000));
        assert_eq!(jwt_expiry(&jwt(r#"{"iat":1}"#)), None);
        assert_eq!(jwt_expiry("no jwt"), None);
    }
}
