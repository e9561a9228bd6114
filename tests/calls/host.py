# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is measured: whatever runs a command there as root, and in_host.py in it."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

IN_HOST = Path(__file__).with_name("in_host.py")
TIMEOUT_SECONDS = 600


class CallsError(Exception):
    """A host cannot be had, or does not do what it is to do. Says why."""


class Host(NamedTuple):
    """`enter` is the beginning of a command that runs another one on the host, as root.

    A host with an `ssh_config` is reached by ssh, as `ssh_name` in that file, and has a shell there.
    """

    enter: tuple[str, ...]
    ssh_config: str = ""
    ssh_name: str = ""

    def run(self, *command: str, text: str | None = None) -> str:
        """What a command on the host prints. Raises CallsError if it fails."""
        words = [*self.enter, *((shlex.join(command),) if self.ssh_config else command)]
        try:
            done = subprocess.run(
                words, input=text, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise CallsError(f"{command[0]} did not end within {TIMEOUT_SECONDS} seconds") from error
        if done.returncode != 0:
            raise CallsError(f"{shlex.join(command)[:200]}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout

    def ask(self, name: str, script: Path = IN_HOST, **arguments: Any) -> Any:
        """The answer of a command of in_host.py, or of another script like it. Raises CallsError."""
        text = script.read_text(encoding="utf-8")
        return json.loads(self.run("python3", "-", json.dumps([name, arguments]), text=text))
