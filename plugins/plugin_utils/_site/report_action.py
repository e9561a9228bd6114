# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the actions that report on all hosts of a play: their options, and the names of the variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from .._reports.files import check_directory
from .._results.hosts import variables_of_play, with_own, written_variables
from .._results.planted import operators_variables, planted, refusal
from .names import check_names
from .tags import check_tags

# What all reports are told.
OPTIONS = {
    "query": {"type": "str"},
    "directory": {"type": "path", "default": "."},
    "prometheus": {"type": "path"},
    "strict": {"type": "bool", "default": False},
    "check_only": {"type": "bool", "default": False},
}
OMITTED = "__omit_place_holder__"  # of ansible-core 2.18; later ones leave such options out by themselves


class ReportAction(ActionBase):
    """Runs on the controller, once for all hosts of the play, and touches none of them."""

    _requires_connection = False

    def options(self, specification: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """The task's options, which no host has a word in."""
        if planted(variables):
            self._follow_a_sound_host(variables)
        return self.validate_argument_spec(specification)[1]

    def _follow_a_sound_host(self, variables: Mapping[str, Any]) -> None:
        """Template the options again, as the host that stands for all has planted some of them among its facts."""
        known = variables["hostvars"]
        others = (known.raw_get(name) for name in variables["ansible_play_hosts_all"])
        spare: Mapping[str, Any] = next((other for other in others if not planted(other)), {})
        available = {**operators_variables(variables, spare), **variables_of_play(self._task, self._loader)}
        templar = self._templar.copy_with_new_env(available_variables=available)
        written = self._task.get_ds().get(self._task.action)
        if not isinstance(written, Mapping):
            raise AnsibleActionFail(refusal(str(variables["inventory_hostname"]), planted(variables)))
        given = templar.template(dict(written))
        self._task.args = {name: value for name, value in given.items() if not str(value).startswith(OMITTED)}

    def check_names(self, variables: Mapping[str, Any]) -> None:
        """Raises CatalogueError for variables that there are not. Once, before the first batch."""
        if variables["ansible_play_batch"][0] == variables["ansible_play_hosts"][0]:
            of_play = variables_of_play(self._task, self._loader)
            hosts = map(str, variables["ansible_play_hosts_all"])
            written = {host: written_variables(variables["hostvars"], host, of_play) for host in hosts}
            check_names(with_own(written, variables))
            check_tags(self._task, variables)


def check_directories(prefix: str, options: Mapping[str, Any]) -> None:
    """Raises ReportError for directories that no report can be written to. `prefix` is that of their variables."""
    check_directory(f"{prefix}_directory", options["directory"])
    if options["prometheus"]:
        check_directory(f"{prefix}_prometheus", options["prometheus"])


def left_out(variables: Mapping[str, Any]) -> list[str]:
    """The hosts of the inventory that this play leaves out, by --limit or siptune_hosts."""
    asked = frozenset(map(str, variables["ansible_play_hosts_all"]))
    return [host for host in map(str, variables["groups"]["all"]) if host not in asked]
