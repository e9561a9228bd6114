# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import (
    INFINITY,
    LIMITS,
    Powers,
    Process,
    Scheduling,
    own_powers,
    parse_limits,
    parse_open_files_limit,
    parse_scheduling,
    parse_uids,
    raised,
    read_limits,
    read_open_files_limit,
    read_process,
    set_limit,
    set_oom_score_adj,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.directives import DIRECTIVES
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"


def captured(name: str) -> str:
    return (CAPTURED / f"process-{name}.txt").read_text()


def test_the_limits_of_a_real_process() -> None:
    limits = parse_limits(captured("limits"))
    assert set(limits) == {name for name in DIRECTIVES if name.startswith("Limit")}
    assert limits["LimitNOFILE"] == (1024, 4096)
    assert limits["LimitCORE"] == (0, INFINITY)
    assert limits["LimitSTACK"] == (8 * 2**20, INFINITY)
    assert limits["LimitRTTIME"] == (INFINITY, INFINITY)
    assert limits["LimitNICE"] == (0, 0)


def test_every_limit_has_a_directive_and_a_number_of_its_own() -> None:
    names, numbers = zip(*LIMITS.values())
    assert {f for f in DIRECTIVES if f.startswith("Limit")} == set(names)
    assert sorted(numbers) == list(range(16))  # RLIM_NLIMITS, asm-generic/resource.h


def test_the_scheduling_and_the_users_of_a_real_process() -> None:
    assert parse_scheduling(captured("stat")) == Scheduling(1, "other", 0)
    assert parse_uids(captured("status")) == {0}


@pytest.mark.parametrize(
    ("stat", "scheduling"),
    [
        ("", None),
        ("7 (a) S", None),
        (captured("stat").replace("(python3)", "(a) b) 1 2)"), Scheduling(1, "other", 0)),
        (captured("stat").replace(" 17 0 0 ", " 17 0 x "), None),
    ],
)
def test_odd_stat_texts(stat: str, scheduling: Scheduling | None) -> None:
    assert parse_scheduling(stat) == scheduling


@pytest.mark.parametrize("text", ["", "Limit\n", "Max open files   x  y  files\n"])
def test_broken_rows_are_left_out(text: str) -> None:
    assert parse_limits(text) == {}
    assert parse_open_files_limit(text) is None


def test_the_limit_on_open_files_alone(tmp_path: Path) -> None:
    assert parse_open_files_limit(captured("limits")) == (1024, 4096)
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/limits").write_text(captured("limits"))
    host = Host(str(tmp_path))
    assert read_open_files_limit(host, 7) == read_limits(host, 7)["LimitNOFILE"] == (1024, 4096)


def test_a_process_that_has_ended_has_no_limits(tmp_path: Path) -> None:
    assert read_limits(Host(str(tmp_path)), 7) == {}
    assert read_open_files_limit(Host(str(tmp_path)), 7) is None


def test_our_own_limits() -> None:
    assert read_limits(Host(), "self") == read_limits(Host(), os.getpid())


ROOT = Powers(True, 0)
NOBODY = Powers(False, 0)


@pytest.mark.parametrize(
    ("now", "wanted", "powers", "result"),
    [
        ((1024, 4096), (2048, 4096), NOBODY, (2048, 4096)),
        ((1024, 4096), (8192, 8192), NOBODY, (4096, 4096)),
        ((1024, 4096), (8192, 8192), ROOT, (8192, 8192)),
        ((1024, 4096), (512, 512), ROOT, (1024, 4096)),
        ((1024, 4096), (512, 8192), ROOT, (1024, 8192)),
        ((0, INFINITY), (INFINITY, INFINITY), NOBODY, (INFINITY, INFINITY)),
    ],
)
def test_how_far_a_limit_is_raised(now: tuple, wanted: tuple, powers: Powers, result: tuple) -> None:
    assert raised(now, wanted, powers) == result


pairs = st.tuples(st.integers(0, INFINITY), st.integers(0, INFINITY)).map(lambda pair: tuple(sorted(pair)))


@given(pairs, pairs, st.booleans())
def test_a_limit_is_never_lowered_and_never_torn(now: tuple, wanted: tuple, sys_resource: bool) -> None:
    soft, hard = raised(now, wanted, Powers(sys_resource, 0))
    assert soft >= now[0]
    assert hard >= now[1]
    assert soft <= hard
    assert (soft, hard) == raised((soft, hard), wanted, Powers(sys_resource, 0))


def test_who_may_change_what() -> None:
    process = Process(1, {}, 0, None, frozenset({0}))
    assert NOBODY.may_change(process)
    assert not NOBODY.may_change(process._replace(uids=frozenset({0, 5})))
    assert not NOBODY.may_change(process._replace(uids=frozenset()))
    assert ROOT.may_change(process._replace(uids=frozenset({5})))
    assert Powers(False, 0, reach=True).may_change(process._replace(uids=frozenset({5})))


@pytest.mark.parametrize(
    ("uid_map", "raises"),
    [("0 0 4294967295\n", True), ("0 100000 65536\n", False)],
    ids=["the whole machine", "a user namespace"],
)
def test_a_capability_inside_a_user_namespace_raises_nothing(tmp_path: Path, uid_map: str, raises: bool) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("CapEff:\t000001ffffffffff\n")
    (tmp_path / "proc/self/uid_map").write_text(uid_map)
    powers = own_powers(Host(str(tmp_path)))
    assert (powers.sys_resource, powers.reach) == (raises, True)


# --- real processes -------------------------------------------------------------------------


@pytest.fixture
def child() -> Iterator[int]:
    """A process of our own that waits to be killed."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_real_process_is_read_raised_and_put_back(child: int) -> None:
    host = Host()
    before = read_process(host, child)
    assert before is not None
    assert before.uids == {os.getuid()}
    hard = before.limits["LimitNOFILE"][1]
    for soft in (100, 200):
        assert set_limit(child, "LimitNOFILE", (soft, hard))
        now = read_process(host, child)
        assert now is not None
        assert now.limits["LimitNOFILE"] == (soft, hard)
    assert set_limit(child, "LimitCORE", before.limits["LimitCORE"])


def test_an_oom_score_is_set(child: int) -> None:
    host = Host()
    assert set_oom_score_adj(host, child, 900)
    now = read_process(host, child)
    assert now is not None
    assert now.oom_score_adj == 900


def test_a_process_that_is_gone_is_no_error() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert read_process(Host(), pid) is None
    assert not set_limit(pid, "LimitNOFILE", (1, 1))
    assert not set_oom_score_adj(Host(), pid, 5)


def test_what_the_kernel_refuses_is_the_hosts_error(child: int) -> None:
    with pytest.raises(HostError, match="LimitNOFILE"):
        set_limit(child, "LimitNOFILE", (2**40, 2**40))  # above any fs.nr_open


def test_our_own_powers_are_those_that_the_kernel_says() -> None:
    powers = own_powers(Host())
    assert powers.uid == os.geteuid()
