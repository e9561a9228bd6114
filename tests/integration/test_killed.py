# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any moment leaves whole files, and the next run makes everything good."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._originals import parse
from calls import FILE, ORIGINALS, Settings, apply, module, module_words, put_back, write_file
from sandbox import difference, dump, read
from tracing import CHANGING, STARTING, calls_of, fail_at, kill_before, started_by

FIRST: Settings = {
    "net.core.somaxconn": 9000,
    "net.ipv4.tcp_rmem": "10240 87380",
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.sip*.rp_filter": 2,
}
SECOND: Settings = {"net.core.somaxconn": 7000, "net.ipv4.tcp_rmem": "10240 87380", "net.ipv4.tcp_sack": 0}


def nothing() -> None:
    pass


def file_by_hand() -> None:
    write_file(FILE, "# by hand\nnet.core.somaxconn = 4096\n")


def run_first() -> object:
    return apply(FIRST)


def run_second() -> object:
    return apply(SECOND)


class Scenario(NamedTuple):
    """How the host is found, what ran before on it, and what is killed."""

    found: Callable[[], object]
    before: Callable[[], object]
    killed: Callable[[], object]


SCENARIOS = {
    "first-run": Scenario(nothing, nothing, run_first),
    "first-run-over-a-file": Scenario(file_by_hand, nothing, run_first),
    "second-run": Scenario(nothing, run_first, run_second),
    "putting-back": Scenario(file_by_hand, run_first, put_back),
}


def content(path: str) -> bytes | None:
    return Path(path).read_bytes() if Path(path).exists() else None


def check_whole(texts: tuple[bytes | None, ...], start: Mapping[str, object]) -> None:
    """The file is one of these texts, and the record can be read and holds the values of the start."""
    assert content(FILE) in texts
    record = content(ORIGINALS)
    keys = {} if record is None else parse(record).keys
    assert {key: original.value for key, original in keys.items()} == {
        key: " ".join(str(start[f"/proc/sys/{key}"]).split()) for key in keys
    }


def run_again_and_put_back(start: Mapping[str, object]) -> None:
    apply(SECOND)
    assert not apply(SECOND).changed
    assert (read("net/core/somaxconn"), read("net/ipv4/tcp_sack"), read("net/ipv4/ip_forward")) == ("7000", "0", "0")
    check_whole((content(FILE),), start)
    assert content(ORIGINALS) is not None
    put_back_at_once(start)


def put_back_at_once(start: Mapping[str, object]) -> None:
    put_back()
    assert difference(start, dump()) == {}


@pytest.mark.parametrize("recover", [run_again_and_put_back, put_back_at_once])
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_killed_before_any_change(scenario: Scenario, recover: Callable[[Mapping[str, object]], None]) -> None:
    scenario.found()
    start = dump()
    scenario.before()
    old = content(FILE)
    moments = calls_of(scenario.killed, CHANGING)
    texts = (old, content(FILE))
    put_back_at_once(start)
    assert len(moments) > 20
    for moment in moments:
        scenario.before()
        assert kill_before(moment, scenario.killed), f"was not killed at {moment.line}"
        try:
            check_whole(texts, start)
            recover(start)
        except AssertionError as error:
            raise AssertionError(f"killed at {moment.name} {moment.ordinal}, {moment.line}: {error}") from error


def test_killed_again_while_recovering() -> None:
    start = dump()
    moments = calls_of(run_first, CHANGING)
    put_back_at_once(start)
    for first, second in zip(moments[::3], reversed(moments[::3]), strict=True):
        assert kill_before(first, run_first), first.line
        kill_before(second, run_first)  # it may have less to do than the first one
        try:
            run_again_and_put_back(start)
        except AssertionError as error:
            raise AssertionError(f"killed at {first.line} and then at {second.line}: {error}") from error


REFUSED_IN_WORDS = 3


def module_that_may_fail(settings: Settings) -> Callable[[], None]:
    """A call of the real module; its process ends with a status of its own if it fails with a message."""

    def call() -> None:
        result = module(path=FILE, settings=settings)
        if result.get("failed"):
            os._exit(REFUSED_IN_WORDS if "EIO" in result["msg"] else 1)

    return call


FAULTY = {
    "first-run": (nothing, FIRST),
    "second-run": (run_first, SECOND),
    "putting-back": (run_first, {}),
}


@pytest.mark.parametrize(("before", "settings"), FAULTY.values(), ids=FAULTY.keys())
def test_any_change_that_fails_undoes_all_others(before: Callable[[], object], settings: Settings) -> None:
    """Each system call that changes something fails once: then the run says so, and the host is as it was."""
    run = module_that_may_fail(settings)
    before()
    start = dump()
    moments = calls_of(run, CHANGING)
    tuned = dump()
    put_back()
    faults = []
    for moment in moments:
        before()
        status = fail_at(moment, run)
        left = difference({REFUSED_IN_WORDS: start, 0: tuned}.get(status, {}), dump())
        if status == 0 and left.keys() == {"/var/lib/siptune"}:
            left = {}  # an empty directory that cannot be removed is no reason to fail
        faults += [(moment.line, status, left)] if left else []
        put_back()
    assert faults == []


def test_run_starts_no_process() -> None:
    """Neither the first run, nor a second one, nor putting back."""
    for action in (run_first, run_first, run_second, put_back):
        assert [call.line for call in calls_of(action, STARTING)] == []


def test_whole_module_starts_no_process_but_its_python() -> None:
    parameters = {"path": FILE, "settings": FIRST}
    started = started_by(module_words(parameters))
    assert [call.name for call in started] == ["execve"], started
    assert read("net/core/somaxconn") == "9000"
