# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, UndoLog, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import (
    confirm,
    finalize_originals,
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
    for directory in ("etc/sysctl.d", "var/lib"):
        (tmp_path / directory).mkdir(parents=True)
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


PARENTS = ["", "var", "var/lib", "var/lib/siptune"]


@pytest.mark.parametrize("parent", PARENTS)
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_place_where_others_could_put_a_record_is_refused_before_there_is_one(
    host: Host, tmp_path: Path, parent: str, mode: int
) -> None:
    (tmp_path / "var/lib/siptune").mkdir(mode=0o700)
    assert read_originals(host) == NOTHING
    (tmp_path / parent).chmod(mode)
    with pytest.raises(
        OriginalsError, match=rf"^/{parent} may be written by others than root \(mode {mode:04o}\).*go-w"
    ):
        read_originals(host)
    with pytest.raises(OriginalsError), contextlib.suppress(HostError):
        store_originals(host, SOME, UndoLog())
    assert everything(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_a_place_that_belongs_to_somebody_else_is_refused(host: Host, tmp_path: Path) -> None:
    (tmp_path / "var/lib/siptune").mkdir()
    for parent in PARENTS:
        os.chown(tmp_path / parent, 4321, -1)
        with pytest.raises(OriginalsError, match=f"^/{parent} belongs to user 4321"):
            read_originals(host)
        os.chown(tmp_path / parent, 0, -1)
    os.chown(tmp_path / "var/lib", 0, 50)
    (tmp_path / "var/lib").chmod(0o2775)
    with pytest.raises(OriginalsError, match=r"^/var/lib may be written by others"):
        read_originals(host)
    os.chown(tmp_path / "var/lib", 0, 0)
    assert read_originals(host) == NOTHING


def test_a_link_in_place_of_the_directory_is_refused_before_there_is_a_record(host: Host, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for target in (tmp_path / "elsewhere", tmp_path / "nowhere"):
        (tmp_path / "var/lib/siptune").symlink_to(target)
        with pytest.raises(HostError, match="no plain directory"):
            read_originals(host)
        (tmp_path / "var/lib/siptune").unlink()


# --- edits of somebody else ------------------------------------------------------------------


def edited(path: Path) -> None:
    path.write_text("theirs")


def renamed_over(path: Path) -> None:
    new = path.with_name("new")
    new.write_text("theirs")
    new.rename(path)


def same_size(path: Path) -> None:
    status = path.stat() if path.exists() else None
    path.write_text("odl")
    if status:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def other_mode_of_the_file(path: Path) -> None:
    path.touch()
    path.chmod(0o600)


def linked(path: Path) -> None:
    path.touch()
    os.link(path, path.with_name("other"))


def gone_or_new(path: Path) -> None:
    path.unlink() if path.exists() else path.touch()


EDITS = [edited, renamed_over, same_size, other_mode_of_the_file, linked, gone_or_new]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("after", [None, "new"])
@pytest.mark.parametrize("early", [True, False])
def test_an_edit_since_the_host_was_observed_is_seen_and_not_lost(
    host: Host, tmp_path: Path, edit: Callable[[Path], None], before: str | None, after: str | None, early: bool
) -> None:
    """Early: before the file is staged; else just before it gets its name."""
    old, new = (text and record(tmp_path, text) for text in (before, after))
    if old is None and new is None:
        return
    if old:
        host.stage("/etc/a.conf", old).commit()
    path, theirs = tmp_path / "etc/a.conf", {}

    def effects(log: UndoLog) -> None:
        store_originals(host, SOME, log)
        if early:
            edit(path)
            theirs.update({**everything(tmp_path), "inode": path.exists() and path.stat().st_ino})
        commit = stage(host, FileChange("/etc/a.conf", old, new), log)
        if not early:
            edit(path)
            theirs.update({**everything(tmp_path), "inode": path.exists() and path.stat().st_ino})
        commit()

    with pytest.raises(RefusedError, match=r"^/etc/a\.conf: (somebody else has changed it|has 2 names)") as caught:
        all_or_nothing(effects)
    assert (caught.value.item, caught.value.undone, caught.value.not_undone) == ("/etc/a.conf", [], [])
    for name in ("var/lib/siptune/originals.json", "etc/.a.conf.siptune-new"):
        theirs.pop(name, None)
    assert {**everything(tmp_path), "inode": path.exists() and path.stat().st_ino} == theirs


@pytest.mark.parametrize("edit", [edited, renamed_over, same_size, other_mode_of_the_file])
def test_an_edit_after_the_change_is_not_undone(host: Host, tmp_path: Path, edit: Callable[[Path], None]) -> None:
    host.stage("/etc/a.conf", record(tmp_path, "old")).commit()

    def effects(log: UndoLog) -> None:
        stage(host, FileChange("/etc/a.conf", record(tmp_path, "old"), record(tmp_path, "new")), log)()
        edit(tmp_path / "etc/a.conf")
        raise HostError("last", "would not")

    with pytest.raises(RefusedError) as caught:
        all_or_nothing(effects)
    assert [text.partition(": ")[0] for text in caught.value.not_undone] == ["/etc/a.conf"]
    assert (tmp_path / "etc/a.conf").read_bytes() != b"old"


# --- directories -----------------------------------------------------------------------------

DROP_IN = "/etc/systemd/system/a.service.d/b.conf"
LIMITS = "/etc/security/limits.d/b.conf"


def cycle(host: Host, tmp_path: Path, *paths: str) -> None:
    """Write files of ours, and remove them in a later call."""
    new = record(tmp_path, "new")
    there = NOTHING._replace(files={path: FileOriginal(None, ("ab",)) for path in paths})
    log = UndoLog()
    store_originals(host, there, log)
    for path in paths:
        stage(host, FileChange(path, None, new), log)()
    finalize_originals(host, there._replace(files={path: FileOriginal(None, ("cd",)) for path in paths}), there, log)
    recorded, log = read_originals(host), UndoLog()
    for path in paths:
        stage(host, FileChange(path, new, None), log)()
    finalize_originals(host, NOTHING._replace(directories=recorded.directories), recorded, log)


def directories(tmp_path: Path) -> set[str]:
    return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_dir()}


@pytest.mark.parametrize("path", [DROP_IN, LIMITS, "/etc/systemd/network/00-siptune-a.link", "/run/sysctl.d/a.conf"])
@pytest.mark.parametrize("depth", range(4))
def test_directories_that_were_there_stay_and_ours_go(host: Host, tmp_path: Path, path: str, depth: int) -> None:
    steps = path.split("/")[1:-1][:depth]
    (tmp_path / "/".join(steps)).mkdir(parents=True, exist_ok=True)
    (tmp_path / "run").mkdir(exist_ok=True)
    start = directories(tmp_path)
    cycle(host, tmp_path, path)
    assert (directories(tmp_path), everything(tmp_path)) == (start, {})


def test_a_directory_of_ours_that_somebody_uses_stays(host: Host, tmp_path: Path) -> None:
    new = record(tmp_path, "new")
    there, log = NOTHING._replace(files={DROP_IN: FileOriginal(None, ("ab",))}), UndoLog()
    store_originals(host, there, log)
    stage(host, FileChange(DROP_IN, None, new), log)()
    (tmp_path / "etc/systemd/system/a.service.d/theirs.conf").touch()
    stage(host, FileChange(DROP_IN, new, None), log)()
    finalize_originals(host, NOTHING, there, log)
    assert list(everything(tmp_path)) == ["etc/systemd/system/a.service.d/theirs.conf"]


def test_a_failure_at_the_very_end_brings_directories_back_too(host: Host, tmp_path: Path) -> None:
    new, there = record(tmp_path, "new"), NOTHING._replace(files={DROP_IN: FileOriginal(None, ("ab",))})
    log = UndoLog()
    store_originals(host, there, log)
    stage(host, FileChange(DROP_IN, None, new), log)()
    start = everything(tmp_path)

    def effects(log: UndoLog) -> None:
        stage(host, FileChange(DROP_IN, new, None), log)()
        finalize_originals(host, NOTHING, there, log)
        assert not (tmp_path / "etc/systemd").exists()
        raise HostError("last", "would not")

    with pytest.raises(RefusedError) as caught:
        all_or_nothing(effects)
    assert (caught.value.not_undone, everything(tmp_path)) == ([], start)


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711])
def test_a_directory_for_the_record_that_was_there_stays(host: Host, tmp_path: Path, mode: int) -> None:
    (tmp_path / "var/lib/siptune").mkdir()
    (tmp_path / "var/lib/siptune").chmod(mode)
    cycle(host, tmp_path, "/etc/sysctl.d/a.conf")
    assert (tmp_path / "var/lib/siptune").stat().st_mode & 0o777 == mode


def test_an_original_that_no_later_run_would_accept_is_not_recorded(host: Host) -> None:
    for path, mode in (("/etc/shadow", 0o640), ("/etc/sysctl.d/a.conf", 0o4755)):
        with pytest.raises(HostError, match="is not changed"):
            store_originals(host, Originals({}, {path: FileOriginal(FileRecord(b"", mode, 0, 0), ())}), UndoLog())
    assert read_originals(host) == NOTHING
