# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.files import (
    ReportError,
    check_directory,
    collection_version,
    read_former,
    write_all,
)


@pytest.fixture
def umask() -> Any:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_files_are_whole_with_sane_permissions_and_nothing_is_left_over(tmp_path: Path, umask: int) -> None:
    paths = write_all([(str(tmp_path), "a.json", "{}\n"), (str(tmp_path), "b.html", "é\n")])
    assert paths == [str(tmp_path / "a.json"), str(tmp_path / "b.html")]
    assert (tmp_path / "b.html").read_text(encoding="utf-8") == "é\n"
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o644 & ~umask] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.html"]


def test_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old", encoding="ascii")
    with pytest.raises(ReportError, match=r"/missing/b\.html: cannot be written: No such file or directory"):
        write_all([(str(tmp_path), "a.json", "new"), (str(tmp_path / "missing"), "b.html", "new")])
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text(encoding="ascii") == "old"


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_all_or_none_where_a_rename_fails(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:  # as on a file system without them
        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a.json").write_text("old", encoding="ascii")
    (tmp_path / "c.prom" / "in the way").mkdir(parents=True)
    before = (tmp_path / "a.json").stat().st_ino
    with pytest.raises(ReportError, match=r"/c\.prom: cannot be written: "):
        write_all([(str(tmp_path), name, "new") for name in ("a.json", "b.html", "c.prom")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "c.prom"]
    assert (tmp_path / "a.json").read_text(encoding="ascii") == "old"
    assert (tmp_path / "a.json").stat().st_ino == before
    assert (tmp_path / "c.prom" / "in the way").is_dir()


def refuse(*_words: object, **_more: object) -> None:
    raise PermissionError(errno.EPERM, "no links here")


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("kept", encoding="ascii")
    (tmp_path / "a.json").symlink_to(target)
    write_all([(str(tmp_path), "a.json", "new")])
    assert target.read_text(encoding="ascii") == "kept"
    assert not (tmp_path / "a.json").is_symlink()


@pytest.mark.parametrize("name", ["missing", "file", "missing/below"])
def test_a_directory_that_cannot_be_written_to(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(ReportError, match=r"^siptune_audit_directory: no report can be written to .*; name a dir"):
        check_directory("siptune_audit_directory", str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_directory_that_can(tmp_path: Path) -> None:
    check_directory("siptune_audit_directory", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_that_of_the_collection() -> None:
    assert collection_version().count(".") == 2


def test_an_earlier_report_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_former(str(tmp_path), "a.prom", "remove it") == ""
    (tmp_path / "a.prom").write_bytes(b"one\r\ntwo\xff\n")
    assert read_former(str(tmp_path), "a.prom", "remove it") == "one\r\ntwo\ufffd\n"


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_an_earlier_report_that_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.prom"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(ReportError, match=r"a\.prom: cannot be read: .*: remove it"):
        read_former(str(tmp_path), "a.prom", "remove it")
