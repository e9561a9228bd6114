# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of systemd's files: units, drop-ins and .link files.

Sources: systemd.syntax(7); config_parse() and read_line() of systemd 247, 252 and 257.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

COMMENT_CHARACTERS = "#;"
BLANKS = " \t\r"
BYTE_ORDER_MARK = "\ufeff"
_LINE_END = re.compile(r"\r\n|\n\r|\n|\r")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines without comments and blank lines, each with the number of its first line.

    A backslash at the end of a line continues it, across comments, unless another backslash escapes it.
    """
    start, joined = 0, ""
    for number, raw in enumerate(_LINE_END.split(text.lstrip(BYTE_ORDER_MARK)), 1):
        if raw.strip(BLANKS)[:1] in tuple(COMMENT_CHARACTERS):
            continue
        start = start if joined else number
        joined += raw
        if (len(joined) - len(joined.rstrip("\\"))) % 2:
            joined = joined[:-1] + " "
            continue
        if joined.strip(BLANKS):
            yield start, joined.strip(BLANKS)
        joined = ""
    if joined.strip(BLANKS):
        yield start, joined.strip(BLANKS)


def section_lines(text: str, section: str) -> Iterator[tuple[int, str, str]]:
    """The NAME=VALUE lines of a section: line number, name and value. A header without its ] begins no section."""
    current = ""
    for number, line in logical_lines(text):
        if line.startswith("["):
            current = line
            continue
        name, equals, value = (part.strip(BLANKS) for part in line.partition("="))
        if equals and current == f"[{section}]":
            yield number, name, value
