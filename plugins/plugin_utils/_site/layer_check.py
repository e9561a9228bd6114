# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a host's variables against the layers' argument specifications, before the host is asked anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError, parse_capacity

from .layers import load_argument_spec, load_layer
from .yaml_numbers import misread


def own_variables(layers: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a host that the roles of these layers take, among all its variables."""
    names = {name for layer in layers for name in load_argument_spec(layer)}
    return {name: variables[name] for name in names if name in variables}


def checked_variables(layers: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """All variables of the roles of these layers, with their types and defaults as the argument specifications say.

    `variables` are those of `own_variables`, templated. Raises CatalogueError for one that a specification refuses.
    """
    checked: dict[str, Any] = {}
    for layer in layers:
        spec = load_argument_spec(layer)
        given = {name: variables[name] for name in spec if name in variables}
        for name, advice in misread(given):
            raise CatalogueError(f"{name}: {advice}")
        parse_capacity(variables.get("siptune_capacity") or {})  # first, as its message lists the figures
        # With the defaults given, as the validator copies what is given, and fills in the options of a default itself.
        complete = {**load_layer(layer).defaults, **given}
        result = ArgumentSpecValidator(spec).validate(complete, validate_role_argument_spec=True)
        if result.error_messages:
            raise CatalogueError(f"{layer} layer: {'; '.join(result.error_messages)}")
        checked.update({name: result.validated_parameters[name] for name in spec})
    return checked
