# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/calls.md from the figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from figures import (
    LONG_BYTES,
    NORMAL_P99_MILLISECONDS,
    RECOVERY_SECONDS,
    SHORT_BYTES,
    STALLS_SECONDS,
    Bed,
    Held,
    Key,
    Measured,
    Stall,
    longest_stall_seconds,
)
from sipp import CALL, MESSAGES_A_CALL, OPTIONS
from states import HOLDING, STOCK, TARGET_RATIO, State, all_states

NEEDS_MACHINE = "needs the virtual machine"
NOISE_DATAGRAMS = 2  # by which two bursts at the same buffer may differ
RATE = 1000  # datagrams a second, by which a buffer is expressed in time

INTRODUCTION = f"""\
# What a stall costs calls

`make calls ARGS=--write` makes this page, [calls.json](calls.json) and the chart from one run.

A SIP daemon stalls now and then: a slow database, a reload, a snapshot of the virtual machine. What arrives meanwhile
waits in the receive buffer of its UDP socket, and what does not fit is lost. So a buffer is measured by how many
datagrams it holds, and by what a stall costs a daemon under load.

![Datagrams held and calls lost, stock and tuned](calls.svg)

## How to read it

- **Held** is how many datagrams of {SHORT_BYTES} bytes (an OPTIONS) and of {LONG_BYTES} bytes (an INVITE) the buffer of
  a stopped Kamailio took. It is a count: the speed of the machine does not matter. "All of" means that none of that
  many was lost.
- The longest bar is not the best one. A caller retransmits what is not answered within 500 ms (T1 of RFC 3261), so that
  a queue of 24 s, as the documents' values allow it, holds mostly repetitions of calls that have been given up. siptune
  sizes the buffer for a second or so of the peak, with room for a host without a contract.
- The sender was on the same host, and a datagram was charged 1,280 or 2,304 bytes. The driver of a network card may
  charge more: by its source, Amazon's ENA puts each that is longer than 256 bytes into a page of its own, and older
  kernels charge all of that: 4 KiB, or 16 KiB where pages have 64 KiB. Then a buffer holds half as many, or a
  seventh. That was not measured.
- **Longest stall** is how long that many datagrams of {SHORT_BYTES} bytes take to arrive at {RATE:,} a second.
- **Lost messages** are the kernel's count of what Kamailio's socket had no room for. **Lost calls** are those that
  got no answer. OPTIONS are sent once. Calls are retransmitted as RFC 3261 asks (T1 = 500 ms); a call brings
  {MESSAGES_A_CALL} messages to Kamailio's socket.
- **p99** is the response time that 99 of 100 responses did not exceed, in milliseconds. It holds the stall itself,
  which no buffer takes away. **p99 after** is that of the responses {RECOVERY_SECONDS:.0f} s after the stall and later.
- A state with the *same process* was tuned while Kamailio ran, and Kamailio was not restarted.
- In a network namespace `rmem_default` and `rmem_max` are read-only. A state that depends on them "{NEEDS_MACHINE}".
"""

_LENGTHS = ", ".join(f"{seconds:g}" for seconds in STALLS_SECONDS)

METHOD = f"""\
## How it is measured

Each tuning gets a fresh host: namespaces on this machine's kernel with a Debian tree, or a virtual machine with
Debian's own kernel and systemd. Kamailio and SIPp are Debian's. Kamailio answers OPTIONS itself and relays calls to a
second SIPp. It has 256 MiB of shared memory in every state: with Debian's 64 MiB its transactions run out of memory
first.

For a burst, all processes of Kamailio are stopped (SIGSTOP), more datagrams are sent than the buffer can hold, with
small pauses, and the processes are woken. Held is the number of distinct answers. For a stall, SIPp sends a steady load
for 2 s, Kamailio is stopped for {_LENGTHS} s, and the load goes on for 4 s.
The sockets of SIPp get large buffers, so that it loses nothing itself.

The documents' values are those of `net.core.*` and `net.ipv4.udp_*`, written with no regard to the host. TuneD is
Debian's package with the named profile. `siptune` is this checkout's `siptune.linux.site`.
"""


class Target(NamedTuple):
    text: str
    found: str
    reached: bool


def render(beds: Sequence[Bed]) -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(_bed(bed) for bed in beds), METHOD])


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _bed(bed: Bed) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in bed.versions.items())
    parts = [f"## {bed.words.split(';')[0].capitalize()}", f"{versions}; {bed.words.partition('; ')[2]}."]
    aims = targets(bed)
    if aims:
        rows = [[one.text, one.found, "reached" if one.reached else "**missed**"] for one in aims]
        parts.append(table(["to reach", "found", ""], rows))
    parts += [f"### What the socket holds\n\n{_held_table(bed)}"]
    for kind, words in ((OPTIONS, "OPTIONS"), (CALL, "calls")):
        stalls = [stall for state in bed.states for stall in state.stalls if stall.kind == kind]
        if stalls:
            parts.append(f"### Stalls under {stalls[0].rate:,} {words} a second\n\n{_stall_table(bed, kind)}")
    if bed.keys:
        parts.append(_keys(bed))
    return "\n\n".join(part.strip() for part in parts) + "\n"


# --- what is held ---------------------------------------------------------------------------


