# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides on the keys of an image, which no kernel runs yet: from its files, and from what kernels begin with.

A floor never lowers a host. So it is written where every kernel begins with less, is met where every kernel begins with
as much, and is left to a run on the booted host where kernels differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .._core.change import CHANGED, PENDING, Change
from .._core.setting import EXACT
from .conf import OVERRIDES_GLOB, Boot, Line, boot_of
from .decide import meets, surviving_line
from .kernel import module_of
from .key import SysctlError, display_name, glob_matches, is_glob, is_spelled
from .model import Decision, Observed, Request
from .originals import set_by_boot
from .revert import BACK, NO_MORE
from .safety import switches_forwarding_on, switches_ipv6_off
from .settings import Setting
from .value import same, stored, wanted_from

LEFT = "left to a run on the booted host"
KERNELS_DIFFER = f"{LEFT}: what its kernel begins with is not known, and a floor or a ceiling never makes it worse"
IPV6_IN_USE = f"{LEFT}, which sees whether something needs IPv6 as it is"
NO_KEYS = f"{LEFT}, which sees which keys there are"
NO_UDEV = "a boot sets it only where the {} module is loaded by then: no udev is here to set it later"
BEGINS_WITH_IT = "every kernel begins with that"
UNTIL_BOOT = "goes back with the next boot: it was set by the image, so that no value from before is on record"


class Beginning(NamedTuple):
    """The least and the most that a kernel begins with, of those that are in use: Linux 4.18 to 6.18."""

    least: str
    most: str


def _all(value: str) -> Beginning:
    return Beginning(value, value)


# Sources: the kernel's Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst, and where they are silent
# net/core/sock.c, net/ipv4/{ip_fragment,tcp,tcp_minisocks}.c, net/netfilter/nf_conntrack_core.c, fs/{file,namei}.c,
# ipc/{shm,sem}.c (include/uapi/linux), kernel/events/core.c, mm/{mmap,vmscan}.c, lib/vsprintf.c, mm/memory.c.
_ULONG_MAX_LESS_16_MIB = str(2**64 - 1 - (1 << 24))
_CONNTRACK_ENTRIES = "262144"  # from 4 GiB of memory on
BEGINNINGS = {
    "fs/nr_open": Beginning("1048576", "1073741816"),  # systemd raises it at boot if it is built to
    "fs/protected_fifos": _all("0"),
    "fs/protected_hardlinks": Beginning("0", "1"),
    "fs/protected_regular": _all("0"),
    "fs/protected_symlinks": Beginning("0", "1"),
    "kernel/kptr_restrict": Beginning("0", "1"),
    "kernel/perf_event_paranoid": Beginning("2", "4"),  # Debian's 3, Ubuntu's 4
    "kernel/randomize_va_space": Beginning("1", "2"),
    "kernel/sem": _all("32000 1024000000 500 32000"),
    "kernel/shmall": _all(_ULONG_MAX_LESS_16_MIB),
    "kernel/shmmax": _all(_ULONG_MAX_LESS_16_MIB),
    "kernel/yama/ptrace_scope": Beginning("0", "1"),  # Debian's 0
    "net/core/netdev_max_backlog": _all("1000"),
    "net/core/rmem_default": Beginning("212992", "524288"),
    "net/core/rmem_max": Beginning("212992", "4194304"),
    "net/core/somaxconn": Beginning("128", "4096"),
    "net/core/wmem_max": Beginning("212992", "4194304"),
    "net/ipv4/conf/all/rp_filter": _all("0"),
    "net/ipv4/conf/default/rp_filter": _all("0"),
    "net/ipv4/icmp_echo_ignore_broadcasts": _all("1"),
    "net/ipv4/icmp_ignore_bogus_error_responses": _all("1"),
    "net/ipv4/ip_local_reserved_ports": _all(""),
    "net/ipv4/ipfrag_high_thresh": _all("4194304"),
    "net/ipv4/tcp_max_syn_backlog": Beginning("128", "4096"),
    "net/ipv4/tcp_max_tw_buckets": Beginning("2048", "262144"),
    "net/ipv4/tcp_sack": _all("1"),
    "net/ipv4/tcp_syncookies": _all("1"),
    "net/ipv4/tcp_timestamps": _all("1"),
    "net/ipv4/tcp_window_scaling": _all("1"),
    "net/netfilter/nf_conntrack_buckets": Beginning("1024", _CONNTRACK_ENTRIES),
    "net/netfilter/nf_conntrack_max": Beginning("1024", _CONNTRACK_ENTRIES),
    "net/netfilter/nf_conntrack_udp_timeout": _all("30"),
    "net/netfilter/nf_conntrack_udp_timeout_stream": Beginning("120", "180"),
    "vm/max_map_count": _all("65530"),
    "vm/swappiness": _all("60"),
}


