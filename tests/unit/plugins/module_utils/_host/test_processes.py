# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as /proc shows them, from text captured on Debian 11 and 12."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import (
    ProcessNames,
    ProcessStatus,
    parse_environment,
    parse_start_ticks,
    parse_status,
    process_environment,
    process_names,
    start_ticks,
)
from hypothesis import given
from hypothesis import strategies as st

ASTERISK_STATUS = """Name:\tasterisk
Umask:\t0022
State:\tS (sleeping)
Tgid:\t370
Ngid:\t0
Pid:\t370
PPid:\t1
TracerPid:\t0
Uid:\t104\t104\t104\t104
Gid:\t105\t105\t105\t105
FDSize:\t64
NStgid:\t370
NSpid:\t370
NSpgid:\t370
NSsid:\t370
VmPeak:\t 1195480 kB
"""


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ASTERISK_STATUS, ProcessStatus(1, 104, False)),
        (ASTERISK_STATUS.replace("NSpid:\t370", "NSpid:\t4711\t370"), ProcessStatus(1, 104, True)),
        (ASTERISK_STATUS.replace("NSpid:\t370\n", ""), ProcessStatus(1, 104, False)),
        (ASTERISK_STATUS.replace("Uid:", "Uid"), None),
        (ASTERISK_STATUS.replace("PPid:\t1\n", ""), None),
        ("", None),
    ],
    ids=["daemon", "in a container", "before Linux 4.1", "no user", "no parent", "ended"],
)
def test_status(status: str, expected: ProcessStatus | None) -> None:
    assert parse_status(status) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ("A=1\0B=x=y\0", {"A": "1", "B": "x=y"}),
        ("EMPTY=\0stray\0", {"EMPTY": ""}),
        ("", {}),
    ],
    ids=["equals sign in a value", "a word without one", "empty"],
)
def test_environment(environ: str, expected: dict) -> None:
    assert parse_environment(environ) == expected


@given(text=st.text())
def test_arbitrary_text_never_raises(text: str) -> None:
    parse_environment(text)
    parse_status(text)
    parse_status("PPid:\t" + text + "\nUid:\t" + text + "\t0\nNSpid:\t" + text)


def write(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_names_of_all_processes(tmp_path: Path) -> None:
    for pid, comm in {1: "systemd", 12: "bpftune", 7: "bpftune", 9: "a long name in s"}.items():
        write(tmp_path, f"/proc/{pid}/comm", f"{comm}\n")
    write(tmp_path, "/proc/uptime", "1 2\n")
    (tmp_path / "proc/99").mkdir()  # ended between the listing and the reading
    found = process_names(Host(str(tmp_path)))
    assert found == ProcessNames({1: "systemd", 7: "bpftune", 9: "a long name in s", 12: "bpftune"}, True)
    assert found.pids_named("bpftune") == [7, 12]


def test_a_long_name_is_found_as_the_kernel_cuts_it() -> None:
    assert ProcessNames({5: "ngcp-rtpengine-"}, True).pids_named("ngcp-rtpengine-daemon") == [5]


def test_hidden_processes_make_the_names_incomplete(tmp_path: Path) -> None:
    write(tmp_path, "/proc/4711/comm", "python3\n")
    assert not process_names(Host(str(tmp_path))).complete
    assert not process_names(Host(str(tmp_path / "nothing"))).complete


def test_an_environment_that_may_not_be_seen_is_empty(tmp_path: Path) -> None:
    (tmp_path / "proc/5/environ").mkdir(parents=True)  # reading it fails, even for root
    assert process_environment(Host(str(tmp_path)), 5) == {}


STAT = (Path(__file__).parents[1] / "captured/process-stat.txt").read_text(encoding="ascii")


def test_when_a_process_began() -> None:
    fields = STAT.rpartition(")")[2].split()
    assert parse_start_ticks(STAT) == int(fields[19])
    assert parse_start_ticks(STAT.replace("(", "((a) 1 2 ")) == int(fields[19])
    assert parse_start_ticks("") is None
    assert parse_start_ticks("1 (a) S 1") is None
    assert start_ticks(Host(), 2**22 + 1) is None


@given(st.text())
def test_no_start_is_too_strange(text: str) -> None:
    assert parse_start_ticks(text) is None or parse_start_ticks(text) >= 0
