# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._systemd.starting import Program, is_starting, starting

MANAGER = Program("/usr/lib/systemd/systemd", "systemd", "/sbin/init\0", 0)
EXECUTOR = "/usr/lib/systemd/systemd-executor"
EXECUTOR_ARGUMENTS = EXECUTOR + "\0--deserialize\00029\0--log-level\0info\0--log-target\0journal\0"  # of 257


def program(executable: str | None = "/usr/sbin/kamailio", comm: str = "kamailio", **others: Any) -> Program:
    return Program(executable, comm, others.pop("command_line", "/usr/sbin/kamailio\0-DD\0"), others.pop("parent", 1))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(program(EXECUTOR, "8", command_line=EXECUTOR_ARGUMENTS), id="257, named after a descriptor"),
        pytest.param(program(EXECUTOR, "systemd-executo", command_line=EXECUTOR_ARGUMENTS), id="run by its path"),
        pytest.param(program(EXECUTOR, "(amailio)", command_line="(amailio)\0\0\0"), id="257, renamed"),
        pytest.param(program(EXECUTOR, "(amailio)", parent=700), id="of a user's manager"),
        pytest.param(program(EXECUTOR + " (deleted)", "(amailio)"), id="replaced by an upgrade"),
        pytest.param(program("/systemd/systemd-executor", "(amailio)"), id="seen from another root directory"),
        pytest.param(program("/usr/lib/systemd/systemd", "systemd", command_line="/sbin/init\0"), id="just forked"),
        pytest.param(program("/usr/lib/systemd/systemd", "(amailio)", command_line="(amailio)\0"), id="247 and 252"),
        pytest.param(program("/usr/lib/systemd/systemd (deleted)", "(amailio)"), id="247, replaced by an upgrade"),
        pytest.param(program("/lib/systemd/systemd", "(amailio)"), id="by another path"),
        pytest.param(program(None, "systemd-executo"), id="unreadable, the executor"),
        pytest.param(program(None, "(amailio)"), id="unreadable, renamed"),
    ],
)
def test_systemds_own_code(found: Program) -> None:
    assert is_starting(found, MANAGER)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(program(), id="a daemon"),
        pytest.param(program(None), id="one whose program cannot be read"),
        pytest.param(program(None, "8"), id="one that is named like a descriptor"),
        pytest.param(program("/usr/lib/systemd/systemd-networkd", "systemd-network"), id="a service of systemd's"),
        pytest.param(program("/usr/bin/systemctl", "systemctl"), id="a tool of systemd's"),
        pytest.param(
            program("/usr/lib/systemd/systemd", "systemd", command_line="/usr/lib/systemd/systemd\0--user\0"),
            id="a user's manager",
        ),
        pytest.param(
            program("/usr/lib/systemd/systemd", "systemd", command_line="/sbin/init\0", parent=900),
            id="the manager of a container",
        ),
        pytest.param(program("/usr/bin/udevadm", "(udev-worker)", command_line="(udev-worker)\0"), id="a worker"),
        pytest.param(program(None, "(udev-worker)", parent=74), id="a worker that cannot be read"),
        pytest.param(program(EXECUTOR, "(sd-pam)", parent=185), id="the helper of PAMName="),
        pytest.param(program("/usr/lib/systemd/systemd", "(sd-pam)", parent=185), id="that helper, 247"),
        pytest.param(Program(None, "", "", 0), id="one that has ended"),
    ],
)
def test_a_program_of_the_units_own(found: Program) -> None:
    assert not is_starting(found, MANAGER)


@pytest.mark.parametrize(("comm", "expected"), [("(amailio)", False), ("systemd-executo", False)])
def test_without_a_known_manager_only_the_executor_is_known(comm: str, expected: bool) -> None:
    unknown = MANAGER._replace(executable=None)
    assert is_starting(program("/usr/lib/systemd/systemd", comm), unknown) is expected
    assert is_starting(program(EXECUTOR, comm), unknown)


# --- from /proc ------------------------------------------------------------------------------


def put_process(root: Path, pid: int, found: Program) -> None:
    directory = root / "proc" / str(pid)
    directory.mkdir(parents=True)
    (directory / "comm").write_text(found.comm + "\n")
    (directory / "cmdline").write_text(found.command_line)
    (directory / "status").write_text(f"Name:\t{found.comm}\nPPid:\t{found.parent}\nUid:\t0\t0\t0\t0\n")
    if found.executable is not None:
        os.symlink(found.executable, directory / "exe")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (program(EXECUTOR, "8"), True),
        (program(None, "(amailio)"), True),
        (program("/usr/lib/systemd/systemd", "systemd", command_line="/sbin/init\0"), True),
        (program("/usr/lib/systemd/systemd", "systemd", command_line="systemd\0--user\0"), False),
        (program(), False),
        (program(None), False),
    ],
)
def test_what_proc_shows(tmp_path: Path, found: Program, expected: bool) -> None:
    put_process(tmp_path, 1, MANAGER)
    put_process(tmp_path, 100, found)
    assert starting(Host(str(tmp_path)), 100) is expected


def test_a_process_that_has_ended_is_not_starting(tmp_path: Path) -> None:
    assert not starting(Host(str(tmp_path)), 100)


def test_this_very_process_runs_its_own_program() -> None:
    assert not starting(Host(), os.getpid())
