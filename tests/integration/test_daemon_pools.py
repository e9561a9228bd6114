# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real daemon_pools on real files: what it returns, and what it refuses."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.modules import daemon_pools
from calls import CHECKOUT, LIBRARY, STARTER, call, write_file
from sandbox import become_nobody, difference, dump
from tracing import STARTING, calls_of, started_by

UNITS = "/etc/systemd/system"
DEFAULTS = "/etc/default"
FILE = f"{DEFAULTS}/opensips"
EDGE = f"{DEFAULTS}/kamailio-edge"
EDGE_TEMPORARY = f"{DEFAULTS}/.kamailio-edge.siptune-new"

OPENSIPS = """\
[Service]
Environment=P_MEMORY=32 S_MEMORY=32
EnvironmentFile=-/etc/default/opensips
ExecStart=/usr/sbin/opensips -f /etc/opensips.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS
"""
KAMAILIO = """\
[Service]
Environment='SHM_MEMORY=64' 'PKG_MEMORY=8'
EnvironmentFile=-/etc/default/kamailio-%i
EnvironmentFile=-/etc/default/kamailio-%i.d/*
ExecStart=/usr/sbin/kamailio -f /etc/kamailio.cfg -m $SHM_MEMORY -M $PKG_MEMORY
"""
FOUND = "# by hand\nRUN=yes\n# 64 is enough\nS_MEMORY=64\nP_MEMORY='4'\nOPTIONS=\"\""  # without a last line ending

Pools = Mapping[str, object]
FIRST: Pools = {
    "opensips.service": {"shared_mib": {"value": 512, "why": "Room."}, "private_mib": 16},
    "kamailio@edge.service": {"shared_mib": 256},
}
SECOND: Pools = {"opensips.service": {"shared_mib": 768}}


def make_units() -> None:
    write_file(f"{UNITS}/opensips.service", OPENSIPS)
    write_file(f"{UNITS}/kamailio@.service", KAMAILIO)
    write_file("/etc/opensips.cfg", "debug=1\n")
    write_file("/etc/kamailio.cfg", "debug=1\n")
    write_file(FILE, FOUND)
    os.chmod(FILE, 0o640)
    os.chown(FILE, 0, 7)


def module(check: bool = False, **parameters: Any) -> dict[str, Any]:
    """The result of daemon_pools."""
    return call(daemon_pools, check, **parameters)


def apply(pools: Pools) -> dict[str, Any]:
    """A call that must succeed."""
    result = module(pools=pools)
    assert not result.get("failed"), result
    return result


def put_back() -> dict[str, Any]:
    result = module(state="absent")
    assert not result.get("failed"), result
    return result


def items(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["item"]: item for item in result["items"]}


# --- the result -----------------------------------------------------------------------------


def test_the_modules_result() -> None:
    make_units()
    start = dump()
    checked = module(check=True, pools=FIRST)
    assert difference(start, dump()) == {}
    done = apply(FIRST)
    assert {**checked, "invocation": None} == {**done, "invocation": None}
    assert done["changed"]
    assert items(done)["opensips.service shared_mib"] == {
        "item": "opensips.service shared_mib",
        "wanted": "512",
        "before": "64",
        "after": "512",
        "at_boot_before": "64",
        "at_boot": "512",
        "state": "pending",
        "why": "Room.",
        "reason": "systemd does not run here: in force once opensips.service starts",
    }
    assert items(done)["opensips.service maxbuffer"]["state"] in ("ok", "shadowed", "absent")
    assert {diff["after_header"] for diff in done["diff"]} == {FILE, EDGE}
    assert (os.stat(FILE).st_mode & 0o7777, os.stat(FILE).st_gid) == (0o640, 7)
    assert (os.stat(EDGE).st_mode & 0o7777, os.stat(EDGE).st_uid) == (0o644, 0)
    assert not apply(FIRST)["changed"]
    assert put_back()["changed"]
    assert difference(start, dump()) == {}
    assert not put_back()["changed"]


def test_a_password_beside_our_lines_is_in_no_result() -> None:
    make_units()
    write_file(FILE, f"{Path(FILE).read_text(encoding='utf-8')}DB_PASSWORD=s3cret\n")
    os.chmod(FILE, 0o600)
    for check in (True, False):
        assert "s3cret" not in json.dumps(call(daemon_pools, check, pools=FIRST))
    assert call(daemon_pools, diff=False, pools=FIRST)["diff"] == []


def test_the_module_starts_no_process_where_systemd_does_not_run() -> None:
    make_units()
    document = json.dumps({"ANSIBLE_MODULE_ARGS": {"pools": FIRST}})
    words = [sys.executable, "-c", STARTER.replace("sysctl_bulk", "daemon_pools"), str(CHECKOUT), LIBRARY, document]
    assert [call.name for call in started_by(words)] == ["execve"]
    assert "S_MEMORY=512" in Path(FILE).read_text(encoding="utf-8")


# --- refused, with nothing changed ----------------------------------------------------------

BAD = {
    "suffix": ({"opensips": {"shared_mib": 5}}, "opensips"),
    "path": ({"../opensips.service": {"shared_mib": 5}}, "opensips.service"),
    "newline": ({"a\nb.service": {"shared_mib": 5}}, "b.service"),
    "template": ({"kamailio@.service": {"shared_mib": 5}}, "kamailio@.service"),
    "pool": ({"opensips.service": {"shared": 5}}, "shared_mib"),
    "unit": ({"opensips.service": {"shared_mib": "5G"}}, "opensips.service shared_mib"),
    "fraction": ({"opensips.service": {"shared_mib": 0.5}}, "0.5"),
    "zero": ({"opensips.service": {"shared_mib": 0}}, "0 MiB"),
    "rule": ({"opensips.service": {"shared_mib": {"value": 5, "rule": "x"}}}, "at_least"),
    "why": ({"opensips.service": {"shared_mib": {"value": 5, "why": "a\0b"}}}, "control"),
}


