# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to a challenge, for the one request of our own that may need it. Source: RFC 3261, section 22; RFC 7616.

A challenge is text of somebody else. It is bounded by the datagram that it comes in.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Mapping

ANSWERED_BY = {b"www-authenticate": "Authorization", b"proxy-authenticate": "Proxy-Authorization"}
ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256"}
_HEADER = re.compile(rb"^(www-authenticate|proxy-authenticate)[ \t]*:[ \t]*Digest[ \t]+([^\r\n]+)", re.I | re.M)
_PARAMETER = re.compile(r'([A-Za-z]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([^",\s]+))')
FIRST_USE = "00000001"  # of a nonce


def credentials(answer: bytes, method: str, uri: str, user: str, password: str) -> str | None:
    """The header that answers the challenge in a response; None without one that can be answered."""
    for name, text in _HEADER.findall(answer):
        challenge = {key.lower(): quoted or word for key, quoted, word in _PARAMETER.findall(text.decode("latin-1"))}
        with contextlib.suppress(ValueError):  # a host in FIPS mode has no MD5
            value = _digest(challenge, method, uri, user, password)
            if value is not None:
                return f"{ANSWERED_BY[name.lower()]}: {value}"
    return None


def _digest(challenge: Mapping[str, str], method: str, uri: str, user: str, password: str) -> str | None:
    algorithm = challenge.get("algorithm", "MD5").upper()
    qop = "auth" if "auth" in re.split(r"[\s,]+", challenge.get("qop", "")) else ""
    if algorithm not in ALGORITHMS or "nonce" not in challenge or (challenge.get("qop") and not qop):
        return None

    def hashed(*parts: str) -> str:
        return hashlib.new(ALGORITHMS[algorithm], ":".join(parts).encode()).hexdigest()

    realm, nonce, own = challenge.get("realm", ""), challenge["nonce"], os.urandom(8).hex()
    used = [FIRST_USE, own, qop] if qop else []
    response = hashed(hashed(user, realm, password), nonce, *used, hashed(method, uri))
    words = [f'Digest username="{user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
    words += [f'response="{response}"', f"algorithm={algorithm}"]
    words += [f'qop={qop}, nc={FIRST_USE}, cnonce="{own}"'] if qop else []
    words += [f'opaque="{challenge["opaque"]}"'] if "opaque" in challenge else []
    return ", ".join(words)
