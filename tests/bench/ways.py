# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to reach one and the same end with Ansible, each as a play of its own, and how long they take."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from calls import CHECKOUT
from connections import CONNECTIONS, connect, end_sshd
from controller import environment, program
from timing import RUNS, Seconds, timed_command

PLAY = "/run/play.yml"
INVENTORY = "/run/inventory.yml"
TEMPLATE = "/run/bench.conf.j2"

EMPTY, PING, BULK, LOOP, TASKS, MITOGEN = "empty", "ping", "bulk", "loop", "tasks", "mitogen"
SLOW = (LOOP, TASKS, MITOGEN)  # a module call for each thing to set
# Where `make bench` has put mitogen: outside of every environment, as it steps in wherever it is installed.
MITOGEN_PATH = CHECKOUT / ".build" / "mitogen"

Task = dict[str, Any]


class Way(NamedTuple):
    """A way to do the work: what to call it, and its tasks and handlers, or a playbook in their place.

    `works` is False for one after which the work is not done. `strategy` is Ansible's strategy, where it is not the
    usual one. `beforehand` is a playbook that is run before each run, and not measured.
    """

    name: str
    tasks: Sequence[Task]
    handlers: Sequence[Task] = ()
    works: bool = True
    playbook: str = PLAY
    strategy: str = ""
    beforehand: str = ""


class Bound(NamedTuple):
    """How many times as much as the `other` a way takes, at `least` or at `most`; in words, for the report.

    Net of the empty play, unless the `whole` processes are to be compared, and for these of the two runs.
    """

    way: str
    other: str
    words: str
    least: float | None = None
    most: float | None = None
    whole: bool = False
    runs: Sequence[str] = RUNS

    def met(self, factor: float) -> bool:
        return (self.least is None or factor >= self.least) and (self.most is None or factor <= self.most)


class Subject(NamedTuple):
    """A piece of work and the ways to do it, by a short name.

    `prepare` makes of a fresh sandbox the host that they meet, `check` raises RuntimeError where the work is not
    done: a way that did not do it is no way. `variables` are those of the host.
    """

    work: str
    ways: Mapping[str, Way]
    bounds: Sequence[Bound]
    prepare: Callable[[], object]
    check: Callable[[], object]
    variables: Mapping[str, Any] = MappingProxyType({})

    def without_slow(self) -> Subject:
        """All but the slow ways, and what is expected of them."""
        return self._replace(
            ways={key: way for key, way in self.ways.items() if key not in SLOW},
            bounds=[bound for bound in self.bounds if not {bound.way, bound.other} & set(SLOW)],
        )


# What every subject is measured beside.
MEASURES = {
    EMPTY: Way("an empty play", [], works=False),
    PING: Way("a task of `ansible.builtin.ping`", [{"ansible.builtin.ping": {}}], works=False),
}


def template_task(path: str) -> Task:
    """The task that renders the subject's template, which `prepare` has put there, into a file."""
    return {"ansible.builtin.template": {"src": TEMPLATE, "dest": path, "mode": "0644"}}


def strategy_settings(strategy: str) -> dict[str, str]:
    """The environment in which Ansible has this strategy; none for the usual one."""
    if not strategy:
        return {}
    return {
        "ANSIBLE_STRATEGY": strategy,
        "ANSIBLE_STRATEGY_PLUGINS": str(MITOGEN_PATH / "ansible_mitogen" / "plugins" / "strategy"),
        "PYTHONPATH": str(MITOGEN_PATH),
        "ANSIBLE_HOST_KEY_CHECKING": "false",  # it heeds this, and not the options of ssh
    }


def measure(subject: Subject, key: str, connection: str) -> dict[str, Seconds]:
    """The first and the converged run of a way. To be called in a fresh sandbox."""
    way = subject.ways[key]
    subject.prepare()
    variables = {
        **subject.variables,
        **CONNECTIONS[connection](),
        "ansible_python_interpreter": sys.executable,
    }
    play = {"hosts": "all", "gather_facts": False, "tasks": way.tasks, "handlers": way.handlers}
    Path(PLAY).write_text(json.dumps([play]), encoding="utf-8")
    Path(INVENTORY).write_text(json.dumps({"all": {"hosts": {"target": variables}}}), encoding="utf-8")
    command = [program("ansible-playbook"), "-i", INVENTORY, way.playbook]
    taken = {}
    try:
        connect(INVENTORY)
        for run in RUNS:
            if way.beforehand:
                timed_command([*command[:-1], way.beforehand], environment())
            taken[run] = timed_command(command, {**environment(), **strategy_settings(way.strategy)})
    finally:
        end_sshd()
    if way.works:
        subject.check()
    return taken
