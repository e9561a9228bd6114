# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters in a configuration of Kamailio or OpenSIPS: the largest receive buffer, and what bounds the daemon.

`maxbuffer` is the largest receive buffer (SO_RCVBUF) that either daemon asks for: src/core/udp_server.c of Kamailio,
probe_max_sock_buff() of OpenSIPS. Parts that #!ifdef may exclude are read like all others.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .config_files import Read

DEFAULT_MAXBUFFER_BYTES = 256 * 1024  # MAX_RECV_BUFFER_SIZE: Kamailio src/core/udp_server.h, OpenSIPS ip_addr.h
DEEPEST_INCLUDE = 10  # MAX_INCLUDE_DEPTH, Kamailio src/core/cfg.lex
MOST_FILES = 256  # in a configuration; real ones have far fewer
MOST_CHARACTERS = 4 * 1024 * 1024  # in all of them; real ones have a tenth of that
MAXBUFFER = "maxbuffer"
NAMES = (
    *(MAXBUFFER, "tcp_max_connections", "tls_max_connections", "children", "tcp_children", "tcp_workers"),
    *("udp_workers", "tcp_listen_backlog", "tcp_socket_backlog", "open_files_limit"),
)

# `#!include_file` is not a comment, and text in quotes or comments is not a parameter. Kamailio's #!define gives a word
# a value. What comes first passes over most characters quickly.
_TOKEN = re.compile(
    rf"""(?=[\#!/"'cimotu])(?:
    (?:\#!|!!)?\b(?:include_file|import_file)[ \t]+"(?P<included>(?:\\.|[^"\\\n])+)"
    |(?:\#!|!!)(?:re|try)?def(?:ine)?[ \t]+(?P<word>\w+)[ \t]+(?P<meaning>[0-9]\w{{0,20}})
    |/\*.*?(?:\*/|\Z) | \#[^\n]* | //[^\n]*
    |"(?:\\.|[^"\\])*(?:"|\\?\Z) | '[^']*(?:'|\Z)
    |\b(?P<name>{"|".join(NAMES)})\s*=\s*(?P<value>[0-9]\w{{0,20}}|[A-Za-z_]\w{{0,100}}))""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,15}|[0-9]{1,15}", re.ASCII)


class Parameter(NamedTuple):
    """The number that a configuration gives a parameter, with file and line; None for a word that has no value."""

    number: int | None
    file: str
    line: int


class MaxBuffer(NamedTuple):
    """The bytes that a configuration sets, with the file and the line."""

    bytes: int
    file: str
    line: int


def read_maxbuffer(path: str, read: Read) -> MaxBuffer | None:
    """The last line that sets maxbuffer in a configuration and its includes, which is the one that counts."""
    found = read_parameters(path, read).get(MAXBUFFER)
    return None if found is None or found.number is None else MaxBuffer(found.number, found.file, found.line)


def read_parameters(path: str, read: Read, defined: Mapping[str, str] = MappingProxyType({})) -> dict[str, Parameter]:
    """The parameters of NAMES that a configuration and its includes set, each by the last line.

    `defined` are the words that the command line gives a value.
    """
    reader = _Reader(read, dict(defined))
    reader.take(path, 0)
    # Lines are counted once a parameter, as a file may set it in each of its lines.
    return {
        name: Parameter(number, file, text.count("\n", 0, position) + 1)
        for name, (number, file, text, position) in reader.found.items()
    }


class _Reader:
    def __init__(self, read: Read, defined: dict[str, str]) -> None:
        self._read = read
        self._defined = defined
        self._files = 0
        self._left = MOST_CHARACTERS
        self.found: dict[str, tuple[int | None, str, str, int]] = {}  # number, file, its text and the place in it

    def take(self, path: str, depth: int) -> None:
        self._files += 1
        if depth > DEEPEST_INCLUDE or self._files > MOST_FILES:
            return
        text = self._read(path) or ""
        self._left -= len(text)
        if self._left < 0:
            return
        for token in _TOKEN.finditer(text):
            if token["included"]:
                name = re.sub(r"\\(.)", r"\1", token["included"])
                self.take(posixpath.join(posixpath.dirname(path), name), depth + 1)
            elif token["word"]:
                self._defined[token["word"]] = token["meaning"]
            elif token["name"]:
                value = token["value"]
                number = _number(value if value[0].isdigit() else self._defined.get(value, ""))
                self.found[token["name"]] = (number, path, text, token.start("value"))


def _number(digits: str) -> int | None:
    """A number as both daemons' lexers read it, None for anything else."""
    if not _NUMBER.fullmatch(digits):
        return None
    if digits.startswith("0x"):
        return int(digits, 16)
    return int(digits, 8) if re.fullmatch("0[0-7]+", digits) else int(digits)
