# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of all layers together, before any of them acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_settings import Setting, parse_settings
from ansible_collections.siptune.linux.plugins.plugin_utils._catalogue import CatalogueError, parse_capacity
from ansible_collections.siptune.linux.plugins.plugin_utils._layers import Call, Layer, layer_calls
from ansible_collections.siptune.linux.plugins.plugin_utils._yaml_numbers import misread


def own_variables(layers: Iterable[Layer], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a host's variables that the layers' roles take."""
    names = {name for layer in layers for name in layer.argument_spec}
    return {name: variables[name] for name in names if name in variables}


def checked_calls(layers: Sequence[Layer], variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
    """All calls of the layers, once nothing is wrong with their variables. Raises CatalogueError.

    `variables` are those of `own_variables`, templated, and `host` is siptune_host.
    """
    for layer in layers:
        _validate(layer, variables)
    return check_together(layers, variables, host)


def _validate(layer: Layer, variables: Mapping[str, Any]) -> None:
    """Raises CatalogueError for what the role's argument specification does not allow."""
    given = {name: variables[name] for name in layer.argument_spec if name in variables}
    for name, advice in misread(given):
        raise CatalogueError(f"{name}: {advice}")
    parse_capacity(variables.get("siptune_capacity") or {})  # first, as it names the figures that there are
    errors = ArgumentSpecValidator(layer.argument_spec).validate(given, validate_role_argument_spec=True).error_messages
    if errors:
        raise CatalogueError(f"{layer.name} layer: {'; '.join(errors)}")


def check_together(layers: Iterable[Layer], variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
    """All layers' calls. Raises CatalogueError unless all are good and no two layers are after one key or file."""
    owner_of: dict[str, str] = {}
    calls = [call for layer in layers for call in layer_calls(layer, variables, host)]
    for call in _of_kernel(calls):  # units, logins and interfaces are nobody else's
        for item in (str(call.arguments["path"]), *call.arguments["settings"]):
            _claim(owner_of, item, call.layer)
    kernel_settings(calls)
    return calls


def kernel_settings(calls: Iterable[Call]) -> list[Setting]:
    """The kernel parameters that all of these calls want. Raises CatalogueError where they contradict each other."""
    together = {key: wanted for call in _of_kernel(calls) for key, wanted in call.arguments["settings"].items()}
    try:
        return parse_settings(together)
    except SysctlError as error:
        raise CatalogueError(str(error)) from error


def _of_kernel(calls: Iterable[Call]) -> list[Call]:
    return [call for call in calls if call.module == "sysctl_bulk"]


def _claim(owners: dict[str, str], item: str, layer: str) -> None:
    other = owners.setdefault(item, layer)
    if other != layer:
        raise CatalogueError(f"{item}: both the {other} and the {layer} layer set it; leave it to one of them")
