# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameter maxbuffer in a configuration of Kamailio or OpenSIPS.

It is the largest receive buffer (SO_RCVBUF) that either daemon asks for: src/core/udp_server.c of Kamailio,
probe_max_sock_buff() of OpenSIPS. Parts that #!ifdef may exclude are read like all others.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import NamedTuple

DEFAULT_MAXBUFFER_BYTES = 256 * 1024  # MAX_RECV_BUFFER_SIZE: Kamailio src/core/udp_server.h, OpenSIPS ip_addr.h
DEEPEST_INCLUDE = 10  # MAX_INCLUDE_DEPTH, Kamailio src/core/cfg.lex
MOST_FILES = 256  # in a configuration; real ones have far fewer
MOST_CHARACTERS = 4 * 1024 * 1024  # in all of them; real ones have a tenth of that

# `#!include_file` is not a comment, and text in quotes or comments is not a parameter.
_TOKEN = re.compile(
    r"""(?:\#!|!!)?\b(?:include_file|import_file)[ \t]+"(?P<included>(?:\\.|[^"\\\n])+)"
    |/\*.*?(?:\*/|\Z) | \#[^\n]* | //[^\n]*
    |"(?:\\.|[^"\\])*(?:"|\\?\Z) | '[^']*(?:'|\Z)
    |\bmaxbuffer\s*=\s*(?P<number>0x[0-9a-fA-F]{1,15}|[0-9]{1,15})\b""",
    re.VERBOSE | re.DOTALL,
)


class MaxBuffer(NamedTuple):
    """The bytes that a configuration sets, with the file and the line."""

    bytes: int
    file: str
    line: int


def read_maxbuffer(path: str, read: Callable[[str], str | None]) -> MaxBuffer | None:
    """The last line that sets maxbuffer in a configuration and its includes, which is the one that counts.

    `read` returns the text of a file, None if it cannot be read.
    """
    return _Reader(read).last_of(path, 0)


class _Reader:
    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._files = 0
        self._left = MOST_CHARACTERS

    def last_of(self, path: str, depth: int) -> MaxBuffer | None:
        self._files += 1
        if depth > DEEPEST_INCLUDE or self._files > MOST_FILES:
            return None
        text = self._read(path) or ""
        self._left -= len(text)
        if self._left < 0:
            return None
        last, set_here = None, None
        for token in _TOKEN.finditer(text):
            if token["included"]:
                name = re.sub(r"\\(.)", r"\1", token["included"])
                included = self.last_of(posixpath.join(posixpath.dirname(path), name), depth + 1)
                last, set_here = (included, None) if included else (last, set_here)
            elif token["number"]:
                set_here = token
        if set_here is None:
            return last
        # Counted once, as a file may set it in each of its lines.
        line = text.count("\n", 0, set_here.start("number")) + 1
        return MaxBuffer(_number(set_here["number"]), path, line)


def _number(digits: str) -> int:
    """A number as both daemons' lexers read it."""
    if digits.startswith("0x"):
        return int(digits, 16)
    return int(digits, 8) if re.fullmatch("0[0-7]+", digits) else int(digits)
