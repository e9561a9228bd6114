# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import PoolsError
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

# Lines that systemd passes over: the pool is set, and all other bytes stay.
IGNORED = {
    "garbage": b"what is this\n",
    "ulimit": b"ulimit -n 65536\nS_MEMORY=64\n",
    "export": b"\nexport S_MEMORY=64\n",
    "include": b". /etc/default/locale\n[Service]\nif true; then\nS_MEMORY=64\nfi\n",
    "byte-order-mark": b"\xef\xbb\xbfS_MEMORY=64\na.b=c\n",
    "quote": b'S_MEMORY=64\nOPTIONS="\n',
    "quote-alone": b"X='\nS_MEMORY=64\n",
    "backslash": b"X=1\\",
    "backslash-of-ours": b"S_MEMORY=64\\\n",
    "continued-comment": b"# C:\\\nS_MEMORY=1024\n",
    "latin-1": b"# K\xf6ln\r\nS_MEMORY=64\r\n",
}


@pytest.mark.parametrize("content", IGNORED.values(), ids=IGNORED.keys())
def test_lines_that_systemd_ignores_are_kept_and_the_pool_is_set(root: Path, content: bytes) -> None:
    file = root / "etc/default/opensips"
    file.write_bytes(content)
    item = run(root, {"opensips.service": {"shared_mib": 1024}})[1]["opensips.service shared_mib"]
    assert (item.state, item.at_boot) == ("pending", "1024")
    assert b"S_MEMORY=1024" in file.read_bytes()
    for line in content.splitlines():
        assert line in file.read_bytes() or b"S_MEMORY" in line
    assert not run(root, {"opensips.service": {"shared_mib": 1024}})[0]
    put_back(root)
    assert file.read_bytes() == content


# Files that do not let a pool be set: the item says so, and all other items are what they would be.
OBSTACLES = {
    "no-number": (b"S_MEMORY=64M\n", "shadowed", "/etc/default/opensips line 1: S_MEMORY is set to '64M'"),
    "nul": (b"# \0\nS_MEMORY=64\n", "absent", "cannot read /etc/default/opensips and takes nothing from it: line 1"),
    "bytes": (b"S_MEMORY=64\nX=\xff\n", "absent", "takes nothing from it: line 2 is not UTF-8"),
    "long": (b"#" * (4 * 1024 * 1024 + 1), "absent", "has more than 4194304 bytes"),
}


@pytest.mark.parametrize(("content", "state", "reason"), OBSTACLES.values(), ids=OBSTACLES.keys())
def test_a_file_in_the_way_costs_its_own_item(root: Path, content: bytes, state: str, reason: str) -> None:
    file = root / "etc/default/opensips"
    file.write_bytes(content)
    items = run(root, {**BOTH, "opensips.service": {"shared_mib": 1024}})[1]
    item = items["opensips.service shared_mib"]
    assert item.state == state
    assert reason in item.reason
    assert item.at_boot == ("64M" if state == "shadowed" else "32")
    assert items["kamailio.service shared_mib"].state == "pending"
    assert file.read_bytes() == content


def test_another_file_of_the_unit_is_taken_where_systemd_skips_the_first(root: Path) -> None:
    second = "EnvironmentFile=-/etc/default/opensips-local\nExecStart"
    write(root, f"{LIB}/opensips.service", OPENSIPS.replace("ExecStart", second))
    (root / "etc/default/opensips").write_bytes(b"S_MEMORY=\xff\n")
    item = run(root, {"opensips.service": {"shared_mib": 1024}})[1]["opensips.service shared_mib"]
    assert (item.state, item.at_boot) == ("pending", "1024")
    assert "\nS_MEMORY=1024\n" in text(root, "opensips-local")


def test_a_floor_that_an_old_systemd_would_not_see_is_set(root: Path) -> None:
    """A comment that ends in a backslash hides the line before systemd 254."""
    write(root, "etc/default/opensips", "# C:\\\nS_MEMORY=1024\n")
    floor = {"opensips.service": {"shared_mib": {"value": 512, "rule": "at_least"}}}
    assert run(root, floor)[0]
    assert text(root, "opensips").endswith("\nS_MEMORY=512\n")
    put_back(root)
    assert text(root, "opensips") == "# C:\\\nS_MEMORY=1024\n"


def test_a_link_is_refused(root: Path) -> None:
    (root / "etc/default/opensips").rename(root / "etc/elsewhere")
    os.symlink("../elsewhere", root / "etc/default/opensips")
    before = tree(root)
    with pytest.raises(PoolsError, match="symbolic link"):
        look(root, BOTH)
    assert tree(root) == before


def test_a_missing_directory_is_not_made(root: Path) -> None:
    write(root, f"{LIB}/opensips.service", OPENSIPS.replace("/etc/default/", "/etc/default/nowhere/"))
    changed, items = run(root, {"opensips.service": {"shared_mib": 1}})
    item = items["opensips.service shared_mib"]
    assert (changed, item.state) == (False, "absent")
    assert "there is no directory /etc/default/nowhere" in item.reason


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
