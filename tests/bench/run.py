# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure sysctl_bulk against the usual ways to set kernel parameters: `make bench`, or

    python tests/bench/run.py [--rounds N] [--connection local|ssh] [--write]

Runs as root. Everything happens in private namespaces; this machine's settings are not touched.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

import checkout  # noqa: E402
import own_work  # noqa: E402
import report  # noqa: E402
import ways  # noqa: E402
from timing import Seconds, in_sandbox  # noqa: E402

PAGE = checkout.CHECKOUT / "docs" / "benchmarks.md"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure sysctl_bulk against the usual ways to set kernel parameters.")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--connection", choices=sorted(ways.CONNECTIONS), help="this connection only")
    parser.add_argument("--without-loop", action="store_true", help="leave out the slow ansible.posix.sysctl in a loop")
    parser.add_argument("--own-work-only", action="store_true", help="leave out what runs Ansible")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    return parser.parse_args()


def once(function: Callable[[], dict[str, Seconds]]) -> dict[str, Seconds]:
    """One measurement in a fresh sandbox."""
    return {run: Seconds(*taken) for run, taken in in_sandbox(function).items()}


def progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def chosen_ways(arguments: argparse.Namespace) -> dict[str, ways.Way]:
    return {key: way for key, way in ways.ways().items() if key != "loop" or not arguments.without_loop}


def measure_ways(connection: str, arguments: argparse.Namespace) -> dict[str, list[dict[str, Seconds]]]:
    """The rounds of every way over a connection."""
    rounds = arguments.rounds
    all_ways = chosen_ways(arguments)
    measured: dict[str, list[dict[str, Seconds]]] = {key: [] for key in all_ways}
    for number in range(rounds):
        for key, way in all_ways.items():
            measured[key].append(once(partial(ways.measure, way, connection)))
        progress(f"{connection}: round {number + 1} of {rounds}")
    return measured


def ways_section(connection: str, arguments: argparse.Namespace, targets: list[report.Target]) -> str:
    measured = measure_ways(connection, arguments)
    targets += report.ways_targets(connection, measured)
    names = {key: way.name for key, way in ways.ways().items()}
    return f"## {connection.capitalize()} connection\n\n{report.ways_table(names, measured)}"


def sysctl_section(rounds: int) -> str:
    measured = [once(ways.measure_sysctl_alone) for _ in range(rounds)]
    first, converged = (report.median(report.walls(measured, run)) for run in report.RUNS)
    return (
        f"`sysctl -p` alone, without Ansible and without reading anything back: {report.milliseconds(first)} ms first, "
        f"{report.milliseconds(converged)} ms again.\n"
    )


def own_work_section(rounds: int, targets: list[report.Target]) -> str:
    measured = [once(own_work.sixty_five_keys) for _ in range(rounds)]
    targets += report.own_work_targets(measured, in_sandbox(own_work.processes_started))
    sizes = {count: [once(own_work.of_size(count)) for _ in range(rounds)] for count in own_work.SIZES}
    targets += report.size_targets(sizes)
    globs = [once(own_work.glob_over_all_interfaces) for _ in range(rounds)]
    first, converged = (report.median(report.walls(globs, run)) for run in report.RUNS)
    progress("own work measured")
    return (
        "## The module's own work\n\nObserve, plan and carry out in one process, without Ansible around it, on a host\n"
        f"with {own_work.INTERFACES} interfaces:\n\n{report.size_table(sizes)}\n"
        f"The same keys of the largest size by {len(own_work.INTERFACE_LEAVES)} globs: "
        f"{report.milliseconds(first)} ms first, {report.milliseconds(converged)} ms again.\n"
    )


def connections(chosen: str | None) -> Sequence[str]:
    """The connections to measure. Says so if one cannot be."""
    names = [chosen] if chosen else list(ways.CONNECTIONS)
    if "ssh" in names and not os.path.exists(ways.SSHD):
        progress(f"NOT MEASURED over ssh: there is no {ways.SSHD} (Debian package openssh-server)")
        names.remove("ssh")
    return names


def page(arguments: argparse.Namespace) -> str:
    """The whole text of the results."""
    machine = report.machine()
    targets: list[report.Target] = []
    sections = [own_work_section(arguments.rounds, targets), sysctl_section(arguments.rounds)]
    if not arguments.own_work_only:
        sections = [ways_section(name, arguments, targets) for name in connections(arguments.connection)] + sections
    parts: list[Any] = ["# Benchmarks\n", "Made by `make bench ARGS=--write`.\n", report.explanation(arguments.rounds)]
    return "\n".join([*parts, machine + "\n", report.targets_table(targets), *sections, report.READING])


def main() -> None:
    arguments = options()
    if os.geteuid() != 0:
        sys.exit("The benchmarks need root, for namespaces with an sshd and hundreds of interfaces.")
    text = page(arguments)
    print(text)
    if arguments.write:
        PAGE.write_text(text, encoding="utf-8")
        progress(f"written to {PAGE}")


if __name__ == "__main__":
    main()
