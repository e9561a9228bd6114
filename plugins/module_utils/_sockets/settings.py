# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receive buffer that a user wants, and for which daemons: validated before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .._core.change import TuningError
from .._core.setting import one_line
from .._sip.daemons import DAEMONS
from .._systemd.units import check_unit_name, is_template, unit_type
from .._systemd.values import SystemdError

OPTION = "receive_buffer_bytes"
SETTING_FIELDS = ("value", "rule", "why")
AT_LEAST = "at_least"
SERVICE = "service"
DAEMON_NAMES = tuple(daemon.name for daemon in DAEMONS)

# The kernel doubles a request and keeps the result in an int; below some 2 KiB it takes its own minimum.
LOWEST_BYTES = 4096
HIGHEST_BYTES = 2**31 - 2
LONGEST_SHOWN = 60


class SocketsError(TuningError):
    """A value that makes no sense or must not be set. `item` is the option or the item to blame."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(f"{item}: {reason}")
        self.item = item
        self.reason = reason


class Floor(NamedTuple):
    """The least receive buffer in bytes, as getsockopt(2) returns it and the kernel charges datagrams to it."""

    bytes: int
    why: str = ""

    @property
    def wanted(self) -> str:
        """The floor in words."""
        return f"at least {self.bytes}"


def parse_floor(given: object) -> Floor | None:
    """The floor of the module's option, None for null. Raises SocketsError."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return Floor(_parse_bytes(given))
    unknown = [repr(field)[:LONGEST_SHOWN] for field in given if field not in SETTING_FIELDS]
    if unknown:
        raise SocketsError(OPTION, f"unknown field {', '.join(unknown)}; there are {', '.join(SETTING_FIELDS)}")
    if "value" not in given:
        raise SocketsError(OPTION, "has no value")
    rule = given.get("rule", AT_LEAST)
    if rule != AT_LEAST:
        raise SocketsError(OPTION, f"is a floor: its rule is {AT_LEAST}, not {repr(rule)[:LONGEST_SHOWN]}")
    return Floor(_parse_bytes(given["value"]), one_line(OPTION, "why", given.get("why"), SocketsError))


def _parse_bytes(given: object) -> int:
    if isinstance(given, str) and re.fullmatch(r"-?[0-9]{1,18}", given, re.ASCII):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        shown = "no value" if given is None else repr(given)[:LONGEST_SHOWN]
        raise SocketsError(OPTION, f"takes a whole number of bytes, not {shown}")
    if not LOWEST_BYTES <= given <= HIGHEST_BYTES:
        raise SocketsError(OPTION, f"takes {LOWEST_BYTES} to {HIGHEST_BYTES} bytes, not {repr(given)[:LONGEST_SHOWN]}")
    return given


def parse_units(given: Iterable[str]) -> tuple[str, ...]:
    """The names of services, each once. Raises SocketsError."""
    names = tuple(dict.fromkeys(given))
    for name in names:
        try:
            check_unit_name(name)
        except SystemdError as error:
            raise SocketsError("units", str(error)) from error
        if unit_type(name) != SERVICE or is_template(name):
            raise SocketsError("units", f"{name} is no service that can run; instances have full names")
    return names
