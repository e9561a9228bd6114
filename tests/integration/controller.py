# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own programs inside a sandbox, with this checkout as the collection."""

from __future__ import annotations

import os
import sys

from calls import CHECKOUT, write_file

COLLECTIONS = "/run/collections"
CONFIGURATION = "/run/ansible.cfg"


def program(name: str) -> str:
    """The path of one of Ansible's commands, from the environment that runs us."""
    return f"{os.path.dirname(sys.executable)}/{name}"


def environment() -> dict[str, str]:
    """An environment in which Ansible finds this checkout and leaves nothing in anybody's home."""
    tree = f"{COLLECTIONS}/ansible_collections/siptune"
    if not os.path.exists(tree):
        os.makedirs(tree)
        os.symlink(CHECKOUT, f"{tree}/linux")
        write_file(CONFIGURATION, "[connection]\npipelining = True\n")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "HOME": "/run",
        "ANSIBLE_HOME": "/run/ansible",
        "ANSIBLE_CONFIG": CONFIGURATION,
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_REMOTE_TEMP": "/run/ansible/tmp",
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
