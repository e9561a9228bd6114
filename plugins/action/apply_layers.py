# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply several layers in one round trip. Documentation: plugins/modules/apply_layers.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError, AnsibleUndefinedVariable
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError, parse_capacity
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import ABSENT, LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._results.action import HostAction
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import (
    by_layer,
    failure,
    results_by_layer,
    selected,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._site.changes import changes_of, render_run
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layer_check import checked_variables, own_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import for_profile, load_layer, load_layers
from ansible_collections.siptune.linux.plugins.plugin_utils._site.summary import render

OPTIONS = {
    "layers": {"type": "list", "elements": "str", "choices": list(LAYERS), "default": list(LAYERS)},
    "each_for_itself": {"type": "bool", "default": False},
    "counters_seconds": {"type": "int"},
    "warn_of_tuners": {"type": "bool", "default": True},
    "summary": {"type": "bool", "default": False},
    "fail": {"type": "bool", "default": True},
    "follow_tags": {"type": "bool", "default": True},
}

# What says that the host is an image, and of which machine. Neither can be calculated from the facts of that host.
OF_IMAGE = BOOT_ONLY, MACHINE = "siptune_boot_only", "siptune_machine"

display = Display()

load_layers()  # once and for all hosts: Ansible imports an action before it forks a process for each host and task


class ActionModule(HostAction):
    """Checks the variables on the controller, and has siptune.linux.tune size and apply the layers on the host."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of siptune.linux.tune, with the results of each layer's calls under `layers`."""
        result = super().run(tmp, task_vars)
        options = self.validate_argument_spec(OPTIONS)[1]
        if options["counters_seconds"] is not None:
            _check_seconds(options["counters_seconds"])
        known = task_vars or {}
        if not options["summary"] and options["fail"]:
            return {**result, **self._applied(options, known)[0]}
        try:
            applied, variables = self._applied(options, known)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            applied, variables = {"failed": True, "msg": f"{_first_line(error)}."}, {}
        failed = applied.get("failed")
        if failed:
            applied["msg"] = failure(_host(known), applied)
        report = self._report(applied, options["layers"], variables, known)
        if options["fail"]:
            if not failed or len(report["table"]) > 1:  # a failure alone is all said by its message
                lines = render_run({_host(known): {"report": report}}, bool(self._task.check_mode))
                display.display("\n".join(map(printable, lines)))
            return {**result, **applied}
        if failed:
            applied = {**applied, "failed": False, "failure": applied.pop("msg")}
        return {**result, **applied, "report": report}

    def _report(
        self, applied: dict[str, Any], layers: Sequence[str], variables: Mapping[str, Any], known: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What siptune.linux.run_report prints of a host. Takes the warnings: Ansible prints them without the host."""
        results, warnings = results_by_layer(applied, layers), applied.pop("warnings", [])
        peak = parse_capacity(variables.get("siptune_capacity") or {}).get("sip_datagrams_per_second")
        image = bool(variables.get(BOOT_ONLY))
        table = render(_host(known), results, bool(self._task.check_mode), peak, bool(warnings), image)
        changes = [list(made) for made in changes_of(results)]  # plain, as every result has to be
        return {"changes": changes, "warnings": warnings, "table": table}

    def _applied(
        self, options: Mapping[str, Any], known: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The result of the layers that the tags select, and their variables. Raises AnsibleError."""
        names = options["layers"]
        if options["follow_tags"]:
            run_tags, skip_tags = known.get("ansible_run_tags") or ["all"], known.get("ansible_skip_tags") or []
            names = selected(names, self._task.tags, run_tags, skip_tags)
        if not names:
            return {"skipped": True, "skip_reason": "no layer is selected by the tags"}, {}
        self.check_facts(known)
        variables = self._variables(names, known)
        return self._apply(names, options, known, variables), variables

    def _apply(
        self,
        names: Sequence[str],
        options: Mapping[str, Any],
        known: Mapping[str, Any],
        variables: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The result of these layers. Raises AnsibleActionFail."""
        absent = variables["siptune_state"] == ABSENT
        arguments = {
            "layers": [_sent(name, variables) for name in (reversed(names) if absent else names)],
            "variables": variables,
            "each_for_itself": options["each_for_itself"],
            "counters_seconds": options["counters_seconds"],
        }
        done = self.ask("tune", known, arguments)
        if options["warn_of_tuners"] and not absent:
            _warn_of_tuners(done, known)
        image = {"boot_only": True} if variables.get(BOOT_ONLY) else {}
        return {**by_layer(done, names), **image}

    def _variables(self, layers: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
        """The variables of these layers, templated and checked. Raises AnsibleActionFail."""
        try:
            self._check_parameters(layers)
            return checked_variables(layers, self._templated(own_variables(layers, known), known))
        except CatalogueError as error:
            raise AnsibleActionFail(f"{printable(error)}. Nothing was changed.") from None

    def _templated(self, own: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """These variables, templated. Raises AnsibleActionFail."""
        try:
            return self._templar.template(own)
        except AnsibleUndefinedVariable:  # an inventory may calculate with the facts of siptune.linux.host_facts
            facts = self.ask("host_facts", known, self._of_image(own))
        except AnsibleError:
            return _templated_one_by_one(self._templar, own)
        if facts.get("failed"):
            raise AnsibleActionFail(str(facts.get("msg")), result=facts)
        there = {**(known.get("ansible_facts") or {}), **facts["ansible_facts"]}
        templar = self._templar.copy_with_new_env(available_variables={**known, "ansible_facts": there})
        return _templated_one_by_one(templar, own)

    def _of_image(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of host_facts for an image; none for a host that runs. Raises AnsibleActionFail."""
        given = _templated_one_by_one(self._templar, {name: own[name] for name in OF_IMAGE if name in own})
        boot_only = boolean(given.get(BOOT_ONLY, False), strict=False)
        return {"boot_only": True, "machine": given.get(MACHINE) or {}} if boot_only else {}

    def _check_parameters(self, layers: Sequence[str]) -> None:
        """Raises CatalogueError for a parameter of our role that is none of siptune's variables: it has no effect.

        Ansible's own check of a role's parameters prints their whole specification. The names of siptune's variables
        are checked wherever they are set.
        """
        role = self._task._role  # noqa: SLF001 - Ansible has no other way to the parameters of one role alone
        if role is None or role.get_name() not in [f"siptune.linux.{layer}" for layer in layers]:
            return
        for name in role._role_params:  # noqa: SLF001
            if not name.startswith("siptune_"):
                raise CatalogueError(f"{name}: {role.get_name()} has no such parameter; its own begin with siptune_")


def _templated_one_by_one(templar: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """These variables, templated. Raises AnsibleActionFail, which names the variable."""
    templated = {}
    for name, value in own.items():
        try:
            templated[name] = templar.template(value)
        except AnsibleError as error:
            raise AnsibleActionFail(f"{name}: {_first_line(error)}. Nothing was changed.") from None
    return templated


def _first_line(error: Exception) -> str:
    """What an error says, without the lines of the file that Ansible adds."""
    return printable(str(error).partition("\n")[0].rstrip("."))


def _sent(name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """A layer for siptune.linux.tune, without what the host has no use for."""
    if variables["siptune_state"] == ABSENT:
        return {"name": name, "catalogue": {}}
    layer, profile = load_layer(name), variables["siptune_profile"]
    catalogues = {"catalogue": layer.catalogue, "interfaces": layer.interfaces}
    return {"name": name, **{field: for_profile(entries, profile) for field, entries in catalogues.items()}}


def _check_seconds(seconds: int) -> None:
    """Raises AnsibleActionFail for a time that sip_counters_info would not take."""
    # Imported here, as only an audit needs it.
    from ansible_collections.siptune.linux.plugins.module_utils._counters.table import LONGEST_SECONDS

    if not 0 <= seconds <= LONGEST_SECONDS:
        raise AnsibleActionFail(f"counters_seconds: must be from 0 to {LONGEST_SECONDS}, not {seconds}")


def _warn_of_tuners(done: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Warn where TuneD sets what this run sets, too."""
    tuners = ((done.get("ansible_facts") or {}).get("siptune_host") or {}).get("tuners") or {}
    if done.get("failed") or not tuners.get("tuned"):
        return
    # Imported here, as few hosts have TuneD.
    from ansible_collections.siptune.linux.plugins.plugin_utils._site.overlaps import warning

    said = warning(tuners, done["items"])
    if said:
        display.warning(printable(f"{_host(known)}: {said}"))


def _host(known: Mapping[str, Any]) -> str:
    return str(known.get("inventory_hostname", ""))
