# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directives without effect on a container that is a unit's service: podman sets the same for each container itself.

All others reach it: podman, conmon and the runtime are started with them, and hand them down.
"""

from __future__ import annotations

from collections.abc import Iterable

from .._core.change import OK, READONLY, Change
from .._core.setting import EXACT
from .._host.rlimits import INFINITY
from .._systemd.parsers import Meaning
from .._systemd.values import Setting, describe, meets, weakest
from .items import wanted_words
from .model import QUADLET_SUFFIX, Container, LoadedUnit, UnitState
from .settings import item_name

# The option of podman-run(1) in place of a directive, and its word for no limit. Podman raises open files and processes
# to 1048576 without one, and allows 2048 tasks.
PODMAN_OPTIONS = {
    "LimitNOFILE": ("--ulimit=nofile={}", "1048576"),
    "LimitNPROC": ("--ulimit=nproc={}", "-1"),
    "TasksMax": ("--pids-limit={}", "-1"),
}


def set_by_podman(setting: Setting, state: UnitState) -> bool:
    """Whether a unit runs a container for which podman sets the same as this directive."""
    return setting.directive in PODMAN_OPTIONS and any(unit.container for unit in state.loaded)


def item_of_container(setting: Setting, state: UnitState) -> Change:
    """The item of a directive that has no effect: what the container has, and what would give it more."""
    inside = [(unit, unit.container) for unit in state.loaded if unit.container]
    has = _weakest(setting.directive, [_has(setting.directive, unit, container) for unit, container in inside])
    exact = setting.rule == EXACT
    right = has is not None and (has == setting.meaning if exact else meets(setting.rule, setting.meaning, has))
    reason = "podman sets it for the container itself"
    if not right:
        files = list(dict.fromkeys(container.file for _unit, container in inside))
        reason += f", and nothing in the unit changes that: {' and '.join(_way_out(setting, file) for file in files)}"
    text = describe(setting.directive, has)
    return Change(
        item=item_name(state.asked, setting.directive),
        wanted=wanted_words(setting),
        before=text,
        after=text,
        at_boot=None,
        state=OK if right else READONLY,
        why=setting.why,
        reason=reason,
    )


def _way_out(setting: Setting, file: str) -> str:
    option, unlimited = PODMAN_OPTIONS[setting.directive]
    value = ":".join(unlimited if one == INFINITY else str(one) for one in setting.meaning)
    given = option.format(value)
    return (
        f"write PodmanArgs={given} into {file}" if file.endswith(QUADLET_SUFFIX) else f"give podman {given} in {file}"
    )


def _has(directive: str, unit: LoadedUnit, container: Container) -> Meaning | None:
    """The value of a directive in a container that runs, None if it is unknown."""
    if directive == "TasksMax":
        return None if container.tasks_max is None else (container.tasks_max,)
    inside = [process.limits.get(directive) for process in unit.processes if process.pid in container.pids]
    return _weakest(directive, inside)


def _weakest(directive: str, values: Iterable[Meaning | None]) -> Meaning | None:
    known = [value for value in values if value is not None]
    return weakest(directive, known) if known else None
