# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of all actions that run a module of this collection on a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable_result

from .answers import checked
from .planted import planted, refusal
from .schema import ResultError

COLLECTION = "siptune.linux"
HEADERS = ("before_header", "after_header")  # of a diff
# These wait, and change nothing, so that they may run in the background.
MAY_WAIT = ("sip_counters_info", "sip_calls_info", "sip_calls_wait")


class HostAction(ActionBase):
    """Runs modules on the host and checks what it answers."""

    _supports_check_mode = True

    def ask(
        self, module: str, variables: Mapping[str, Any], arguments: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The checked answer to a module, with the arguments of the task unless others are given.

        Raises AnsibleActionFail. No text of the answer is ever a template.
        """
        self.check_facts(variables)
        name = f"{COLLECTION}.{module}"
        given = None if arguments is None else dict(arguments)
        answer = self._execute_module(module_name=name, module_args=given, task_vars=dict(variables))
        host = self._task.delegate_to or variables.get("inventory_hostname")
        try:
            found = checked(module, answer, bool(self._task.diff))
            for part in found.get("diff", ()):  # which Ansible prints as it comes, whatever it has printed before
                part.update({name: f"{host}:{part[name]}" for name in HEADERS if name in part})
            return wrap_var(printable_result(found))
        except ResultError as error:
            raise AnsibleActionFail(f"{host}: its answer to {name} cannot be used: {error}") from None

    def check_facts(self, variables: Mapping[str, Any]) -> None:
        """Raises AnsibleActionFail for a host that has planted settings of siptune among its facts."""
        names = planted(variables)
        if names:
            raise AnsibleActionFail(refusal(str(variables.get("inventory_hostname")), names))
