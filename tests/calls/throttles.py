# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are held back on purpose, each by one thing, which a proof has to name. These are in namespaces."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import sipp
from host import Host
from namespace import namespace_host

IN_TRACKING = Path(__file__).with_name("in_tracking.py")
CONNTRACK = frozenset({"target ConntrackDrop", "target ConntrackEarlyDrop", "target ConntrackInsertFailed"})
QUOTA = frozenset({"target processor quota"})
LISTEN = "listen=udp:127.0.0.1:5060\n"

SHORT = {"max_seconds": 90, "stop_at_first_loss": True}  # of the variables of a proof: the first reason is enough


class Bed(NamedTuple):
    """A host, who sends its load (None for itself), and the variables that say where the load goes."""

    host: Host
    generator: Host | None
    variables: dict[str, Any]


class Throttle(NamedTuple):
    """`expected` are the reasons that a proof may name first, as `gave_first` of proofs.py returns them.

    `hold_back` holds the host back for as long as it is used.
    """

    key: str
    words: str
    expected: frozenset[str]
    bed: Callable[[], AbstractContextManager[Bed]]
    hold_back: Callable[[Bed], AbstractContextManager[None]]
    variables: dict[str, Any]


# A group of our own below the root, of whichever version the kernel has for processors. Source: cgroups(7)
QUOTA_SETUP = """
set -eu
own=$(sed -En 's/^[0-9]+:(cpu(,cpuacct)?):.*/\\1/p' /proc/self/cgroup)
root=/sys/fs/cgroup/$own
mkdir -p "$root"
if [ "$own" ]; then
    mount -t cgroup -o "$own" cgroup "$root"
    mkdir "$root/$1"
    echo 100000 >"$root/$1/cpu.cfs_period_us"
    echo "${2}000" >"$root/$1/cpu.cfs_quota_us"
else
    mount -t cgroup2 cgroup "$root"
    echo +cpu >"$root/cgroup.subtree_control"
    mkdir "$root/$1"
    echo "${2}000 100000" >"$root/$1/cpu.max"
fi
for process in $(pgrep kamailio); do echo "$process" >"$root/$1/cgroup.procs"; done
"""
QUOTA_END = """
for group in /sys/fs/cgroup/$1 /sys/fs/cgroup/*/$1; do
    [ -d "$group" ] || continue
    while read -r process; do echo "$process" >"$group/../cgroup.procs"; done <"$group/cgroup.procs"
    rmdir "$group"
done
"""
GROUP = "siptune-held-back"
QUOTA_PERCENT = 2  # of a processor; milliseconds of each 100


@contextlib.contextmanager
def quota(bed: Bed) -> Iterator[None]:
    """A control group's quota for Kamailio. Raises CallsError where there are none."""
    group = f"{GROUP}-{time.monotonic_ns()}"
    try:
        bed.host.run("sh", "-c", QUOTA_SETUP, "quota", group, str(QUOTA_PERCENT))
        yield
    finally:
        bed.host.run("sh", "-c", QUOTA_END, "quota", group)


@contextlib.contextmanager
def namespaces() -> Iterator[Bed]:
    """A Kamailio that a host of its own loads from itself. Raises CallsError."""
    with namespace_host() as host:
        host.ask("restart", configuration=sipp.KAMAILIO)
        yield Bed(host, None, {})


PEER = """
ip netns add peer
ip link add sip0 type veth peer name sip1 netns peer
ip addr add 192.0.2.1/24 dev sip0
ip link set sip0 up
ip -n peer addr add 192.0.2.2/24 dev sip1
ip -n peer link set sip1 up
ip -n peer link set lo up
"""
TRACKED = """
table inet filter {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        iif lo accept
        udp dport 5060 accept
    }
}
"""
ROOM = 150  # connections: a step of 3 s at 20/s has 60


@contextlib.contextmanager
def namespaces_with_peer() -> Iterator[Bed]:
    """The same with a generator on a cable, whose connections are tracked. Raises CallsError."""
    with namespace_host() as host:
        host.run("sh", "-ec", PEER)
        host.run("nft", "-f", "-", text=TRACKED)
        host.ask("restart", configuration=sipp.KAMAILIO.replace(LISTEN, f"{LISTEN}listen=udp:192.0.2.1:5060\n"))
        peer = host._replace(enter=(*host.enter, "nsenter", "--net=/run/netns/peer"))
        yield Bed(host, peer, {"address": "192.0.2.1", "port": 5060})


@contextlib.contextmanager
def full_table(bed: Bed) -> Iterator[None]:
    """A table of connections that is full but for ROOM: nf_conntrack_max is the machine's."""
    bed.host.ask("fill", IN_TRACKING, room=ROOM)
    yield


THROTTLES = (
    Throttle("quota", f"a quota of {QUOTA_PERCENT} % of a processor", QUOTA, namespaces, quota, {"max_rate": 4000}),
    Throttle(
        "table", f"room for {ROOM} more connections", CONNTRACK, namespaces_with_peer, full_table, {"max_rate": 200}
    ),
)
