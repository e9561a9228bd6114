# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module on hosts in trouble: full and read-only disks, things in the way, bad records, and two runs at once."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import digest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import LOCK_PATH, Host
from calls import CHECKOUT, LIBRARY, ORIGINALS, STARTER, call, originals, write_file
from sandbox import difference, ip, make_read_only, mount_small, write
from subjects import ALONE, LIMITS_FILE, SUBJECTS, SYSCTL_FILE, TOGETHER, Subject, whole_host

RECORDS = os.path.dirname(ORIGINALS)
SMALL_KIBIBYTES = 64
EVERY = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
EACH = pytest.mark.parametrize("subject", ALONE, ids=lambda subject: subject.name)
Breaking = Callable[[Subject], None]


# --- broken hosts ----------------------------------------------------------------------------


def fill(directory: str) -> None:
    """Leave not a byte in the file system of a directory."""
    with open(f"{directory}/filler", "wb", buffering=0) as stream:
        try:
            while stream.write(b"\0" * 1024):
                pass
        except OSError:
            pass


def mount_over(directory: str) -> None:
    """A small file system in the place of a directory, with all that was in it."""
    kept = f"/run/kept{directory}"
    shutil.copytree(directory, kept, symlinks=True)
    mount_small(directory, SMALL_KIBIBYTES)
    shutil.copytree(kept, directory, symlinks=True, dirs_exist_ok=True)


def place_of(subject: Subject) -> str:
    """The directory of the file that a module writes; that of a drop-in is made by the module itself."""
    directory = os.path.dirname(subject.file)
    return directory if os.path.isdir(directory) else os.path.dirname(directory)


def full_place(subject: Subject) -> None:
    mount_over(place_of(subject))
    fill(place_of(subject))


def full_var_lib(_subject: Subject) -> None:
    mount_over("/var/lib")
    fill("/var/lib")


def read_only_etc(_subject: Subject) -> None:
    make_read_only("/etc")


def read_only_var_lib(_subject: Subject) -> None:
    make_read_only("/var/lib")


def link(subject: Subject) -> None:
    """What it leads to is a file such as the module writes, so that nothing but the link is in the way."""
    subject.by_hand()
    if not os.path.exists(subject.file):
        write_file(subject.file, "")
    os.rename(subject.file, "/etc/elsewhere")
    os.symlink("/etc/elsewhere", subject.file)


def dangling_link(subject: Subject) -> None:
    clear(subject)
    os.symlink("/etc/nowhere", subject.file)


def directory(subject: Subject) -> None:
    clear(subject)
    os.mkdir(subject.file)


def pipe(subject: Subject) -> None:
    clear(subject)
    os.mkfifo(subject.file)


def clear(subject: Subject) -> None:
    os.makedirs(os.path.dirname(subject.file), exist_ok=True)
    if os.path.lexists(subject.file):
        os.remove(subject.file)


BROKEN: tuple[tuple[Breaking, str], ...] = (
    (full_place, "ENOSPC"),
    (full_var_lib, "ENOSPC"),
    (read_only_etc, "EROFS"),
    (read_only_var_lib, "EROFS"),
    (link, "symbolic link"),
    (dangling_link, "symbolic link"),
    (directory, "is a directory"),
    (pipe, "not a regular file"),
)


NO_FILE = (dangling_link, directory, pipe)  # nothing that systemd would read


def _costs_its_own_items(subject: Subject, reason: str) -> None:
    """An environment file is the administrator's: one that is no file is the reason of its own pools alone."""
    before = os.lstat(subject.file)
    items = [item for item in subject.run(subject.first)["items"] if subject.file in item["reason"]]
    assert items
    assert all(item["state"] == "absent" and reason in item["reason"] for item in items)
    assert os.lstat(subject.file) == before
    subject.run(subject.absent)


@EVERY
@pytest.mark.parametrize(("breaks", "reason"), BROKEN, ids=[breaks.__name__ for breaks, _reason in BROKEN])
def test_a_broken_host_gives_one_error_and_is_not_changed(breaks: Breaking, reason: str, subject: Subject) -> None:
    subject.make()
    breaks(subject)
    start = whole_host()
    if subject.name == "daemon_pools" and breaks in NO_FILE:
        _costs_its_own_items(subject, reason)
        return
    message = subject.failure(subject.first)
    assert reason.lower() in message.lower()
    assert "Could not be put back" not in message
    assert difference(start, whole_host()) == {}


@EVERY
@pytest.mark.parametrize("breaks", [full_place, full_var_lib, read_only_etc, read_only_var_lib])
def test_a_tuned_host_that_breaks_keeps_what_it_has(breaks: Breaking, subject: Subject) -> None:
    subject.make()
    subject.run(subject.first)
    breaks(subject)
    start = whole_host()
    message = subject.failure(subject.second)
    assert "ENOSPC" in message or "EROFS" in message, message
    assert difference(start, whole_host()) == {}


# --- the record of originals -----------------------------------------------------------------


