# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of running daemons: which are asked, with which command, and which counts stay unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import Calls, observe_calls, wait_until_idle

from .test_daemons import place, run_process

ASTERISK = "2 active channels\n1 active call\n1 call processed\n"
NO_DIALOGS = "error: 500 - command dlg.stats_active not found\n"
TRANSACTIONS = "{\n\tcurrent: 4\n\twaiting: 1\n}\n"

BUSY = Calls("asterisk", 3, "calls", "asterisk -rx")


class AskedHost(Host):
    """A tree whose programs answer with text that daemons gave, by the words they are called with."""

    def __init__(self, root: Path, answers: dict[tuple[str, ...], CommandResult | None] | None = None) -> None:
        super().__init__(str(root))
        self.answers = answers or {}
        self.asked: list[tuple[str, ...]] = []

    def run(self, arguments, timeout_seconds=None):
        assert timeout_seconds == 5
        self.asked.append(tuple(arguments))
        return self.answers[tuple(arguments)]

    def ask_udp(self, address, request, timeout_seconds):
        assert timeout_seconds == 5
        self.asked.append((address[0], str(address[1])))
        cookie = request.split(b" ")[0]
        return cookie + b" d10:statisticsd17:currentstatisticsd11:sessionsowni2eee6:result2:oke"


@pytest.fixture(name="root")
def root_with_first_process(tmp_path: Path) -> Path:
    place(tmp_path, "/proc/1/comm", "systemd\n")
    return tmp_path


def only(host: Host) -> Calls:
    (calls,) = observe_calls(host)
    return calls


def test_nothing_runs_and_nothing_is_asked(root: Path) -> None:
    place(root, "/usr/sbin/asterisk")
    host = AskedHost(root)
    assert observe_calls(host) == []
    assert host.asked == []


def test_a_daemon_with_calls(root: Path) -> None:
    run_process(root, 50, "asterisk", command_line="/usr/sbin/asterisk\0-f\0")
    run_process(root, 60, "asterisk", command_line="/usr/sbin/asterisk\0-rvvv\0")  # a console
    place(root, "/usr/sbin/asterisk")
    words = ("/usr/sbin/asterisk", "-rx", "core show channels count")
    seen = only(AskedHost(root, {words: CommandResult(0, ASTERISK, "")}))
    assert seen == Calls("asterisk", 1, "calls", "asterisk -rx 'core show channels count'")


def test_kamailio_without_dialogs_has_transactions(root: Path) -> None:
    run_process(root, 50, "kamailio")
    run_process(root, 51, "kamailio", parent=50)
    answers = {
        ("kamcmd", "dlg.stats_active"): CommandResult(0, "", NO_DIALOGS),
        ("kamcmd", "tm.stats"): CommandResult(0, TRANSACTIONS, ""),
    }
    seen = only(AskedHost(root, answers))
    assert (seen.in_progress, seen.unit) == (3, "transactions")
    assert "the dialog module is not loaded" in seen.source


def test_opensips_with_and_without_dialogs(root: Path) -> None:
    run_process(root, 50, "opensips")
    words = ("opensips-cli", "-x", "mi", "get_statistics", "dialog:", "tm:")
    text = '{"dialog:active_dialogs": 2, "dialog:early_dialogs": 1, "tm:inuse_transactions": 9}'
    assert only(AskedHost(root, {words: CommandResult(0, text, "")}))[1:3] == (3, "calls")
    text = '{"tm:inuse_transactions": 9}'
    assert only(AskedHost(root, {words: CommandResult(0, text, "")}))[1:3] == (9, "transactions")


def test_rtpengine_is_asked_where_it_listens(root: Path) -> None:
    run_process(root, 50, "rtpengine", command_line="/usr/bin/rtpengine\0-f\0--config-file\0/etc/r.conf\0")
    place(root, "/etc/r.conf", "[rtpengine]\nlisten-ng = localhost:2223\n")
    host = AskedHost(root)
    assert only(host) == Calls("rtpengine", 2, "sessions", "statistics at 127.0.0.1 port 2223")
    assert host.asked == [("127.0.0.1", "2223")]
    run_process(root, 50, "rtpengine", command_line="/usr/bin/rtpengine\0--listen-ng=10.0.0.1:99\0")
    assert only(host).source == "statistics at 10.0.0.1 port 99"


