# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import PoolsError
from ansible_collections.siptune.linux.plugins.module_utils._systemd.environment_file import EnvironmentFileError
from pool_hosts import (
    BOTH,
    EXACT,
    FILE,
    LIB,
    NAME,
    OPENSIPS,
    OPENSIPS_DEFAULT,
    SHARED,
    look,
    planned,
    put_back,
    run,
    running,
    text,
    tree,
    unit,
    write,
)


def test_a_missing_file_is_created() -> None:
    (file,) = planned(EXACT, unit(), None).files
    assert (file.path, file.before) == (FILE, None)
    assert file.after is not None
    assert (file.after.mode, file.after.uid) == (0o644, 0)
    assert file.after.content.endswith(
        b"was not set in this file. (Ansible, siptune.linux.daemon_pools)\nS_MEMORY=128\n"
    )


# --- floors ---------------------------------------------------------------------------------


def test_a_floor_that_is_met_is_left_alone(root: Path) -> None:
    before = tree(root)
    changed, items = run(root, {"opensips.service": {"shared_mib": {"value": 32, "rule": "at_least"}}})
    assert (changed, items["opensips.service shared_mib"].state) == (False, "kept")
    assert items["opensips.service shared_mib"].at_boot == "64"
    assert tree(root) == before


def test_a_floor_is_compared_with_the_original(root: Path) -> None:
    for value, boot in ((512, "512"), (256, "256"), (40, "64")):
        items = run(root, {"opensips.service": {"shared_mib": {"value": value, "rule": "at_least"}}})[1]
        assert items["opensips.service shared_mib"].at_boot == boot
    assert text(root, "opensips") == OPENSIPS_DEFAULT
    assert not (root / "var/lib/siptune").exists()


def test_a_higher_value_of_somebody_else_is_never_lowered_by_a_floor(root: Path) -> None:
    wanted = {"opensips.service": {"shared_mib": {"value": 512, "rule": "at_least"}}}
    run(root, wanted)
    write(root, "etc/default/opensips", text(root, "opensips").replace("\nS_MEMORY=512", "\nS_MEMORY=2048"))
    item = run(root, wanted)[1]["opensips.service shared_mib"]
    assert (item.state, item.at_boot) == ("kept", "2048")
    put_back(root)
    assert text(root, "opensips") == OPENSIPS_DEFAULT.replace("\nS_MEMORY=64", "\nS_MEMORY=2048")


# --- refused --------------------------------------------------------------------------------

UNREADABLE = {
    "garbage": ("what is this\n", "line 1"),
    "no-number": ("S_MEMORY=64M\n", "line 1: S_MEMORY is set to '64M'"),
    "export": ("\nexport S_MEMORY=64\n", "line 2"),
    "quote": ('S_MEMORY=64\nOPTIONS="\n', "line 2: a quote"),
}


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_cannot_be_parsed_is_left_alone(root: Path, content: str, reason: str) -> None:
    write(root, "etc/default/opensips", content)
    before = tree(root)
    with pytest.raises(EnvironmentFileError) as caught:
        look(root, BOTH)
    assert f"/etc/default/opensips {reason}" in str(caught.value)
    assert caught.value.item == "/etc/default/opensips"
    assert tree(root) == before


def test_a_link_is_refused(root: Path) -> None:
    (root / "etc/default/opensips").rename(root / "etc/elsewhere")
    os.symlink("../elsewhere", root / "etc/default/opensips")
    before = tree(root)
    with pytest.raises(PoolsError, match="symbolic link"):
        look(root, BOTH)
    assert tree(root) == before


def test_a_missing_directory_is_not_made(root: Path) -> None:
    write(root, f"{LIB}/opensips.service", OPENSIPS.replace("/etc/default/", "/etc/default/nowhere/"))
    with pytest.raises(PoolsError, match="there is no directory /etc/default/nowhere"):
        look(root, {"opensips.service": {"shared_mib": 1}})


def test_two_units_that_share_a_line(root: Path) -> None:
    write(root, f"{LIB}/second.service", OPENSIPS)
    same = {name: {"shared_mib": 512} for name in ("opensips.service", "second.service")}
    assert run(root, same)[0]
    assert not run(root, same)[0]
    with pytest.raises(PoolsError, match="give both the same value"):
        look(root, {**same, "second.service": {"shared_mib": 600}})
    with pytest.raises(PoolsError, match=r"the line S_MEMORY in /etc/default/opensips with opensips.service:"):
        look(root, {"second.service": {"shared_mib": 600}})
    put_back(root)
    assert text(root, "opensips") == OPENSIPS_DEFAULT


# --- restarts -------------------------------------------------------------------------------


def test_a_unit_is_restarted_for_a_pool_that_waits_for_it() -> None:
    runs = unit(running=running(64), active=True)
    found = planned(EXACT, runs, restart=True)
    (change,) = (one for one in found.changes if one.item == SHARED)
    assert (found.restarts, change.state, change.before, change.after) == ([NAME], "changed", "64", "128")
    assert planned(EXACT, runs).restarts == []
    assert planned(EXACT, unit(), restart=True).restarts == []  # it does not run


def test_a_pool_that_was_written_earlier_makes_a_restart_due() -> None:
    written = planned(EXACT, unit()).files[0].after
    assert written is not None
    runs = unit(running=running(64), active=True)
    found = planned(EXACT, runs, written.content.decode(), restart=True)
    assert (found.files, found.restarts, found.changed) == ([], [NAME], True)
    met = planned(EXACT, unit(running=running(128), active=True), written.content.decode(), restart=True)
    assert (met.restarts, met.changed) == ([], False)


def test_calls_in_progress_hold_a_restart_back() -> None:
    runs = unit(running=running(64), active=True)
    found = planned(EXACT, runs, restart=True, blocked_by_calls="3 calls in progress: opensips")
    (change,) = (one for one in found.changes if one.item == SHARED)
    assert (found.restarts, change.state) == ([], "pending")
    assert change.reason.endswith("it runs with 64; not restarted now: 3 calls in progress: opensips")
