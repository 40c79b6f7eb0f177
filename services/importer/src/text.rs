//! Bytes of a file to text. Nothing is replaced or guessed: bytes that are not text in the declared
//! encoding are an error.

use crate::mapping::Encoding;

/// Bytes that are not text in the declared encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A line that can't be decoded.
    #[error("line {line}: the bytes {bytes} are not {encoding}{}", advice(.encoding))]
    Undecodable {
        /// The line, counted from 1.
        line: u64,
        /// The offending bytes in hexadecimal.
        bytes: String,
        /// The encoding that the mapping declares.
        encoding: &'static str,
    },
    /// The file begins as a file in another encoding does.
    #[error("the file is {found}, and the mapping says {declared}; {}", remedy(.found))]
    OtherEncoding {
        /// The encoding by its byte order mark, or by its zero bytes.
        found: &'static str,
        /// The encoding that the mapping declares.
        declared: &'static str,
    },
}

fn advice(encoding: &&'static str) -> &'static str {
    match *encoding {
        UTF_8 => "; if another program wrote it, try encoding = \"windows-1252\" under [source] of the mapping",
        _ => "",
    }
}

fn remedy(found: &&'static str) -> &'static str {
    match *found {
        UTF_8 => "write encoding = \"utf-8\" under [source] of the mapping",
        _ => "save it as UTF-8 and write encoding = \"utf-8\" under [source] of the mapping",
    }
}

const UTF_8: &str = "UTF-8";
const UTF_16_LE: &str = "UTF-16, little endian";
const UTF_16_BE: &str = "UTF-16, big endian";
const UTF_32_LE: &str = "UTF-32, little endian";
const UTF_32_BE: &str = "UTF-32, big endian";
const WINDOWS_1252: &str = "Windows-1252";

/// How many bytes tell UTF-16 without a byte order mark: a header of some letters.
const SAMPLE: usize = 64;

pub(crate) fn decode(bytes: &[u8], encoding: Encoding) -> Result<String, TextError> {
    let declared = match encoding {
        Encoding::Utf8 => UTF_8,
        Encoding::Windows1252 => WINDOWS_1252,
    };
    if let Some(found) = recognised(bytes).filter(|found| *found != declared) {
        return Err(TextError::OtherEncoding { found, declared });
    }
    let undecodable = |at: usize, length: usize| {
        let line = 1 + bytes[..at].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        TextError::Undecodable { line, bytes: hex::encode(&bytes[at..at + length]), encoding: declared }
    };
    match encoding {
        Encoding::Utf8 => {
            let text = std::str::from_utf8(bytes).map_err(|error| {
                let at = error.valid_up_to();
                undecodable(at, error.error_len().unwrap_or(bytes.len() - at))
            })?;
            Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
        }
        Encoding::Windows1252 => {
            // Five bytes have no meaning in Windows-1252; the decoder would turn them into control
            // characters.
            if let Some(at) = bytes.iter().position(|byte| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)) {
                return Err(undecodable(at, 1));
            }
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes);
            Ok(text.into_owned())
        }
    }
}

/// The encoding by its byte order mark (Unicode 23.8), or UTF-16 by a zero in every second byte.
fn recognised(bytes: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], _); 5] = [
        (&[0xff, 0xfe, 0, 0], UTF_32_LE),
        (&[0, 0, 0xfe, 0xff], UTF_32_BE),
        (&[0xff, 0xfe], UTF_16_LE),
        (&[0xfe, 0xff], UTF_16_BE),
        (&[0xef, 0xbb, 0xbf], UTF_8),
    ];
    if let Some((_, found)) = marks.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Some(found);
    }
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let zeros = |from: usize| sample.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, odd) if odd > sample.len() / 4 => Some(UTF_16_LE),
        (even, 0) if even > sample.len() / 4 => Some(UTF_16_BE),
        _ => None,
    }
}