FREESWITCH = ("fs_cli", "-x", "show channels count")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(None, "is not installed", id="no program to ask with"),
        pytest.param(CommandResult(1, "", "[ERROR] Error Connecting []\n"), "Error Connecting", id="no answer"),
        pytest.param(CommandResult(0, "-ERR no reply\n", ""), "not understood: -ERR no reply", id="no count"),
    ],
)
def test_what_cannot_be_learnt_is_unknown_and_named(root: Path, answer: CommandResult | None, reason: str) -> None:
    run_process(root, 50, "freeswitch")
    seen = only(AskedHost(root, {FREESWITCH: answer}))
    assert seen.in_progress is None
    assert reason in seen.reason


def test_freeswitch_from_its_source_has_its_client_beside_it(root: Path) -> None:
    path = "/usr/local/freeswitch/bin/fs_cli"
    run_process(root, 50, "freeswitch")
    place(root, path)
    host = AskedHost(root, {(path, *FREESWITCH[1:]): CommandResult(0, "\n2 total.\n", "")})
    assert only(host).in_progress == 2
    place(root, "/usr/local/bin/fs_cli")  # where an operator links it, and what is installed comes first
    host.answers = {("/usr/local/bin/fs_cli", *FREESWITCH[1:]): CommandResult(0, "\n3 total.\n", "")}
    assert only(host).in_progress == 3


@pytest.mark.parametrize("writable", ["fs_cli", "..", "../.."])
def test_a_client_that_others_could_have_written_is_not_run(root: Path, writable: str) -> None:
    run_process(root, 50, "freeswitch")
    place(root, "/opt/freeswitch/bin/fs_cli")
    (root / "opt/freeswitch/bin" / writable).resolve().chmod(0o775)
    host = AskedHost(root)
    assert only(host).reason.startswith("fs_cli: /opt/freeswitch/bin/fs_cli is not run, as others than root may write")
    assert host.asked == []


def test_a_client_behind_a_link_is_not_run(root: Path) -> None:
    run_process(root, 50, "freeswitch")
    place(root, "/home/somebody/freeswitch/bin/fs_cli")
    (root / "opt").mkdir()
    (root / "opt/freeswitch").symlink_to("../home/somebody/freeswitch")
    host = AskedHost(root)
    assert "may write /opt/freeswitch" in only(host).reason
    assert host.asked == []


def test_a_program_that_hangs_is_unknown(root: Path) -> None:
    class Hangs(AskedHost):
        def run(self, arguments, timeout_seconds=None):
            raise HostError(arguments[0], f"did not end within {timeout_seconds} s")

    run_process(root, 50, "freeswitch")
    assert only(Hangs(root)).reason == "fs_cli: did not end within 5 s"


def test_several_of_a_daemon_and_one_in_a_container_are_unknown(root: Path) -> None:
    run_process(root, 50, "freeswitch")
    run_process(root, 60, "freeswitch")
    run_process(root, 70, "kamailio", nspid="70\t1")
    run_process(root, 80, "rtpengine", command_line="/usr/bin/rtpengine\0")
    host = AskedHost(root)
    reasons = {calls.daemon: calls.reason for calls in observe_calls(host) if calls.in_progress is None}
    assert reasons == {
        "freeswitch": "2 of them run, and one answer does not count for all",
        "kamailio": "it runs in a container, whose control interface is not ours",
        "rtpengine": ("rtpengine: no address of listen-ng on its command line or in /etc/rtpengine/rtpengine.conf"),
    }
    assert host.asked == []


def test_the_recording_daemon_has_no_calls_of_its_own(root: Path) -> None:
    run_process(root, 50, "rtpengine-recor")
    assert observe_calls(AskedHost(root)) == []


def test_hidden_processes_are_unknown_where_a_daemon_is_installed(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    place(tmp_path, "/usr/sbin/asterisk")
    seen = only(AskedHost(tmp_path))
    assert (seen.daemon, seen.in_progress) == ("asterisk", None)
    assert "takes root" in seen.reason


# --- waiting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "timeout_seconds", "asked", "waited_seconds"),
    [
        pytest.param([0], 60, 1, 0, id="idle at once"),
        pytest.param([2, 1, 0], 60, 3, 10, id="drains"),
        pytest.param([1] * 99, 12, 4, 12, id="does not drain"),
        pytest.param([1], 0, 1, 0, id="only a look"),
    ],
)
def test_waiting(counts: list[int], timeout_seconds: int, asked: int, waited_seconds: int) -> None:
    now = [100.0]
    left = iter(counts)
    seen_counts = []

    def observe() -> list[Calls]:
        seen_counts.append(next(left))
        return [BUSY._replace(in_progress=seen_counts[-1])]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    seen, waited = wait_until_idle(observe, timeout_seconds, 5, clock=lambda: now[0], sleep=sleep)
    assert (len(seen_counts), waited) == (asked, waited_seconds)
    assert seen[0].in_progress == seen_counts[-1]
