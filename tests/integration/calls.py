# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of sysctl_bulk inside a sandbox: its functions, and the real module."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import ansible
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import BOTH
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.apply import apply as apply_plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from ansible_collections.siptune.linux.plugins.modules import sysctl_bulk
from checkout import CHECKOUT
from sandbox import kernel_value

sys.path.append(str(CHECKOUT / "tests" / "unit"))
from module_args import module_args  # which the unit tests share

SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
LIBRARY = str(Path(ansible.__file__).resolve().parents[1])

# A short form of Ansible's wrapper on a target, which has only ansible.module_utils and our collection.
STARTER = """
import runpy, sys, types
for name, path in (
    ("ansible", [sys.argv[2] + "/ansible"]),
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", [sys.argv[1]]),
):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__, sys.modules[name].__file__ = path, "".join(path) + "/__init__.py"
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.argv[3].encode(), "legacy"
runpy.run_module("ansible_collections.siptune.linux.plugins.modules.sysctl_bulk", run_name="__main__")
"""

FILE = "/etc/sysctl.d/90-test.conf"
ORIGINALS = "/var/lib/siptune/originals.json"

Settings = Mapping[str, object]


class Result(NamedTuple):
    changed: bool
    items: dict[str, Change]

    def states(self) -> dict[str, str]:
        return {name: change.state for name, change in self.items.items()}


def request(settings: Settings, path: str = FILE, when: str = BOTH) -> Request:
    return SYSCTL_BULK.parse({"path": path, "settings": settings, "state": "present", "when": when})


def predict(settings: Settings, path: str = FILE, when: str = BOTH) -> Result:
    """The prediction of check mode."""
    wanted = request(settings, path, when)
    planned = plan(wanted, observe(Host(), wanted))
    return Result(planned.changed, {change.item: change for change in planned.changes})


def apply(settings: Settings, path: str = FILE, when: str = BOTH) -> Result:
    """A run: observe, plan, apply. Raises their errors."""
    host, wanted = Host(), request(settings, path, when)
    observed = observe(host, wanted)
    planned = plan(wanted, observed)
    outcome = all_or_nothing(lambda log: apply_plan(host, wanted, observed, planned, log))
    return Result(outcome.changed, {change.item: change for change in outcome.changes})


def put_back(path: str = FILE) -> Result:
    """A run with `state: absent`."""
    return apply({}, path)


def call(module: ModuleType, check: bool = False, diff: bool = True, **parameters: Any) -> dict[str, Any]:
    """The result of a real module's main(), as Ansible would get it."""
    output = io.StringIO()
    arguments = module_args({**parameters, "_ansible_check_mode": check, "_ansible_diff": diff})
    with arguments, contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        module.main()
    return json.loads(output.getvalue())


def module(check: bool = False, **parameters: Any) -> dict[str, Any]:
    """The result of sysctl_bulk."""
    return call(sysctl_bulk, check, **parameters)


def module_words(parameters: Mapping[str, object], python: str = sys.executable) -> list[str]:
    """The command that runs the real module in a process of its own, by the given Python."""
    document = json.dumps({"ANSIBLE_MODULE_ARGS": dict(parameters)})
    return [python, "-c", STARTER, str(CHECKOUT), LIBRARY, document]


def module_process(parameters: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, Any]:
    """The result of the real module in a process of its own, with this added to its environment."""
    done = subprocess.run(
        module_words(parameters), env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def boot() -> str:
    """Let the real systemd-sysctl read the files as it does at boot. Returns what it says."""
    program = next(filter(os.path.exists, SYSTEMD_SYSCTL))
    environment = {"SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console"}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, errors="replace", check=False)
    return done.stderr


def reset_live_values(start: Mapping[str, object]) -> None:
    """Reset every live value to that of a dump, without the collection, as a reboot would."""
    for _ in range(4):  # some keys change others, so it takes more than one pass
        for path, value in start.items():
            if path.startswith("/proc/") and kernel_value(path) != value:
                Path(path).write_text(str(value), encoding="utf-8")


def originals() -> dict[str, Any]:
    """The record of originals as it is on the disk."""
    return json.loads(Path(ORIGINALS).read_text(encoding="utf-8"))


def write_file(path: str, text: str) -> None:
    """A file with its directories."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_text(text, encoding="utf-8", errors="surrogateescape")
