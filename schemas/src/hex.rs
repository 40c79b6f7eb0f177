//! Fixed-length bytes that travel as lower-case hexadecimal text.

use std::{fmt, str::FromStr};

use crate::ParseError;

/// Reads exactly `N` bytes of lower-case hexadecimal digits; one value has one spelling.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

macro_rules! hex_form {
    ($(#[$meta:meta])* $type:ident, $length:literal, $prefix:literal, $form:literal, $pattern:literal) => {
        $(#[$meta])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type([u8; $length]);

        impl $type {
            /// Wraps raw bytes.
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                text.strip_prefix($prefix)
                    .and_then(decode)
                    .map(Self)
                    .ok_or(ParseError::Form { what: stringify!($type), expected: $form })
            }
        }

        text_form!($type, $form, { "pattern": $pattern });
    };
}

hex_form!(
    /// A SHA-256 digest of something that stays outside the record: `sha256:<64 hex digits>`.
    Digest, 32, "sha256:", "sha256:<64 lower-case hex digits>", "^sha256:[0-9a-f]{64}$"
);
hex_form!(
    /// A raw Ed25519 public key (RFC 8032 §5.1.5) as 64 lower-case hex digits. Whether the bytes
    /// are a point on the curve is for the code that verifies with it.
    PublicKey, 32, "", "<64 lower-case hex digits>", "^[0-9a-f]{64}$"
);
hex_form!(
    /// The name of a key: the SHA-256 thumbprint of its COSE_Key (RFC 9679) as 64 lower-case hex
    /// digits.
    Kid, 32, "", "<64 lower-case hex digits>", "^[0-9a-f]{64}$"
);
hex_form!(
    /// A raw Ed25519 signature (RFC 8032 §5.1.6) as 128 lower-case hex digits, unverified.
    Signature, 64, "", "<128 lower-case hex digits>", "^[0-9a-f]{128}$"
);
