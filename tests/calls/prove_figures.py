# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How sure a proof is: `make prove-figures`, or

    python tests/calls/prove_figures.py [--only THROTTLE ...] [--runs N] [--guest DIRECTORY]

Proves hosts that are held back on purpose again and again, and counts how often that is what a proof names first.
Then proves stock hosts and tuned ones with a stall, and compares them with what their sockets hold. Runs as root.
Everything happens in namespaces and a virtual machine; this machine's settings are not touched.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "vm"))

import virtual  # noqa: E402
from figures import SHORT_BYTES  # noqa: E402
from host import CallsError  # noqa: E402
from measure import measure_held, progress  # noqa: E402
from proofs import gave_first, prove  # noqa: E402
from throttled_machine import KEYS, USUAL_CARD, by_card, virtual_bed  # noqa: E402
from throttled_machine import throttles as throttles_of_machine  # noqa: E402
from throttles import SHORT, THROTTLES, Bed, Throttle, namespaces  # noqa: E402

NAMESPACES, VIRTUAL = "namespaces", "machine"
COMPARED_SECONDS = 300  # each of two runs, which tuning.py waits for together
USUAL, USUAL_SECONDS = "usual", 8  # siptune_prove_step_seconds, where it is not given


def named(throttle: Throttle, bed: Bed) -> str | None:
    """What a proof of a host that is held back names first; why there is none, if it fails."""
    started = time.monotonic()
    try:
        target = prove(bed.host, bed.generator, **SHORT, **bed.variables, **throttle.variables)
    except CallsError as error:
        return f"failed: {error}"
    steps = target["runs"][-1]["steps"]
    found = [(step["rate"], [one["what"] for one in step["reasons"]]) for step in steps]
    progress(f"{throttle.key}: {time.monotonic() - started:.0f} s: {found}")
    return gave_first(target)


def names_of(throttle: Throttle, runs: int) -> list[str | None]:
    """The same of so many proofs of one host."""
    try:
        with throttle.bed() as bed, throttle.hold_back(bed):
            return [named(throttle, bed) for _run in range(runs)]
    except CallsError as error:
        return [f"not held back: {error}"] * runs


def row(throttle: Throttle, found: list[str | None]) -> str:
    """A row of the table for people."""
    right = sum(name in throttle.expected for name in found)
    others = Counter(str(name) for name in found if name not in throttle.expected)
    words = ", ".join(f"{name[-160:]} ({number})" for name, number in others.items())
    first = ", ".join(sorted({name.split(" ", 1)[1] for name in found if name in throttle.expected and name}))
    return f"| {throttle.key} | {throttle.words} | {first} | {right} of {len(found)} | {words} |"


class Comparison(NamedTuple):
    """A stall so long that what a socket holds arrives in it at a rate that the host can do, and the ceiling."""

    stall_ms: int
    max_rate: int


# An emulated processor does not do what a tuned socket holds in any stall that a proof makes.
COMPARISONS = {NAMESPACES: Comparison(4000, 2500), VIRTUAL: Comparison(10_000, 60)}


def compared(name: str, bed: Bed) -> list[str]:
    """Rows of the highest rates that survive a stall, beside what the socket holds. Raises CallsError."""
    comparison = COMPARISONS[name]
    seconds = comparison.stall_ms / 1000
    stock = measure_held(bed.host, SHORT_BYTES).held
    target = prove(
        bed.host,
        bed.generator,
        **bed.variables,
        compare=True,
        stall=True,
        stall_ms=comparison.stall_ms,
        max_seconds=COMPARED_SECONDS,
        max_rate=comparison.max_rate,
    )
    tuned = measure_held(bed.host, SHORT_BYTES).held
    return [
        _row_of_comparison(name, state, held / seconds, run)
        for state, held, run in zip(("stock", "tuned"), (stock, tuned), target["runs"], strict=True)
    ]


def _row_of_comparison(name: str, state: str, expected: float, run: Mapping[str, Any]) -> str:
    rate, gave = run["highest_rate"] or 0, run["gave_first"]
    found = f"{100 * (rate / expected - 1):+.0f} %, then {gave['what']}" if gave else "all that was sent"
    return f"| {name} | {state} | {expected:.0f} | {rate:g} | {found} |"


def usual_run() -> str:
    """How long a run with the usual variables takes, on a host that gives."""
    with namespaces() as bed, THROTTLES[0].hold_back(bed):
        started = time.monotonic()
        target = prove(bed.host, bed.generator, step_seconds=USUAL_SECONDS)
        seconds = time.monotonic() - started
    run = target["runs"][0]
    found = f"{run['highest_rate']:g}/s of at most {max(step['rate'] for step in run['steps']):g}/s tried"
    return f"usual variables: {seconds:.0f} s, {len(run['steps'])} steps, ended by {run['ended_by']}: {found}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How sure a proof is.")
    keys = [*(throttle.key for throttle in THROTTLES), USUAL, NAMESPACES, *KEYS, VIRTUAL]
    parser.add_argument("--only", nargs="+", choices=keys, default=keys, help="these hosts and comparisons only")
    parser.add_argument("--runs", type=int, default=10, help="proofs of each host that is held back")
    parser.add_argument("--guest", type=Path, help="the directory of a virtual machine that runs, of guest.py")
    return parser.parse_args()


def in_namespaces(only: Collection[str], runs: int) -> None:
    """All figures of this machine's kernel, printed."""
    for throttle in THROTTLES:
        if throttle.key in only:
            print(row(throttle, [name for _run in range(runs) for name in names_of(throttle, 1)]), flush=True)
    if USUAL in only:
        print(usual_run(), flush=True)
    if NAMESPACES in only:
        with namespaces() as bed:
            print(*compared(NAMESPACES, bed), sep="\n", flush=True)


def in_machine(only: Collection[str], runs: int, directory: Path | None) -> None:
    """All figures of a virtual machine, printed."""
    if not directory:
        virtual.choose_image("bookworm")
    with virtual_bed(directory) as machine:
        for throttle in throttles_of_machine(machine):
            if throttle.key in only:
                print(row(throttle, names_of(throttle, runs)), flush=True)
        if VIRTUAL in only:
            print(*compared(VIRTUAL, by_card(machine, USUAL_CARD.interface)), sep="\n", flush=True)


def main() -> None:
    given = arguments()
    if os.geteuid() != 0:
        sys.exit("Proving hosts needs root, for namespaces.")
    print("| host | held back by | named first | how often | otherwise |\n|---|---|---|---|---|", flush=True)
    try:
        in_namespaces(given.only, given.runs)
        if not {*KEYS, VIRTUAL}.isdisjoint(given.only):
            in_machine(given.only, given.runs, given.guest)
    except CallsError as error:
        sys.exit(f"NOT MEASURED: {error}")


if __name__ == "__main__":
    main()
