# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from pool_hosts import (
    CAP,
    EXACT,
    FLOOR,
    KAMAILIO,
    LIB,
    NAME,
    OPENSIPS,
    OPENSIPS_DEFAULT,
    SHARED,
    TEXT,
    item,
    planned,
    run,
    running,
    tree,
    unit,
    write,
)

# wanted, the running daemon's pool (None: it does not run), the pool in the file; before, after, at boot, state
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
    assert ("restarts: it runs with" in change.reason) == (change.state == "pending")


def test_a_daemon_whose_command_line_is_not_known() -> None:
    change = item(EXACT, unit(running=None, active=True))
    assert (change.before, change.state) == (None, "pending")
    assert change.reason == f"in force once {NAME} restarts: its current size is unknown"


def test_a_pool_that_goes_back_waits_for_the_restart_too() -> None:
    text = planned(EXACT, unit()).files[0].after
    assert text is not None
    change = item({}, unit(running=running(128), active=True), text.content.decode())
    assert (change.wanted, change.before, change.at_boot, change.state) == (None, "128", "64", "pending")


def test_a_unit_that_systemd_cannot_load() -> None:
    change = item(EXACT, unit(load="bad-setting", load_error="line 5 is wrong"))
    assert (change.state, change.reason) == ("absent", f"systemd cannot load {NAME}: line 5 is wrong")


# --- out of reach ---------------------------------------------------------------------------

SHADOWS = {
    "literal": ("-m $SHM_MEMORY", "-m 99", "shadowed", "kamailio.service line 7 has -m 99 instead of a variable"),
    "attached": ("-m $SHM_MEMORY", "-m99", "shadowed", "has -m 99 instead of a variable"),
    "none": ("-m $SHM_MEMORY", "", "absent", "starts Kamailio without -m"),
    "other-program": ("/usr/sbin/kamailio", "/usr/bin/memcached", "absent", "neither Kamailio nor OpenSIPS"),
    "container": (
        *("/usr/sbin/kamailio", "/usr/bin/podman run x /usr/sbin/kamailio", "absent"),
        "starts /usr/bin/podman run: give the daemon its pools where that is defined",
    ),
    "script": ("/usr/sbin/kamailio", "/etc/init.d/kamailio start", "absent", "neither Kamailio nor OpenSIPS"),
    "no-file": ("EnvironmentFile=", "#", "absent", "reads no file that could set SHM_MEMORY"),
    "vendor": ("-/etc/default/kamailio\n", "/usr/lib/kamailio/env\n", "shadowed", "do not last"),
    "unset": ("[Service]", "[Service]\nUnsetEnvironment=SHM_MEMORY", "absent", "UnsetEnvironment="),
}


@pytest.mark.parametrize(("old", "new", "state", "reason"), SHADOWS.values(), ids=SHADOWS.keys())
def test_pools_that_no_file_can_set(root: Path, old: str, new: str, state: str, reason: str) -> None:
    write(root, "usr/lib/kamailio/env", "SHM_MEMORY=3\n")
    write(root, f"{LIB}/kamailio.service", KAMAILIO.replace(old, new))
    before = tree(root)
    changed, items = run(root, {"kamailio.service": {"shared_mib": 512}})
    item = items["kamailio.service shared_mib"]
    assert (changed, item.state) == (False, state)
    assert reason in item.reason
    assert tree(root) == before


def test_an_option_in_a_later_variable_wins(root: Path) -> None:
    write(root, "etc/default/opensips", OPENSIPS_DEFAULT.replace('""', '"-d -m 2048"'))
    item = run(root, {"opensips.service": {"shared_mib": 1024}})[1]["opensips.service shared_mib"]
    assert (item.state, item.at_boot) == ("shadowed", "2048")
    assert item.reason.startswith("/etc/default/opensips line 7 sets OPTIONS, and its -m 2048 comes last")


def test_a_literal_with_the_wanted_value_is_ok(root: Path) -> None:
    write(root, f"{LIB}/kamailio.service", KAMAILIO.replace("$SHM_MEMORY", "512"))
    assert run(root, {"kamailio.service": {"shared_mib": 512}})[1]["kamailio.service shared_mib"].state == "ok"


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
def test_a_hazard_is_a_warning_while_the_pool_has_that_size(pool: dict[str, Any], text: str, warned: bool) -> None:
    warnings = planned({"shared_mib": {**pool, "hazard": "Swaps."}}, unit(), text).warnings
    assert warnings == ([f"{SHARED} = 128: Swaps."] if warned else [])


# --- maxbuffer ------------------------------------------------------------------------------


def maxbuffer(root: Path, unit: str = "kamailio.service") -> Change:
    return run(root, {unit: {}})[1][f"{unit} maxbuffer"]


def test_the_buffer_that_the_daemons_ask_for(root: Path) -> None:
    kamailio, opensips = maxbuffer(root), maxbuffer(root, "opensips.service")
    assert (kamailio.state, kamailio.before, kamailio.wanted) == ("shadowed", "262144", "at least 4194304")
    assert kamailio.reason == (
        "the daemon asks for at most 262144 bytes (its default), and a larger net.core.rmem_max alone changes nothing: "
        "a larger net.core.rmem_default reaches it at its next start, or set maxbuffer in /etc/kamailio/kamailio.cfg"
    )
    assert (opensips.state, opensips.after) == ("ok", "8388608")


def test_the_option_wins_in_kamailio_and_loses_in_opensips(root: Path) -> None:
    write(root, f"{LIB}/opensips.service", OPENSIPS.replace("$OPTIONS", "-b 1024"))
    assert maxbuffer(root, "opensips.service").before == "8388608"
    write(root, "etc/kamailio/kamailio.cfg", "maxbuffer=8388608\n")
    write(root, f"{LIB}/kamailio.service", KAMAILIO.replace("--atexit=no", "-b 1024"))
    assert "at most 1024 bytes (-b in its command line)" in maxbuffer(root).reason


def test_sockets_that_start_with_more(root: Path) -> None:
    write(root, "proc/sys/net/core/rmem_default", "1048576\n")
    assert (maxbuffer(root).state, maxbuffer(root).reason) == ("ok", "")


def test_what_the_next_start_brings_before_the_call(root: Path) -> None:
    first, again = (run(root, {NAME: EXACT})[1][SHARED] for _ in range(2))
    assert (first.at_boot_before, first.at_boot) == ("64", "128")
    assert (again.at_boot_before, again.at_boot) == ("128", "128")
