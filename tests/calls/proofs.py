# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of siptune.linux.prove, and what they have written."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host import CallsError, Host
from namespace import namespace_host
from tuning import playbook

USUAL: dict[str, Any] = {
    "despite_calls": True,  # these Kamailios have no control interface that could say that they have none
    "step_seconds": 3,
}


def prove(host: Host, generator: Host | None, **variables: Any) -> dict[str, Any]:
    """The target of siptune-prove.json. The host is its own generator where there is no other. Raises CallsError."""
    with tempfile.TemporaryDirectory() as directory:
        given = {**USUAL, "local": generator is None, "directory": directory, **variables}
        names = {name if name.startswith("siptune_") else f"siptune_prove_{name}": given[name] for name in given}
        said = playbook(host, "siptune.linux.prove", names, generator)
        written = Path(directory, "siptune-prove.json")
        if not written.exists():
            raise CallsError(f"there is no report: {said[-2000:]}")
        (target,) = json.loads(written.read_text(encoding="utf-8"))["targets"]
    if target["error"]:
        raise CallsError(f"not proved: {target['error']}")
    return target


@contextlib.contextmanager
def generator_here() -> Iterator[Host]:
    """A host of its own with this machine's network, from which virtual machines are reached. Raises CallsError."""
    with namespace_host() as own:
        yield own._replace(enter=tuple(word for word in own.enter if word != "--net"))


def gave_first(target: dict[str, Any]) -> str | None:
    """Place and name of what gave first in the last run, `target UdpRcvbufErrors`; None if all held."""
    reason = target["runs"][-1]["gave_first"]
    return f"{reason['where']} {reason['what']}" if reason else None
