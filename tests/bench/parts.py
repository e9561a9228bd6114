# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the benchmark: each measures one thing and tells it as a section of docs/benchmarks.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import cards
import large
import limits_ways
import own_work
import report
import scale
import site_ways
import sysctl_ways
import units
import ways
from cards_in_guest import calibrate
from connections import CONNECTIONS, SSHD
from keys import MEASURED_TOGETHER
from machine import SUITES
from timing import RUNS, Seconds, in_sandbox, median


class Options(NamedTuple):
    """How to measure: how often, over which connections, and whether with the slow loop over single tasks."""

    rounds: int
    connections: Sequence[str]
    loop: bool


class Part(NamedTuple):
    """What is measured together. The heading is by what its section is found again."""

    heading: str
    measure: Callable[[Options], str]


def progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def once(function: Callable[[], dict[str, Seconds]]) -> dict[str, Seconds]:
    """One measurement in a fresh sandbox."""
    return {run: Seconds(*taken) for run, taken in in_sandbox(function).items()}


# --- ways beside each other -----------------------------------------------------------------


def compare(subject: ways.Subject, options: Options) -> str:
    """All ways of a subject over all connections: what was to be reached, and a table for each connection."""
    machine = report.machine()
    subject = subject if options.loop else subject.without_slow()
    targets: list[report.Target] = []
    tables = []
    for connection in options.connections:
        if connection == "ssh" and not os.path.exists(SSHD):
            tables.append(f"### Ssh connection\n\nNOT MEASURED: there is no {SSHD} (Debian package openssh-server).\n")
            continue
        measured = measure_ways(subject, connection, options.rounds)
        targets += report.ways_targets(connection, subject, measured)
        tables.append(f"### {connection.capitalize()} connection\n\n{report.ways_table(subject, measured)}")
    head = f"{subject.work} Medians of {options.rounds} rounds.\n\n{machine}\n"
    return "\n".join([head, *([report.targets_table(targets)] if targets else []), *tables])


def measure_ways(subject: ways.Subject, connection: str, rounds: int) -> Mapping[str, report.Rounds]:
    """The rounds of every way over a connection."""
    measured: dict[str, list[dict[str, Seconds]]] = {key: [] for key in subject.ways}
    for number in range(rounds):
        for key in subject.ways:
            measured[key].append(once(partial(ways.measure, subject, key, connection)))
        progress(f"{subject.ways[ways.BULK].name}, {connection}: round {number + 1} of {rounds}")
    return measured


READING_SYSCTL = (
    "### How to read this\n\n"
    "What a `sysctl_bulk` task costs beyond a ping task is the price of its code, not of its work: the task without\n"
    "any setting costs nearly as much. For each task Ansible parses and packs the module's files on the controller,\n"
    "and the target compiles them again. In a loop each item costs about as much as a ping task, so with as many keys\n"
    f"as here no single task can be more than about {MEASURED_TOGETHER} times cheaper than the loop.\n"
)


READING_SITE = (
    "### How to read this\n\n"
    "An item of a loop costs about as much as a ping task. What a run of `siptune.linux.site` costs beyond one is the\n"
    "price of its code: Ansible parses and packs the files of all modules once a run, and the host compiles them; the\n"
    "settings themselves take some tens of milliseconds. With one host, as here, the first half of that is paid for\n"
    "it alone. With many it hardly counts: see the fleet below.\n"
)


def sysctl(options: Options) -> str:
    return f"{compare(sysctl_ways.subject(), options)}\n{READING_SYSCTL}"


def site(options: Options) -> str:
    alone = _both([once(site_ways.measure_systemd_sysctl) for _ in range(options.rounds)])
    floor = f"`systemd-sysctl` alone, for the kernel's part of it and without reading anything back: {alone}.\n"
    return f"{compare(site_ways.subject(), options)}\n{floor}\n{READING_SITE}"


def fleet(options: Options) -> str:
    """One round: a fleet of hosts is a sample already."""
    machine = report.machine()
    measured = {}
    for point in scale.POINTS:
        if point.connection in options.connections and (point.connection != "ssh" or os.path.exists(SSHD)):
            fields = in_sandbox(partial(scale.measure, point))
            measured[point] = scale.Taken(*(Seconds(*fields[run]) for run in scale.RUNS), fields["peak_bytes"])
            progress(f"{point.hosts} hosts over {point.connection} with {point.forks} forks")
    head = (
        "Simulated hosts, each with namespaces of its own, net of an empty play for the same hosts. CPU seconds are\n"
        "the controller's over ssh, and on a local connection the host's too. The controller and all hosts share the\n"
        f"processors. The settings are those of a whole host, above.\n\n{machine}\n"
    )
    if {point.connection for point in measured} != set(ALL_CONNECTIONS):
        return f"{head}\n{scale.scale_table(measured)}"
    targets = report.targets_table(scale.scale_targets(measured))
    return "\n".join([head, targets, scale.scale_table(measured), scale.estimate(measured)])


