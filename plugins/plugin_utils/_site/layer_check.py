# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a host's variables against the layers' argument specifications, before the host is asked anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError, parse_capacity
from ansible_collections.siptune.linux.plugins.module_utils._layers.image import parse_machine

from .layers import load_argument_spec, load_layer
from .names import base_of, check_names
from .parts import merged
from .yaml_numbers import misread

CAPACITY, MACHINE = "siptune_capacity", "siptune_machine"


def own_variables(layers: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a host that the roles of these layers take, parts included, among all its variables.

    Raises CatalogueError for a variable of the collection that there is not.
    """
    check_names({str(variables.get("inventory_hostname", "")): variables})
    names = {name for layer in layers for name in load_argument_spec(layer)}
    return {name: value for name, value in variables.items() if base_of(name) in names}


def checked_variables(layers: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """All variables of the roles of these layers, with their types and defaults as the argument specifications say.

    `variables` are those of `own_variables`, templated; parts are merged. Raises CatalogueError for one that a
    specification refuses, and for parts that contradict each other.
    """
    checked: dict[str, Any] = {}
    for layer in layers:
        spec = load_argument_spec(layer)
        given = {name: value for name, value in variables.items() if base_of(name) in spec}
        for name, advice in misread(given):
            raise CatalogueError(f"{name}: {advice}")
        for name in given:
            if base_of(name) == CAPACITY:  # first, as its message lists the figures
                parse_capacity(given[name] or {}, name)
        values = _validated(layer, spec, given)
        for name in spec:
            parts = {part: _as_given(values[part], given[part]) for part in given if base_of(part) == name}
            checked[name] = merged(name, parts or {name: values[name]})
    parse_machine(checked.get(MACHINE) or {})
    return checked


def _validated(layer: str, spec: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with their types. A part has the type of its variable, and no default."""
    parts = {name: {**spec[base_of(name)], "default": None} for name in given if name not in spec}
    # With the defaults given, as the validator copies what is given, and fills in the options of a default itself.
    complete = {**load_layer(layer).defaults, **given}
    result = ArgumentSpecValidator({**spec, **parts}).validate(complete, validate_role_argument_spec=True)
    if result.error_messages:
        raise CatalogueError(f"{layer} layer: {'; '.join(result.error_messages)}")
    return result.validated_parameters


def _as_given(validated: Any, given: Any) -> Any:
    """A dictionary without the options that the validator has filled in: they would contradict other parts."""
    if not isinstance(validated, Mapping):
        return validated
    said = given if isinstance(given, Mapping) else {}
    return {key: value for key, value in validated.items() if value is not None or key in said}
