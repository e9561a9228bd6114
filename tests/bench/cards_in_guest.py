# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run inside a virtual machine: the rings of four cards, by nic_ring's own work, with the real drivers.

Its argument is the number of rounds; beside it lies plugins/module_utils. Prints JSON: `drivers` of the cards by
their names, `calibration`, and for each run of a round `user`, `system` and `wall` seconds and the `programs`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import types

RUNS = ("first", "converged")
DRIVERS = ("igb", "e1000e", "vmxnet3", "e1000")
CALIBRATION_ROUNDS = 200_000


def make_importable() -> None:
    """Give the collection, of which only module_utils is here, its place."""
    for name, path in (
        ("ansible_collections", []),
        ("ansible_collections.siptune", []),
        ("ansible_collections.siptune.linux", [os.getcwd()]),
    ):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = path


def calibrate() -> float:
    """Seconds that a piece of plain Python takes, by which machines compare."""
    start = time.process_time()
    words = {}
    for number in range(CALIBRATION_ROUNDS):
        words[f"{number % 97}"] = number
    return time.process_time() - start


def cards() -> dict[str, str]:
    """A card of each of these drivers, where there is one: its name, and the driver."""
    found: dict[str, str] = {}
    for name in sorted(os.listdir("/sys/class/net")):
        driver = os.path.basename(os.path.realpath(f"/sys/class/net/{name}/device/driver"))
        if driver in DRIVERS and driver not in found.values():
            found[name] = driver
    return found


def main(rounds: int) -> None:
    """Measure, and print what was found."""
    make_importable()
    from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
    from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
    from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_RING

    drivers, programs = cards(), []

    def listen(event: str, arguments: tuple) -> None:
        if event == "subprocess.Popen":
            programs.append(" ".join(arguments[1][:3]))
        elif event in ("os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system"):
            programs.append(event)

    def call(size: int) -> bool:
        wanted = {name: {"rx": size} for name in drivers}
        defaults = {name: argument["default"] for name, argument in NIC_RING.argument_spec.items()}
        given = {**defaults, "interfaces": wanted, "disruptive": True}
        return NIC_RING.call(given).run(Host(), False, UndoLog()).changed

    sys.addaudithook(listen)
    measured: dict[str, list[dict]] = {run: [] for run in RUNS}
    for number in range(rounds):
        for run in RUNS:
            programs.clear()
            wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
            changed = call(512 << number % 2)
            after = resource.getrusage(resource.RUSAGE_SELF)
            assert changed == (run == "first"), f"{run} run {number}: {changed=}"
            measured[run].append(
                {
                    "user": after.ru_utime - before.ru_utime,
                    "system": after.ru_stime - before.ru_stime,
                    "wall": time.perf_counter() - wall,
                    "programs": list(programs),
                }
            )
    json.dump({"drivers": drivers, "calibration": calibrate(), "rounds": measured}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