def limits(options: Options) -> str:
    return compare(limits_ways.subject(), options)


# --- the work of a module alone -------------------------------------------------------------


def sysctl_alone(options: Options) -> str:
    machine = report.machine()
    rounds = range(options.rounds)
    measured = [once(own_work.sixty_five_keys) for _ in rounds]
    targets = own_work.work_targets(measured, in_sandbox(own_work.processes_started))
    sizes = {count: [once(own_work.of_size(count)) for _ in rounds] for count in own_work.SIZES}
    targets += own_work.size_targets(sizes)
    globs = _both([once(own_work.glob_over_all_interfaces) for _ in rounds])
    alone = _both([once(sysctl_ways.measure_sysctl_alone) for _ in rounds])
    progress("own work measured")
    return (
        "Observe, plan and carry out in one process, without Ansible around it. "
        f"Medians of {options.rounds} rounds.\n\n{machine}\n\n{report.targets_table(targets)}\n"
        f"On a host with {own_work.INTERFACES} interfaces:\n\n{own_work.size_table(sizes)}\n"
        f"The same keys of the largest size by {len(own_work.INTERFACE_LEAVES)} globs: {globs}.\n\n"
        f"`sysctl -p` alone for {MEASURED_TOGETHER} keys, without reading anything back: {alone}.\n"
    )


def cards_alone(options: Options) -> str:
    machine = report.machine()
    rounds = range(options.rounds)
    measured = [once(cards.models) for _ in rounds]
    targets = cards.targets(measured, in_sandbox(cards.programs_started))
    cables = _both([once(cards.cables) for _ in rounds])
    progress("own work for network cards measured here")
    try:
        in_guest = cards.in_guest(options.rounds)
        targets += cards.guest_targets(in_guest)
        there = cards.guest_table(in_guest, calibrate())
        progress("own work for network cards measured in a virtual machine")
    except cards.NotMeasuredError as error:
        there = f"NOT MEASURED: {error}.\n"
    return (
        f"Observe, plan, carry out and confirm in one process, without Ansible around it. Medians of {options.rounds}\n"
        "rounds. No machine here has four cards: models answer for their drivers, while files are real.\n\n"
        f"{machine}\n\n{report.targets_table(targets)}\n"
        f"Queue lengths of four virtual cables on the real kernel, by nic_link: {cables}. The first runs write four\n"
        "`.link` files, and ask udev's test tool about each where it is installed.\n\n"
        f"### With the drivers of a virtual machine\n\n{there}"
    )


def large_hosts(_options: Options) -> str:
    """One round: CPU time hardly varies, and the largest trees take longer to make than to read."""
    machine = report.machine()
    measured = large.measure()
    return (
        "Facts, checks and plans in one process, without Ansible around it, on trees in memory that have as many\n"
        "files as `/proc` would. Of the processes one in a hundred is Kamailio's, and one is called kamailio by a\n"
        f"user. `MiB more` is how far the process grew beyond what its code takes.\n\n{machine}\n\n"
        f"{report.targets_table(large.growth_targets(measured))}\n{large.growth_table(measured)}"
    )


def _both(measured: report.Rounds) -> str:
    first, converged = (report.milliseconds(median(report.walls(measured, run))) for run in RUNS)
    return f"{first} ms first, {converged} ms again"


# --- counts ---------------------------------------------------------------------------------


def systemd(options: Options) -> str:
    """How often systemctl is called. There is nothing to repeat: it is a count."""
    counted: list[units.Counted] = []
    missing = []
    for suite in SUITES:
        try:
            counted += units.count(suite)
            progress(f"systemctl counted on {suite}")
        except units.NotMeasuredError as error:
            missing.append(f"NOT MEASURED on {suite}: {error}.\n")
            progress(missing[-1].strip())
    text = (
        f"{len(units.DIRECTIVES)} directives for each of so many running units in one call of `systemd_limits`, in a\n"
        "container under systemd; counted are the processes of systemctl that the module starts.\n"
    )
    if counted:
        text = "\n".join([text, report.targets_table(units.targets(counted)), units.counts_table(counted)])
    return "\n".join([text, *missing])


PARTS: Mapping[str, Part] = {
    "site": Part("A whole host: siptune.linux.site and the usual ways", site),
    "sysctl": Part("Kernel parameters: sysctl_bulk and the usual ways", sysctl),
    "own-work": Part("The own work of sysctl_bulk", sysctl_alone),
    "fleet": Part("A fleet: hosts a minute, and what the controller pays", fleet),
    "cards": Part("The own work of nic_ring and nic_link", cards_alone),
    "large": Part("Large hosts", large_hosts),
    "limits": Part("Limits for logins: limits_file and the usual ways", limits),
    "systemd": Part("Limits for units: what systemd_limits asks of systemd", systemd),
}

ALL_CONNECTIONS = tuple(CONNECTIONS)
