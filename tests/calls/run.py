# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what a stall costs calls: `make calls`, or

    python tests/calls/run.py [--only BED ...] [--states STATE ...] [--without-stalls] [--write]

Runs as root. Everything happens in namespaces and virtual machines; this machine's settings are not touched.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "vm"))

from chart import panels, svg  # noqa: E402
from figures import Bed, from_document, to_document  # noqa: E402
from host import CallsError  # noqa: E402
from measure import KINDS, measure_bed, progress  # noqa: E402
from page import render  # noqa: E402
from states import all_states  # noqa: E402

FIGURES, PAGE, CHART = (CHECKOUT / "docs" / f"calls.{ending}" for ending in ("json", "md", "svg"))
ALL_STATES = [*(state.key for state in all_states()), "keys"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what a stall costs calls.")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS), help="these beds only")
    parser.add_argument(
        "--states", nargs="+", choices=ALL_STATES, default=ALL_STATES, help="measure these only; keys: each key alone"
    )
    parser.add_argument("--without-stalls", action="store_true", help="measure only what is held, which is quick")
    parser.add_argument("--write", action="store_true", help="replace these beds in docs/calls.*")
    given = parser.parse_args()
    if given.write and (given.without_stalls or set(given.states) != set(ALL_STATES)):
        parser.error("--write takes a bed as a whole, without --states and --without-stalls")
    return given


def main() -> None:
    given = arguments()
    if os.geteuid() != 0:
        sys.exit("Measuring calls needs root, for namespaces in which sockets can be raised.")
    failed = False
    for name in dict.fromkeys(given.only):
        try:
            bed = measure_bed(name, given.states, not given.without_stalls)
        except CallsError as error:
            print(f"NOT MEASURED: {name}: {error}", file=sys.stderr)
            failed = True
            continue
        print(render([bed]), flush=True)
        if given.write:
            write(bed)
    sys.exit(1 if failed else 0)


def write(bed: Bed) -> None:
    """Replace one bed, as soon as it is measured: a later one may fail."""
    document = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else []
    beds = {one.name: one for one in from_document(document)}
    beds[bed.name] = bed
    write_files([beds[name] for name in KINDS if name in beds])
    progress(f"{bed.name}: written to {PAGE}")


def write_files(beds: Sequence[Bed]) -> None:
    FIGURES.write_text(json.dumps(to_document(beds), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(render(beds), encoding="utf-8")
    CHART.write_text(svg(panels(beds)), encoding="utf-8")


if __name__ == "__main__":
    main()
