# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of --tags and --skip-tags, and a refusal of those that select nothing.

A misspelt layer in --tags would leave a host untuned, and one in --skip-tags would tune what was to be left alone, both
without a word. Known are the layers, Ansible's own tags, and all others in the playbooks of the command line.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.playbook import Playbook
from ansible.playbook.block import Block
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS

SPECIAL = ("all", "tagged", "untagged", "always", "never")  # Source: Playbook Guide, Tags
OF_MOLECULE = ("molecule-notest", "notest", "molecule-idempotence-notest")  # what Molecule itself skips in playbooks
OPTIONS = {"ansible_run_tags": "--tags", "ansible_skip_tags": "--skip-tags"}
OUR_PLAYBOOKS = "siptune.linux."

display = Display()


def unknown_tags(variables: Mapping[str, Any], known: Collection[str]) -> list[tuple[str, str]]:
    """The option and the word of each tag that is neither a layer nor `known`."""
    fine = {*LAYERS, *SPECIAL, *OF_MOLECULE, *known}
    return [
        (option, str(tag)) for name, option in OPTIONS.items() for tag in variables.get(name) or [] if tag not in fine
    ]


def refusal(unknown: Collection[tuple[str, str]]) -> str:
    """Why a run with such tags must not begin."""
    said = []
    for option, tag in unknown:
        near = difflib.get_close_matches(tag.casefold().replace("-", "_"), LAYERS, 1)
        nearest = f"; the nearest is {near[0]}" if near else ""
        said.append(f"{option} {tag}: there is no such layer or tag{nearest}")
    return f"{'; '.join(said)}. The layers are {', '.join(LAYERS)}"


def check_tags(task: Task, variables: Mapping[str, Any], own: Collection[str] = ()) -> None:
    """Raises CatalogueError for a tag that selects nothing. `own` are tags of tasks that are included later on.

    `task` is one of our playbook, which has the tags of what imports the playbook, too.
    """
    unknown = unknown_tags(variables, {*task.tags, *own})
    if unknown:  # a playbook around ours may know it
        tags = _tags_around(task)
        if tags is None:
            display.warning(printable(f"{refusal(unknown)}. Tasks that are included later on may have it"))
            return
        unknown = unknown_tags(variables, {*task.tags, *own, *tags})
    if unknown:
        raise CatalogueError(refusal(unknown))


def _tags_around(task: Task) -> set[str] | None:
    """The tags of the playbooks of the command line, None where these cannot be known before they run."""
    found: set[str] = set()
    for path in context.CLIARGS.get("args") or ():
        if path.startswith(OUR_PLAYBOOKS):
            continue
        if not os.path.isfile(path):
            return None
        try:
            plays = Playbook.load(os.path.abspath(path), task.get_variable_manager(), task.get_loader()).get_plays()
            for play in plays:
                found.update(play.tags)
                for one in (one for block in play.compile() for one in _tasks(block)):
                    if isinstance(one, TaskInclude) and not _ours(one):
                        return None
                    found.update(one.tags)
        except AnsibleError:
            return None
    return found


def _tasks(block: Block) -> Iterator[Task]:
    for one in (*block.block, *block.rescue, *block.always):
        if isinstance(one, Block):
            yield from _tasks(one)
        else:
            yield one


def _ours(task: Task) -> bool:
    """Whether a task is in a playbook of this collection, where only hooks are included."""
    directory = Path(task.get_path().rpartition(":")[0]).resolve().parent
    return directory == Path(__file__).resolve().parents[3] / "playbooks"