def shadow() -> dict[str, Any]:
    """An entry by which root would write /etc/shadow."""
    found = {"content": "root::19000::::::\n", "mode": "0640", "uid": 0, "gid": 42}
    return {"/etc/shadow": {"found": found, "written": []}}


def damaged(text: str) -> Breaking:
    return lambda _subject: write_file(ORIGINALS, text)


def edited(**changes: Any) -> Breaking:
    """A good record, edited by somebody."""
    document = {"schema": 1, "sysctl": {}, "files": {}}
    return damaged(json.dumps({**document, **changes}))


def set_user_id(subject: Subject) -> None:
    found = {"content": "#!/bin/sh\n", "mode": "4755", "uid": 0, "gid": 0}
    edited(files={subject.file: {"found": found, "written": []}})(subject)


def writable_by_all(subject: Subject) -> None:
    edited()(subject)
    os.chmod(RECORDS, 0o777)


def somebody_elses(subject: Subject) -> None:
    edited()(subject)
    os.chown(ORIGINALS, 4321, 0)


UNTRUSTED: dict[str, tuple[Breaking, str]] = {
    "cut": (damaged('{"schema": 1, "sysctl": {"net/ipv4/tcp_sack": {'), "damaged"),
    "empty": (damaged(""), "damaged"),
    "newer": (edited(schema=99), "newer version"),
    "key outside": (edited(sysctl={"../../etc/passwd": {}}), "no key below /proc/sys"),
    "file of the system": (edited(files=shadow()), "/etc/shadow' is no file that siptune.linux writes"),
    "set-user-ID": (set_user_id, "mode 4755"),
    "writable by all": (writable_by_all, "may be written by others than root"),
    "somebody else's": (somebody_elses, "belongs to user 4321"),
}


@EVERY
@pytest.mark.parametrize(("breaks", "reason"), UNTRUSTED.values(), ids=UNTRUSTED.keys())
def test_a_record_that_cannot_be_trusted_stops_everything(breaks: Breaking, reason: str, subject: Subject) -> None:
    subject.make()
    write_file("/etc/shadow", "root:*:19000::::::\n")
    os.makedirs(RECORDS, 0o700, exist_ok=True)
    breaks(subject)
    start = whole_host()
    for parameters in (subject.first, subject.absent):
        message = subject.failure(parameters)
        assert reason in message
        assert ORIGINALS in message
        assert any(word in message for word in ("backup", "run that version")), message
        assert message.rstrip(".").endswith("Nothing was changed")
    assert difference(start, whole_host()) == {}


@EVERY
def test_a_host_that_was_never_tuned_is_put_back_without_a_word(subject: Subject) -> None:
    subject.make()
    subject.by_hand()
    start = whole_host()
    for check in (True, False):
        assert not subject.run(subject.absent, check)["changed"]
    assert difference(start, whole_host()) == {}


@EVERY
def test_what_is_not_wanted_any_more_goes_back_to_its_original(subject: Subject) -> None:
    """A second call, with less in it and other values, leaves a host as if it had been the only one."""
    subject.make()
    subject.by_hand()
    start = whole_host()
    subject.run(subject.second)
    alone = _without_record(whole_host())
    subject.run(subject.absent)
    subject.run(subject.first)
    assert subject.run(subject.second)["changed"]
    assert difference(alone, _without_record(whole_host())) == {}
    subject.run(subject.absent)
    assert difference(start, whole_host()) == {}


def _without_record(host: dict[str, object]) -> dict[str, object]:
    return {path: found for path, found in host.items() if path != ORIGINALS}


@EACH
def test_all_modules_share_a_record_of_either_schema(subject: Subject) -> None:
    """Without interfaces a record is of schema 1, which older versions read; with them it is of schema 2."""
    others = [other for other in ALONE if other is not subject]
    TOGETHER.make()
    start = whole_host()
    subject.run(subject.first)
    mine = originals()["schema"]
    for other in others:
        other.run(other.first)
    assert originals()["schema"] == 2
    for other in others:
        other.run(other.absent)
    assert originals()["schema"] == mine
    assert not subject.run(subject.first)["changed"]
    subject.run(subject.absent)
    assert difference(start, whole_host()) == {}


OWN_TEXT = "# ours\n"
# A record of the first schema, which knew no interfaces, and one of the second, as they were written to disks.
FIRST_SCHEMA = {
    "schema": 1,
    "sysctl": {
        "net/ipv4/tcp_sack": {"value": "1", "written": "0", "left": "0", "owners": [SYSCTL_FILE], "cause": None},
        "net/ipv4/conf/sip0/rp_filter": {
            "value": "0",
            "written": "2",
            "left": "2",
            "owners": [SYSCTL_FILE],
            "cause": None,
        },
    },
    "files": {
        SYSCTL_FILE: {"found": None, "written": [digest(OWN_TEXT.encode())]},
        LIMITS_FILE: {
            "found": {"content": "ops soft core 7\n", "mode": "0640", "uid": 0, "gid": 0},
            "written": [digest(OWN_TEXT.encode())],
        },
    },
}
SECOND_SCHEMA = {
    **FIRST_SCHEMA,
    "schema": 2,
    "links": {"sip0": {"txqueuelen": {"found": "1000", "written": "1700", "left": "1700", "boot": None}}},
}


