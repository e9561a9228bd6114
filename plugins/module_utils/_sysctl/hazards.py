# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings of values that would starve the host or cut it off, although the kernel takes them.

Pure: from the values that are set together and the host's resources to reasons. Sources, unless a line says otherwise:
the kernel's Documentation/networking/ip-sysctl.rst and Documentation/admin-guide/sysctl/{fs,kernel,net,vm}.rst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable, NamedTuple, Optional

from .._core.text import plural
from .key import for_interface, interface_of
from .value import parse_ports, render_ports

KIBIBYTE = 1024
ROOM = 2  # a host needs as much again as it uses: a boot, an upgrade or a burst of logins doubles it for a while
LARGEST_SHARE = 0.5  # of memory, for pages that nothing else can have; the other half is the host's
LARGEST_FREE_SHARE = 0.05  # of memory, kept free: "setting this too high will OOM your machine instantly"
LARGEST_RESERVE = 0.25  # of memory, kept from overcommitting programs; the defaults are 8 MiB and 128 MiB
LEAST_FREE_KIB = 1024  # "your system will become subtly broken, and prone to deadlock under high loads"
HIGHEST_WATERMARK = 1000  # of 10000 parts of memory between the watermarks
FEWEST_HOPS = 32  # paths of the Internet have up to some 30; RFC 1700 recommends 64
# For connections to one destination, those that wait in TIME-WAIT for a minute included: 8000 are 133 new ones a
# second. With fewer than 2000, 33 a second, DNS alone may run out of them.
FEWEST_PORTS, LEAST_PORTS = 8000, 2000
FEWEST_ROUTES = 4096  # the default of ipv6/route/max_size up to Linux 6.2
FEWEST_NEIGHBOURS = 128  # the default of gc_thresh1: an ordinary subnet
FEWEST_QUEUED = 8  # connections or packets: a small burst
FEWEST_MAPPINGS = 65530  # DEFAULT_MAX_MAP_COUNT, include/linux/mm.h
FEWEST_WATCHERS = 64  # inotify instances of a user: systemd, its user managers and each daemon that watches a file
FEWEST_TERMINALS = 64
FEWEST_KEYS = 100  # half of the default: each login has a keyring, pam_keyinit(8)
FEWEST_UPLINKS = 2
HIGHEST_MMAP_MINIMUM = 65536  # what distributions set; programs are linked for addresses above it

TASKS = ("kernel/pid_max", "kernel/threads-max")
CONNECTIONS = ("net/netfilter/nf_conntrack_max", "net/nf_conntrack_max")
PORT_KEYS = ("net/ipv4/ip_local_port_range", "net/ipv4/ip_local_reserved_ports")
WIDEN = (
    "Widen net.ipv4.ip_local_port_range together with it, for example to 10240 65535, or narrow the daemons' own "
    "ranges of RTP ports, as port-max of rtpengine, rtpend of Asterisk or rtp-end-port of FreeSWITCH"
)
# Where the kernel counts what a key bounds: the file, and an expression for the number.
COUNTERS = {
    "fs/file-max": ("/proc/sys/fs/file-nr", r"([0-9]+)"),
    **dict.fromkeys(TASKS, ("/proc/loadavg", r"[0-9. ]+ [0-9]+/([0-9]+) ")),
    **dict.fromkeys(CONNECTIONS, ("/proc/sys/net/netfilter/nf_conntrack_count", r"([0-9]+)")),
}


class Resources(NamedTuple):
    """What the host has and uses; None for what is unknown. `in_use` has kernel counters by the keys that bound them.

    `advertised` are the interfaces with an IPv6 default route from router advertisements, `uplinks` those with an IPv4
    default route.
    """

    memory_bytes: int | None = None
    huge_page_bytes: int | None = None
    in_use: Mapping[str, int] = {}
    advertised: Sequence[str] = ()
    uplinks: Sequence[str] = ()


# A check takes the number, the interface of the key (all, default or its name; None for other keys) and the resources.
Check = Callable[[int, Optional[str], Resources], str]


def concerns(path: str) -> bool:
    """Whether some value of the key is one to warn of."""
    return path in PORT_KEYS or _pattern(path) in _CHECKS


