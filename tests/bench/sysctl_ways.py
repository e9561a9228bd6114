# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to set kernel parameters that are compared."""

from __future__ import annotations

import os
from pathlib import Path

from keys import MEASURED_TOGETHER, first_settings
from sandbox import read
from timing import RUNS, Seconds, timed_command
from ways import BULK, LOOP, MEASURES, PING, TEMPLATE, Bound, Subject, Way, template_task

FILE = "/etc/sysctl.d/90-bench.conf"

PING_FACTOR = 1.5
LOOP_FACTOR = 50


def subject() -> Subject:
    """Some tens of keys, by every way."""
    settings = first_settings(MEASURED_TOGETHER)
    task = {"name": "{{ item.name }}", "value": "{{ item.value }}", "sysctl_file": FILE}
    loop = [{"name": key, "value": value} for key, value in settings.items()]
    ways = {
        **MEASURES,
        BULK: Way(
            "a task of `siptune.linux.sysctl_bulk`",
            [{"siptune.linux.sysctl_bulk": {"path": FILE, "settings": settings}}],
        ),
        "nothing": Way(
            "the same without any setting",
            [{"siptune.linux.sysctl_bulk": {"path": FILE, "settings": {}}}],
            works=False,
        ),
        "template": Way(
            "`ansible.builtin.template`, and `sysctl --system` if it changed",
            [{**template_task(FILE), "notify": "apply"}],
            [{"name": "apply", "ansible.builtin.command": {"cmd": "sysctl --system"}}],
        ),
        LOOP: Way("`ansible.posix.sysctl` in a loop", [{"ansible.posix.sysctl": task, "loop": loop}]),
    }
    bounds = [
        Bound(BULK, PING, f"at most {PING_FACTOR} times a ping task", most=PING_FACTOR),
        Bound(LOOP, BULK, f"at least {LOOP_FACTOR} times cheaper than the loop", least=LOOP_FACTOR),
    ]
    work = f"{MEASURED_TOGETHER} keys that belong to the network namespace, with an empty `sysctl.d`."
    return Subject(work, ways, bounds, write_template, check_set)


def text() -> str:
    return "".join(f"{key} = {value}\n" for key, value in first_settings(MEASURED_TOGETHER).items())


def write_template() -> None:
    Path(TEMPLATE).write_text(text(), encoding="utf-8")


def check_set() -> None:
    """Raises RuntimeError for a key that has not the wanted value."""
    for key, value in first_settings(MEASURED_TOGETHER).items():
        found = read(key.replace(".", "/"))
        if found != value:
            raise RuntimeError(f"{key} is {found}, not {value}")


def measure_sysctl_alone() -> dict[str, Seconds]:
    """`sysctl -p`, without Ansible. To be called in a fresh sandbox."""
    Path(FILE).write_text(text(), encoding="utf-8")
    taken = {run: timed_command(["sysctl", "-p", FILE], dict(os.environ)) for run in RUNS}
    check_set()
    return taken
