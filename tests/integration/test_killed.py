# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl_bulk killed twice in a row, and what it starts; test_faults.py kills every module once at every moment."""

from __future__ import annotations

from calls import FILE, Settings, apply, module_words, put_back
from sandbox import difference, dump, read
from tracing import CHANGING, STARTING, calls_of, kill_before, started_by

FIRST: Settings = {
    "net.core.somaxconn": 9000,
    "net.ipv4.tcp_rmem": "10240 87380",
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.sip*.rp_filter": 2,
}
SECOND: Settings = {"net.core.somaxconn": 7000, "net.ipv4.tcp_rmem": "10240 87380", "net.ipv4.tcp_sack": 0}


def run_first() -> object:
    return apply(FIRST)


def test_killed_again_while_recovering() -> None:
    start = dump()
    moments = calls_of(run_first, CHANGING)
    put_back()
    for first, second in zip(moments[::3], reversed(moments[::3]), strict=True):
        assert kill_before(first, run_first), first.line
        kill_before(second, run_first)  # it may have less to do than the first one
        where = f"killed at {first.line} and then at {second.line}"
        apply(SECOND)
        assert not apply(SECOND).changed, where
        found = (read("net/core/somaxconn"), read("net/ipv4/tcp_sack"), read("net/ipv4/ip_forward"))
        assert found == ("7000", "0", "0"), where
        put_back()
        assert difference(start, dump()) == {}, where


def test_run_starts_no_process() -> None:
    """Neither the first run, nor a second one, nor putting back."""
    for action in (run_first, run_first, lambda: apply(SECOND), put_back):
        assert [call.line for call in calls_of(action, STARTING)] == []


def test_whole_module_starts_no_process_but_its_python() -> None:
    parameters = {"path": FILE, "settings": FIRST}
    started = started_by(module_words(parameters))
    assert [call.name for call in started] == ["execve"], started
    assert read("net/core/somaxconn") == "9000"
