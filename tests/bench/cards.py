# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The own work of nic_ring and nic_link for four interfaces, in one process: observe, plan, carry out, confirm.

No test machine has four cards. So it is measured three ways: with models that answer for the drivers, on the real
kernel with virtual cables, which have no rings, and with the real drivers of a virtual machine, under emulation.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import guest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import OWNER_LINK, OWNER_RING
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK, NIC_RING
from checkout import CHECKOUT
from nic_cards import CardHost, e1000e, igb, virtio, vmxnet3
from nics import make_interfaces
from report import Rounds, Target, cpus, milliseconds, table, walls
from timing import RUNS, Seconds, median, timed
from tracing import STARTING, calls_of

OWN_WORK_MILLISECONDS = 20
CABLES = ("sip0", "rtp0", "sip0.100", "rtp0.200")
UDEV_TEST = "udevadm test-builtin net_setup_link"
REPETITIONS = 20  # in one process

DEFAULTS = {name: argument["default"] for name, argument in NIC_RING.argument_spec.items()}

Wanted = Mapping[str, Mapping[str, Any]]


def apply(host: Host, owner: str, wanted: Wanted) -> bool:
    """What a call does with these interfaces; whether it changed something."""
    given = {**DEFAULTS, "interfaces": wanted, "disruptive": True}
    operation = NIC_RING if owner == OWNER_RING else NIC_LINK
    return operation.call(given).run(host, False, UndoLog()).changed


def both_runs(host: Host, owner: str, wanted: Callable[[int], Wanted]) -> dict[str, Seconds]:
    """The medians of calls that change all four interfaces, and of the same calls again."""
    rounds = [{run: _checked(host, owner, wanted(number), run) for run in RUNS} for number in range(REPETITIONS)]
    return {run: Seconds(median(walls(rounds, run)), median(cpus(rounds, run))) for run in RUNS}


def _checked(host: Host, owner: str, wanted: Wanted, run: str) -> Seconds:
    """How long a call takes. Raises RuntimeError if it does not change what this run is to change."""
    changed: list[bool] = []
    taken = timed(lambda: changed.append(apply(host, owner, wanted)))
    if changed != [run == RUNS[0]]:
        raise RuntimeError(f"{run} run: {changed=}")
    return taken


def models() -> dict[str, Seconds]:
    """Rings of four models of cards, with real files. To be called in a fresh sandbox."""
    made = [igb, e1000e, vmxnet3, virtio]
    cards = [model(f"eth{place}", mac=f"52:54:00:00:00:{place:02}") for place, model in enumerate(made)]
    host = CardHost(Path(tempfile.mkdtemp(dir="/run")), *cards)
    return both_runs(host, OWNER_RING, lambda number: {card.name: {"rx": 512 << number % 2} for card in cards})


def cables() -> dict[str, Seconds]:
    """Queue lengths of four virtual cables on the real kernel. To be called in a fresh sandbox."""
    make_interfaces()
    return both_runs(Host(), OWNER_LINK, lengths)


def lengths(number: int) -> Wanted:
    return {name: {"txqueuelen": 2000 + number} for name in CABLES}


def programs_started() -> dict[str, list[str]]:
    """The programs that both runs start, for virtual cables. To be called in a fresh sandbox."""
    make_interfaces()
    found = {}
    for run in RUNS:
        calls = calls_of(lambda: apply(Host(), OWNER_LINK, lengths(0)), STARTING)
        found[run] = [call.line for call in calls if call.name == "execve" and "ENOENT" not in call.line]
    return found


# --- with the real drivers of a virtual machine ----------------------------------------------

IN_GUEST = Path(__file__).with_name("cards_in_guest.py")
OURS = "plugins/module_utils"
WITHOUT_NETWORK_MANAGER = "sudo systemctl stop NetworkManager && sudo rm -r /run/NetworkManager"