def warning_of(path: str, text: str, values: Mapping[str, str], resources: Resources) -> str:
    """The reason to warn of a value that a key is to have; '' for none.

    `values` has the values of the other keys that count, by path.
    """
    if path in PORT_KEYS:
        return _few_ports({**values, path: text})
    check, number = _CHECKS.get(_pattern(path)), _number(text)
    return "" if check is None or number is None else check(number, interface_of(path), resources)


def _pattern(path: str) -> str:
    return path if interface_of(path) is None else for_interface(path, "*")


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


# --- checks of one number -------------------------------------------------------------------


def _least(least: int, consequence: str, without_limit: Sequence[int] = ()) -> Check:
    def check(number: int, _interface: str | None, _resources: Resources) -> str:
        return "" if number >= least or number in without_limit else f"below {least}, {consequence}"

    return check


def _only(values: Sequence[int], consequence: str) -> Check:
    return lambda number, _interface, _resources: consequence if number in values else ""


def _most(most: int, consequence: str) -> Check:
    return lambda number, _interface, _resources: f"above {most}, {consequence}" if number > most else ""


def _room(key: str, what: str, consequence: str, without_limit: Sequence[int] = ()) -> Check:
    def check(number: int, _interface: str | None, resources: Resources) -> str:
        used = resources.in_use.get(key)
        if used is None or number >= used * ROOM or number in without_limit:
            return ""
        return f"the host has {used} {what} now, and below {used * ROOM} {consequence}"

    return check


def _huge_pages(number: int, _interface: str | None, resources: Resources) -> str:
    memory, page = resources.memory_bytes, resources.huge_page_bytes
    if memory is None or page is None or number * page <= memory * LARGEST_SHARE:
        return ""
    return f"takes {number * page} of {memory} bytes of memory from everything else, and the host would run out of it"


def _kept_free(number: int, _interface: str | None, resources: Resources) -> str:
    if number < LEAST_FREE_KIB:
        return f"below {LEAST_FREE_KIB} the kernel deadlocks when memory is short"
    return _reserve(LARGEST_FREE_SHARE)(number, _interface, resources)


def _reserve(share: float) -> Check:
    def check(number: int, _interface: str | None, resources: Resources) -> str:
        memory = resources.memory_bytes
        if memory is None or number * KIBIBYTE <= memory * share:
            return ""
        return f"keeps more than {share:.0%} of the host's {memory} bytes from programs, which then fail or are killed"

    return check


def _deaf_to_routers(number: int, interface: str | None, resources: Resources) -> str:
    names = [name for name in resources.advertised if interface in ("all", "default", name)]
    if number != 0 or not names:
        return ""
    return f"the IPv6 default route of {', '.join(names)} comes from router advertisements, and ends with its lifetime"


def _strict(number: int, _interface: str | None, resources: Resources) -> str:
    if number != 1 or len(resources.uplinks) < FEWEST_UPLINKS:
        return ""
    routes = " and ".join(resources.uplinks)
    return f"with default routes over {routes}, packets may come in another way than the answer goes, and are dropped"


# --- ports ----------------------------------------------------------------------------------


class FreePorts(NamedTuple):
    """The ports that outgoing connections may take: how many, of which range, and those of it that are reserved."""

    left: int
    range: str
    reserved: str

    def __str__(self) -> str:
        ports = f"{self.left} {plural(self.left, 'port')}"
        reserved = f", as {self.reserved} are reserved" if self.reserved else ""
        return f"leaves {ports} of net.ipv4.ip_local_port_range ({self.range}) for outgoing connections{reserved}"


def free_ports(values: Mapping[str, str]) -> FreePorts | None:
    """The ports that two keys leave for outgoing connections; None where the range is not known."""
    words = values.get(PORT_KEYS[0], "").split()
    if len(words) != len(PORT_KEYS) or not all(word.isdecimal() for word in words):
        return None
    low, high = map(int, words)
    reserved = parse_ports(PORT_KEYS[1], values.get(PORT_KEYS[1], ""))
    within = [(max(low, first), min(high, last)) for first, last in reserved if first <= high and last >= low]
    count = high - low + 1 - sum(last - first + 1 for first, last in within)
    return FreePorts(max(0, count), f"{low}-{high}", render_ports(within).replace(",", ", "))


