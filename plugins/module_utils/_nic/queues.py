# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an interface's queues in /sys: which CPUs handle its packets. Read and written here, decided elsewhere.

Source: Documentation/networking/scaling.rst, and Documentation/ABI/testing/sysfs-class-net-queues.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._host.cpus import cpu_list, parse_cpu_mask
from .._host.host import Host, unless_refused
from .._host.netlink import Link
from .._host.network import SYS_CLASS_NET
from .parts import QUEUE_FILES, value_of

LONGEST_NUMBER = 10  # of decimal digits: an unsigned long that counts flows, and has 32 bits at most


def queue_names(host: Host, link: Link, kind: str) -> list[str]:
    """The `rx` or `tx` queues of an interface; empty where /sys shows another network namespace."""
    directory = f"{SYS_CLASS_NET}/{link.name}"
    address = (host.read_lenient(f"{directory}/address") or "").strip()
    ifindex = (host.read_lenient(f"{directory}/ifindex") or "").strip()
    if ifindex != str(link.ifindex) or address != (link.mac or address):
        return []
    names = unless_refused(host.list_directory, f"{directory}/queues") or []
    return sorted(name for name in names if re.fullmatch(rf"{kind}-[0-9]{{1,5}}", name))


def path_of(link: Link, option: str, queue: str) -> str:
    """The file of an option of one queue."""
    return f"{SYS_CLASS_NET}/{link.name}/queues/{queue}/{QUEUE_FILES[option].file}"


def read_queues(host: Host, link: Link, option: str) -> dict[str, str]:
    """The value of an option of each queue; without those that do not have it."""
    found = {}
    for queue in queue_names(host, link, QUEUE_FILES[option].queue):
        value = _value(option, host.read_lenient(path_of(link, option, queue)) or "")
        if value is not None:
            found[queue] = value
    return found


def _value(option: str, text: str) -> str | None:
    if QUEUE_FILES[option].is_mask:
        cpus = parse_cpu_mask(text)
        return None if cpus is None else cpu_list(cpus)
    number = text.strip()
    return number if number.isdecimal() and len(number) <= LONGEST_NUMBER else None


def write_queues(host: Host, link: Link, option: str, text: str) -> None:
    """Give each queue that exists by now its value, of a text of `joined`. Raises HostError and ValueError."""
    for path, content in _contents(read_queues(host, link, option), link, option, text).items():
        host.write_kernel(path, content)


def _contents(now: Mapping[str, str], link: Link, option: str, text: str) -> dict[str, str]:
    """What to write into which file, worked out before the first is written."""
    wanted = {queue: value_of(text, queue) for queue in now}
    return {
        path_of(link, option, queue): QUEUE_FILES[option].content(value)
        for queue, value in wanted.items()
        if value is not None and value != now[queue]
    }
