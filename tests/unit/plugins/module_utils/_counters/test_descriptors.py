# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open files of the SIP daemons; test_reading.py has their processes on a whole host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.descriptors import (
    OpenFiles,
    fullest,
    open_files,
    share,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import ControlGroup, ProcessStatus
from ansible_collections.siptune.linux.plugins.module_utils._sip.daemons import DAEMONS, Process

KAMAILIO = next(daemon for daemon in DAEMONS if daemon.name == "kamailio")


def process(owner: str, pid: int, files: int, limit: int) -> OpenFiles:
    return OpenFiles(owner, "kamailio", pid, files, limit)


@pytest.mark.parametrize(("files", "limit", "expected"), [(50, 100, 0.5), (0, 100, 0.0), (30, 20, 1.5), (1, 0, 1.0)])
def test_the_share_of_a_limit(files: int, limit: int, expected: float) -> None:
    assert share(process("kamailio.service", 7, files, limit)) == expected


def test_the_fullest_process_of_each_owner() -> None:
    a, b, c = process("a.service", 9, 90, 100), process("a.service", 8, 90, 100), process("b.service", 7, 1, 100)
    assert fullest([c, a, b, process("a.service", 1, 89, 100)]) == {"a.service": b, "b.service": c}
    assert fullest([]) == {}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param("Max open files            1024            524288            files     \n", 1024, id="limited"),
        pytest.param("Max open files            unlimited       unlimited         files     \n", None, id="unlimited"),
        pytest.param(None, None, id="hidden"),
    ],
)
def test_a_process_counts_where_its_limit_is_known(tmp_path: Path, limits: str | None, expected: int | None) -> None:
    place = tmp_path / "proc/7"
    (place / "fd").mkdir(parents=True)
    (place / "fd/0").write_text("", encoding="ascii")
    if limits is not None:
        (place / "limits").write_text(limits, encoding="ascii")
    first = Process(7, ProcessStatus(1, 0, False), ControlGroup(""))
    found = open_files(Host(str(tmp_path)), KAMAILIO, first, 7)
    assert (found.limit if found else None) == expected
    assert found is None or (found.open, found.owner) == (1, "kamailio")
