# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sip.config_files import (
    MOST_CHARACTERS,
    MOST_FILES,
    ConfigFiles,
    files_of,
    shown,
)


def names(directory: str) -> list[str]:
    tree = {"/": ["etc"], "/etc": ["a", "b"], "/etc/a": [".hidden.conf", "1.conf", "2.conf", "x"], "/etc/b": ["1.conf"]}
    return tree.get(directory, [])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/etc/a/1.conf", ["/etc/a/1.conf"]),
        ("/etc/a/*.conf", ["/etc/a/1.conf", "/etc/a/2.conf"]),
        ("/etc/?/1.conf", ["/etc/a/1.conf", "/etc/b/1.conf"]),
        ("/etc/a/.*", ["/etc/a/.hidden.conf"]),
        ("/etc/a/[!1].conf", ["/etc/a/2.conf"]),
        ("/gone/*", []),
        ("*.conf", []),
        ("/etc/a/****", []),
    ],
)
def test_globs(pattern: str, expected: list[str]) -> None:
    assert ConfigFiles({}.get, names).matching(pattern) == expected


def test_a_glob_that_would_take_long_is_said() -> None:
    files = ConfigFiles({}.get, lambda _path: ["a" * 200])
    began = time.monotonic()
    assert files.matching("/" + "a*" * 30 + "b") == []
    assert time.monotonic() - began < 1
    assert "is not followed" in files.notes[0]


def test_a_glob_has_a_bound() -> None:
    assert len(ConfigFiles({}.get, lambda _path: [str(n) for n in range(9999)]).matching("/*/*/*")) == MOST_FILES + 1


def test_bounds_of_a_configuration() -> None:
    many = ConfigFiles(lambda _path: "x")
    assert [many.read(f"/{n}") for n in range(MOST_FILES + 1)] == ["x"] * MOST_FILES + [None]
    long = ConfigFiles(lambda _path: "x" * MOST_CHARACTERS)
    assert long.read("/a")
    assert long.read("/b") is None
    assert len(many.notes) == len(long.notes) == 1


def test_relative_paths_are_not_read() -> None:
    assert ConfigFiles(lambda _path: "x").read("none") is None


def test_regular_files_of_a_host_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/proc/self/status")
    (tmp_path / "file").write_text("text")
    files = files_of(Host(str(tmp_path)))
    assert [files.read(f"/{name}") for name in ("pipe", "link", "file", "gone")] == [None, None, "text", None]
    assert files.matching("/f*") == ["/file"]
    assert files.matching("/gone/*") == []


def test_a_long_value_is_cut_in_a_message() -> None:
    assert len(shown("x" * 5000)) < 70
