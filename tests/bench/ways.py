# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to set kernel parameters that are compared, each as a play of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from controller import environment, program
from keys import MEASURED_TOGETHER, first_settings
from sandbox import read
from timing import Seconds, timed_command

FILE = "/etc/sysctl.d/90-bench.conf"
PLAY = "/run/play.yml"
INVENTORY = "/run/inventory.yml"
TEMPLATE = "/run/bench.conf.j2"
SSH_DIRECTORY = "/run/bench-ssh"
SSH_PORT = 2222
SSHD = "/usr/sbin/sshd"

Task = dict[str, Any]


class Way(NamedTuple):
    """A way to set the keys: what to call it, and its tasks and handlers."""

    name: str
    tasks: Sequence[Task]
    handlers: Sequence[Task] = ()
    sets_keys: bool = True


def template() -> str:
    return "".join(f"{key} = {value}\n" for key, value in first_settings(MEASURED_TOGETHER).items())


def ways() -> dict[str, Way]:
    """All of them, by a short name."""
    settings = first_settings(MEASURED_TOGETHER)
    loop = [{"name": key, "value": value} for key, value in settings.items()]
    return {
        "empty": Way("an empty play", [], sets_keys=False),
        "ping": Way("a task of `ansible.builtin.ping`", [{"ansible.builtin.ping": {}}], sets_keys=False),
        "bulk": Way(
            "a task of `siptune.linux.sysctl_bulk`",
            [{"siptune.linux.sysctl_bulk": {"path": FILE, "settings": settings}}],
        ),
        "nothing": Way(
            "the same without any setting",
            [{"siptune.linux.sysctl_bulk": {"path": FILE, "settings": {}}}],
            sets_keys=False,
        ),
        "template": Way(
            "`ansible.builtin.template`, and `sysctl --system` if it changed",
            [{"ansible.builtin.template": {"src": TEMPLATE, "dest": FILE, "mode": "0644"}, "notify": "apply"}],
            [{"name": "apply", "ansible.builtin.command": {"cmd": "sysctl --system"}}],
        ),
        "loop": Way(
            "`ansible.posix.sysctl` in a loop",
            [
                {
                    "ansible.posix.sysctl": {
                        "name": "{{ item.name }}",
                        "value": "{{ item.value }}",
                        "sysctl_file": FILE,
                    },
                    "loop": loop,
                }
            ],
        ),
    }


# --- connections ----------------------------------------------------------------------------


def local() -> dict[str, Any]:
    return {"ansible_connection": "local"}


def ssh() -> dict[str, Any]:
    """The variables of a target over ssh: an sshd in this sandbox, with keys made for it."""
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    os.makedirs(SSH_DIRECTORY, mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{SSH_DIRECTORY}/{name}"], check=True)
    shutil.copy(f"{SSH_DIRECTORY}/user.pub", f"{SSH_DIRECTORY}/authorized")
    options = {
        "Port": SSH_PORT,
        "ListenAddress": "127.0.0.1",
        "HostKey": f"{SSH_DIRECTORY}/host",
        "AuthorizedKeysFile": f"{SSH_DIRECTORY}/authorized",
        "PidFile": f"{SSH_DIRECTORY}/pid",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "yes",
    }
    Path("/etc/shadow").write_text("root:*:1::::::\n", encoding="ascii")  # without an entry it counts as locked
    subprocess.run([SSHD, "-f", "/dev/null", *(f"-o{name}={value}" for name, value in options.items())], check=True)
    return {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": SSH_PORT,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": f"{SSH_DIRECTORY}/user",
        "ansible_ssh_common_args": "-F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
    }


CONNECTIONS: dict[str, Callable[[], dict[str, Any]]] = {"local": local, "ssh": ssh}


def connect() -> None:
    """Open the connection that Ansible then keeps and shares, so that no way pays for it."""
    subprocess.run(
        [program("ansible"), "-i", INVENTORY, "all", "-m", "ping"], env=environment(), check=True, capture_output=True
    )


def end_sshd() -> None:
    """The daemon outlives the sandbox otherwise."""
    pid = Path(SSH_DIRECTORY, "pid")
    if pid.exists():
        os.kill(int(pid.read_text(encoding="ascii")), 15)


# --- one way, measured ----------------------------------------------------------------------


def measure(way: Way, connection: str) -> dict[str, Seconds]:
    """The first and the converged run of a way. To be called in a fresh sandbox."""
    variables = {**CONNECTIONS[connection](), "ansible_python_interpreter": sys.executable}
    play = {"hosts": "all", "gather_facts": False, "tasks": way.tasks, "handlers": way.handlers}
    Path(TEMPLATE).write_text(template(), encoding="utf-8")
    Path(PLAY).write_text(json.dumps([play]), encoding="utf-8")
    Path(INVENTORY).write_text(json.dumps({"all": {"hosts": {"target": variables}}}), encoding="utf-8")
    command = [program("ansible-playbook"), "-i", INVENTORY, PLAY]
    taken = {}
    try:
        connect()
        for run in ("first", "converged"):
            taken[run] = timed_command(command, environment())
    finally:
        end_sshd()
    if way.sets_keys:
        check_set()
    return taken


def check_set() -> None:
    """A way that did not do its work is no way. Raises RuntimeError."""
    for key, value in first_settings(MEASURED_TOGETHER).items():
        if read(key.replace(".", "/")) != value:
            raise RuntimeError(f"{key} is {read(key.replace('.', '/'))}, not {value}")


def measure_sysctl_alone() -> dict[str, Seconds]:
    """`sysctl -p`, without Ansible. To be called in a fresh sandbox."""
    Path(FILE).write_text(template(), encoding="utf-8")
    words = ["sysctl", "-p", FILE]
    taken = {run: timed_command(words, dict(os.environ)) for run in ("first", "converged")}
    check_set()
    return taken
