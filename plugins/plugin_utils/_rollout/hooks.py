# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of tasks around each host say before they run: their tags, and how long their tasks mean to wait.

Each of these tasks has a time limit. A drain that may take longer would be cut off half-way, on a host that is out of
service already.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .settings import HOOK_TIMEOUT, Rollout, RolloutError

BLOCKS = ("block", "rescue", "always")
INCLUDES = ("include_tasks", "import_tasks")
DEEPEST = 8  # of files that include each other
# The options of modules that wait, in seconds, with their defaults. Source: the modules' documentation
WAITS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "sip_calls_wait": {"timeout_seconds": (1, 600)},
    "sip_counters_info": {"seconds": (1, 0)},
    "wait_for": {"timeout": (1, 300)},
    "wait_for_connection": {"timeout": (1, 600)},
    "reboot": {"reboot_timeout": (1, 600)},
    "pause": {"minutes": (60, 0), "seconds": (1, 0)},
}
MARGIN_SECONDS = 60  # for the last question to the daemons, and the way back of the answer


class Wait(NamedTuple):
    """A task that waits: `value` times `unit` seconds. The value may be a template, of the task's `variables` too."""

    option: str
    value: Any
    unit: int
    variables: Mapping[str, Any]


class Hook(NamedTuple):
    """A file of tasks."""

    tags: frozenset[str]
    waits: Sequence[Wait]


class LongestWait(NamedTuple):
    """The longest wait of all hosts' tasks, in seconds, and where it was found."""

    seconds: float = 0
    place: str = ""


def parse_hook(path: str, read: Callable[[str], Any]) -> Hook:
    """A file of tasks, by a function that reads YAML. Raises RolloutError."""
    tasks = _tasks_in(path, read)
    return Hook(frozenset(_tags_in(tasks)), list(_waits_in(tasks)))


def _tasks_in(path: str, read: Callable[[str], Any], depth: int = DEEPEST) -> list[Mapping[str, Any]]:
    """The tasks and blocks of a file, with those of the files that it includes by name. Raises RolloutError."""
    tasks = read(path) or []
    if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
        raise RolloutError(f"{path}: is not a list of tasks")
    found = list(tasks)
    for task in _flat(tasks):
        for name in _included(task):
            below = os.path.join(os.path.dirname(path), name)
            if depth and "{{" not in name and os.path.isfile(below):
                found += [{**_inherited(task), **one} for one in _tasks_in(below, read, depth - 1)]
    return found


def _included(task: Mapping[str, Any]) -> Iterator[str]:
    for key, value in task.items():
        if key.rpartition(".")[2] in INCLUDES:
            file = value.get("file") if isinstance(value, Mapping) else value
            if isinstance(file, str):
                yield file


def _inherited(task: Mapping[str, Any]) -> dict[str, Any]:
    return {key: task[key] for key in ("timeout", "async", "vars") if key in task}


def _flat(tasks: Any) -> Iterator[Mapping[str, Any]]:
    """All tasks, those of blocks with what they inherit; the blocks as well."""
    for task in tasks if isinstance(tasks, list) else ():
        if isinstance(task, Mapping):
            yield task
            for part in BLOCKS:
                yield from ({**_inherited(task), **one} for one in _flat(task.get(part)))


def _tags_in(tasks: list[Mapping[str, Any]]) -> set[str]:
    """All tags of these tasks."""
    found: set[str] = set()
    for task in _flat(tasks):
        tags = task.get("tags") or []
        words = tags.split(",") if isinstance(tags, str) else tags
        found.update(str(word).strip() for word in words)
    return found


def _waits_in(tasks: list[Mapping[str, Any]]) -> Iterator[Wait]:
    """The tasks that wait under the time limit of hooks: not those with a limit of their own, or in the background."""
    for task in _flat(tasks):
        if "timeout" in task or "async" in task:
            continue
        for key, arguments in task.items():
            given = arguments if isinstance(arguments, Mapping) else {}
            for option, (unit, default) in WAITS.get(key.rpartition(".")[2], {}).items():
                yield Wait(f"{key}.{option}", given.get(option, default), unit, task.get("vars") or {})


def limit_hooks(rollout: Rollout, given: bool, longest: LongestWait) -> Rollout:
    """The rollout with time for the longest wait. Raises RolloutError where the operator has `given` less."""
    limit = rollout.hook_timeout_seconds
    if not given:
        return rollout._replace(hook_timeout_seconds=max(limit, math.ceil(longest.seconds) + MARGIN_SECONDS))
    if 0 < limit < longest.seconds:
        raise RolloutError(
            f"{HOOK_TIMEOUT}: {limit} s would cut off {longest.place}, which may wait for {longest.seconds:g} s. Give "
            "it more, or leave it out: the limit then follows the longest wait"
        )
    return rollout