@pytest.mark.parametrize("document", [FIRST_SCHEMA, SECOND_SCHEMA], ids=["schema 1", "schema 2"])
def test_a_record_of_an_earlier_version_leads_back(document: dict[str, Any]) -> None:
    TOGETHER.make()
    write_file(LIMITS_FILE, "ops soft core 7\n")
    os.chmod(LIMITS_FILE, 0o640)
    start = whole_host()
    write("net/ipv4/tcp_sack", 0)
    write("net/ipv4/conf/sip0/rp_filter", 2)
    for path in (SYSCTL_FILE, LIMITS_FILE):
        write_file(path, OWN_TEXT)
    if "links" in document:
        ip("link", "set", "sip0", "txqueuelen", "1700")
    os.mkdir(RECORDS, 0o700)
    write_file(ORIGINALS, json.dumps(document))
    TOGETHER.run(TOGETHER.absent)
    assert difference(start, whole_host()) == {}


JUNK: tuple[Any, ...] = (None, "", "lots", "-1", "1\n2", -1, 1.5, True, [], {}, ["x"], {"x": 1}, "0" * 5000)


def leaves(document: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value of a document."""
    if isinstance(document, (dict, list)) and document:
        entries = document.items() if isinstance(document, dict) else enumerate(document)
        return [way, *(leaf for name, part in entries for leaf in leaves(part, (*way, name)))]
    return [way]


def edited_at(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    """The document with another value in one place."""
    if not way:
        return value
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    changed = {name: edited_at(part, way[1:], value) if name == way[0] else part for name, part in entries}
    return changed if isinstance(document, dict) else list(changed.values())


def test_whatever_somebody_has_made_of_the_record_is_taken_or_told() -> None:
    """Each value of it is replaced by junk: a run says what is wrong, or goes back as far as it can tell. It never
    breaks off half-way, and touches nothing that it had not set.
    """
    TOGETHER.make()
    start = whole_host()
    TOGETHER.run(TOGETHER.first)
    record = originals()
    touched = set(difference(start, whole_host()))
    places = leaves(record)
    assert len(places) > 50
    for number, way in enumerate(places):
        for value in JUNK[number % 2 :: 2]:  # half of it in each place
            write_file(ORIGINALS, json.dumps(edited_at(record, way, value)))
            result = call(TOGETHER.module, **TOGETHER.absent)
            assert "Could not be put back" not in result.get("msg", ""), (way, value, result["msg"])
            assert set(difference(start, whole_host())) <= touched, (way, value)
            write_file(ORIGINALS, json.dumps(record))
            TOGETHER.run(TOGETHER.first)


# --- two runs at once, and a controller that is gone -----------------------------------------


@EVERY
def test_a_held_lock_is_waited_for_and_then_told(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    subject.make()
    wait = Host.lock
    monkeypatch.setattr(Host, "lock", lambda self, seconds: wait(self, min(seconds, 0.3)))
    start = whole_host()
    with open(LOCK_PATH, "w", encoding="ascii") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        message = subject.failure(subject.first)
        assert f"{LOCK_PATH}: another siptune run holds this host's lock, process {os.getpid()} (" in message
        assert "); try again when it has ended" in message
        assert difference(start, whole_host()) == {}
        assert subject.run(subject.first, check=True)["changed"]  # a prediction does not wait
    assert subject.run(subject.first)["changed"]


def test_runs_of_all_modules_at_once_take_turns() -> None:
    TOGETHER.make()
    start = whole_host()
    for name in ("first", "second", "absent"):
        children = []
        for subject in ALONE:
            child = os.fork()
            if child == 0:
                os._exit(1 if call(subject.module, **getattr(subject, name)).get("failed") else 0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(ALONE)
        for subject in ALONE:
            assert not subject.run(getattr(subject, name))["changed"], (subject.name, name)
    assert difference(start, whole_host()) == {}


@EVERY
def test_a_run_whose_controller_is_gone_ends_whole(subject: Subject) -> None:
    """There is nobody left to read its result. What it did is done, and the next run finds it so."""
    subject.make()
    start = whole_host()
    starter = STARTER.replace("modules.sysctl_bulk", f"modules.{subject.name}")
    document = json.dumps({"ANSIBLE_MODULE_ARGS": dict(subject.first)})
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-c", starter, str(CHECKOUT), LIBRARY, document]
    subprocess.run(words, stdout=writer, stderr=subprocess.DEVNULL, check=False)
    os.close(writer)
    assert originals()
    assert not subject.run(subject.first)["changed"]
    subject.run(subject.absent)
    assert difference(start, whole_host()) == {}
