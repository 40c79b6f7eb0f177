//! Keys that stay in ssh-agent: two messages of its protocol (draft-ietf-sshm-ssh-agent), list and
//! sign.
//!
//! An Ed25519 key in the agent signs what it is given, as it is: the raw 64 bytes are what COSE
//! needs. What we have signed begins with bytes that no SSH login or file signature begins with, so
//! neither passes for the other.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use probity_schemas::Identity;
use probity_statement::{PublicKey, SIGNATURE_LENGTH, Signer, SigningError};
use probity_terminal::{keyfile, wrong_use};
use sha2::{Digest, Sha256};

/// How a key in the agent is named: `agent:` and its comment, the path of its public half, or its
/// `SHA256:` fingerprint.
const SCHEME: &str = "agent:";
/// Where the agent listens.
const SOCKET_VARIABLE: &str = "SSH_AUTH_SOCK";
/// The agent may ask its owner before it signs.
const PATIENCE: Duration = Duration::from_secs(120);
/// As OpenSSH limits it.
const MAX_MESSAGE: usize = 256 << 10;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const ED25519: &[u8] = b"ssh-ed25519";

/// An Ed25519 key that an agent holds.
#[derive(Debug, Clone)]
pub(crate) struct AgentKey {
    socket: PathBuf,
    blob: Vec<u8>,
    comment: String,
    public: PublicKey,
}

/// The part after `agent:` where a key is named that way.
pub(crate) fn selector(key: &str) -> Option<&str> {
    key.strip_prefix(SCHEME)
}

/// Finds a key in the agent. Where it is named by a public key file of ours, that file says whose
/// it is.
pub(crate) fn find(selector: &str) -> Result<(AgentKey, Option<Identity>)> {
    let socket = env::var_os(SOCKET_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let socket = socket.ok_or_else(|| wrong_use!("{SOCKET_VARIABLE} is not set: no ssh-agent is running here"))?;
    let keys = list(&socket)?;
    let (public, identity) = public_file(selector)?;
    let is_meant = |key: &AgentKey| match &public {
        Some(public) => key.public == *public,
        None => selector.is_empty() || key.comment == selector || key.fingerprint() == selector,
    };
    let mut found: Vec<AgentKey> = keys.iter().filter(|key| is_meant(key)).cloned().collect();
    match (found.len(), found.pop()) {
        (1, Some(key)) => Ok((key, identity)),
        (0, _) if keys.is_empty() => Err(wrong_use!("the ssh-agent holds no Ed25519 key; add one with ssh-add")),
        (count, _) => {
            let names = |key: &AgentKey| format!("{} ({})", key.fingerprint(), key.comment);
            let known: Vec<String> = keys.iter().map(names).collect();
            let what = if count == 0 { "names no key" } else { "names more than one key" };
            Err(wrong_use!("{SCHEME}{selector} {what} of the ssh-agent; it holds {}", known.join(", ")))
        }
    }
}

/// The public key in the file that a selector names, in either form: OpenSSH's, or ours with the
/// identity above it.
fn public_file(selector: &str) -> Result<(Option<PublicKey>, Option<Identity>)> {
    let path = Path::new(selector);
    // The private half may be named, as with ssh -i, and need not be there; what is read is the
    // public one beside it.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    let beside = PathBuf::from(beside);
    let path = if beside.is_file() { &beside } else { path };
    if selector.is_empty() || !path.is_file() {
        return Ok((None, None));
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(encoded) = text.trim_start().strip_prefix("ssh-ed25519 ") {
        let encoded = encoded.split_whitespace().next().unwrap_or_default();
        let blob = STANDARD.decode(encoded).with_context(|| format!("{} is no public key", path.display()))?;
        return Ok((Some(public_of(&blob).with_context(|| path.display().to_string())?), None));
    }
    let public = keyfile::read_public(path)?;
    Ok((Some(public.key), public.identity))
}

impl AgentKey {
    /// What ssh-add calls it.
    pub(crate) fn comment(&self) -> &str {
        &self.comment
    }

    /// The fingerprint as `ssh-add -l` shows it.
    pub(crate) fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    fn ask_to_sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH]> {
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &self.blob);
        put(&mut request, message);
        request.extend([0; 4]);
        let answer = exchange(&self.socket, &request)?;
        let Some((&SIGN_RESPONSE, mut rest)) = answer.split_first() else {
            bail!("the ssh-agent refuses to sign with {} ({})", self.comment, self.fingerprint());
        };
        let mut signature = take(&mut rest)?;
        ensure!(take(&mut signature)? == ED25519, "the ssh-agent gave another kind of signature");
        Ok(take(&mut signature)?.try_into()?)
    }
}

impl Signer for AgentKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH], SigningError> {
        self.ask_to_sign(message).map_err(SigningError::new)
    }
}

/// The Ed25519 keys the agent holds. Others, also those on security keys, sign something else than
/// the message.
fn list(socket: &Path) -> Result<Vec<AgentKey>> {
    let answer = exchange(socket, &[REQUEST_IDENTITIES])?;
    let Some((&IDENTITIES_ANSWER, mut rest)) = answer.split_first() else {
        bail!("the ssh-agent does not list its keys");
    };
    let (count, after) = rest.split_first_chunk().ok_or_else(cut_short)?;
    rest = after;
    let mut keys = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (blob, comment) = (take(&mut rest)?, take(&mut rest)?);
        if let Ok(public) = public_of(blob) {
            let comment = String::from_utf8_lossy(comment).into_owned();
            keys.push(AgentKey { socket: socket.to_owned(), blob: blob.to_vec(), comment, public });
        }
    }
    Ok(keys)
}

/// The key in SSH's form of it (RFC 8709 §4).
fn public_of(mut blob: &[u8]) -> Result<PublicKey> {
    ensure!(take(&mut blob)? == ED25519, "not an Ed25519 key");
    let key: [u8; 32] = take(&mut blob)?.try_into()?;
    ensure!(blob.is_empty(), "more than an Ed25519 key");
    Ok(PublicKey::from_bytes(&key)?)
}

fn exchange(socket: &Path, request: &[u8]) -> Result<Vec<u8>> {
    let talk = || -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut message = Vec::with_capacity(request.len() + 4);
        put(&mut message, request);
        stream.write_all(&message)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_MESSAGE {
            return Err(std::io::Error::other("its answer is too long"));
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    talk().with_context(|| format!("cannot speak to the ssh-agent at {}", socket.display()))
}

/// A string of SSH (RFC 4251 §5): its length in four bytes, then its bytes.
fn put(message: &mut Vec<u8>, string: &[u8]) {
    message.extend((string.len() as u32).to_be_bytes());
    message.extend(string);
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let (length, after) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let (string, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(cut_short)?;
    *rest = after;
    Ok(string)
}

fn cut_short() -> anyhow::Error {
    anyhow!("the ssh-agent's answer is cut short")
}
