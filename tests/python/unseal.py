"""Opens a sealed text with nothing but RFC 9052 and two libraries that nobody here wrote: cbor2 and cryptography.

Reads one JSON document from standard input: {"key": hex, "origin", "event", "sealed"}, and prints the text that was sealed.
Exits 1 where it does not open, or is not canonical.
"""

import base64
import json
import sys

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def main():
    given = json.load(sys.stdin)
    scheme, _, encoded = given["sealed"].partition(":")
    data = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    message = cbor2.loads(data)
    if scheme != "sealed" or message.tag != 16 or cbor2.dumps(message, canonical=True) != data:
        fail("not a canonical COSE_Encrypt0")
    protected, unprotected, ciphertext = message.value
    header = cbor2.loads(protected)
    if header[1] != 24 or len(header[4]) != 16 or set(unprotected) != {5}:
        fail("other headers than alg 24, kid and IV")
    external_aad = cbor2.dumps([given["origin"], given["event"]], canonical=True)
    aad = cbor2.dumps(["Encrypt0", protected, external_aad], canonical=True)
    try:
        padded = ChaCha20Poly1305(bytes.fromhex(given["key"])).decrypt(unprotected[5], ciphertext, aad)
    except InvalidTag:
        fail("it does not open")
    length = int.from_bytes(padded[:2], "big")
    print(json.dumps(padded[2 : 2 + length].decode()))


main()
