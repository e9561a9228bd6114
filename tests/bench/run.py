# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the modules against the usual ways: `make bench`, or

    python tests/bench/run.py [--only NAME ...] [--rounds N] [--connection local|ssh] [--without-loop] [--write]

Runs as root. Everything happens in private namespaces and containers; this machine's settings are not touched.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
OTHERS = ("integration", "systemd", "vm", "unit/plugins/module_utils")
sys.path[:0] = [str(TESTS / name) for name in OTHERS]

import checkout  # noqa: E402
from page import with_section  # noqa: E402
from parts import ALL_CONNECTIONS, PARTS, Options, progress  # noqa: E402

PAGE = checkout.CHECKOUT / "docs" / "benchmarks.md"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the modules against the usual ways.")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="measure these parts only")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--connection", choices=ALL_CONNECTIONS, help="this connection only")
    parser.add_argument("--without-loop", action="store_true", help="leave out the slow loops over single tasks")
    parser.add_argument("--write", action="store_true", help="replace these sections of docs/benchmarks.md")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if os.geteuid() != 0:
        sys.exit("The benchmarks need root, for namespaces with an sshd and hundreds of interfaces.")
    connections = [given.connection] if given.connection else ALL_CONNECTIONS
    options = Options(given.rounds, connections, not given.without_loop)
    for name in dict.fromkeys(given.only):
        part = PARTS[name]
        text = part.measure(options)
        print(f"## {part.heading}\n\n{text}", flush=True)
        if given.write:
            write(part.heading, text)


def write(heading: str, text: str) -> None:
    """Replace one section of the page, as soon as it is measured: what comes later may fail."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(with_section(page, heading, text, [part.heading for part in PARTS.values()]), encoding="utf-8")
    progress(f"{heading}: written to {PAGE}")


if __name__ == "__main__":
    main()
