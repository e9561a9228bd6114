# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real daemon_pools on real files: what it returns, what it refuses, and that it can be killed at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._originals import parse
from ansible_collections.siptune.linux.plugins.modules import daemon_pools
from calls import CHECKOUT, LIBRARY, ORIGINALS, STARTER, call, write_file
from sandbox import become_nobody, difference, dump, make_read_only, mount_small
from tracing import CHANGING, STARTING, calls_of, fail_at, kill_before, started_by

UNITS = "/etc/systemd/system"
DEFAULTS = "/etc/default"
FILE = f"{DEFAULTS}/opensips"
EDGE = f"{DEFAULTS}/kamailio-edge"

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
        "at_boot": "512",
        "state": "pending",
        "why": "Room.",
        "reason": "systemd does not run here: in force when opensips.service is started",
    }
    assert items(done)["opensips.service maxbuffer"]["state"] in ("ok", "shadowed", "absent")
    assert {diff["after_header"] for diff in done["diff"]} == {FILE, EDGE}
    assert (os.stat(FILE).st_mode & 0o7777, os.stat(FILE).st_gid) == (0o640, 7)
    assert (os.stat(EDGE).st_mode & 0o7777, os.stat(EDGE).st_uid) == (0o644, 0)
    assert not apply(FIRST)["changed"]
    assert put_back()["changed"]
    assert difference(start, dump()) == {}
    assert not put_back()["changed"]


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
    assert difference(start, dump()) == {}


def link() -> None:
    os.rename(FILE, "/etc/elsewhere")
    os.symlink("/etc/elsewhere", FILE)


def dangling_link() -> None:
    os.remove(FILE)
    os.symlink("/etc/nowhere", FILE)


def linked_directory() -> None:
    os.rename(DEFAULTS, "/etc/elsewhere")
    os.symlink("elsewhere", DEFAULTS)


def directory() -> None:
    os.remove(FILE)
    os.mkdir(FILE)


def pipe() -> None:
    os.remove(FILE)
    os.mkfifo(FILE)


def no_directory() -> None:
    os.rename(DEFAULTS, "/etc/elsewhere")


def garbage() -> None:
    write_file(FILE, "S_MEMORY=64\nif [ -f /x ]\n")


def no_number() -> None:
    write_file(FILE, "S_MEMORY=plenty\n")


def damaged_record() -> None:
    write_file(ORIGINALS, "{")


def read_only() -> None:
    make_read_only(DEFAULTS)


def full() -> None:
    mount_small(DEFAULTS, 8)
    with open(f"{DEFAULTS}/filler", "wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"\0" * 1024):
            pass


@pytest.mark.parametrize(
    ("breaking", "reason"),
    [
        (link, f"{FILE}: is a symbolic link"),
        (dangling_link, f"{FILE}: is a symbolic link"),
        (linked_directory, "no plain directory"),
        (directory, "is a directory"),
        (pipe, "not a regular file"),
        (no_directory, f"there is no directory {DEFAULTS}"),
        (garbage, f"{FILE} line 2"),
        (no_number, f"{FILE} line 1: S_MEMORY is set to 'plenty'"),
        (damaged_record, "damaged"),
        (read_only, "EROFS"),
        (full, "ENOSPC"),
    ],
)
def test_a_broken_host_is_left_as_it_is(breaking: Callable[[], None], reason: str) -> None:
    make_units()
    breaking()
    start = dump()
    result = module(pools=FIRST)
    assert result.get("failed"), result
    assert reason in result["msg"]
    assert "Traceback" not in result["msg"]
    assert difference(start, dump()) == {}


def test_an_ordinary_user_is_told_at_once() -> None:
    make_units()
    become_nobody()
    assert "root" in module(pools=FIRST)["msg"]


# --- killed ---------------------------------------------------------------------------------


def run_first() -> object:
    return apply(FIRST)


def run_second() -> object:
    return apply(SECOND)


def nothing() -> None:
    pass


def contents() -> tuple[bytes | None, ...]:
    return tuple(Path(path).read_bytes() if Path(path).exists() else None for path in (FILE, EDGE))


@pytest.mark.parametrize(
    ("before", "killed"), [(nothing, run_first), (run_first, run_second), (run_first, put_back)]
)
def test_killed_before_any_change(before: Callable[[], object], killed: Callable[[], object]) -> None:
    make_units()
    start = dump()
    before()
    old = contents()
    moments = calls_of(killed, CHANGING)
    whole = [{one, other} for one, other in zip(old, contents(), strict=True)]
    put_back()
    assert difference(start, dump()) == {}
    assert len(moments) > 10
    for moment in moments:
        before()
        assert kill_before(moment, killed), moment.line
        assert all(text in texts for text, texts in zip(contents(), whole, strict=True)), moment.line
        if Path(ORIGINALS).exists():
            parse(Path(ORIGINALS).read_bytes())
        run_second()
        assert not apply(SECOND)["changed"]
        put_back()
        assert difference(start, dump()) == {}, moment.line


REFUSED_IN_WORDS = 3


def module_that_may_fail() -> None:
    """A call of the real module; its process ends with a status of its own if it fails with a message."""
    result = module(pools=FIRST)
    if result.get("failed"):
        os._exit(REFUSED_IN_WORDS if "EIO" in result["msg"] else 1)


def test_any_change_that_fails_undoes_all_others() -> None:
    make_units()
    start = dump()
    moments = calls_of(module_that_may_fail, CHANGING)
    tuned = dump()
    put_back()
    for moment in moments:
        status = fail_at(moment, module_that_may_fail)
        assert status in (0, REFUSED_IN_WORDS), moment.line
        assert difference(start if status else tuned, dump()) == {}, moment.line
        put_back()
        assert difference(start, dump()) == {}, moment.line


def test_no_process_is_started_by_any_call() -> None:
    make_units()
    for action in (run_first, run_second, put_back):
        assert calls_of(action, STARTING) == []