class InGuest(NamedTuple):
    """What cards_in_guest.py says; times in seconds."""

    drivers: dict[str, str]
    calibration: float
    rounds: dict[str, list[dict[str, Any]]]

    def median(self, run: str, what: str) -> float:
        return median([one[what] for one in self.rounds[run]])

    def programs(self, run: str) -> list[int]:
        return sorted({len(one["programs"]) for one in self.rounds[run]})


class NotMeasuredError(Exception):
    """There is no virtual machine here. Says why."""


@contextlib.contextmanager
def machine() -> Iterator[Path]:
    """A running virtual machine's directory. Raises NotMeasuredError."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                guest.start(directory)
        except guest.GuestError as error:
            raise NotMeasuredError(str(error)) from error
        try:
            yield directory
        finally:
            guest.stop(directory)


def in_guest(rounds: int) -> InGuest:
    """So many rounds with the cards of a virtual machine. Raises NotMeasuredError."""
    with machine() as directory:
        packed = subprocess.run(["tar", "-c", "-C", CHECKOUT, OURS], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(guest.ssh(directory, "tar -x"), input=packed, check=True)
        subprocess.run(guest.ssh(directory, WITHOUT_NETWORK_MANAGER), check=True)
        script = IN_GUEST.read_bytes()
        command = guest.ssh(directory, f"sudo python3 - {rounds}")
        done = subprocess.run(command, input=script, stdout=subprocess.PIPE, check=True)
    return InGuest(**json.loads(done.stdout))


# --- in words -------------------------------------------------------------------------------


def targets(rounds: Rounds, programs: Mapping[str, Sequence[str]]) -> list[Target]:
    words = "own work for the rings of 4 interfaces (models of cards), {} run: under {} ms"
    found = [
        Target(
            words.format(run, OWN_WORK_MILLISECONDS),
            f"{milliseconds(median(walls(rounds, run)))} ms ({milliseconds(median(cpus(rounds, run)))} ms of CPU time)",
            median(walls(rounds, run)) * 1000 < OWN_WORK_MILLISECONDS,
        )
        for run in RUNS
    ]
    others = [line for run in RUNS for line in programs[run] if '"udevadm"' not in line]
    found.append(Target("programs started besides udev's test tool: none", str(len(others)), not others))
    again = len(programs[RUNS[1]])
    found.append(Target("programs started when no .link file changes: none", str(again), again == 0))
    return found


def guest_targets(measured: InGuest) -> list[Target]:
    expected = {RUNS[0]: [len(measured.drivers)], RUNS[1]: [0]}
    return [
        Target(
            f"virtual machine, {run} run: `{UDEV_TEST}` for each `.link` file that changes, and no other program",
            ", ".join(map(str, measured.programs(run))),
            measured.programs(run) == expected[run] and _only_udevadm(measured, run),
        )
        for run in RUNS
    ]


def _only_udevadm(measured: InGuest, run: str) -> bool:
    return all(program == UDEV_TEST for one in measured.rounds[run] for program in one["programs"])


def guest_table(measured: InGuest, calibration: float) -> str:
    """The times in the guest, and what its own work would be here, by how much slower it is in plain Python."""
    slower = measured.calibration / calibration
    rows = [
        [
            run,
            milliseconds(measured.median(run, "user")),
            milliseconds(measured.median(run, "user") / slower),
            milliseconds(measured.median(run, "system")),
            milliseconds(measured.median(run, "wall")),
        ]
        for run in RUNS
    ]
    cards = ", ".join(f"{name} ({driver})" for name, driver in measured.drivers.items())
    heading = ["run", "own CPU ms", f"the same / {slower:.0f}", "kernel's and drivers' CPU ms", "whole ms"]
    return (
        f"{cards}.\n\n"
        f"The machine is emulated, and plain Python is {slower:.0f} times slower in it than here: the figure divided\n"
        "by that is what the own work would take here. The whole time holds the work of the drivers, which reset the\n"
        "cards, and udev's test tool. NetworkManager is switched off: where it runs, a call starts nmcli twice, and\n"
        f"where it owns an interface, once more for the list of profiles and for each.\n\n{table(heading, rows)}"
    )
