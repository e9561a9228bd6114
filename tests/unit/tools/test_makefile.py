# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets that tune a host keep the user's own collections in sight, behind the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def collections_path(target: str, **environment: str) -> list[str]:
    """The directories in which a target's ansible-playbook looks for collections."""
    inherited = {name: value for name, value in os.environ.items() if name != "ANSIBLE_COLLECTIONS_PATH"}
    words = ["make", "--just-print", target, "INVENTORY=hosts.yml"]
    done = subprocess.run(
        words, cwd=CHECKOUT, env={**inherited, **environment}, capture_output=True, text=True, check=True
    )
    (path,) = re.findall(r"ANSIBLE_COLLECTIONS_PATH='([^']*)'.*?-i 'hosts\.yml'", done.stdout, re.DOTALL)
    return path.split(":")


@pytest.mark.parametrize("target", ["site", "plan", "audit", "rollback"])
def test_a_path_of_the_user_is_kept_behind_the_checkout(target: str) -> None:
    path = collections_path(target, ANSIBLE_COLLECTIONS_PATH="/srv/collections:/opt/more")
    assert path == [str(CHECKOUT / ".build"), "/srv/collections", "/opt/more"]


def test_without_one_it_is_that_of_ansible() -> None:
    path = collections_path("site", HOME="/home/operator")
    assert path == [
        str(CHECKOUT / ".build"),
        "/home/operator/.ansible/collections",
        "/usr/share/ansible/collections",
    ]
