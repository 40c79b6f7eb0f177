//! Transparent statements (RFC 9943 §7): a signed statement that carries its receipts unprotected, for hand-over in one file.

use bytes::Bytes;

use crate::cbor::{CborError, Reader, Writer};
use crate::receipt::LABEL_RECEIPTS;
use crate::statement::SignedStatement;

struct Parts<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

/// Attaches receipts to a statement. The signature stays valid: the unprotected header is not under it.
pub fn attach_receipts(statement: &SignedStatement, receipts: &[Bytes]) -> Result<Vec<u8>, CborError> {
    let Parts { protected, payload, signature } = parts(statement.bytes(), 0)?;
    let mut writer =
        Writer::with_capacity(statement.bytes().len() + receipts.iter().map(|r| r.len() + 8).sum::<usize>());
    writer.tag(18).array(4).bytes(protected).map(1).int(LABEL_RECEIPTS).array(receipts.len());
    for receipt in receipts {
        writer.bytes(receipt);
    }
    writer.bytes(payload).bytes(signature);
    Ok(writer.into_bytes())
}

/// Takes a transparent statement apart: the statement as the log has it, and its receipts.
pub fn detach_receipts(bytes: &[u8]) -> Result<(Vec<u8>, Vec<Bytes>), CborError> {
    let mut reader = Reader::new(bytes);
    reader.label_tag(18, "tag 18 (COSE_Sign1)")?;
    reader.array_of(4, "the four parts of a COSE_Sign1")?;
    reader.bytes()?;
    reader.map_of(1, "the receipts and nothing else unprotected")?;
    reader.label(LABEL_RECEIPTS, "label 394 (receipts)")?;
    let count = reader.array()?;
    let receipts = (0..count).map(|_| reader.bytes().map(Bytes::copy_from_slice)).collect::<Result<_, _>>()?;
    let Parts { protected, payload, signature } = parts(bytes, 1)?;
    let mut writer = Writer::with_capacity(bytes.len());
    writer.tag(18).array(4).bytes(protected).map(0).bytes(payload).bytes(signature);
    Ok((writer.into_bytes(), receipts))
}

fn parts(bytes: &[u8], unprotected: usize) -> Result<Parts<'_>, CborError> {
    let mut reader = Reader::new(bytes);
    reader.label_tag(18, "tag 18 (COSE_Sign1)")?;
    reader.array_of(4, "the four parts of a COSE_Sign1")?;
    let protected = reader.bytes()?;
    reader.map_of(unprotected, "the unprotected header")?;
    for _ in 0..unprotected {
        reader.int()?;
        reader.item(crate::cbor::Profile::ENVELOPE)?;
    }
    let (payload, signature) = (reader.bytes()?, reader.bytes()?);
    reader.end()?;
    Ok(Parts { protected, payload, signature })
}
