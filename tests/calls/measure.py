# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a bed: one kernel, with a fresh host for each group of states."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import sipp
import tuning
import virtual
from figures import CHARGED_BYTES, LONG_BYTES, SHORT_BYTES, STALLS_SECONDS, Bed, Held, Key, Measured, Stall, stall_of
from host import CallsError, Host
from namespace import namespace_host
from states import BOOT, GROUPS, RESTART, Group, State

CALLERS: Mapping[str, Callable[[], str]] = {sipp.OPTIONS: sipp.options_scenario, sipp.CALL: sipp.call_scenario}


class Kind(NamedTuple):
    """A kind of bed: how its hosts are had, whether they are whole machines, and the rates of the load, by its kind."""

    words: str
    host: Callable[[], AbstractContextManager[Host]]
    whole_machine: bool
    rates: Mapping[str, int]
    suite: str = ""


# A second. A call is MESSAGES_A_CALL messages to Kamailio, so these are 1000 messages a second, and 200 in the virtual
# machine: an emulated processor cannot do more.
REAL = {sipp.OPTIONS: 1000, sipp.CALL: 1000 // sipp.MESSAGES_A_CALL}
EMULATED = {sipp.OPTIONS: 200, sipp.CALL: 200 // sipp.MESSAGES_A_CALL}
KINDS = {
    "machine": Kind("this machine's kernel, in namespaces", namespace_host, False, REAL),
    "bookworm": Kind("Debian 12 in a virtual machine", virtual.virtual_host, True, EMULATED, "bookworm"),
    "trixie": Kind("Debian 13 in a virtual machine", virtual.virtual_host, True, EMULATED, "trixie"),
}


def progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def measure_bed(name: str, chosen: Collection[str], with_stalls: bool) -> Bed:
    """Everything of a bed, as far as its hosts can show it and it is among the chosen states.

    A group of states that cannot be measured is left out, and said. Raises CallsError if nothing can be measured.
    """
    kind = KINDS[name] if with_stalls else KINDS[name]._replace(rates={})
    if kind.suite:
        virtual.choose_image(kind.suite)
    states: list[Measured] = []
    versions: dict[str, str] = {}
    for group in GROUPS:
        possible = [state for state in group.states if (kind.whole_machine or not state.whole_machine)]
        if not any(state.key in chosen for state in possible):
            continue
        try:
            with kind.host() as host:
                versions = host.ask("versions")
                states += _measure_group(host, kind, group, possible, chosen)
        except CallsError as error:  # the hosts of the other groups are others
            progress(f"NOT MEASURED: {name}: {', '.join(state.key for state in possible)}: {error}")
    if not states:
        raise CallsError("none of its states could be measured")
    keys = _measure_keys(kind) if kind.whole_machine and "keys" in chosen else ()
    load = f"load average {os.getloadavg()[0]:.1f}"
    words = f"{kind.words}; {os.cpu_count()} processors ({platform.machine()}), {load}"
    return Bed(name, words, versions, tuple(states), tuple(keys))


def _measure_group(
    host: Host, kind: Kind, group: Group, possible: Collection[State], chosen: Collection[str]
) -> list[Measured]:
    before = host.ask("restart", configuration=sipp.KAMAILIO)
    tuning.tune(host, group.tuning)
    found = []
    for state in possible:
        if state.moment == RESTART:
            host.ask("restart", configuration=sipp.KAMAILIO)
        elif state.moment == BOOT:
            virtual.reboot(host)
            host.ask("wait")
        elif host.ask("pids") != before:
            raise CallsError(f"{state.name}: Kamailio was restarted")
        if state.key in chosen:
            found.append(measure_state(host, kind, state))
            progress(f"{kind.suite or 'machine'}: {state.name}, {state.moment}: {found[-1].held}")
    return found


def measure_state(host: Host, kind: Kind, state: State) -> Measured:
    """How much a host holds, and what its calls lose, as it is now."""
    held = tuple(measure_held(host, length) for length in (SHORT_BYTES, LONG_BYTES))
    pairs = [(sort, seconds) for sort in kind.rates for seconds in STALLS_SECONDS] if state.stalls else []
    stalls = tuple(measure_stall(host, sort, seconds, kind.rates[sort]) for sort, seconds in pairs)
    return Measured(state.key, host.ask("state")["buffer_bytes"], held, stalls)


def measure_held(host: Host, length: int) -> Held:
    """How many datagrams of this length the socket holds: more than it can are sent."""
    room = host.ask("state")["buffer_bytes"] // CHARGED_BYTES[length]
    found = host.ask("burst", count=room * 5 // 4 + 200, length=length)
    return Held(length, found["answered"], found["sent"])


def measure_stall(host: Host, kind: str, seconds: float, rate: int) -> Stall:
    """What a stall of this length costs under a load of this kind and rate."""
    found = host.ask("stall", seconds=seconds, rate=rate, caller=CALLERS[kind](), callee=sipp.CALLEE)
    totals = sipp.parse_statistics(found["statistics"])
    responses = sipp.parse_response_times(found["response_times"])
    woken_at = found["woken_at"] - sipp.started_at(found["statistics"])
    return stall_of(kind, seconds, rate, totals, found["dropped"], responses, woken_at)


def _measure_keys(kind: Kind) -> list[Key]:
    """What each key alone does for a daemon that starts after it was set."""
    found = []
    with kind.host() as host:
        for key, value in {**tuning.documents(), **tuning.BUSY_POLLING}.items():
            before = host.ask("sysctl", settings={key: None})[key]
            live = host.ask("sysctl", settings={key: value})[key]
            host.ask("restart", configuration=sipp.KAMAILIO)
            found.append(Key(key, value, live, measure_held(host, SHORT_BYTES).held))
            host.ask("sysctl", settings={key: before})
            progress(f"{kind.suite}: {key} = {live}: {found[-1].held}")
    return found
