# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capabilities of processes. Source: capabilities(7), user_namespaces(7)."""

from __future__ import annotations

import re

from .host import Host

# linux/capability.h
CAP_SYS_NICE = 23  # lower nice values
CAP_SYS_RESOURCE = 24  # raise hard limits, lower an OOM score

EFFECTIVE = "CapEff"
BOUNDING = "CapBnd"
WHOLE_MACHINE = ["0", "0", "4294967295"]  # /proc/self/uid_map outside any user namespace: user_namespaces(7)


def has_capability(status: str, capability: int, which: str = EFFECTIVE) -> bool | None:
    """Whether a set of the process of this /proc/PID/status holds a capability; None where it does not say."""
    found = re.search(rf"^{which}:\t([0-9a-f]{{1,16}})$", status, re.MULTILINE)
    return None if found is None else bool(int(found.group(1), 16) >> capability & 1)


def in_user_namespace(host: Host) -> bool:
    """Whether capabilities do not count on the whole machine, as in a container of an ordinary user.

    There a hard limit is not raised and an OOM score not lowered with any of them: kernel/sys.c, do_prlimit;
    fs/proc/base.c, __set_oom_adj.
    """
    return (host.read_lenient("/proc/self/uid_map") or " ".join(WHOLE_MACHINE)).split() != WHOLE_MACHINE
