"""An origin that logs connections in, with NTLM version 2 (MS-NLMP): whatever comes over a connection afterwards is answered
as from the same person.

usage: ntlm_origin.py; prints "listening PORT". Every user's password is "secret of USER". A path gives "USER PATH", a
body is hashed behind it."""

import hashlib
import hmac
import os
import struct
from base64 import b64decode, b64encode

import bodies

SIGNATURE = b"NTLMSSP\0"
UNICODE, REQUEST_TARGET, NTLM, ALWAYS_SIGN, TARGET_DOMAIN, EXTENDED, TARGET_INFO = 0x1, 0x4, 0x200, 0x8000, 0x10000, 0x80000, 0x800000
DOMAIN = "DRILL".encode("utf-16-le")
# Pairs of attribute and value: the domain's name, and the end.
TARGET = struct.pack("<HH", 2, len(DOMAIN)) + DOMAIN + struct.pack("<HH", 0, 0)


def md4(message):
    """RFC 1320; OpenSSL 3 no longer has it, and NTLM has nothing else."""
    def turn(word, bits):
        word &= 0xFFFFFFFF
        return (word << bits | word >> (32 - bits)) & 0xFFFFFFFF

    rounds = (
        (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5A827999, [i // 4 + i % 4 * 4 for i in range(16)], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1, [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], (3, 9, 11, 15)))
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    padded = message + b"\x80" + b"\0" * ((55 - len(message)) % 64) + struct.pack("<Q", 8 * len(message))
    for at in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[at:at + 64])
        a, b, c, d = state
        for mix, constant, order, shifts in rounds:
            for step, word in enumerate(order):
                a, b, c, d = d, turn(a + mix(b, c, d) + words[word] + constant, shifts[step % 4]), b, c
        state = [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def challenge_message(challenge):
    flags = UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | TARGET_DOMAIN | EXTENDED | TARGET_INFO
    head = 48
    return (SIGNATURE + struct.pack("<I", 2) + struct.pack("<HHI", len(DOMAIN), len(DOMAIN), head) + struct.pack("<I", flags)
            + challenge + bytes(8) + struct.pack("<HHI", len(TARGET), len(TARGET), head + len(DOMAIN)) + DOMAIN + TARGET)


def user_of(message, challenge):
    """Whose answer to our challenge this is; None when the password is wrong."""
    def text(at):
        length, _, start = struct.unpack_from("<HHI", message, at)
        return message[start:start + length]

    response, domain, user = text(20), text(28), text(36)
    name = user.decode("utf-16-le")
    secret = md4(f"secret of {name}".encode("utf-16-le"))
    key = hmac.digest(secret, name.upper().encode("utf-16-le") + domain, "md5")
    is_right = hmac.compare_digest(hmac.digest(key, challenge + response[16:], "md5"), response[:16])
    return name if is_right and name else None


class Handler(bodies.Handler):
    # Of the connection, as all of this object.
    user = None
    challenge = None

    def do_GET(self):
        digest = hashlib.sha256()
        size = 0
        for piece in self.pieces():
            digest.update(piece)
            size += len(piece)
        offer = self._log_in(self.headers.get("Authorization", ""))
        if self.user is None:
            return self._answer(401, b"who are you?\n", offer)
        body = f" {digest.hexdigest()} {size}" if size else ""
        return self._answer(200, f"{self.user} {self.path}{body}\n".encode())

    do_POST = do_GET

    def _log_in(self, authorization):
        scheme, _, data = authorization.partition(" ")
        if scheme.upper() != "NTLM":
            return "NTLM"
        message = b64decode(data)
        if not message.startswith(SIGNATURE):
            return "NTLM"
        if message[8] == 1:
            self.user, self.challenge = None, os.urandom(8)
            return "NTLM " + b64encode(challenge_message(self.challenge)).decode()
        if message[8] == 3 and self.challenge:
            self.user, self.challenge = user_of(message, self.challenge), None
        return "NTLM"

    def _answer(self, status, body, offer=None):
        self.send_response(status)
        if offer:
            self.send_header("WWW-Authenticate", offer)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    assert md4(b"abc").hex() == "a448017aaf21d8525fc10ae87aa6729d"
    bodies.serve(Handler)
