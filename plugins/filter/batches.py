# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters by which the playbooks give Ansible their batches, their failure budget and the hosts to ask again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import (
    RolloutError,
    ansible_budget,
    parse_batches,
    share_out,
)


def batches(value: Any) -> list[int | str]:
    """Batches for `serial`. Raises AnsibleFilterError."""
    try:
        return parse_batches(value)
    except RolloutError as error:
        raise AnsibleFilterError(f"{printable(error)}. Nothing was changed.") from None


def failure_budget(value: Any) -> float:
    """A budget for `max_fail_percentage`. Raises AnsibleFilterError."""
    try:
        return ansible_budget(value)
    except RolloutError as error:
        raise AnsibleFilterError(f"{printable(error)}. Nothing was changed.") from None


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"batches": batches, "failure_budget": failure_budget, "share_out": share_out}
