# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours put in place and tested by udev, and properties of profiles that are read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FileChange
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, FileRecord, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.apply import UNCHECKED, apply
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import OwnText, Setting, render
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import Plan, Verdict, Write
from udev_answers import OURS, Answering, answer

OWN = OwnText((("OriginalName", "v0"),), (), {"nic_ring": {"RxBufferSize": Setting("512", "")}})
FULL = FileRecord(render(OWN).encode(), 0o644, 0, 0)
PROBE = FileRecord(b"# naming\n", 0o644, 0, 0)


def _plan(host: Host, probe: FileRecord | None) -> Plan:
    owner = (Path(host._root).stat().st_uid, Path(host._root).stat().st_gid)  # noqa: SLF001
    record = FULL._replace(uid=owner[0], gid=owner[1])
    change = FileChange(OURS, None, record)
    shown = probe._replace(uid=owner[0], gid=owner[1]) if probe else None
    verdicts = {("v0", "RxBufferSize"): Verdict("changed", "512", ""), ("v0", "X"): Verdict("pending", None, "no")}
    return Plan([change], [Write("v0", change, shown)], [], verdicts, [], {}, {}, {})


def _host(tmp_path: Path, result: CommandResult | None) -> Answering:
    (tmp_path / "etc/systemd").mkdir(parents=True)
    return Answering(str(tmp_path), result)


@pytest.mark.parametrize(("version", "probe", "shown"), [(252, PROBE, "# naming\n"), (257, None, render(OWN))])
def test_udev_is_asked_before_the_file_is_kept(
    tmp_path: Path, version: int, probe: FileRecord | None, shown: str
) -> None:
    host = _host(tmp_path, answer(version, "taken"))
    planned = _plan(host, probe)
    assert apply(host, planned, UndoLog()) == planned.verdicts
    assert host.shown == [shown]
    assert host.read_text(OURS) == render(OWN)


@pytest.mark.parametrize("probe", [PROBE, None])
@pytest.mark.parametrize("case", ["renamed", "passed"])
def test_a_file_that_udev_rejects_is_put_back(tmp_path: Path, probe: FileRecord | None, case: str) -> None:
    host, log = _host(tmp_path, answer(252, case)), UndoLog()
    with pytest.raises(HostError):
        apply(host, _plan(host, probe), log)
    assert log.undo() == ([OURS], [])
    assert [path.name for path in tmp_path.rglob("*")] == ["etc", "systemd"]


def test_an_option_that_udev_complains_of_is_put_back(tmp_path: Path) -> None:
    host, log = _host(tmp_path, answer(247, "taken")), UndoLog()
    own = OWN._replace(settings={"nic_link": {"TransmitQueueLength": Setting("2000", "")}})
    planned = _plan(host, None)
    after = planned.files[0].after
    assert after is not None
    change = planned.files[0]._replace(after=after._replace(content=render(own).encode()))
    with pytest.raises(HostError, match="does not accept it: Unknown key name 'TransmitQueueLength'"):
        apply(host, planned._replace(files=[change], writes=[Write("v0", change, None)]), log)
    assert log.undo() == ([OURS], [])


def test_a_file_that_cannot_be_tested_says_so(tmp_path: Path) -> None:
    host = _host(tmp_path, None)
    verdicts = apply(host, _plan(host, PROBE), UndoLog())
    assert verdicts["v0", "RxBufferSize"] == Verdict("changed", "512", UNCHECKED)
    assert verdicts["v0", "X"].reason == "no"
    assert host.read_text(OURS) == render(OWN)
