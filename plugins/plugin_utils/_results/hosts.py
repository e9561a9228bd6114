# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the hosts of a play, for the actions that speak for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.utils.vars import load_extra_vars

from .planted import without_planted


def variables_of_play(task: Task, loader: DataLoader) -> dict[str, Any]:
    """The variables of the play itself and of the command line, which are the operator's for every host."""
    return {**task.get_play().get_vars(), **load_extra_vars(loader)}


def written_variables(known: Any, host: str, of_play: Mapping[str, Any]) -> dict[str, Any]:
    """A host's variables as they are written, with those of the play. `known` is Ansible's hostvars.

    Without what the host has planted among its facts. It takes Ansible a millisecond or two to put them together.
    """
    return {**without_planted(known.raw_get(host)), **of_play}


def with_own(written: Mapping[str, Mapping[str, Any]], task_vars: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The hosts' written variables, by host; the host that stands for all has those of its task laid over its own."""
    here = task_vars["inventory_hostname"]
    return {**written, here: {**written[here], **without_planted(task_vars)}}
