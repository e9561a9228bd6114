# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for hosts on which systemd runs, and daemons with it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._pools.model import FileState, Observed, Request, Unit
from ansible_collections.siptune.linux.plugins.module_utils._pools.plan import Plan, plan
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import PoolsError, parse_pools
from ansible_collections.siptune.linux.plugins.module_utils._systemd.execstart import read_start

NAME = "opensips.service"
SHARED = f"{NAME} shared_mib"
FILE = "/etc/default/opensips"
TEXT = "S_MEMORY=64\nP_MEMORY=4\n"
FRAGMENT = (
    "[Service]\nEnvironment=P_MEMORY=32 S_MEMORY=32\nEnvironmentFile=-/etc/default/opensips\n"
    "ExecStart=/usr/sbin/opensips -f /o.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS\n"
)
MIB = 1024 * 1024


def unit(**changed: Any) -> Unit:
    start = read_start([("/lib/systemd/system/opensips.service", FRAGMENT)], NAME)
    return Unit(NAME, NAME, [NAME], "loaded", start=start, files=[FILE])._replace(**changed)


def running(shared: int, private: int = 4) -> list[str]:
    return f"/usr/sbin/opensips -f /o.cfg -m {shared} -M {private}".split()


def observed(one: Unit, text: str | None = TEXT, **changed: Any) -> Observed:
    record = None if text is None else FileRecord(text.encode(), 0o644, 0, 0)
    files = {FILE: FileState(text, record)}
    return Observed(True, [one], files, NOTHING, (0, 0), 1024 * MIB, 212992)._replace(**changed)


def planned(pools: dict[str, Any], one: Unit, text: str | None = TEXT, **changed: Any) -> Plan:
    return plan(Request(parse_pools({NAME: pools}), advice=False), observed(one, text, **changed))


def item(pools: dict[str, Any], one: Unit, text: str | None = TEXT, name: str = SHARED) -> Change:
    return {change.item: change for change in planned(pools, one, text).changes}[name]


FLOOR = {"shared_mib": {"value": 128, "rule": "at_least"}}
CAP = {"shared_mib": {"value": 32, "rule": "at_most"}}
EXACT = {"shared_mib": 128}

# what is asked for, the running daemon's pool (None: it does not run), the file's; before, after, at boot, state
STATES = {
    "stopped": (EXACT, None, 64, ("64", "128", "128", "changed")),
    "stopped-done": (EXACT, None, 128, ("128", "128", "128", "ok")),
    "running": (EXACT, 64, 64, ("64", "64", "128", "pending")),
    "not-restarted-yet": (EXACT, 64, 128, ("64", "64", "128", "pending")),
    "restarted": (EXACT, 128, 128, ("128", "128", "128", "ok")),
    "running-already": (EXACT, 128, 64, ("128", "128", "128", "changed")),
    "floor-met": (FLOOR, 256, 256, ("256", "256", "256", "kept")),
    "floor-met-exactly": (FLOOR, 128, 128, ("128", "128", "128", "ok")),
    "floor-met-in-the-file": (FLOOR, 64, 256, ("64", "64", "256", "pending")),
    "floor-met-by-the-daemon": (FLOOR, 256, 64, ("256", "256", "128", "changed")),
    "floor": (FLOOR, 64, 64, ("64", "64", "128", "pending")),
    "cap": (CAP, 64, 64, ("64", "64", "32", "pending")),
    "cap-met": (CAP, 16, 16, ("16", "16", "16", "kept")),
}


@pytest.mark.parametrize(("pools", "live", "in_file", "expected"), STATES.values(), ids=STATES.keys())
def test_states(pools: dict[str, Any], live: int | None, in_file: int, expected: tuple) -> None:
    one = unit(running=None if live is None else running(live), active=live is not None)
    change = item(pools, one, f"S_MEMORY={in_file}\n")
    assert (change.before, change.after, change.at_boot, change.state) == expected
    assert ("is restarted: it runs with" in change.reason) == (change.state == "pending")


def test_a_daemon_whose_command_line_is_not_known() -> None:
    change = item(EXACT, unit(running=None, active=True))
    assert (change.before, change.state) == (None, "pending")
    assert change.reason == f"in force when {NAME} is restarted: what it has is not known"


def test_a_pool_that_goes_back_waits_for_the_restart_too() -> None:
    text = planned(EXACT, unit()).files[0].after
    assert text is not None
    change = item({}, unit(running=running(128), active=True), text.content.decode())
    assert (change.wanted, change.before, change.at_boot, change.state) == (None, "128", "64", "pending")


def test_a_missing_file_is_created() -> None:
    (file,) = planned(EXACT, unit(), None).files
    assert (file.path, file.before) == (FILE, None)
    assert file.after is not None
    assert (file.after.mode, file.after.uid) == (0o644, 0)
    assert file.after.content.endswith(b"here it was not set. (Ansible, siptune.linux.daemon_pools)\nS_MEMORY=128\n")


def test_a_unit_that_systemd_cannot_load() -> None:
    change = item(EXACT, unit(load="bad-setting", load_error="line 5 is wrong"))
    assert (change.state, change.reason) == ("absent", f"systemd cannot load {NAME}: line 5 is wrong")


# --- memory ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pools", "memory_mib", "unit_mib", "reason"),
    [
        ({"shared_mib": 1021}, 1024, None, "would have 1025 MiB, and the memory of this host is 1024 MiB"),
        ({"shared_mib": 500, "private_mib": 13}, 1024, 512, "would have 513 MiB, and MemoryMax of the unit is 512 MiB"),
        ({"private_mib": 500}, 1024, 512, "private_mib: both pools"),
    ],
)
def test_pools_that_do_not_fit(pools: dict[str, Any], memory_mib: int, unit_mib: int | None, reason: str) -> None:
    most = None if unit_mib is None else unit_mib * MIB
    with pytest.raises(PoolsError) as caught:
        planned(pools, unit(memory_max=most), memory_bytes=memory_mib * MIB)
    assert reason in str(caught.value)


def test_pools_that_just_fit() -> None:
    assert planned({"shared_mib": 1020}, unit(memory_max=1024 * MIB)).changed
    assert planned({"shared_mib": 5000}, unit(), memory_bytes=None).changed


def test_what_somebody_else_has_set_is_not_refused() -> None:
    assert not planned(FLOOR, unit(memory_max=MIB)._replace(running=None), "S_MEMORY=500\n").changed


def test_an_image_is_not_measured_by_the_machine_that_builds_it() -> None:
    assert planned({"shared_mib": 5000}, unit(), systemd_running=False).changed


# --- warnings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pool", "text", "warned"),
    [
        ({"value": 128}, TEXT, True),
        ({"value": 128}, "S_MEMORY=128\n", True),
        ({"value": 32, "rule": "at_least"}, TEXT, False),
        ({"value": 128}, 'OPTIONS="-m 5"\n', False),
    ],
)
def test_a_hazard_is_told_as_long_as_the_pool_has_that_size(pool: dict[str, Any], text: str, warned: bool) -> None:
    warnings = planned({"shared_mib": {**pool, "hazard": "Swaps."}}, unit(), text).warnings
    assert warnings == ([f"{SHARED} = 128: Swaps."] if warned else [])
