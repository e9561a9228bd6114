# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that SIPp is started with, and what is refused before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._load.reach import TCP, TLS, UDP, EndPoint
from ansible_collections.siptune.linux.plugins.module_utils._load.scenarios import OPTIONS, REGISTER
from ansible_collections.siptune.linux.plugins.module_utils._load.sipp import (
    ANY_PACKAGE,
    MOST_FILES,
    PACKAGES,
    Load,
    callee_words,
    caller_words,
    check_heard,
    check_load,
    package_of,
    rates,
)
from hypothesis import given
from hypothesis import strategies as st

HERE = "192.0.2.2"


def load(transport: str = UDP, port: int = 5060, **more: Any) -> Load:
    usual: dict[str, Any] = {
        "scenario": OPTIONS,
        "rate": 100,
        "seconds": 8,
        "patience_ms": 2000,
        "callee": "siptune-prove",
        "callee_port": 5070,
        "accepted": (),
    }
    return Load(EndPoint("192.0.2.1", port, transport), **{**usual, **more})


def after(words: list[str], word: str) -> str:
    return words[words.index(word) + 1]


def test_each_call_of_udp_comes_from_a_port_of_its_own() -> None:
    words = caller_words(load(), 100, HERE, 20, MOST_FILES)
    assert words[0] == "sipp"
    assert after(words, "-t") == "un"
    assert (after(words, "-r"), after(words, "-m"), after(words, "-l")) == ("100", "800", "800")
    assert int(after(words, "-max_socket")) < MOST_FILES
    assert after(words, "-timeout") == "20s"
    assert words[-1] == "192.0.2.1:5060"
    assert "-inf" not in words


def test_sockets_stay_below_the_files_of_a_container() -> None:
    assert int(after(caller_words(load(), 100, HERE, 20, 4096), "-max_socket")) == 3096


@pytest.mark.parametrize(("transport", "mode"), [(TCP, "t1"), (TLS, "l1")])
def test_a_connection_is_kept(transport: str, mode: str) -> None:
    words = caller_words(load(transport), 25, HERE, 20, MOST_FILES)
    assert after(words, "-t") == mode
    assert ("-tls_cert" in words) == (transport == TLS)
    assert after(caller_words(load(transport), 25, HERE, 20, MOST_FILES, 40000), "-p") == "40000"
    assert len(rates(load(transport))) == 4


def test_who_registers_is_in_a_file_and_no_password_is_among_the_words() -> None:
    words = caller_words(load(scenario=REGISTER, user="alice", password="s3cret"), 100, HERE, 20, MOST_FILES)
    assert "-inf" in words
    assert not any("s3cret" in word for word in words + callee_words(load(password="s3cret"), HERE, 20))


@given(st.integers(1, 20_000), st.sampled_from([UDP, TCP, TLS]))
def test_the_shares_make_the_rate(rate: int, transport: str) -> None:
    found = rates(load(transport, rate=rate))
    assert sum(found) == rate
    assert min(found) >= 1
    assert len(found) <= 16


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"rate": 0}, "rate: must be from 1"),
        ({"rate": -1}, "rate: must be from 1"),
        ({"rate": 20_001}, "rate: must be from 1"),
        ({"seconds": 0}, "seconds: must be from 1"),
        ({"rate": 20_000, "seconds": 120}, "take fewer seconds"),
        ({"port": 0}, "port: must be"),
        ({"callee": "a b"}, "callee: must be"),
        ({"callee": "[call_id]"}, "callee: must be"),
        ({"callee": "]]>"}, "callee: must be"),
        ({"user": "a;b", "password": "x"}, "user: must be"),
        ({"user": "a", "password": "x;y"}, "password: SIPp takes none"),
        ({"accepted": [100]}, "accepted: must be final"),
    ],
)
def test_what_sipp_would_not_do_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(TuningError, match=words) as error:
        check_load(load(**more))
    assert "x;y" not in str(error.value)


@pytest.mark.parametrize(
    ("os_release", "package"),
    [
        ('ID=debian\nVERSION_ID="12"\n', PACKAGES["debian"]),
        ("NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\n", PACKAGES["debian"]),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', PACKAGES["rhel"]),
        ("ID=fedora\n", PACKAGES["fedora"]),
        ("ID=arch\n", ANY_PACKAGE),
        ("", ANY_PACKAGE),
    ],
)
def test_the_package_has_the_name_of_the_distribution(os_release: str, package: str) -> None:
    assert package_of(os_release) == package


SILENT: dict[str, Any] = {"answered": 0, "statuses": {}}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of SIPp's name, by the libraries that it names."""
    path = tmp_path / "sipp"
    path.write_bytes(b"\x7fELF libwolfssl.so.42")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return path


def test_a_sipp_that_sends_nothing_over_tls_is_said_to(program: Path) -> None:
    with pytest.raises(TuningError, match=r"wolfSSL.*built with OpenSSL"):
        check_heard(load(TLS).end, SILENT)
    check_heard(load(TCP).end, SILENT)
    check_heard(load(TLS).end, {"answered": 0, "statuses": {"503": 5}})
    program.write_bytes(b"\x7fELF libssl.so.3")
    check_heard(load(TLS).end, SILENT)
    program.unlink()
    check_heard(load(TLS).end, SILENT)
