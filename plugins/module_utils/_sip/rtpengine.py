# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of rtpengine's NG protocol that asks for statistics, and the options that say where it listens and forwards.

Sources: rtpengine(8), docs/ng_control_protocol.md, docs/usage.md. Functions over values;
BencodeError is for invalid bencode.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any

NG_OPTION = "listen-ng"
NG_SHORT_OPTION = "-n"
CONFIG_OPTION = "config-file"
SECTION_OPTION = "config-section"
TABLE_OPTION = "table"
TABLE_SHORT_OPTION = "-t"
NO_FALLBACK_OPTION = "no-fallback"
NO_FALLBACK_SHORT_OPTION = "-F"
RELAYED_PACKETS = (b"relayedpackets_user", b"relayedpackets_kernel")  # daemon/statistics.c
NO_TABLE = -1  # nothing is forwarded in the kernel; the daemon's own default, daemon/main.c
CONFIG_FILE = "/etc/rtpengine/rtpengine.conf"
SECTION = "rtpengine"
LOOPBACK = "127.0.0.1"
DEEPEST = 16  # levels of lists and dictionaries; an answer has five


class BencodeError(ValueError):
    """A text is not bencode."""


def statistics_request(cookie: str) -> bytes:
    """Asks for the daemon's statistics. The daemon repeats its last answer to a cookie that it has seen before."""
    return f"{cookie} d7:command10:statisticse".encode("ascii")


def parse_sessions(cookie: str, answer: bytes) -> int | None:
    """The daemon's own sessions in an answer to `statistics_request`; None if the answer has no such number.

    Sessions of other instances, known through a shared database, are not this host's.
    """
    return _number(_statistics(cookie, answer), b"currentstatistics", b"sessionsown")


def parse_relayed(cookie: str, answer: bytes) -> tuple[int, int] | None:
    """The packets that were relayed in user space and in the kernel, in an answer to `statistics_request`.

    None if the answer does not tell them apart, which rtpengine does since 10.1.
    """
    statistics = _statistics(cookie, answer)
    user, kernel = (_number(statistics, b"totalstatistics", name) for name in RELAYED_PACKETS)
    return None if user is None or kernel is None else (user, kernel)


def _statistics(cookie: str, answer: bytes) -> Any:
    head, blank, body = answer.partition(b" ")
    if head != cookie.encode("ascii") or not blank:
        return None
    try:
        decoded = decode(body)
    except BencodeError:
        return None
    return decoded.get(b"statistics") if isinstance(decoded, dict) else None


def _number(statistics: Any, section: bytes, name: bytes) -> int | None:
    """A number of the statistics; some versions write some of them as a text."""
    found = statistics.get(section) if isinstance(statistics, dict) else None
    value = found.get(name) if isinstance(found, dict) else None
    if isinstance(value, bytes) and re.fullmatch(rb"[0-9]{1,20}", value):
        return int(value)
    return value if isinstance(value, int) else None


# --- bencode ---------------------------------------------------------------------------------


def decode(text: bytes) -> Any:
    """The value of a bencoded text: int, bytes, list or dict. Raises BencodeError."""
    value, end = _decode(text, 0, DEEPEST)
    if end != len(text):
        raise BencodeError("something follows the value")
    return value


def _decode(text: bytes, start: int, depth: int) -> tuple[Any, int]:
    """The value that begins here, and where the next one would."""
    kind = text[start : start + 1]
    if kind == b"i":
        found = re.compile(rb"i(-?[0-9]{1,20})e").match(text, start)
        if not found:
            raise BencodeError(f"no number at {start}")
        return int(found.group(1)), found.end()
    if kind in (b"l", b"d") and depth:
        return _decode_container(text, start, depth - 1)
    found = re.compile(rb"([0-9]{1,7}):").match(text, start)
    if not found or found.end() + int(found.group(1)) > len(text):
        raise BencodeError(f"no value at {start}")
    end = found.end() + int(found.group(1))
    return text[found.end() : end], end


def _decode_container(text: bytes, start: int, depth: int) -> tuple[Any, int]:
    values, end = [], start + 1
    while text[end : end + 1] != b"e":
        value, end = _decode(text, end, depth)
        values.append(value)
    if text[start : start + 1] == b"l":
        return values, end + 1
    if len(values) % 2 or not all(isinstance(name, bytes) for name in values[::2]):
        raise BencodeError(f"no dictionary at {start}")
    return dict(zip(values[::2], values[1::2])), end + 1


# --- where it listens ------------------------------------------------------------------------


def option(words: Sequence[str], name: str, short: str = "") -> str | None:
    """The value of an option on a command line: --name=value, --name value, or its letter with or without a blank."""
    for word, following in zip(words, [*words[1:], ""]):
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
        if word == f"--{name}" or (short and word == short):
            return following
        if short and word.startswith(short) and not word.startswith("--"):
            return word[len(short) :]
    return None


def config_place(words: Sequence[str]) -> tuple[str, str]:
    """The configuration file that a command line names, and the section of it that counts."""
    return option(words, CONFIG_OPTION) or CONFIG_FILE, option(words, SECTION_OPTION) or SECTION


def config_sections(text: str) -> dict[str, dict[str, str]]:
    """The keys of each section of a configuration in the form of GKeyFile; the last value of a key counts."""
    sections: dict[str, dict[str, str]] = {}
    keys: dict[str, str] = {}
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith("["):
            keys = sections.setdefault(stripped[1:-1], {}) if stripped.endswith("]") else {}
        key, equals, given = stripped.partition("=")
        if equals and not key.startswith("#"):
            keys[key.strip()] = given.strip()
    return sections


def config_value(text: str, section: str, name: str) -> str | None:
    """The last value of a key in a section of a configuration in the form of GKeyFile."""
    return config_sections(text).get(section, {}).get(name)


def kernel_table(words: Sequence[str], config: str, section: str) -> int | None:
    """The forwarding table of the kernel that a daemon uses, below 0 for none; None for a value that is no number."""
    given = option(words, TABLE_OPTION, TABLE_SHORT_OPTION) or config_value(config, section, TABLE_OPTION)
    if given is None:
        return NO_TABLE
    return int(given) if re.fullmatch(r"-?[0-9]{1,9}", given) else None


def no_fallback(words: Sequence[str], config: str, section: str) -> bool:
    """Whether a daemon does not start where it cannot forward in the kernel."""
    if f"--{NO_FALLBACK_OPTION}" in words or NO_FALLBACK_SHORT_OPTION in words:
        return True
    return config_value(config, section, NO_FALLBACK_OPTION) in ("true", "1")


def parse_address(text: str) -> tuple[str, int] | None:
    """The first of the addresses of `listen-ng`, and its port; None for a name, which would have to be looked up.

    A port alone, and an address that stands for all, are answered on the loopback interface.
    """
    first = text.split(";")[0].strip()
    host, _colon, port = first.rpartition(":") if not first.isdecimal() else ("", "", first)
    host = host.strip("[]")
    if host in ("", "localhost"):
        host = LOOPBACK
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        return None
    if address.is_unspecified:
        return (LOOPBACK if address.version == 4 else "::1"), int(port)
    return str(address), int(port)
