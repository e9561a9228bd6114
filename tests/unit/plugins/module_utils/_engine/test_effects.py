# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, UndoLog, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import (
    confirm,
    put_back,
    read_originals,
    remove_originals_directory,
    stage,
    store_originals,
    tidy,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    FileOriginal,
    Originals,
    OriginalsError,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FileChange
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord, Host, HostError

SOME = Originals({}, {"/etc/sysctl.d/a.conf": FileOriginal(None, ("ab",))})


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "etc").mkdir()
    (tmp_path / "var/lib").mkdir(parents=True)
    return Host(str(tmp_path))


def record(tmp_path: Path, text: str) -> FileRecord:
    status = (tmp_path / "etc").stat()
    return FileRecord(text.encode(), 0o640, status.st_uid, status.st_gid)


def everything(tmp_path: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_file_waits_for_its_name(host: Host, tmp_path: Path) -> None:
    change = FileChange("/etc/x.d/a.conf", None, record(tmp_path, "new"))
    commit = stage(host, change, UndoLog())
    assert not (tmp_path / "etc/x.d/a.conf").exists()
    commit()
    assert host.snapshot("/etc/x.d/a.conf") == change.after
    assert list(everything(tmp_path)) == ["etc/x.d/a.conf"]


def other_content(staged: Path) -> None:
    staged.write_bytes(b"theirs")


def other_mode(staged: Path) -> None:
    staged.chmod(0o666)


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize(
    ("tamper", "fault"), [(other_content, "other content (6 bytes)"), (other_mode, "mode 0666 instead of 0640")]
)
def test_a_file_that_reads_back_different_is_refused_and_undone(
    host: Host, tmp_path: Path, before: str | None, tamper: Callable[[Path], None], fault: str
) -> None:
    """Another process changes the staged file before it gets its name."""
    old = record(tmp_path, before) if before else None
    if old:
        host.stage("/etc/a.conf", old).commit()
    start = everything(tmp_path)

    def effects(log: UndoLog) -> None:
        commit = stage(host, FileChange("/etc/a.conf", old, record(tmp_path, "new")), log)
        tamper(tmp_path / "etc/.a.conf.siptune-new")
        commit()

    with pytest.raises(RefusedError) as caught:
        all_or_nothing(effects)
    assert fault in str(caught.value)
    assert (caught.value.item, caught.value.not_undone) == ("/etc/a.conf", [])
    assert everything(tmp_path) == start
    assert host.snapshot("/etc/a.conf") == old


def test_a_removed_file_that_is_still_there_is_refused(host: Host, tmp_path: Path) -> None:
    host.stage("/etc/a.conf", record(tmp_path, "old")).commit()
    with pytest.raises(HostError, match=r"^/etc/a\.conf: is still there"):
        confirm(host, "/etc/a.conf", None)


def test_a_record_of_originals_that_is_as_it_should_be_is_not_written_again(host: Host, tmp_path: Path) -> None:
    store_originals(host, SOME, UndoLog())
    first = (tmp_path / "var/lib/siptune/originals.json").stat().st_ino
    store_originals(host, SOME, UndoLog())
    assert (tmp_path / "var/lib/siptune/originals.json").stat().st_ino == first


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("after", [None, "new"])
def test_a_later_failure_undoes_it(host: Host, tmp_path: Path, before: str | None, after: str | None) -> None:
    old, new = (text and record(tmp_path, text) for text in (before, after))
    if old:
        host.stage("/etc/a.conf", old).commit()
    start = everything(tmp_path)
    if old is None and new is None:
        return

    def effects(log: UndoLog) -> None:
        store_originals(host, SOME, log)
        stage(host, FileChange("/etc/a.conf", old, new), log)()
        raise HostError("last", "would not")

    with pytest.raises(RefusedError) as caught:
        all_or_nothing(effects)
    assert everything(tmp_path) == start
    assert not (tmp_path / "var/lib/siptune").exists()
    assert (caught.value.item, caught.value.undone, caught.value.not_undone) == ("last", ["/etc/a.conf"], [])


def test_putting_back_twice_is_the_same_as_once(host: Host, tmp_path: Path) -> None:
    change = FileChange("/etc/a.conf", record(tmp_path, "old"), record(tmp_path, "new"))
    host.stage("/etc/a.conf", record(tmp_path, "new")).commit()
    put_back(host, change)
    put_back(host, change)
    assert host.snapshot("/etc/a.conf") == change.before


def test_the_record_of_originals_comes_and_goes(host: Host, tmp_path: Path) -> None:
    assert read_originals(host) == NOTHING
    store_originals(host, SOME, UndoLog())
    assert read_originals(host) == SOME
    remove_originals_directory(host, UndoLog())
    assert read_originals(host) == SOME  # a directory with something in it stays
    store_originals(host, NOTHING, UndoLog())
    remove_originals_directory(host, UndoLog())
    assert not (tmp_path / "var/lib/siptune").exists()


def test_temporary_files_of_a_killed_run_are_removed(host: Host, tmp_path: Path) -> None:
    host.stage("/etc/a.conf", record(tmp_path, "new"))
    assert everything(tmp_path)
    tidy(host, "/etc/a.conf", "/etc/not-there/b.conf")
    assert everything(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "mode", "blame"),
    [
        pytest.param("var/lib/siptune", 0o777, "may be written by others", id="directory for all"),
        pytest.param("var/lib/siptune", 0o770, "may be written by others", id="directory for a group"),
        pytest.param("var/lib/siptune/originals.json", 0o622, "may be written by others", id="file for all"),
    ],
)
def test_a_record_that_others_may_write_is_not_trusted(
    host: Host, tmp_path: Path, name: str, mode: int, blame: str
) -> None:
    store_originals(host, SOME, UndoLog())
    (tmp_path / name).chmod(mode)
    with pytest.raises(OriginalsError, match=f"/{name} {blame}.*chown root: .*chmod go-w"):
        read_originals(host)
    (tmp_path / name).chmod(mode & ~0o022)
    assert read_originals(host) == SOME


def test_an_original_that_no_later_run_would_accept_is_not_recorded(host: Host) -> None:
    for path, mode in (("/etc/shadow", 0o640), ("/etc/sysctl.d/a.conf", 0o4755)):
        with pytest.raises(HostError, match="is not changed"):
            store_originals(host, Originals({}, {path: FileOriginal(FileRecord(b"", mode, 0, 0), ())}), UndoLog())
    assert read_originals(host) == NOTHING