def _held_table(bed: Bed) -> str:
    stock = bed.state(STOCK)
    rows = []
    for state in all_states():
        measured = bed.state(state.key)
        name = [state.name, state.moment]
        if measured:
            rows.append([*name, f"{measured.buffer_bytes:,}", *_holding(measured, stock)])
        elif state.whole_machine and bed.name == "machine":
            rows.append([*name, NEEDS_MACHINE, "", "", "", ""])
    heading = ["host", "Kamailio", "buffer bytes", f"{SHORT_BYTES} B held", f"{LONG_BYTES} B held", "× stock"]
    return table([*heading, f"longest stall at {RATE:,}/s"], rows)


def _holding(measured: Measured, stock: Measured | None) -> list[str]:
    short, long = measured.holds(SHORT_BYTES), measured.holds(LONG_BYTES)
    ratio = _ratio(measured, stock)
    stall = f"{longest_stall_seconds(short, RATE):.2f} s" if short else ""
    return [_count(short), _count(long), f"{ratio:.1f}" if ratio else "", stall]


def _count(held: Held | None) -> str:
    if held is None:
        return ""
    return f"all of {held.sent:,}" if held.all else f"{held.held:,}"


def _ratio(measured: Measured, stock: Measured | None) -> float | None:
    mine, theirs = measured.holds(SHORT_BYTES), stock.holds(SHORT_BYTES) if stock else None
    return mine.held / theirs.held if mine and theirs and theirs.held else None


# --- what stalls cost -----------------------------------------------------------------------


def _stall_table(bed: Bed, kind: str) -> str:
    retransmitted = kind == CALL
    heading = ["host", "Kamailio", "stall s", "lost messages", *(["retransmissions"] if retransmitted else [])]
    rows = []
    for state in all_states():
        measured = bed.state(state.key)
        for stall in measured.stalls if measured else ():
            if stall.kind == kind:
                rows.append(_stall_row(state, stall, retransmitted))
    return table([*heading, "lost calls", "p99 ms", "p99 after ms"], rows)


def _stall_row(state: State, stall: Stall, retransmitted: bool) -> list[str]:
    return [
        *(state.name, state.moment, f"{stall.seconds:g}", f"{stall.dropped:,}"),
        *([f"{stall.retransmissions:,}"] if retransmitted else []),
        f"{stall.failed:,} of {stall.calls:,}",
        *(_milliseconds(value) for value in (stall.p99, stall.late_p99)),
    ]


def _milliseconds(value: float | None) -> str:
    return "none" if value is None else f"{value:,.0f}"


# --- what keys do ---------------------------------------------------------------------------


def _keys(bed: Bed) -> str:
    """Each key alone, and which do nothing for what a socket holds."""
    rows = [[f"`{key.key}`", _live(key), f"{key.held:,}", effect(bed, key)] for key in bed.keys]
    return (
        "### Each key alone\n\n"
        "The values of the documents and of TuneD's network-latency, each set alone before Kamailio was restarted.\n"
        "What a key does for TCP, for other daemons or under another load is not measured here.\n\n"
        + table(["key", "value", f"{SHORT_BYTES} B held", "does for the socket"], rows)
    )


def _live(key: Key) -> str:
    """The value that was set, and what the kernel made of it if that is something else."""
    if key.live is None:
        return f"{key.value} (no such key)"
    return key.value if key.live == " ".join(key.value.split()) else f"{key.value} (it stays {key.live})"


def effect(bed: Bed, key: Key) -> str:
    """What a key alone does for the number of datagrams held; "" where stock was not measured."""
    measured = bed.state(STOCK)
    stock = measured.holds(SHORT_BYTES) if measured else None
    if stock is None:
        return ""
    return "nothing" if abs(key.held - stock.held) <= NOISE_DATAGRAMS else f"× {key.held / stock.held:.1f}"


# --- what is to be reached ------------------------------------------------------------------


def targets(bed: Bed) -> list[Target]:
    """What a tuned host is to reach, as far as this bed shows it."""
    found = []
    stock = bed.state(STOCK)
    for state in all_states():
        measured = bed.state(state.key)
        if measured is None or state.key not in HOLDING:
            continue
        name = f"{state.name}, {state.moment}"
        ratio = _ratio(measured, stock)
        if ratio is not None:
            text = f"{name}: holds at least {TARGET_RATIO} times what a stock host holds"
            found.append(Target(text, f"{ratio:.1f} times", ratio >= TARGET_RATIO))
        found += _stall_targets(name, measured, stock)
    return found


def _stall_targets(name: str, measured: Measured, stock: Measured | None) -> list[Target]:
    found = []
    for stall in [stall for stall in measured.stalls if stall.seconds == 1]:
        lost = f"{stall.dropped:,} messages, {stall.failed:,} calls"
        there = [one for one in (stock.stalls if stock else ()) if (one.kind, one.seconds) == (stall.kind, 1)]
        lost += "".join(f"; stock {one.dropped:,} and {one.failed:,}" for one in there)
        text = f"{name}: a stall of 1 s at {stall.rate:,} {stall.kind} a second loses nothing"
        found.append(Target(text, lost, not stall.dropped and not stall.failed))
        text = f"{name}: p99 below {NORMAL_P99_MILLISECONDS} ms {RECOVERY_SECONDS:.0f} s later, {stall.kind}"
        normal = stall.late_p99 is not None and stall.late_p99 < NORMAL_P99_MILLISECONDS
        found.append(Target(text, f"{_milliseconds(stall.late_p99)} ms", normal))
    return found
