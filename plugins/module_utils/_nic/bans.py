# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads how irqbalance runs and starts, and tells it on its socket which interrupts to leave alone.

Source: sock_handle() of irqbalance.c, 1.7 to 1.9; the same words are in irqbalance-ui.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from .._core.undo import UndoLog
from .._host.host import Host, HostError
from .._host.processes import process_names
from .._packets.interrupts import BALANCER_DROP_IN, OWN_SCRIPT
from .._packets.irqbalance import balancer_pid, irqbalance
from .._systemd.settings_files import last_lines, settings_files
from .balancer import Balancer, LiveBans, Start
from .irq_script import given

SOCKET = "/run/irqbalance/irqbalance{}.sock"  # root's directory; the abstract one that it falls back to is anybody's
TIMEOUT_SECONDS = 2
LONGEST_REQUEST = 16000  # it takes 16383 bytes
UNIT = "system/irqbalance.service"
_BANNED = re.compile(rb"\bIRQ ([0-9]{1,9})\b")


def observe_balancer(host: Host) -> Balancer:
    """irqbalance as it runs, and as it will start. Never raises."""
    names = process_names(host)
    pid = balancer_pid(host, names)
    units = settings_files(host, UNIT).with_own(BALANCER_DROP_IN, None)
    line = last_lines(units.in_order(), "Service", ["ExecStart"]).get("ExecStart") if units.main else None
    return Balancer(
        irqbalance(host, names),
        pid,
        read_bans(host, pid) if pid else None,
        frozenset(given(host.read_lenient(OWN_SCRIPT) or "")),
        Start(line.value, line.file, line.line) if line else Start(),
    )


def read_bans(host: Host, pid: int) -> frozenset[int] | None:
    """The interrupts that irqbalance leaves alone by their numbers; None where it does not say so. Never raises."""
    try:
        answer = host.ask_socket(SOCKET.format(pid), b"setup", TIMEOUT_SECONDS)
    except HostError:
        return None
    return frozenset(map(int, _BANNED.findall(answer))) if answer.startswith(b"SLEEP ") else None


def ban(host: Host, bans: LiveBans, log: UndoLog) -> None:
    """Have irqbalance leave interrupts alone before they are set, and confirm that. Raises HostError."""
    if bans.first == bans.before:
        return
    log.note("irqbalance's bans", lambda: _tell(host, bans.pid, bans.before))
    _tell(host, bans.pid, bans.first)
    if not bans.first <= (read_bans(host, bans.pid) or frozenset()):
        raise HostError("irqbalance", "was told to leave interrupts alone, and does not say that it does: run again")


def give_back(host: Host, bans: LiveBans, refused: frozenset[tuple[str, str]], log: UndoLog) -> None:
    """Let irqbalance move again what is no longer ours. One that has ended meanwhile knows of no ban."""
    last = bans.last(refused)
    if last != bans.first or bans.anew:
        log.note("irqbalance's bans", lambda: _tell(host, bans.pid, bans.first))
        try:
            _tell(host, bans.pid, last)
        except HostError:
            if read_bans(host, bans.pid) is not None:
                raise


def _tell(host: Host, pid: int, numbers: Collection[int]) -> None:
    """Tell irqbalance all that it is to leave alone by number. It looks at all interrupts anew then."""
    request = b"settings ban irqs " + (" ".join(map(str, sorted(numbers))) or "NONE").encode()
    if len(request) > LONGEST_REQUEST:
        raise HostError("irqbalance", f"cannot be told of {len(numbers)} interrupts at once")
    host.ask_socket(SOCKET.format(pid), request, TIMEOUT_SECONDS)
