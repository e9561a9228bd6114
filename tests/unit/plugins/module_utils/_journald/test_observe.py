# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._journald.observe import journald_started, observe
from ansible_collections.siptune.linux.plugins.module_utils._journald.settings import PATH, Request

STATUS = "Name:\tsystemd-journal\nState:\tS\nPid:\t300\nPPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t300\n"


def write(root, path: str, text: str) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def start_journald(root, pid: int = 300, words: str = "/usr/lib/systemd/systemd-journald", ago: float = 100) -> None:
    ticks = int((time.clock_gettime(time.CLOCK_BOOTTIME) - ago) * os.sysconf("SC_CLK_TCK"))
    fields = ["S", "1", *["0"] * 17, str(ticks), *["0"] * 30]
    write(root, f"proc/{pid}/stat", f"{pid} (systemd-journal) {' '.join(fields)}\n")
    write(root, f"proc/{pid}/status", STATUS.replace("300", str(pid)))
    write(root, f"proc/{pid}/comm", "systemd-journal\n")
    write(root, f"proc/{pid}/cmdline", words.replace(" ", "\0") + "\0")


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "etc/systemd/journald.conf", "[Journal]\nSystemMaxUse=4G\n")
    write(tmp_path, "usr/lib/systemd/systemd-journald", "")
    return tmp_path


def test_next_to_nothing_is_read_where_nothing_is_asked_for(root) -> None:
    start_journald(root)
    found = observe(Host(str(root)), Request("", ""))
    assert (found.own, found.installed, found.running, found.files.in_order()) == (None, False, False, [])


def test_what_is_read(root) -> None:
    start_journald(root)
    found = observe(Host(str(root)), Request("1G", ""))
    assert (found.installed, found.running, found.older) == (True, True, False)
    assert [path for path, _text in found.files.in_order()] == ["/etc/systemd/journald.conf"]


@pytest.mark.parametrize(("ago", "older"), [(100, True), (-100, False)])
def test_whether_journald_has_read_the_drop_in(root, ago: float, older: bool) -> None:
    write(root, PATH, "[Journal]\nSystemMaxUse=1G\n")
    start_journald(root, ago=ago)
    assert observe(Host(str(root)), Request("1G", "")).older is older


def test_the_journald_of_a_namespace_is_another(root) -> None:
    start_journald(root, 300, "/usr/lib/systemd/systemd-journald calls")
    assert journald_started(Host(str(root))) is None
    start_journald(root, 400)
    assert journald_started(Host(str(root))) == pytest.approx(time.time() - 100, abs=5)


def test_a_process_of_that_name_that_is_not_root_s(root) -> None:
    start_journald(root)
    status = (root / "proc/300/status").read_text().replace("Uid:\t0\t0\t0\t0", "Uid:\t1000\t1000\t1000\t1000")
    write(root, "proc/300/status", status)
    assert journald_started(Host(str(root))) is None
