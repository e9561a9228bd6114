# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools/release.sh makes of a checkout, with a stand-in for antsibull-changelog, which has tests of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
FILES = {
    "galaxy.yml": "name: linux\nversion: 0.1.0\nreadme: README.md\n",
    "README.md": "install siptune-linux-0.1.0.tar.gz\n",
    "execution-environment.yml": "name: ./archives/siptune-linux-0.1.0.tar.gz\n",
    "docs/fleet/ci/gitlab-ci.yml": "pip install x==0.1.0\ninstall siptune-linux-0.1.0.tar.gz\n",
    "changelogs/changelog.yaml": "releases:\n  0.1.0:\n    changes: {}\n",
    "bin/antsibull-changelog": '#!/bin/sh\necho antsibull-changelog "$@"\n',
}


def release(checkout: Path, version: str) -> subprocess.CompletedProcess[str]:
    """A run of the script in a made-up checkout."""
    for name, text in FILES.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text, encoding="utf-8")
    (checkout / "bin/antsibull-changelog").chmod(0o755)
    (checkout / "tools").mkdir()
    shutil.copy(CHECKOUT / "tools" / "release.sh", checkout / "tools")
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)
    command = [str(checkout / "tools" / "release.sh"), "bin", version]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def texts(checkout: Path) -> dict[str, str]:
    return {name: (checkout / name).read_text(encoding="utf-8") for name in FILES}


def test_all_that_names_the_version_has_the_new_one(tmp_path: Path) -> None:
    done = release(tmp_path, "0.2.0")
    assert done.returncode == 0, done.stderr
    assert "antsibull-changelog release" in done.stdout
    changed = {name: text.replace("linux-0.1.0", "linux-0.2.0") for name, text in FILES.items()}
    changed["galaxy.yml"] = "name: linux\nversion: 0.2.0\nreadme: README.md\n"
    assert texts(tmp_path) == changed


@pytest.mark.parametrize("version", ["", "0.2", "v0.2.0", "0.2.0-rc1", "0.02.0", "0.2.0\n", "0.1.0"])
def test_no_release_and_nothing_changed(tmp_path: Path, version: str) -> None:
    done = release(tmp_path, version)
    assert done.returncode == 1
    assert done.stderr
    assert texts(tmp_path) == FILES
