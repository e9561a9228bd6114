# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of CPUs as the kernel writes them: lists and masks. Source: cpuset(7), "List format" and "Mask format".

Parsers take text and never raise: a text that is not a list or a mask gives None.
"""

from __future__ import annotations

import re

from .host import Host

ONLINE_CPUS = "/sys/devices/system/cpu/online"
MOST_CPUS = 8192  # NR_CPUS of the largest configuration of x86, arch/x86/Kconfig
NONE = "none"  # our word for the empty set, which the kernel writes as an empty line
NULL = "(null)"  # of nohz_full, where the kernel has none: drivers/base/cpu.c before 6.14

_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_MASK = re.compile(r"[0-9a-fA-F]+")


def parse_cpu_list(text: str) -> frozenset[int] | None:
    """The CPUs of a list such as `0-3,8`."""
    found: set[int] = set()
    for part in text.strip().split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            return None
        first = int(match.group(1))
        last = int(match.group(2) or first)
        if last < first or last >= MOST_CPUS:
            return None
        found.update(range(first, last + 1))
    return frozenset(found)


def listed_cpus(text: str | None) -> frozenset[int] | None:
    """As `parse_cpu_list`, of a text that may be empty or `(null)`, which the kernel writes for no CPU at all."""
    if text is None:
        return None
    return frozenset() if text.strip() in ("", NULL) else parse_cpu_list(text)


def listing(cpus: frozenset[int] | None) -> str | None:
    """These CPUs as the kernel lists them, an empty text for none; what `listed_cpus` reads."""
    return None if cpus is None else cpu_list(cpus) if cpus else ""


def cpu_list(cpus: frozenset[int]) -> str:
    """The shortest list of these CPUs; NONE for the empty set."""
    parts: list[str] = []
    ordered = sorted(cpus)
    for place, cpu in enumerate(ordered):
        if place and ordered[place - 1] == cpu - 1:
            parts[-1] = f"{parts[-1].partition('-')[0]}-{cpu}"
        else:
            parts.append(str(cpu))
    return ",".join(parts) or NONE


def parse_cpu_mask(text: str) -> frozenset[int] | None:
    """The CPUs of a mask such as `00000001,0000000f`."""
    digits = text.strip().replace(",", "")
    if not _MASK.fullmatch(digits):
        return None
    mask = int(digits, 16)
    return frozenset(cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1)


def cpu_mask(cpus: frozenset[int]) -> str:
    """These CPUs as a mask: hexadecimal words of 32 bits, the highest first."""
    mask = sum(1 << cpu for cpu in cpus)
    words: list[str] = []
    while mask or not words:
        words.append(f"{mask & 0xFFFFFFFF:08x}")
        mask >>= 32
    return ",".join(reversed(words))


def online_cpus(host: Host) -> frozenset[int]:
    """The CPUs that are online; empty if /sys cannot be read."""
    return parse_cpu_list(host.read_lenient(ONLINE_CPUS) or "") or frozenset()
