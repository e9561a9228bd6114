# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own programs inside a sandbox, with this checkout as the collection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from calls import CHECKOUT, write_file

COLLECTIONS = "/run/collections"
CONFIGURATION = "/run/ansible.cfg"
INVENTORY = "/run/inventory.json"

OF_A_LOGIN = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "USER", "LOGNAME")
PLAIN = {"siptune_become": False, "ansible_python_interpreter": sys.executable}
HERE = {**PLAIN, "ansible_connection": "local"}

# Stands for Python on a host, and keeps count of what Ansible executes there.
EXECUTED = "/run/executed"
COUNTING_PYTHON = "/run/counting-python"
COUNT = f"""\
#!/bin/sh
echo "$@" >>{EXECUTED}
exec {sys.executable} "$@"
"""


class Run(NamedTuple):
    status: int
    output: str


def program(name: str) -> str:
    """The path of one of Ansible's commands, from the environment that runs us."""
    return f"{os.path.dirname(sys.executable)}/{name}"


def environment() -> dict[str, str]:
    """An environment in which Ansible finds this checkout and leaves nothing in anybody's home.

    Of the caller's it has what a login has: a variable for Python would reach the modules, where no connection hands it
    on. With PYTHONUNBUFFERED Python reads a module from its standard input byte by byte.
    """
    tree = f"{COLLECTIONS}/ansible_collections/siptune"
    if not os.path.exists(tree):
        os.makedirs(tree)
        os.symlink(CHECKOUT, f"{tree}/linux")
        write_file(CONFIGURATION, "[connection]\npipelining = True\n")
    return {
        **{name: value for name, value in os.environ.items() if name in OF_A_LOGIN},
        "HOME": "/run",
        "ANSIBLE_HOME": "/run/ansible",
        "ANSIBLE_CONFIG": CONFIGURATION,
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_REMOTE_TEMP": "/run/ansible/tmp",
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }


def playbook(name: str, hosts: Mapping[str, Mapping[str, Any]], *words: str) -> Run:
    """A run of ansible-playbook for these hosts and their variables. With HERE they are this sandbox."""
    write_file(INVENTORY, json.dumps({"all": {"hosts": hosts}}))
    command = [program("ansible-playbook"), "-i", INVENTORY, name, *words]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, cwd="/run")
    return Run(done.returncode, done.stdout + done.stderr)


def counted() -> dict[str, Any]:
    """HERE, with an interpreter that keeps count in EXECUTED, from nothing."""
    write_file(COUNTING_PYTHON, COUNT)
    os.chmod(COUNTING_PYTHON, 0o755)
    write_file(EXECUTED, "")
    return {**HERE, "ansible_python_interpreter": COUNTING_PYTHON}
