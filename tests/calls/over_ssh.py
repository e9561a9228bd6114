# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's way to a namespace host by a real sshd(8), over a connection that can be cut.

The controller's processes are this machine's, but for their network: sshd listens on the host's own loopback.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from host import CallsError, Host
from tuning import CHECKOUT

NAME = "measured"
USER = "prover"  # who may do all by sudo
SETUP = f"""
mkdir -p /run/sshd
useradd --password='*' --create-home --shell /bin/bash {USER}
install --directory --mode=700 --owner={USER} /home/{USER}/.ssh
cat >/home/{USER}/.ssh/authorized_keys
echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER}
ssh-keygen -A >/dev/null
/usr/sbin/sshd -o UsePAM=no
"""
# What a cable does that is pulled: whatever is sent is lost, and nobody is told.
CUT = "add table inet cut; add chain inet cut in {{ type filter hook input priority 0; }}; {rules}".format(
    rules="; ".join(f"add rule inet cut in tcp {end} 22 drop" for end in ("dport", "sport"))
)
LOOK_SECONDS = 0.05


class Control:
    """Runs of Ansible against the host, one at a time."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.directory = host, directory
        self._network = ("nsenter", "--target", host.enter[host.enter.index("--target") + 1], "--net")
        key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        host.run("sh", "-ec", SETUP, text=key.with_suffix(".pub").read_text(encoding="ascii"))
        own: dict[str, Any] = {
            "ansible_host": "127.0.0.1",
            "ansible_user": USER,
            "ansible_become": True,
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        (directory / "inventory.json").write_text(json.dumps({"all": {"hosts": {NAME: own}}}), encoding="utf-8")

    @contextlib.contextmanager
    def running(self, program: str, *words: str, pipelining: bool = True) -> Iterator[subprocess.Popen[str]]:
        """A run of Ansible's that goes on; at the end nothing of it is left."""
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(CHECKOUT / ".build")),
            "ANSIBLE_PIPELINING": str(pipelining),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.directory / "control"),
            "ANSIBLE_NOCOLOR": "true",
        }
        path = f"{os.path.dirname(sys.executable)}/{program}"
        with open(self.directory / "output", "w+", encoding="utf-8") as output:
            run = subprocess.Popen(
                # Whoever runs the tests may have had SIGHUP ignored, by nohup for example, and a terminal has not.
                [
                    *self._network,
                    "env",
                    "--default-signal=HUP",
                    path,
                    "--inventory",
                    str(self.directory / "inventory.json"),
                    *words,
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
            try:
                yield run
            finally:
                for pid, _words in self.processes():
                    _kill(pid)
                run.wait()

    def output(self) -> str:
        return (self.directory / "output").read_text(encoding="utf-8")

    def processes(self) -> list[tuple[int, str]]:
        """The controller's processes with their words: those that know our directory."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes()
                ours = str(self.directory).encode() in words + (process / "environ").read_bytes()
                if ours and int(process.name) != os.getpid():
                    found.append((int(process.name), words.replace(b"\0", b" ").decode("utf-8", "replace")))
        return found

    def kill_ssh(self) -> None:
        """End the clients of ssh, and the one that keeps the connection for the next task."""
        for pid, words in self.processes():
            if re.match(r"ssh\b", words):
                _kill(pid)

    def cut(self) -> None:
        self.host.run("nft", CUT)

    def mend(self) -> None:
        self.host.run("nft", "flush", "ruleset")

    def on_host(self, pattern: str, state: str = "") -> list[int]:
        """Processes of the host by the beginning of their words, and by their state if that is given."""
        lines = [line.split(None, 2) for line in self.host.run("ps", "-eo", "pid=,state=,args=").splitlines()]
        is_so = (lambda now: now == state) if state else (lambda now: now != "Z")
        return [int(pid) for pid, now, words in lines if is_so(now) and re.match(pattern, words)]


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def seconds_until(found: Callable[[], Any], most: float) -> float:
    """How long it takes until something is found. Raises CallsError where it is not within `most` seconds."""
    begun = time.monotonic()
    while not found():
        if time.monotonic() - begun > most:
            raise CallsError(f"not within {most} seconds")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begun
