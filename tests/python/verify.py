"""Holds what the server produced against verifiers that nobody here wrote: scitt-cose and cbor2.

Reads one JSON document from standard input: {"receipt_key": PEM, "statements": [{"statement", "receipt", "signer_key"}]}
with bytes in hexadecimal. Every statement and receipt must be accepted as it is, and refused with one byte of any of its
parts changed. Prints how much was checked; exits 1 at the first thing that is not as it should be.
"""

import json
import sys

import cbor2
from scitt_cose import parse_signed_statement, verify_receipt


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def canonical(data):
    return cbor2.dumps(cbor2.loads(data), canonical=True) == data


def statement_ok(statement, signer_key):
    return parse_signed_statement(statement, public_key_pem=signer_key)["signature_verified"] is True


def receipt_ok(receipt, statement, receipt_key):
    return verify_receipt(receipt, leaf_entry_hex=statement.hex(), log_public_key_pem=receipt_key).ok


def changed(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def middle_of(data, part):
    """The offset of the middle of `part` within `data`."""
    return data.index(part) + len(part) // 2


def check(entry, receipt_key):
    statement, receipt = bytes.fromhex(entry["statement"]), bytes.fromhex(entry["receipt"])
    signer_key = entry["signer_key"].encode()
    protected, unprotected, payload, signature = cbor2.loads(statement).value
    if unprotected:
        fail("the statement has unprotected headers")
    for part in (statement, protected, payload, receipt):
        if not canonical(part):
            fail("cbor2 does not find these bytes canonical: " + part.hex())
    if not statement_ok(statement, signer_key):
        fail("scitt-cose refuses a statement")
    if not receipt_ok(receipt, statement, receipt_key):
        fail("scitt-cose refuses a receipt")
    refusals = 0
    for part in (protected, payload, signature):
        wrong = changed(statement, middle_of(statement, part))
        if statement_ok(wrong, signer_key):
            fail("scitt-cose accepts a statement with a changed byte")
        if receipt_ok(receipt, wrong, receipt_key):
            fail("scitt-cose accepts a receipt for a changed statement")
        refusals += 2
    head, proofs, _, signature = cbor2.loads(receipt).value
    proof = proofs[396][-1][0]
    path = cbor2.loads(proof)[2]
    for part in (head, path[0], path[-1], signature):
        if receipt_ok(changed(receipt, middle_of(receipt, part)), statement, receipt_key):
            fail("scitt-cose accepts a receipt with a changed byte")
        refusals += 1
    return refusals


def main():
    given = json.load(sys.stdin)
    receipt_key = given["receipt_key"].encode()
    refusals = sum(check(entry, receipt_key) for entry in given["statements"])
    print(json.dumps({"accepted": len(given["statements"]), "refused": refusals}))


main()