def decide_for_boot(
    path: str, setting: Setting, request: Request, observed: Observed, boot_without_us: Boot
) -> Decision:
    """The decision on one key or glob of an image. `boot_without_us` is a boot without our file."""
    if switches_ipv6_off(path, setting.value) or switches_forwarding_on(path, setting.value):
        return _left(path, setting, request, observed, IPV6_IN_USE)
    if is_glob(path) and (setting.rule != EXACT or not observed.glob_lines):
        return _left(path, setting, request, observed, NO_KEYS)
    if not is_spelled(path):
        return _left(path, setting, request, observed, NO_KEYS)
    if setting.rule == EXACT:
        return _written(path, setting, setting.value, observed)
    assignment = boot_without_us.assignment(path)
    if assignment is None:
        return _decide_by_kernels(path, setting, request, observed)
    if meets(path, setting, assignment.value or ""):
        return Decision(path, setting, reverted=True)
    try:
        line = wanted_from(path, setting.rule, setting.value, assignment.value or "")
    except SysctlError:  # of the other file
        line = setting.value
    return _written(path, setting, line, observed)


def _written(path: str, setting: Setting, line: str, observed: Observed) -> Decision:
    """A key that gets a line. One of a module has to be there when systemd-sysctl runs, or udev sets it later."""
    module = module_of(path)
    if module is None or (observed.udev and observed.systemd_sysctl):
        return Decision(path, setting, line=line)
    return Decision(path, setting, line=line, state=PENDING, reason=NO_UDEV.format(module))


def _decide_by_kernels(path: str, setting: Setting, request: Request, observed: Observed) -> Decision:
    """A floor or a ceiling that no file of others sets."""
    beginning = BEGINNINGS.get(path)
    if beginning is not None and all(meets(path, setting, value) for value in beginning):
        return Decision(path, setting, reverted=True, reason=BEGINS_WITH_IT)
    if beginning is None or not all(meets(path, setting._replace(value=one), setting.value) for one in beginning):
        return _left(path, setting, request, observed, KERNELS_DIFFER)
    return _written(path, setting, setting.value, observed)


def _left(path: str, setting: Setting, request: Request, observed: Observed, reason: str) -> Decision:
    """A key that is left to the booted host; a line that a run there has written stays, and is never made worse."""
    line = surviving_line(path, setting, request, observed)
    if line is not None:
        return Decision(path, setting, line=line)
    return Decision(path, setting, state=PENDING, reason=reason)


def lines_over_others(lines: Iterable[Line], boot_without_us: Boot) -> list[Line]:
    """Lines for the keys that other files name, which would override a glob of ours."""
    lines = list(lines)
    named = [path for path in boot_without_us.paths if not is_glob(path)]
    return [
        Line(path, glob.value, OVERRIDES_GLOB)
        for glob in lines
        if is_glob(glob.path)
        for path in named
        if glob_matches(glob.path, path) and path not in {line.path for line in lines}
    ]


def items_of_boot(request: Request, observed: Observed, decisions: Sequence[Decision]) -> list[Change]:
    """The items of the keys that our file does not set any more, and that have no original on record.

    On a booted host these stay until the next boot. One that has another value by now is somebody else's.
    """
    wanted = {decision.path for decision in decisions}
    items, then = [], boot_of(observed.others, observed.later)
    for path, value in set_by_boot(request, observed).items():
        live = observed.live.get(path)
        if path in wanted or (live is None and not observed.boot_only):
            continue
        now = None if live is None else live.value
        line = then.assignment(path)
        at_boot = None if line is None else line.value
        if now is None:
            items.append(Change(display_name(path), None, None, None, at_boot, CHANGED, NO_MORE))
        elif same(path, stored(path, value, now), now):
            items.append(Change(display_name(path), None, now, now, at_boot, PENDING, BACK, UNTIL_BOOT))
    return items
