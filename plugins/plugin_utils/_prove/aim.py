# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the load of a target comes from, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from .._prove import model
from .settings import PREFIX, SIP_PORT, TLS_PORT, ProveError, Settings

GENERATORS = "siptune_generators"
RELAYS = ("rtpengine", "rtpengine-recording")  # that speak no SIP
# Ports on which a daemon speaks something else: IAX2, DUNDi, MGCP, UNIStim. Source: iax.conf, dundi.conf, mgcp.conf and
# unistim.conf of Asterisk, res_pktccops.conf.
NO_SIP = {"asterisk": (4569, 4520, 2427, 2727, 5000)}
LOOPBACK = re.compile(r"127\.|::1\Z")
ANY_ADDRESS = ("0.0.0.0", "::")


def choose_generator(target: str, settings: Settings, generators: Sequence[str], known: Collection[str]) -> str:
    """The host that sends the load. Raises ProveError where there is none, or it is the target without a word.

    `generators` are the hosts of the group, `known` all that the inventory has.
    """
    if settings.generator is not None:
        chosen = settings.generator
        if chosen not in known:
            raise ProveError(f"{PREFIX}generator: there is no host {chosen} in the inventory")
    else:
        chosen = next((host for host in generators if host != target), target if settings.local else "")
    if not chosen:
        raise ProveError(
            f"there is no generator: put a host of its own into the group {GENERATORS}, or name one in "
            f"{PREFIX}generator; for a first look from the target itself say {PREFIX}local: true"
        )
    if chosen == target and not settings.local:
        raise ProveError(f"{PREFIX}generator: {itself(chosen)}")
    return chosen


def itself(generator: str) -> str:
    """Why a generator that is the target is refused."""
    return (
        f"{generator} is the target itself, and its load would take what is measured. For a first look say "
        f"{PREFIX}local: true"
    )


def _end_points(sockets: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, int]]:
    """Daemon, address and port of each socket that SIP is spoken on."""
    for one in sockets:
        address, _colon, port = one["socket"].rpartition(":")
        elsewhere = NO_SIP.get(one["daemon"], ())
        if one["daemon"] not in RELAYS and port.isdecimal() and int(port) not in elsewhere:
            yield one["daemon"], address.strip("[]"), int(port)


def choose_end_point(
    settings: Settings,
    sockets: Sequence[Mapping[str, Any]],
    known_address: str,
    local: bool,
    running: Collection[str] = (),
) -> tuple[str, int, str | None]:
    """Address, port and daemon. `sockets` are those of sip_counters_info, `known_address` is where Ansible finds it.

    A daemon that listens on an address of its own is asked there: the host's management may have another one. Sockets
    of TCP are not among them, so that a daemon without one of UDP is known by being the only one of those `running`.
    """
    found = list(_end_points(sockets))
    by_default = TLS_PORT if settings.transport == model.TLS else SIP_PORT
    ports = {port for _daemon, _address, port in found}
    port = settings.port or (by_default if by_default in ports or not ports or settings.transport != model.UDP else 0)
    port = port or min(ports)
    here = [one for one in found if one[2] == port] or found  # of TCP, or of what the operator knows better
    reachable = [one for one in here if local or not LOOPBACK.match(one[1])]
    alone = [name for name in set(running) if name not in RELAYS]
    daemon = next((one[0] for one in reachable or here), alone[0] if len(alone) == 1 else None)
    bound = [address for _daemon, address, _port in reachable if address not in ANY_ADDRESS]
    address = settings.address or (known_address if known_address in bound or not bound else bound[0])
    if local and not settings.address and not bound:
        address = "127.0.0.1"
    return address, port, daemon
