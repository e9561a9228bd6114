# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing is named in one line, by the packages that bring it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

NEED = Path(__file__).resolve().parents[3] / "tools" / "need.sh"
ROOT = os.geteuid() == 0  # others need newuidmap as well


def check(*pairs: str) -> tuple[int, list[str]]:
    """The status, and the lines of the complaint."""
    done = subprocess.run([str(NEED), "--check", *pairs], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stderr.splitlines()


@pytest.mark.skipif(not ROOT, reason="without root newuidmap may be missing")
def test_what_is_there_is_not_named(tmp_path: Path) -> None:
    assert check("sh:dash", f"{tmp_path}:some-directory") == (0, [])


def test_all_that_is_missing_is_in_one_line(tmp_path: Path) -> None:
    status, lines = check("no-such-program:one", "sh:dash", f"{tmp_path}/key.gpg:two")
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("Debian packages are missing: apt-get install one two")


def test_a_file_in_the_working_directory_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "podman-of-this-test").touch()
    monkeypatch.chdir(tmp_path)
    assert check("podman-of-this-test:podman")[0] == 1
