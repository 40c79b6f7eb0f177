//! Which sealing keys an event's texts are sealed under, read off its bytes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memmem;

const MARK: &[u8] = b"sealed:";

/// How every sealed text begins: a tagged COSE_Encrypt0 (RFC 9052 §5.2) whose protected header is `{1: 24, 4: kid}`.
const HEAD: [u8; 9] = [0xd0, 0x83, 0x56, 0xa2, 0x01, 0x18, 0x18, 0x04, 0x50];

/// Base64 digits that hold the head and the 16 bytes of the key's id.
const DIGITS: usize = 36;

/// The ids of the keys of all sealed texts in the bytes. The vocabulary refuses texts that only look sealed.
pub(crate) fn key_ids(payload: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    memmem::find_iter(payload, MARK).filter_map(|at| {
        let digits = payload.get(at + MARK.len()..at + MARK.len() + DIGITS)?;
        let bytes = URL_SAFE_NO_PAD.decode(digits).ok()?;
        let kid = bytes.strip_prefix(&HEAD)?.first_chunk()?;
        Some(*kid)
    })
}
