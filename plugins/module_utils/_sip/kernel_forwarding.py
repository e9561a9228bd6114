# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel forwards media for rtpengine, and whether it still would after a boot of the newest kernel.

Nothing is started and no module is loaded: iptables(8) and nft(8) would load some to list their rules.
Sources: rtpengine, docs/usage.md, kernel-module/nft_rtpengine.c
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .._core.text import whole_number
from .._host.host import Host
from .._host.kernels import find_module, newest_kernel
from .._host.machine import kernel_release
from .._sip import rtpengine
from .daemons import DAEMONS, Process, unit_that_holds

RTPENGINE = next(daemon for daemon in DAEMONS if daemon.name == "rtpengine")
MODULE_NAMES = ("nft_rtpengine", "xt_RTPENGINE")  # since 14.1, and before
PROC = "/proc/rtpengine"
NO_FILE = "none"  # of --config-file: the daemon reads none


class KernelForwarding(NamedTuple):
    """What the kernel does for a running rtpengine. None means unknown.

    `table` is below 0 where the configuration wants none, and `table_reason` says why it is unknown. `in_use` tells
    whether the daemon has its table open, `rule` whether any firewall rule hands packets to the module.
    """

    unit: str | None
    pid: int
    table: int | None
    table_reason: str
    no_fallback: bool
    module: str | None
    loaded: bool
    in_use: bool | None
    rule: bool | None
    kernel: str | None
    kernel_has_module: bool | None
    newest_kernel: str | None
    newest_has_module: bool | None


class Module(NamedTuple):
    """The module of this host, loaded or for a boot; `name` is None where no kernel has one."""

    name: str | None
    loaded: bool
    rule: bool | None
    kernel: str | None
    kernel_has_module: bool | None
    newest_kernel: str | None
    newest_has_module: bool | None


def kernel_forwarding(host: Host, running: Sequence[Process], in_container: bool) -> list[KernelForwarding]:
    """One record for each running rtpengine, by their first processes. Where none runs, nothing is read."""
    if not running:
        return []
    module = _module(host, in_container)
    return [_of_daemon(host, process, module) for process in running]


# --- the module ------------------------------------------------------------------------------


def _module(host: Host, in_container: bool) -> Module:
    """The module, for the running kernel and for the newest one; a container's kernels are not on its own disk."""
    name = next((name for name in MODULE_NAMES if host.exists(f"/sys/module/{name}")), "")
    kernel = kernel_release(host)
    module = Module(name or None, bool(name) or host.exists(PROC), _rule(host, name), kernel, None, None, None)
    if in_container or kernel is None:
        return module
    there = find_module(host, kernel, _names(name))
    name = name or there or ""
    newest = newest_kernel(host, kernel)
    later = None if newest is None else find_module(host, newest, _names(name))
    return module._replace(
        name=name or later or None,
        kernel_has_module=None if there is None else bool(there),
        newest_kernel=newest,
        newest_has_module=None if later is None else bool(later),
    )


def _names(name: str) -> Sequence[str]:
    """The modules to look for: the one that is known already, as a daemon cannot use the other."""
    return (name,) if name else MODULE_NAMES


def _rule(host: Host, module: str) -> bool | None:
    """Whether a firewall rule refers to the module, by who else does.

    Each table, each rule and each open file in /proc/rtpengine holds a reference. A stream that is being recorded is
    such a file, too, so that no rule is certain, and one is probable.
    """
    held = whole_number((host.read_lenient(f"/sys/module/{module}/refcnt") or "").strip()) if module else None
    listed = host.read_lenient(f"{PROC}/list")
    if held is None or listed is None:
        return None
    tables = [int(table) for table in re.findall(r"^[0-9]{1,9}$", listed, re.MULTILINE)]
    opened = [_opened(host, table) for table in tables]
    if None in opened:
        return None
    return held > len(tables) + sum(count or 0 for count in opened)


def _opened(host: Host, table: int) -> int | None:
    """How often a table is open; a table of 13 and before names the one process that has it."""
    status = host.read_lenient(f"{PROC}/{table}/status")
    if status is None:
        return None if host.exists(f"{PROC}/{table}") else 0
    found = re.search(r"^(Opencount|Control PID): +([0-9]{1,9})$", status, re.MULTILINE)
    if not found:
        return None
    count = int(found.group(2))
    return count if found.group(1) == "Opencount" else min(count, 1)


# --- the daemon ------------------------------------------------------------------------------


def _of_daemon(host: Host, process: Process, module: Module) -> KernelForwarding:
    words = (host.read_lenient(f"/proc/{process.pid}/cmdline") or "").split("\0")[:-1]
    path, section = rtpengine.config_place(words)
    config, reason = _config(host, process, path)
    given = rtpengine.option(words, rtpengine.TABLE_OPTION, rtpengine.TABLE_SHORT_OPTION)
    table = rtpengine.kernel_table(words, config, section) if given or not reason else None
    if table is not None:
        reason = ""
    opened = _opened(host, table) if table is not None and table >= 0 else None
    return KernelForwarding(
        unit=unit_that_holds(process.group, process.status)[0] or None,
        pid=process.pid,
        table=table,
        table_reason=reason or ("" if table is not None else "its option table is not a number"),
        no_fallback=rtpengine.no_fallback(words, config, section),
        module=module.name,
        loaded=module.loaded,
        in_use=None if opened is None else opened > 0,
        **{name: getattr(module, name) for name in Module._fields[2:]},
    )


def _config(host: Host, process: Process, path: str) -> tuple[str, str]:
    """The text of a daemon's configuration, and why it is not known, "" where it is or where there is none."""
    if process.status.in_child_namespace:
        return "", "its configuration is in a container"
    if path == NO_FILE or not host.exists(path):
        return "", ""
    text = host.read_foreign(path)
    return (text, "") if text is not None else ("", f"{path} cannot be read")
