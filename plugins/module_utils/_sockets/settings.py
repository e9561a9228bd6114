# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receive buffer that a user wants, and for which daemons: validated before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from .._core.errors import ItemError
from .._core.setting import AT_LEAST, RULE_WORDS, parse_given, shown
from .._sip.daemons import DAEMONS_IN_CALLS
from .._systemd.names import SERVICE, is_template, unit_type
from .._systemd.units import check_unit_name
from .._systemd.values import SystemdError

OPTION = "receive_buffer_bytes"
FIELDS = ("value", "rule", "why")
DAEMON_NAMES = tuple(daemon.name for daemon in DAEMONS_IN_CALLS)

# The kernel doubles a request and keeps the result in an int; below some 2 KiB it takes its own minimum.
LOWEST_BYTES = 4096
HIGHEST_BYTES = 2**31 - 2


class SocketsError(ItemError):
    """A buffer or a unit that is refused: the option, and the reason."""


class Floor(NamedTuple):
    """The least receive buffer in bytes, as getsockopt(2) returns it and the kernel charges datagrams to it."""

    bytes: int
    why: str = ""

    @property
    def wanted(self) -> str:
        """The floor in words."""
        return f"{RULE_WORDS[AT_LEAST]}{self.bytes}"


def parse_floor(given: object) -> Floor | None:
    """The floor of the module's option, None for null and for an empty dictionary. Raises SocketsError."""
    if given is None or given == {}:
        return None
    setting = parse_given(OPTION, given, SocketsError, FIELDS)
    if setting.fields.get("rule", AT_LEAST) != AT_LEAST:
        raise SocketsError(OPTION, f"is a floor: the rule can only be {AT_LEAST}, not {setting.rule}")
    return Floor(_parse_bytes(setting.value), setting.why)


def _parse_bytes(given: object) -> int:
    if isinstance(given, str) and re.fullmatch(r"-?[0-9]{1,18}", given, re.ASCII):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        found = "no value" if given is None else shown(repr(given))
        raise SocketsError(OPTION, f"must be a whole number of bytes, not {found}")
    if not LOWEST_BYTES <= given <= HIGHEST_BYTES:
        raise SocketsError(OPTION, f"must be {LOWEST_BYTES} to {HIGHEST_BYTES} bytes, not {shown(given)}")
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
            raise SocketsError("units", f"{name} cannot run: name a service, or an instance of a template")
    return names
