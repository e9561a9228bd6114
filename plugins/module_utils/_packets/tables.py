# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of the tables that have a column for each processor: /proc/interrupts, /proc/softirqs, /proc/stat.

They take text and never raise; a row that is not as it should be is left out. Processors that are offline have no
column in /proc/interrupts. Sources: proc_interrupts(5), proc_stat(5); show_interrupts(), kernel/irq/proc.c;
show_softirqs(), fs/proc/softirqs.c.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

NET_RX = "NET_RX"
STEAL, TIMES = 7, 8  # of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; guest times are in user's
LONGEST_TAIL = 200  # characters behind the numbers of a row: chip, kind and names

_CPU = re.compile(r"CPU([0-9]{1,4})")
_LABEL = re.compile(r" *([0-9]{1,9}): *")
# Between the chip and the names: `1-edge`, `524288 Edge`, `-event` of Xen.
_KIND = re.compile(r"[-. ](?:edge|level|fasteoi|event)\b[- ]*(.*)", re.IGNORECASE | re.DOTALL)
_TIMES = re.compile(r"cpu([0-9]{1,4}) ([0-9 ]+)")

Counts = dict  # of a processor to a number


class Interrupt(NamedTuple):
    """The name of an interrupt, and how often each processor has taken it."""

    name: str
    counts: Counts


class Times(NamedTuple):
    """Of a processor, in clock ticks: all of its time, and what the hypervisor has given to others of it."""

    all: int
    steal: int


def parse_interrupts(text: str, numbers: Collection[int], names: Collection[str] = ()) -> dict[int, Interrupt]:
    """The interrupts with one of these numbers, or with one of these words in their names."""
    header, *lines = text.split("\n")
    processors = _processors(header)
    found = {}
    for line in lines:
        label = _LABEL.match(line)
        if label is None or not processors:
            continue
        number = int(label.group(1))
        if number in numbers or any(name in line[-LONGEST_TAIL:] for name in names):
            interrupt = _interrupt(line[label.end() :], processors)
            if interrupt is not None and (number in numbers or any(has_word(interrupt.name, name) for name in names)):
                found[number] = interrupt
    return found


def _processors(header: str) -> list[int]:
    """The processors of the columns, whatever is written beside their numbers."""
    return [int(match.group(1)) for match in map(_CPU.match, header.split()) if match]


def _interrupt(rest: str, processors: list[int]) -> Interrupt | None:
    words = rest.split(None, len(processors))
    numbers = words[: len(processors)]
    if len(numbers) < len(processors) or not all(map(_is_number, numbers)):
        return None
    tail = words[len(processors)].strip()[:LONGEST_TAIL] if len(words) > len(processors) else ""
    kind = _KIND.search(f" {tail}")
    name = kind.group(1).strip() if kind else tail.rpartition(" ")[2]
    return Interrupt(name, dict(zip(processors, map(int, numbers))))


def has_word(text: str, word: str) -> bool:
    """Whether a word is in a text and does not go on there: `eth1` is not in `eth10-rx-0`."""
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])", text) is not None


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 20


def parse_softirq(text: str, kind: str = NET_RX) -> Counts:
    """How often each processor has run softirqs of this kind."""
    header, *lines = text.split("\n")
    processors = _processors(header)
    for line in lines:
        label, _colon, rest = line.partition(":")
        numbers = rest.split()
        if label.strip() == kind and len(numbers) == len(processors) and all(map(_is_number, numbers)):
            return dict(zip(processors, map(int, numbers)))
    return {}


def parse_times(text: str) -> dict[int, Times]:
    """The times of each processor that is online."""
    return dict(_times(text))


def _times(text: str) -> Iterator[tuple[int, Times]]:
    for line in text.split("\n"):
        match = _TIMES.fullmatch(line)
        numbers = list(map(int, match.group(2).split()[:TIMES])) if match else []
        if match and len(numbers) == TIMES:
            yield int(match.group(1)), Times(sum(numbers), numbers[STEAL])