def _few_ports(values: Mapping[str, str]) -> str:
    free = free_ports(values)
    if free is None or free.left >= FEWEST_PORTS:
        return ""
    return f"{free}: fewer than {FEWEST_PORTS}, and without a free one they fail. {WIDEN}"


# --- which key has which check --------------------------------------------------------------

_NO_TASKS = "no process can be started any more, and nobody logs in"
_UNREACHABLE = "packets end before they reach distant hosts"
_HALTS = "the whole host restarts or stops where only one program would have had to"
_CHECKS: dict[str, Check] = {
    "fs/file-max": _room("fs/file-max", "open files", "programs fail to open any"),
    "fs/inotify/max_user_instances": _least(FEWEST_WATCHERS, "systemd and daemons of one user fail to watch files"),
    "kernel/hung_task_panic": _only((1,), _HALTS),
    "kernel/keys/maxkeys": _least(FEWEST_KEYS, "logins fail for want of a keyring"),
    "kernel/panic_on_warn": _only((1,), _HALTS),
    "kernel/pid_max": _room(TASKS[0], "processes and threads", _NO_TASKS),
    "kernel/pty/max": _least(FEWEST_TERMINALS, "nobody gets a terminal by ssh"),
    "kernel/sched_rt_runtime_us": _only(
        (-1,), "a real-time process that does not stop takes a processor from all others"
    ),
    "kernel/softlockup_panic": _only((1,), _HALTS),
    "kernel/threads-max": _room(TASKS[1], "processes and threads", _NO_TASKS),
    "net/core/netdev_max_backlog": _least(FEWEST_QUEUED, "packets are dropped before any daemon sees them"),
    "net/core/somaxconn": _least(FEWEST_QUEUED, "a few connections at once are refused, of ssh as well"),
    "net/ipv4/conf/*/arp_ignore": _only((8,), "the host answers no ARP request, and nobody in its network reaches it"),
    "net/ipv4/conf/*/rp_filter": _strict,
    "net/ipv4/ip_default_ttl": _least(FEWEST_HOPS, _UNREACHABLE),
    "net/ipv4/neigh/*/gc_thresh3": _least(FEWEST_NEIGHBOURS, "hosts of the same network are out of reach"),
    "net/ipv4/route/max_size": _least(FEWEST_ROUTES, "the network is unreachable to new connections", (-1,)),
    "net/ipv4/tcp_max_orphans": _least(FEWEST_QUEUED, "connections that are being closed are reset"),
    "net/ipv6/conf/*/accept_ra": _deaf_to_routers,
    "net/ipv6/conf/*/accept_ra_defrtr": _deaf_to_routers,
    "net/ipv6/conf/*/hop_limit": _least(FEWEST_HOPS, _UNREACHABLE),
    "net/ipv6/neigh/*/gc_thresh3": _least(FEWEST_NEIGHBOURS, "hosts of the same network are out of reach"),
    "net/ipv6/route/max_size": _least(FEWEST_ROUTES, "the network is unreachable to new connections", (-1,)),
    "net/netfilter/nf_conntrack_max": _room(CONNECTIONS[0], "tracked connections", "new ones are dropped", (0,)),
    "net/nf_conntrack_max": _room(CONNECTIONS[1], "tracked connections", "new ones are dropped", (0,)),
    "vm/admin_reserve_kbytes": _reserve(LARGEST_RESERVE),
    "vm/max_map_count": _least(FEWEST_MAPPINGS, "large programs end when they ask for memory"),
    "vm/min_free_kbytes": _kept_free,
    "vm/mmap_min_addr": _most(HIGHEST_MMAP_MINIMUM, "programs that are linked for lower addresses do not start"),
    "vm/nr_hugepages": _huge_pages,
    "vm/nr_hugepages_mempolicy": _huge_pages,
    "vm/overcommit_memory": _only(
        (2,), "programs that ask for more memory than they use get none, however much is free"
    ),
    "vm/panic_on_oom": _only((1, 2), _HALTS),
    "vm/user_reserve_kbytes": _reserve(LARGEST_RESERVE),
    "vm/watermark_scale_factor": _most(HIGHEST_WATERMARK, "more than a tenth of the memory is kept free"),
}
