# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size that the journal may have, as users give it, and the text of our drop-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .._core.errors import ItemError
from .._core.setting import one_line, shown
from .._engine.conf_files import comment
from .._systemd.parsers import IgnoredError, read_size

DIRECTIVE, SECTION = "SystemMaxUse", "Journal"
ITEM = f"journald {DIRECTIVE}"
NAME = "journald.conf"
PATH = f"/etc/systemd/{NAME}.d/90-siptune.conf"
LOWEST_BYTES = 16 * 1024 * 1024  # two files of 8 MiB, as the journal keeps what it writes to and one before
HEADING = (
    "# Managed by Ansible (siptune.linux.journald_limits). Edits made here are lost with the next run;\n"
    "# a drop-in of a later name such as 99-local.conf has the last word.\n"
)


class JournaldError(ItemError):
    """A size that the journal cannot have."""


class Request(NamedTuple):
    """The most that the journal may use on its disk, in the words of the user, "" to leave that alone; and why."""

    max_use: str
    why: str


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of the module's parameters. Raises JournaldError."""
    given = params["max_use"]
    text = "" if given is None or given == {} else " ".join(str(given).split())
    if text:
        check_size(text)
    return Request(text if params["state"] == "present" else "", one_line(ITEM, "why", params["why"], JournaldError))


def check_size(text: str) -> None:
    """Raises JournaldError for a text that journald would not take for a size, and for a size without use."""
    try:
        size = read_size(text)
    except IgnoredError as error:
        raise JournaldError(ITEM, f"{error}, not {shown(text)}") from error
    if size < LOWEST_BYTES:
        no_limit = "0 is no limit at all" if size == 0 else f"{text} leaves no room for messages"
        raise JournaldError(ITEM, f"{no_limit}: give 16M or more, or null to leave it alone")


def same_size(one: str, other: str | None) -> bool:
    """Whether two texts are one size to journald."""
    try:
        return other is not None and read_size(one) == read_size(other)
    except IgnoredError:
        return False


def render(request: Request) -> str:
    """The text of our drop-in."""
    return f"{HEADING}\n[{SECTION}]\n{comment(request.why)}{DIRECTIVE}={request.max_use}\n"