@pytest.mark.parametrize(("pools", "named"), BAD.values(), ids=BAD.keys())
def test_bad_pools(pools: Pools, named: str) -> None:
    make_units()
    start = dump()
    both = {"kamailio@edge.service": {"shared_mib": 256}, **pools}
    for result in (module(check=True, pools=both), module(pools=both)):
        assert result.get("failed"), result
        assert named in result["msg"]
        assert result["msg"].endswith("Nothing was changed.")
        assert "Traceback" not in result["msg"]
        assert result["undone"] == []
    assert difference(start, dump()) == {}


def linked_directory() -> None:
    os.rename(DEFAULTS, "/etc/elsewhere")
    os.symlink("elsewhere", DEFAULTS)


def test_a_linked_directory_is_refused() -> None:
    make_units()
    linked_directory()
    start = dump()
    result = module(pools=FIRST)
    assert result.get("failed"), result
    assert "no plain directory" in result["msg"]
    assert result["msg"].startswith(DEFAULTS)
    assert result["undone"] == []
    assert "Traceback" not in result["msg"]
    assert difference(start, dump()) == {}


def test_a_missing_directory_costs_the_items_of_its_files_and_is_not_made() -> None:
    make_units()
    os.rename(DEFAULTS, "/etc/elsewhere")
    start = dump()
    result = module(pools=FIRST)
    pools = [item for item in result["items"] if item["item"].endswith("_mib")]
    assert pools
    assert {item["state"] for item in pools} == {"absent"}
    assert all(f"there is no directory {DEFAULTS}" in item["reason"] for item in pools)
    assert not result["changed"]
    assert difference(start, dump()) == {}


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("S_MEMORY=plenty\n", "shadowed", f"{FILE} line 1: S_MEMORY is set to 'plenty'"),
        ("S_MEMORY=64\n# \0\n", "absent", f"systemd cannot read {FILE} and takes nothing from it: line 2 has a NUL"),
    ],
)
def test_a_file_in_the_way_costs_its_own_item(text: str, state: str, reason: str) -> None:
    make_units()
    write_file(FILE, text)
    start = dump()
    result = module(pools=FIRST)
    assert not result.get("failed"), result
    items = {item["item"]: item for item in result["items"]}
    item = items["opensips.service shared_mib"]
    assert item["state"] == state
    assert reason in item["reason"]
    assert items["kamailio@edge.service shared_mib"]["at_boot"] == "256"
    assert not module(pools=FIRST)["changed"]
    assert module(state="absent")["changed"]
    assert difference(start, dump()) == {}


def test_lines_that_systemd_ignores_are_kept() -> None:
    make_units()
    text = "ulimit -n 65536\nS_MEMORY=64\nif [ -f /x ]; then\n. /x\nfi\n"
    write_file(FILE, text)
    start = dump()
    result = module(pools=FIRST)
    assert {item["item"]: item["at_boot"] for item in result["items"]}["opensips.service shared_mib"] == "512"
    assert module(state="absent")["changed"]
    assert difference(start, dump()) == {}


def test_a_refused_file_is_the_only_item_and_the_others_are_restored() -> None:
    make_units()
    os.makedirs(EDGE_TEMPORARY)  # staging replaces a file of this name, and cannot replace a directory
    start = dump()
    result = module(pools=FIRST)
    assert result.get("failed"), result
    (item,) = result["items"]
    assert (item["item"], item["state"]) == (EDGE, "refused")
    assert item["reason"] in result["msg"]
    assert result["undone"] == []
    assert difference(start, dump()) == {}


# --- missing and shadowed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "unit", "named"),
    [
        ("missing", None, "late.service shared_mib is absent: late.service is not installed"),
        ("missing", OPENSIPS.replace("-m $S_MEMORY", ""), "late.service shared_mib is absent: "),
        ("shadowed", OPENSIPS.replace("$S_MEMORY -M", "99 -M"), "late.service shared_mib is shadowed: "),
    ],
    ids=["not-installed", "no-option", "literal"],
)
def test_missing_and_shadowed_pools_fail_before_anything_changes(option: str, unit: str | None, named: str) -> None:
    make_units()
    if unit is not None:
        write_file(f"{UNITS}/late.service", unit)
    start = dump()
    wanted = {**FIRST, "late.service": {"shared_mib": 512}}
    for check in (True, False):
        result = module(check=check, pools=wanted, **{option: "fail"})
        assert result.get("failed"), result
        assert result["msg"].startswith(named)
        assert result["msg"].endswith("Nothing was changed.")
        assert difference(start, dump()) == {}
    assert module(pools=wanted)["changed"]
    assert not module(pools=FIRST, missing="fail", shadowed="fail").get("failed")


def test_an_ordinary_user_gets_an_error_at_once() -> None:
    make_units()
    become_nobody()
    assert "root" in module(pools=FIRST)["msg"]


# --- what it costs --------------------------------------------------------------------------


def test_no_call_starts_a_process() -> None:
    make_units()
    for action in (lambda: apply(FIRST), lambda: apply(SECOND), put_back):
        assert calls_of(action, STARTING) == []
