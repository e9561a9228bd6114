# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""irqbalance's socket, as its own source answers there, and how its unit starts it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._nic.balancer import LiveBans, Start
from ansible_collections.siptune.linux.plugins.module_utils._nic.bans import ban, give_back, observe_balancer, read_bans
from balancers import PID, UNIT, FakeBalancer

PLACE = ("eth0", "irq_cpus")
NONE: frozenset[tuple[str, str]] = frozenset()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short path, as the address of a socket has 107 bytes."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_it_is_told_and_says_so(tmp_path: Path) -> None:
    host, log = Host(str(tmp_path)), UndoLog()
    with FakeBalancer(tmp_path, banned=(9,)) as balancer:
        assert read_bans(host, PID) == {9}
        bans = LiveBans(PID, frozenset({9}), {PLACE: frozenset({24, 25})}, {})
        ban(host, bans, log)
        assert balancer.banned == {9, 24, 25}
        give_back(host, bans, NONE, UndoLog())
        assert balancer.banned == {9, 24, 25}
        give_back(host, bans, frozenset({PLACE}), UndoLog())
        assert balancer.banned == {9}
        assert "settings ban irqs 9 24 25" in balancer.asked


def test_nothing_is_none(tmp_path: Path) -> None:
    with FakeBalancer(tmp_path, banned=(24,)) as balancer:
        give_back(Host(str(tmp_path)), LiveBans(PID, frozenset({24}), {}, {PLACE: frozenset({24})}), NONE, UndoLog())
        assert (balancer.banned, balancer.asked) == (set(), ["settings ban irqs NONE"])


def test_a_failed_call_takes_the_ban_back(tmp_path: Path) -> None:
    host, log = Host(str(tmp_path)), UndoLog()
    with FakeBalancer(tmp_path, banned=(9,)) as balancer:
        ban(host, LiveBans(PID, frozenset({9}), {PLACE: frozenset({24})}, {}), log)
        log.undo()
        assert balancer.banned == {9}


def test_one_that_takes_no_ban_is_an_error(tmp_path: Path) -> None:
    with FakeBalancer(tmp_path) as balancer:
        balancer.deaf = True
        with pytest.raises(HostError, match="does not say that it does"):
            ban(Host(str(tmp_path)), LiveBans(PID, frozenset(), {PLACE: frozenset({24})}, {}), UndoLog())


def test_one_that_has_ended_has_no_bans(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    assert read_bans(host, PID) is None
    give_back(host, LiveBans(PID, frozenset({24}), {}, {PLACE: frozenset({24})}), NONE, UndoLog())
    with pytest.raises(HostError, match=f"irqbalance{PID}.sock"):
        ban(host, LiveBans(PID, frozenset(), {PLACE: frozenset({24})}, {}), UndoLog())


def test_more_than_it_reads_at_once(tmp_path: Path) -> None:
    many = frozenset(range(10000, 14000))
    with FakeBalancer(tmp_path) as balancer:
        with pytest.raises(HostError, match="cannot be told of 4000 interrupts at once"):
            ban(Host(str(tmp_path)), LiveBans(PID, frozenset(), {PLACE: many}, {}), UndoLog())
        assert balancer.banned == set()


def test_how_it_starts_without_us(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    (tmp_path / "proc").mkdir()
    assert observe_balancer(host).start == Start()
    write(tmp_path, "usr/lib/systemd/system/irqbalance.service", UNIT)
    vendors = Start(
        "/usr/sbin/irqbalance --foreground $IRQBALANCE_ARGS", "/usr/lib/systemd/system/irqbalance.service", 3
    )
    assert observe_balancer(host).start == vendors
    directory = "etc/systemd/system/irqbalance.service.d"
    write(tmp_path, f"{directory}/90-siptune-interrupts.conf", "[Service]\nExecStart=\nExecStart=/bin/ours\n")
    assert observe_balancer(host).start == vendors
    write(tmp_path, f"{directory}/override.conf", "[Service]\nExecStart=\nExecStart=/opt/irqbalance\n")
    assert observe_balancer(host).start == Start("/opt/irqbalance", f"/{directory}/override.conf", 3)
