# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
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
RECORDED = {PATH: FileOriginal(THEIRS, (digest(OURS.content),))}
NEW = {PATH: FileOriginal(None, (digest(OURS.content),))}


@pytest.mark.parametrize(
    ("current", "text", "originals", "expected"),
    [
        pytest.param(None, text_of(OURS), {}, FileChange(PATH, None, OURS), id="made"),
        pytest.param(THEIRS, text_of(OURS), {}, FileChange(PATH, THEIRS, OURS), id="replaced"),
        pytest.param(OURS, text_of(NEWER), RECORDED, FileChange(PATH, OURS, NEWER), id="changed"),
        pytest.param(OURS, text_of(OURS), RECORDED, None, id="as wanted"),
        pytest.param(
            OURS._replace(mode=0o666), text_of(OURS), NEW, FileChange(PATH, OURS._replace(mode=0o666), OURS), id="mode"
        ),
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


@pytest.mark.parametrize(
    ("written", "found", "fault"),
    [
        pytest.param(OURS, OURS, "", id="as written"),
        pytest.param(None, None, "", id="removed"),
        pytest.param(None, OURS, "is still there after it was removed", id="still there"),
        pytest.param(OURS, None, "is gone after it was written", id="gone"),
        pytest.param(OURS, OURS._replace(content=b"x"), "with other content (1 bytes): ", id="content"),
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
