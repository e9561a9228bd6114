# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of options that a card has several times: for each queue, for each interrupt, or for each kind of packets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .._host.cpus import NONE, cpu_list, cpu_mask, parse_cpu_list
from .options import RPS_CPUS, RPS_FLOW_CNT, XPS_CPUS

_LAST_NUMBER = re.compile(r"[0-9]+\Z")


class QueueFile(NamedTuple):
    """Where an option is in /sys: the file in the directory of each queue, and how the names of these begin."""

    queue: str
    file: str
    is_mask: bool

    def content(self, value: str) -> str:
        """A value as the kernel reads it. Raises ValueError."""
        return cpu_mask(cpus_of(value)) if self.is_mask else str(int(value))


QUEUE_FILES = {
    RPS_CPUS: QueueFile("rx", "rps_cpus", True),
    RPS_FLOW_CNT: QueueFile("rx", "rps_flow_cnt", False),
    XPS_CPUS: QueueFile("tx", "xps_cpus", True),
}


def joined(values: Mapping[str, str]) -> str:
    """The value that all parts have; where they differ, those of each: `rx-0=0-1 rx-1=none`."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return " ".join(f"{part}={value}" for part, value in values.items())


def value_of(text: str, part: str) -> str | None:
    """The value that a text of `joined` gives one part; None for a part that it does not mention."""
    if "=" not in text:
        return text
    return dict(pair.partition("=")[::2] for pair in text.split()).get(part)


def cpus_of(text: str) -> frozenset[int]:
    """The CPUs of one value. Raises ValueError for a text that is not a list of them, nor NONE."""
    found = frozenset() if text == NONE else parse_cpu_list(text)
    if found is None:
        raise ValueError(f"{text!r} is not a list of CPUs")
    return found


def in_order(names: Iterable[str]) -> list[str]:
    """The names of parts by their numbers, so that `rx-10` comes after `rx-9`."""
    return sorted(names, key=number_of)


def number_of(name: str) -> int:
    """The number that a part's name ends with, -1 without one."""
    found = _LAST_NUMBER.search(name)
    return int(found.group()) if found else -1


def shared_out(cpus: frozenset[int], parts: Sequence[str]) -> dict[str, str]:
    """These CPUs, at least one, shared out among parts: each CPU goes to one part, or each part has one CPU."""
    ordered = sorted(cpus)
    return {
        part: cpu_list(frozenset(ordered[place :: len(parts)] or [ordered[place % len(ordered)]]))
        for place, part in enumerate(in_order(parts))
    }
