# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to challenges."""

from __future__ import annotations

import hashlib
import re

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._load.digest import credentials
from hypothesis import given
from hypothesis import strategies as st

URI = "sip:192.0.2.1:5060"
HEAD = b"SIP/2.0 401 Unauthorized\r\n"
# As Asterisk 16.28 and Kamailio 5.6 send them.
ASTERISK = (
    b'WWW-Authenticate: Digest realm="asterisk",nonce="1796057398/e12fb2e8d068005ab0bee0e667174b1d",'
    b'opaque="2633594721cc32f6",algorithm=MD5,qop="auth"\r\n'
)
KAMAILIO = b'Proxy-Authenticate: Digest realm="192.0.2.1", nonce="ZyJk2mcisa6W"\r\n'


def parameters(header: str | None) -> dict[str, str]:
    return {name: quoted or word for name, quoted, word in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', header or "")}


def md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def test_a_challenge_with_quality_of_protection() -> None:
    header = credentials(HEAD + ASTERISK + b"\r\n", "REGISTER", URI, "alice", "s3cret")
    assert header is not None
    assert header.startswith('Authorization: Digest username="alice"')
    found = parameters(header)
    assert found["opaque"] == "2633594721cc32f6"
    first, second = md5("alice", "asterisk", "s3cret"), md5("REGISTER", URI)
    assert found["response"] == md5(first, found["nonce"], found["nc"], found["cnonce"], "auth", second)


def test_a_challenge_of_a_proxy_without() -> None:
    header = credentials(HEAD + KAMAILIO, "REGISTER", URI, "alice", "s3cret")
    assert header is not None
    assert header.startswith("Proxy-Authorization: ")
    found = parameters(header)
    assert "qop" not in found
    assert found["response"] == md5(md5("alice", "192.0.2.1", "s3cret"), "ZyJk2mcisa6W", md5("REGISTER", URI))


def test_the_first_algorithm_that_is_known() -> None:
    other = ASTERISK.replace(b"MD5", b"SHA-512-256")
    sha = ASTERISK.replace(b"MD5", b"SHA-256")
    header = credentials(HEAD + other + sha + ASTERISK, "REGISTER", URI, "alice", "s3cret")
    assert parameters(header)["algorithm"] == "SHA-256"
    assert len(parameters(header)["response"]) == 64


@pytest.mark.parametrize(
    "header", [b"", ASTERISK.replace(b"MD5", b"AKAv1-MD5"), ASTERISK.replace(b'"auth"', b'"auth-int"')]
)
def test_what_cannot_be_answered(header: bytes) -> None:
    assert credentials(HEAD + header, "REGISTER", URI, "alice", "s3cret") is None


@given(st.binary())
def test_anything_may_come(answer: bytes) -> None:
    credentials(b"WWW-Authenticate: Digest " + answer, "REGISTER", URI, "alice", "s3cret")
