# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module that changes a host, killed and failing at any moment: whole files, a good record, a way on and back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, digest, parse
from calls import ORIGINALS, call
from sandbox import difference
from subjects import SUBJECTS, Subject, nothing, whole_host
from tracing import Call, fail_at, kill_before

LEAST_MOMENTS = 10  # of a call that changes a file and the record; with fewer the trace has missed something
REFUSED_IN_WORDS, LEFT_IN_WORDS = 3, 4
EVERY = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)


class Files:
    """The texts that each file of a host may have: those before a call and those after it."""

    def __init__(self, before: Mapping[str, object], after: Mapping[str, object]) -> None:
        self._texts = {path: (before.get(path), after.get(path)) for path in {*before, *after} if is_of_etc(path)}

    def check(self) -> None:
        """Every file of /etc is whole.

        That is, it is one of the two, or by its digest one that the record calls ours, such as the file that udev is
        asked about. What is being staged lies beside it under a name that no program reads.
        """
        ours = written_by_us()
        for path, found in whole_host().items():
            if is_of_etc(path) and not path.endswith(".siptune-new") and not os.path.isdir(path):
                known = found in self._texts.get(path, ()) or digest(Path(path).read_bytes()) in ours.get(path, ())
                assert known, f"{path}: {found}"


def is_of_etc(path: str) -> bool:
    return path.startswith("/etc/")


def written_by_us() -> dict[str, tuple[str, ...]]:
    """What the record says we have written, or are about to write, by the path of the file."""
    if not os.path.exists(ORIGINALS):
        return {}
    return {path: original.written for path, original in parse(Path(ORIGINALS).read_bytes()).files.items()}


SHOWN_AS = {"txqueuelen": "queue", "rps_cpus": "rx-0"}  # options of interfaces, and how whole_host() names them


def still_recorded() -> set[str]:
    """The record, and the kernel parameters and options of interfaces in it."""
    record = parse(Path(ORIGINALS).read_bytes()) if os.path.exists(ORIGINALS) else NOTHING
    options = {
        f"{key.partition(' ')[0]} {SHOWN_AS[option]}" for key, options in record.links.items() for option in options
    }
    return {os.path.dirname(ORIGINALS), ORIGINALS, *(f"/proc/sys/{key}" for key in record.keys), *options}


def empty_directories(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if os.path.isdir(path) and not os.listdir(path)]


def check_record(start: Mapping[str, object]) -> None:
    """The record can be read, and holds what the host had at the start."""
    if not os.path.exists(ORIGINALS):
        return
    record = parse(Path(ORIGINALS).read_bytes())
    for path, file in record.files.items():
        found = start.get(path)
        assert (file.record.content if file.record else None) == (found[3] if isinstance(found, tuple) else None), path
    for key, original in record.keys.items():
        assert original.value == " ".join(str(start[f"/proc/sys/{key}"]).split()), key


def go_on_and_back(subject: Subject, start: Mapping[str, object]) -> None:
    """The next run converges, and the way back is exact."""
    subject.run(subject.second)
    assert not subject.run(subject.second)["changed"]
    check_record(start)
    go_back(subject, start)


def go_back(subject: Subject, start: Mapping[str, object]) -> None:
    subject.run(subject.absent)
    assert difference(start, whole_host()) == {}


Found = Callable[[Subject], object]


def as_it_is(_subject: Subject) -> None:
    nothing()


def with_a_file_by_hand(subject: Subject) -> None:
    subject.by_hand()


def tuned(subject: Subject) -> None:
    subject.run(subject.first)


# How the host is found, what ran before, and which call is killed.
SCENARIOS: dict[str, tuple[Found, Found, str]] = {
    "first-run": (as_it_is, as_it_is, "first"),
    "first-run-over-a-file": (with_a_file_by_hand, as_it_is, "first"),
    "second-run": (with_a_file_by_hand, tuned, "second"),
    "putting-back": (with_a_file_by_hand, tuned, "absent"),
}


@EVERY
@pytest.mark.parametrize("recover", [go_on_and_back, go_back])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_before_any_change(
    scenario: str, recover: Callable[[Subject, Mapping[str, object]], None], subject: Subject
) -> None:
    find, before, name = SCENARIOS[scenario]
    parameters = getattr(subject, name)
    subject.make()
    find(subject)
    start = whole_host()
    before(subject)
    old = whole_host()
    moments = subject.moments(parameters)
    files = Files(old, whole_host())
    go_back(subject, start)
    assert len(moments) >= LEAST_MOMENTS
    for moment in moments:
        before(subject)
        assert kill_before(moment, lambda: subject.run(parameters)), f"was not killed at {moment.line}"
        _checked(moment, lambda: (files.check(), check_record(start), recover(subject, start)))


def _checked(moment: Call, check: Callable[[], object]) -> None:
    try:
        check()
    except AssertionError as error:
        raise AssertionError(f"at {moment.name} {moment.ordinal}, {moment.line}: {error}") from error


@EVERY
def test_a_lost_connection_ends_a_run_like_any_other_kill(subject: Subject) -> None:
    """sshd(8) closes the session: what runs in it gets SIGHUP, wherever it is."""
    subject.make()
    start = whole_host()
    old = whole_host()
    moments = subject.moments(subject.first)
    files = Files(old, whole_host())
    go_back(subject, start)
    for moment in moments[::3]:
        assert kill_before(moment, lambda: subject.run(subject.first), by=signal.SIGHUP), moment.line
        _checked(moment, lambda: (files.check(), check_record(start), go_on_and_back(subject, start)))


@EVERY
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_any_change_that_fails_undoes_all_others(scenario: str, subject: Subject) -> None:
    """Each system call that changes something fails once: then the run says so, and the host is as it was.

    A kernel parameter that cannot go back to its original is an item of its own: everything else goes back, and a later
    run puts the rest back.
    """
    find, before, name = SCENARIOS[scenario]
    parameters = getattr(subject, name)

    def run() -> None:
        result = call(subject.module, **parameters)
        if result.get("failed"):
            os._exit(REFUSED_IN_WORDS if "EIO" in result["msg"] else 1)
        if any(item["state"] == "refused" and "EIO" in item["reason"] for item in result["items"]):
            os._exit(LEFT_IN_WORDS)

    subject.make()
    find(subject)
    start = whole_host()
    before(subject)
    old = whole_host()
    moments = subject.moments(parameters)
    new = whole_host()
    go_back(subject, start)
    faults = []
    for moment in moments:
        before(subject)
        status = fail_at(moment, run)
        left = difference({REFUSED_IN_WORDS: old, LEFT_IN_WORDS: new, 0: new}.get(status, {}), whole_host())
        if status == LEFT_IN_WORDS:
            left = {path: both for path, both in left.items() if path not in still_recorded()}
        # A directory that became empty and could not be removed is no reason to fail. Nobody removes it later.
        forgotten = [] if status else empty_directories(left)
        left = {path: both for path, both in left.items() if path not in forgotten}
        faults += [(moment.line, status, left)] if left else []
        subject.run(subject.absent)
        for path in empty_directories(forgotten):
            os.rmdir(path)
        if status == LEFT_IN_WORDS:
            left = difference(start, whole_host())
            faults += [(moment.line, "put back later", left)] if left else []
    assert faults == []
