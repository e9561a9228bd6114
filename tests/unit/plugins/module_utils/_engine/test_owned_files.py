# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import ItemError
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import FileOriginal, digest
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import (
    FileChange,
    OwnFile,
    diff_files,
    finalize_files,
    mismatch,
    plan_file,
    record_files,
    released_files,
    same_file,
    text_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._logins import conf as logins
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files import file as link_file
from ansible_collections.siptune.linux.plugins.module_utils._sysctl import conf as sysctl
from ansible_collections.siptune.linux.plugins.module_utils._systemd import units

PATH = "/etc/a.conf"
HEADING = "# ours\n"
THEIRS = FileRecord(b"theirs\n", 0o600, 0, 4)
OURS = FileRecord(b"# ours\none\n", 0o644, 0, 0)
NEWER = FileRecord(b"# ours\ntwo\n", 0o644, 0, 0)
LABEL = (("security.selinux", b"etc_t\0"),)
LABELLED, NEWER_LABELLED = OURS._replace(attributes=LABEL), NEWER._replace(attributes=LABEL)
RECORDED = {PATH: FileOriginal(THEIRS, (digest(OURS.content),))}
NEW = {PATH: FileOriginal(None, (digest(OURS.content),))}


@pytest.mark.parametrize(
    ("current", "text", "originals", "expected"),
    [
        pytest.param(None, text_of(OURS), {}, FileChange(PATH, None, OURS), id="made"),
        pytest.param(THEIRS, text_of(OURS), {}, FileChange(PATH, THEIRS, OURS), id="replaced"),
        pytest.param(OURS, text_of(NEWER), RECORDED, FileChange(PATH, OURS, NEWER), id="changed"),
        pytest.param(OURS, text_of(OURS), RECORDED, None, id="as wanted"),
        pytest.param(THEIRS, text_of(OURS), {}, FileChange(PATH, THEIRS, OURS), id="a mode of theirs is no item"),
        pytest.param(LABELLED, text_of(OURS), {}, None, id="a label is kept"),
        pytest.param(LABELLED, text_of(NEWER), {}, FileChange(PATH, LABELLED, NEWER_LABELLED), id="it goes along"),
        pytest.param(LABELLED, None, RECORDED, FileChange(PATH, LABELLED, THEIRS), id="back to a file without a label"),
        pytest.param(OURS, None, RECORDED, FileChange(PATH, OURS, THEIRS), id="back"),
        pytest.param(OURS, None, NEW, FileChange(PATH, OURS, None), id="removed"),
        pytest.param(OURS, None, {}, FileChange(PATH, OURS, None), id="removed for its heading"),
        pytest.param(None, None, RECORDED, None, id="somebody removed it"),
    ],
)
def test_what_becomes_of_a_file(
    current: FileRecord | None, text: str | None, originals: dict[str, FileOriginal], expected: FileChange | None
) -> None:
    assert plan_file(OwnFile(PATH, current, HEADING), text, originals, (0, 0)) == (expected, None)


def test_a_script_of_ours_can_be_run_and_is_known_without_a_record() -> None:
    heading = "#!/bin/sh\n# Managed by Ansible (siptune.linux.nic_link). Edits made here are lost.\n"
    change, item = plan_file(OwnFile(PATH, None, heading, 0o755), f"{heading}true\n", {}, (0, 0))
    assert change is not None
    assert (item, change.after and change.after.mode) == (None, 0o755)
    again = FileChange(PATH, change.after, None)
    assert record_files({}, [again])[PATH].record is None
    assert plan_file(OwnFile(PATH, change.after, heading, 0o755), None, {}, (0, 0)) == (again, None)


RIGHT = "mode 0644, owner 0:0"


@pytest.mark.parametrize(
    ("current", "originals", "before"),
    [
        pytest.param(OURS._replace(mode=0o666), NEW, "mode 0666, owner 0:0", id="mode"),
        pytest.param(OURS._replace(uid=7), RECORDED, "mode 0644, owner 7:0", id="owner"),
        pytest.param(NEWER._replace(mode=0o600, gid=4), {}, "mode 0600, owner 0:4", id="with the text, record lost"),
    ],
)
def test_a_file_of_ours_with_another_mode_or_owner_is_an_item(
    current: FileRecord, originals: dict[str, FileOriginal], before: str
) -> None:
    change, item = plan_file(OwnFile(PATH, current, HEADING), text_of(OURS), originals, (0, 0))
    assert change == FileChange(PATH, current, OURS)
    assert item is not None
    assert item[:6] == (PATH, RIGHT, before, RIGHT, RIGHT, "changed")


def test_a_file_that_cannot_be_replaced_is_refused_and_on_the_way_back_left() -> None:
    linked = OURS._replace(obstacle="has 2 names")
    assert plan_file(OwnFile(PATH, linked, HEADING), text_of(OURS), RECORDED, (0, 0)) == (None, None)
    with pytest.raises(ItemError, match=f"^{PATH}: has 2 names"):
        plan_file(OwnFile(PATH, linked, HEADING), text_of(NEWER), RECORDED, (0, 0))
    for originals in (RECORDED, NEW, {}):
        change, note = plan_file(OwnFile(PATH, linked, HEADING), None, originals, (0, 0))
        assert change is None
        assert note is not None
        assert (note.item, note.state, note.reason) == (PATH, "kept", "has 2 names")


@pytest.mark.parametrize(
    ("one", "found", "same"),
    [
        pytest.param(None, None, True, id="both missing"),
        pytest.param(None, OURS, False, id="there"),
        pytest.param(OURS, None, False, id="gone"),
        pytest.param(OURS, LABELLED, True, id="a label that a new file has by itself"),
        pytest.param(LABELLED, OURS, False, id="a label is lost"),
        pytest.param(OURS, OURS._replace(obstacle="x"), True, id="cannot be replaced by now"),
        pytest.param(OURS, OURS._replace(mode=0o600), False, id="mode"),
    ],
)
def test_files_are_compared(one: FileRecord | None, found: FileRecord | None, same: bool) -> None:
    assert same_file(one, found) is same


@pytest.mark.parametrize(
    ("written", "found", "fault"),
    [
        pytest.param(OURS, OURS, "", id="as written"),
        pytest.param(None, None, "", id="removed"),
        pytest.param(None, OURS, "is still there after it was removed", id="still there"),
        pytest.param(OURS, None, "is gone after it was written", id="gone"),
        pytest.param(OURS, OURS._replace(content=b"x"), "with other content (1 byte): ", id="content"),
        pytest.param(OURS, OURS._replace(mode=0o600), "with mode 0600 instead of 0644: ", id="mode"),
        pytest.param(OURS, OURS._replace(gid=50), "with owner 0:50 instead of 0:0: ", id="group"),
        pytest.param(OURS, THEIRS, "(7 bytes), mode 0600 instead of 0644, owner 0:4 instead of 0:0: ", id="all"),
    ],
)
def test_a_file_is_compared_with_what_was_written(
    written: FileRecord | None, found: FileRecord | None, fault: str
) -> None:
    assert fault in mismatch(written, found)
    assert bool(mismatch(written, found)) is bool(fault)


@pytest.mark.parametrize("originals", [RECORDED, NEW, {}])
def test_what_somebody_else_wrote_is_left(originals: dict[str, FileOriginal]) -> None:
    change, note = plan_file(OwnFile(PATH, FileRecord(b"edited\n", 0o644, 0, 0), HEADING), None, originals, (0, 0))
    assert change is None
    assert note is not None
    assert (note.item, note.state) == (PATH, "kept")


def test_an_original_is_recorded_once_and_goes_when_it_is_back() -> None:
    first = FileChange(PATH, THEIRS, OURS)
    recorded = record_files({}, [first])
    assert recorded[PATH].record == THEIRS
    assert set(recorded[PATH].written) == {digest(THEIRS.content), digest(OURS.content)}  # killed here, both are known
    finalized = finalize_files(recorded, [first], released_files({PATH: THEIRS}, [first], recorded))
    assert finalized == RECORDED

    second = FileChange(PATH, OURS, NEWER)
    recorded = record_files(finalized, [second])
    assert recorded[PATH].record == THEIRS
    finalized = finalize_files(recorded, [second], [])
    assert finalized == {PATH: FileOriginal(THEIRS, (digest(NEWER.content),))}

    back = FileChange(PATH, NEWER, THEIRS)
    released = released_files({PATH: NEWER}, [back], finalized)
    assert released == [PATH]
    assert finalize_files(record_files(finalized, [back]), [back], released) == {}


@pytest.mark.parametrize(
    "heading",
    [sysctl.HEADING, sysctl.RULES_HEADING, logins.HEADING, units.HEADING, link_file.HEADING],
    ids=["sysctl.d", "udev", "limits.d", "drop-in", "link"],
)
def test_a_file_with_our_heading_was_not_there_before_us(heading: str) -> None:
    """Its record is lost: its own text must not come back as the original."""
    ours = FileRecord(f"{heading}\none\n".encode(), 0o644, 0, 0)
    recorded = record_files({}, [FileChange(PATH, ours, NEWER)])
    assert recorded[PATH].record is None
    assert digest(ours.content) in recorded[PATH].written


def test_diff() -> None:
    assert diff_files([FileChange(PATH, None, OURS)]) == [
        {"before_header": PATH, "after_header": PATH, "before": "", "after": "# ours\none\n"}
    ]


def test_a_file_that_others_may_not_read_is_not_shown() -> None:
    (shown,) = diff_files([FileChange(PATH, THEIRS, OURS)])
    assert shown["before"] == "(7 bytes, not shown: its mode 0600 keeps others from reading it)\n"
    assert shown["after"] == "# ours\none\n"
