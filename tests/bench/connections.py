# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Ansible reaches the sandbox in which it works: on the spot, or through an sshd of the sandbox's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from controller import environment, program

SSH_DIRECTORY = "/run/bench-ssh"
SSH_PORT = 2222
SSHD = "/usr/sbin/sshd"


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
        "ListenAddress": "0.0.0.0",  # of this sandbox, which is connected to nothing
        "MaxStartups": "500",
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


def connect(inventory: str) -> None:
    """Open the connection that Ansible then keeps and shares, so that no way pays for it."""
    subprocess.run(
        [program("ansible"), "-i", inventory, "all", "-m", "ping"], env=environment(), check=True, capture_output=True
    )


def end_sshd() -> None:
    """The daemon outlives the sandbox otherwise."""
    pid = Path(SSH_DIRECTORY, "pid")
    if pid.exists():
        os.kill(int(pid.read_text(encoding="ascii")), 15)
