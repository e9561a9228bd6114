# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts between a host's bytes and people.

Inside, a text from the host keeps every byte: one that is not UTF-8 is a surrogate (PEP 383). What people or Ansible
get to see is valid UTF-8, without what a terminal would obey, hide or reorder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIFF = "diff"
DIFF_TEXTS = ("before", "after")  # whole files: their lines and tabs are their own
TRACES = ("exception", "module_stderr", "module_stdout")  # Ansible's, of a module that has crashed
FIRST_RAW_BYTE = 0xDC00  # PEP 383: the byte 0x80 is U+DC80
LONGEST_NUMBER = len(str(2**64))


def decoded(content: bytes) -> str:
    """The text of a host's bytes; `encoded` gives back exactly these."""
    return content.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of a text. Raises UnicodeEncodeError for half of a surrogate pair, which no host has."""
    return text.encode("utf-8", "surrogateescape")


def whole_number(text: str, most_digits: int = LONGEST_NUMBER) -> int | None:
    """The number as the kernel and systemd print it; None for any other text, and for more than 64 bits can hold."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most_digits else None


def plural(count: float, one: str, many: str = "") -> str:
    """The word for so many: `host` for 1 and `hosts` for any other number, or `many` where an s does not do."""
    return one if count == 1 else many or f"{one}s"


def printable(text: object) -> str:
    """A text on one line, with all that is not printable spelled out: a byte as `\\xe9`, a line end as `\\n`.

    That is control characters and escapes, line separators, characters without a width and those that change the
    direction of the text. A text that is printable already is left alone.
    """
    line = str(text)
    return line if line.isprintable() else "".join(map(_spelled, line))


def printable_result(value: Any) -> Any:
    """A result of a module or an action with all of its texts printable; files in its diffs keep their lines.

    Raw bytes as they are in no JSON stay what they are, as do numbers, truth values and None.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {
            printable_result(name): _printable_diff(inner) if name == DIFF else _printable_field(name, inner, TRACES)
            for name, inner in value.items()
        }
    return [printable_result(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _printable_diff(diff: Any) -> Any:
    if isinstance(diff, (list, tuple)):
        return [_printable_diff(part) for part in diff]
    if not isinstance(diff, Mapping):
        return printable_result(diff)
    return {printable_result(name): _printable_field(name, inner, DIFF_TEXTS) for name, inner in diff.items()}


def _printable_field(name: object, value: Any, with_lines: tuple[str, ...]) -> Any:
    if name not in with_lines or not isinstance(value, str):
        return printable_result(value)
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in value.split("\n"))


def _spelled(character: str) -> str:
    if character.isprintable():
        return character
    byte = ord(character) - FIRST_RAW_BYTE
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else character.encode("unicode_escape").decode("ascii")
