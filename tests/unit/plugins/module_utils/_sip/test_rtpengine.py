# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.rtpengine import (
    BencodeError,
    config_place,
    config_value,
    decode,
    kernel_table,
    no_fallback,
    option,
    parse_address,
    parse_relayed,
    parse_sessions,
)
from hypothesis import given
from hypothesis import strategies as st

# The beginning of an answer of rtpengine 10.5, and its end.
ANSWER = (
    b"c00kie d10:statisticsd17:currentstatisticsd11:sessionsowni2e15:sessionsforeigni1e13:sessionstotali3e"
    b"15:transcodedmediai0eee6:result2:oke"
)
# What rtpengine 10.5 and 12.5 say after a call of 200 packets, shortened.
RELAYED = (
    b"c00kie d10:statisticsd17:currentstatisticsd11:sessionsowni1e15:packetrate_useri87e17:packetrate_kerneli0ee"
    b"15:totalstatisticsd6:uptime1:315:managedsessionsi0e19:relayedpackets_useri200e24:relayedpacketerrors_useri0e"
    b"21:relayedpackets_kerneli0e14:relayedpacketsi200e15:avgcallduration8:0.000000ee6:result2:oke"
)


def encode(value: Any) -> bytes:
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    return b"d" + b"".join(encode(name) + encode(one) for name, one in value.items()) + b"e"


VALUES = st.recursive(
    st.integers(-(10**18), 10**18) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "text", [b"", b"i1", b"ie", b"i1ei2e", b"5:abc", b"d1:ae", b"di1ei2ee", b"l" * 50 + b"e" * 50, b"x"]
)
def test_what_is_no_bencode(text: bytes) -> None:
    with pytest.raises(BencodeError):
        decode(text)


@given(st.binary(max_size=30))
def test_no_answer_breaks_the_parser(answer: bytes) -> None:
    assert parse_sessions("c00kie", b"c00kie " + answer) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(ANSWER, 2, id="its own, without those of another instance"),
        pytest.param(ANSWER.replace(b"c00kie", b"other"), None, id="to another question"),
        pytest.param(b"c00kie d12:error-reason20:Unrecognized command6:result5:errore", None, id="an old rtpengine"),
        pytest.param(b"c00kie", None, id="nothing"),
    ],
)
def test_sessions(answer: bytes, expected: int | None) -> None:
    assert parse_sessions("c00kie", answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(RELAYED, (200, 0), id="in user space"),
        pytest.param(RELAYED.replace(b"kerneli0e", b"kerneli18446744073709551615e"), (200, 2**64 - 1), id="64 bits"),
        pytest.param(RELAYED.replace(b"useri200e", b"user3:200"), (200, 0), id="as a text"),
        pytest.param(RELAYED.replace(b"useri200e", b"user3:2.0"), None, id="no number"),
        pytest.param(RELAYED.replace(b"_kerneli0e14", b"_kernalli0e14"), None, id="cut or broken"),
        pytest.param(ANSWER, None, id="one number for both, before 10.1"),
        pytest.param(RELAYED.replace(b"c00kie", b"other"), None, id="to another question"),
        pytest.param(b"c00kie d10:statisticsi1ee", None, id="no dictionary"),
        pytest.param(b"c00kie i1e", None, id="a number"),
    ],
)
def test_relayed_packets(answer: bytes, expected: tuple[int, int] | None) -> None:
    assert parse_relayed("c00kie", answer) == expected
    assert parse_sessions("c00kie", RELAYED) == 1


@pytest.mark.parametrize(
    ("words", "config", "expected"),
    [
        ([], "", -1),
        ([], "[rtpengine]\ntable=7\n", 7),
        (["--table=-1"], "[rtpengine]\ntable = 0\n", -1),
        (["--table", "3"], "", 3),
        (["-t", "4"], "", 4),
        (["-t4"], "", 4),
        (["--table=four"], "", None),
        (["--table=9999999999"], "", None),
        ([], "[rtpengine]\ntable = 0 # ours\n", None),
        ([], "[other]\ntable = 0\n", -1),
    ],
)
def test_the_table_of_the_kernel(words: list[str], config: str, expected: int | None) -> None:
    assert kernel_table(["rtpengine", *words], config, "rtpengine") == expected


@pytest.mark.parametrize(
    ("words", "config", "expected"),
    [
        ([], "", False),
        (["--no-fallback"], "", True),
        (["-F"], "", True),
        ([], "[rtpengine]\nno-fallback = true\n", True),
        ([], "[rtpengine]\n# no-fallback = true\n", False),
    ],
)
def test_no_fallback(words: list[str], config: str, expected: bool) -> None:
    assert no_fallback(["rtpengine", *words], config, "rtpengine") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:2223", ("127.0.0.1", 2223)),
        ("2223", ("127.0.0.1", 2223)),
        ("127.0.0.1:22222", ("127.0.0.1", 22222)),
        ("10.0.0.5:2223;10.0.0.6:2223", ("10.0.0.5", 2223)),
        ("[::1]:2223", ("::1", 2223)),
        ("[::]:2223", ("::1", 2223)),
        ("0.0.0.0:2223", ("127.0.0.1", 2223)),
        ("media.example.org:2223", None),
        ("127.0.0.1:0", None),
        ("127.0.0.1:99999", None),
        ("127.0.0.1:", None),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_addresses(text: str, expected: tuple[str, int] | None) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rtpengine", "--listen-ng=1.2.3.4:5"], "1.2.3.4:5"),
        (["rtpengine", "--listen-ng", "1.2.3.4:5"], "1.2.3.4:5"),
        (["rtpengine", "-n", "1.2.3.4:5"], "1.2.3.4:5"),
        (["rtpengine", "-n1.2.3.4:5"], "1.2.3.4:5"),
        (["rtpengine", "--no-log-timestamps", "-f"], None),
    ],
)
def test_options(words: list[str], expected: str | None) -> None:
    assert option(words, "listen-ng", "-n") == expected


def test_the_configuration_that_counts() -> None:
    words = ["/usr/bin/rtpengine", "-f", "--config-file", "/etc/rtpengine/two.conf", "--config-section=two"]
    assert config_place(words) == ("/etc/rtpengine/two.conf", "two")
    assert config_place(words[:2]) == ("/etc/rtpengine/rtpengine.conf", "rtpengine")
    text = "[rtpengine]\n# listen-ng = 1\ntable = 0\nlisten-ng = localhost:2223\n\n[two]\nlisten-ng = 2224\n"
    assert config_value(text, "rtpengine", "listen-ng") == "localhost:2223"
    assert config_value(text, "two", "listen-ng") == "2224"
    assert config_value(text, "three", "listen-ng") is None
