# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import EffectError, Report
from ansible_collections.siptune.linux.plugins.module_utils._notrack import apply as applying
from ansible_collections.siptune.linux.plugins.module_utils._notrack.model import PATHS
from ansible_collections.siptune.linux.plugins.module_utils._notrack.module import SIP_NOTRACK
from notrack_hosts import SHOWN, TCP_PORTS, FirewallHost, text_of

ARGUMENTS = {"missing": "report", "shadowed": "report", "ports": ["5060", "10000-20000"], "state": "present"}
CHECK, LOAD, LIST = ("nft", "-c", "-f", "-"), ("nft", "-f", "-"), ("nft", "-j", "list", "ruleset")
RELOAD = ("systemctl", "daemon-reload")


def run(host: FirewallHost, log: UndoLog | None = None, check: bool = False, state: str = "present") -> Report:
    host.calls = []
    return SIP_NOTRACK.call({**ARGUMENTS, "state": state}).run(host, check, log or UndoLog())


def tree(root: Path) -> dict[str, str]:
    return {str(path): path.read_text(encoding="utf-8") for path in root.rglob("*") if path.is_file()}


def test_there_and_back(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path, "exact accept")
    start = tree(tmp_path)
    predicted = run(host, check=True)
    assert (host.calls, tree(tmp_path)) == ([LIST], start)
    done = run(host)
    assert host.calls == [LIST, CHECK, RELOAD, LOAD, LIST]
    assert [one.as_item() for one in done.changes] == [one.as_item() for one in predicted.changes]
    assert done.live[0]["after"] == f"untracked UDP ports = {SHOWN}\n"
    assert all((tmp_path / path[1:]).is_file() for path in PATHS)
    again = run(host)
    assert (again.changed, again.changes[0].state, host.calls) == (False, "ok", [LIST])
    host.printed = text_of("nothing")  # nft flush ruleset
    assert run(host).changed
    assert host.calls == [LIST, CHECK, LOAD, LIST]
    assert run(host, state="absent").changed
    assert host.calls == [LIST, CHECK, LOAD, LIST, RELOAD]
    assert tree(tmp_path) == start
    assert not run(host, state="absent").changed
    assert host.calls == []


@pytest.mark.parametrize("fails", ["-c -f -", "daemon-reload", "-f -"])
def test_what_fails_is_undone(tmp_path: Path, fails: str) -> None:
    host, log = FirewallHost(tmp_path), UndoLog()
    start = tree(tmp_path)
    host.fails = [fails]
    with pytest.raises(EffectError, match="Operation not permitted"):
        run(host, log)
    host.fails = []
    log.undo()
    assert (tree(tmp_path), host.printed) == (start, text_of("nothing"))


def test_a_later_failure_takes_the_table_back(tmp_path: Path) -> None:
    host, log = FirewallHost(tmp_path), UndoLog()
    start = tree(tmp_path)
    run(host, log)
    assert host.printed == text_of("ours")
    log.undo()
    assert (tree(tmp_path), host.printed) == (start, text_of("nothing"))
    run(host)
    whole, log = tree(tmp_path), UndoLog()
    run(host, log, state="absent")
    log.undo()
    assert (tree(tmp_path), host.printed) == (whole, text_of("ours"))


def test_the_kernel_forgets_running_tcp_connections_once_they_are_exempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, forgotten = FirewallHost(tmp_path), []
    monkeypatch.setattr(applying, "forget_connections", lambda _host, ports: forgotten.append((ports, host.calls[-1])))
    tcp = {**ARGUMENTS, "ports": [*ARGUMENTS["ports"], "5060-5061/tcp"]}
    for arguments in (ARGUMENTS, tcp, tcp, {**tcp, "state": "absent"}):
        SIP_NOTRACK.call(arguments).run(host, False, UndoLog())
    # Each time the table is there, and read back, before that.
    assert forgotten == [(ports, LIST) for ports in ((), TCP_PORTS, ())]


def test_a_table_that_reads_back_otherwise_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = FirewallHost(tmp_path)
    own = host.run
    monkeypatch.setattr(host, "run", lambda words, *more: own([*words, *(["x"] if words[1] == "-f" else [])], *more))
    with pytest.raises(EffectError, match="the kernel has taken the table, and it reads back otherwise"):
        run(host)
