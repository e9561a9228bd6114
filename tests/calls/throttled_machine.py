# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are held back on purpose, as in throttles.py, in a virtual machine that is loaded from this one."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import guest
import in_host
import sipp
import virtual
from host import Host
from proofs import generator_here
from throttles import CONNTRACK, LISTEN, QUOTA, Bed, Throttle

RING = frozenset({"target NicRxNoBuffer"})
RING_CARD, USUAL_CARD = (nic for nic in guest.NICS if nic.model == "vmxnet3" or nic.number == 4)
ANSWERING = tuple(nic.interface for nic in (RING_CARD, USUAL_CARD))
MACHINE_KAMAILIO = sipp.KAMAILIO.replace(
    LISTEN,
    LISTEN + "".join(f"listen=udp:{nic.address}:{guest.FED_PORT}\n" for nic in (RING_CARD, USUAL_CARD)),
)
# A connection of ssh is to live through a table that is full.
UNTRACKED_SSH = """
table inet management {
    chain in {
        type filter hook prerouting priority raw
        tcp dport 22 notrack
    }
    chain out {
        type filter hook output priority raw
        tcp sport 22 notrack
    }
}
"""
TABLE = "net.netfilter.nf_conntrack_max"
SMALL_TABLE = 40  # a step of 3 s at 10/s has 30
SMALL_RING = 32  # descriptors, vmxnet3's smallest
# 50 packets at 100 a second come in during a pause, and one falls into each step of 3 s.
RUNS_SECONDS, PAUSED_SECONDS = 1.5, 0.5
MACHINE_QUOTA_PERCENT = 5  # an emulated processor needs some milliseconds for a request


@contextlib.contextmanager
def virtual_bed(directory: Path | None = None) -> Iterator[Bed]:
    """A Kamailio in a virtual machine, loaded from here; `directory` is of one that runs already. Raises CallsError."""
    with contextlib.ExitStack() as stack:
        generator = stack.enter_context(generator_here())
        host = virtual.host_of(directory) if directory else stack.enter_context(virtual.virtual_host(ANSWERING))
        host.run("nft", "-f", "-", text=UNTRACKED_SSH)
        stack.callback(host.run, "nft", "delete", "table", "inet", "management")
        host.ask("restart", configuration=MACHINE_KAMAILIO)
        feeds = json.loads((directory_of(host) / guest.FEEDS).read_text(encoding="ascii"))
        widen_feeds(directory_of(host), feeds)
        yield Bed(host, generator, {"address": "127.0.0.1", "feeds": feeds})


def directory_of(host: Host) -> Path:
    """The directory of guest.py of a virtual machine."""
    return Path(host.ssh_config).parent


def widen_feeds(directory: Path, feeds: Mapping[str, int]) -> None:
    """Have the emulator's own sockets lose nothing: it reads them when it has the time."""
    emulator = int((directory / "pid").read_text(encoding="ascii"))
    for port in feeds.values():
        copy = in_host.duplicate(emulator, port)
        if copy:
            with copy:
                copy.setsockopt(socket.SOL_SOCKET, in_host.SO_RCVBUFFORCE, in_host.LOAD_BUFFER_BYTES)


def by_card(bed: Bed, interface: str) -> Bed:
    """The bed whose load comes in at this card."""
    return bed._replace(variables={"address": bed.variables["address"], "port": bed.variables["feeds"][interface]})


@contextlib.contextmanager
def small_table(bed: Bed) -> Iterator[None]:
    """A table of few connections."""
    before = bed.host.ask("sysctl", settings={TABLE: None})
    bed.host.ask("sysctl", settings={TABLE: str(SMALL_TABLE)})
    try:
        yield
    finally:
        bed.host.ask("sysctl", settings=before)


@contextlib.contextmanager
def small_ring(bed: Bed) -> Iterator[None]:
    """A receive ring of few descriptors, in a machine that is paused now and then."""
    bed.host.run("ethtool", "-G", RING_CARD.interface, "rx", str(SMALL_RING))
    with pauses(directory_of(bed.host)):
        yield


@contextlib.contextmanager
def pauses(directory: Path) -> Iterator[None]:
    """Stop a machine again and again, as one that is moved. What comes in meanwhile comes at its card at once."""
    ended = threading.Event()
    with guest.monitor(directory) as order:

        def pause() -> None:
            while not ended.wait(RUNS_SECONDS):
                order("stop")
                ended.wait(PAUSED_SECONDS)
                order("cont")

        pausing = threading.Thread(target=pause)
        pausing.start()
        try:
            yield
        finally:
            ended.set()
            pausing.join()


@contextlib.contextmanager
def unit_quota(bed: Bed) -> Iterator[None]:
    """A quota of Kamailio's unit."""
    words = ("systemctl", "set-property", "--runtime", "kamailio.service")
    bed.host.run(*words, f"CPUQuota={MACHINE_QUOTA_PERCENT}%")
    try:
        yield
    finally:
        bed.host.run(*words, "CPUQuota=")


def throttles(machine: Bed) -> tuple[Throttle, ...]:
    """Those of one machine, which they hold back one after the other."""

    def by_usual_card() -> AbstractContextManager[Bed]:
        return contextlib.nullcontext(by_card(machine, USUAL_CARD.interface))

    def by_ring_card() -> AbstractContextManager[Bed]:
        return contextlib.nullcontext(by_card(machine, RING_CARD.interface))

    ring = f"a vmxnet3's ring of {SMALL_RING}, pauses of {PAUSED_SECONDS:g} s"
    return (
        Throttle("vm-table", f"{TABLE} = {SMALL_TABLE}", CONNTRACK, by_usual_card, small_table, {"max_rate": 60}),
        Throttle("vm-ring", ring, RING, by_ring_card, small_ring, {"max_rate": 400, "max_p99_ms": 3000}),
        Throttle("vm-quota", f"CPUQuota={MACHINE_QUOTA_PERCENT}%", QUOTA, by_usual_card, unit_quota, {"max_rate": 40}),
    )


KEYS = ("vm-table", "vm-ring", "vm-quota")
