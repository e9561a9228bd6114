# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a host's variables against the layers' argument specifications, before the host is asked anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError, parse_capacity

from .layers import load_argument_spec
from .yaml_numbers import misread


def own_variables(layers: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a host's variables that the roles of these layers take."""
    names = {name for layer in layers for name in load_argument_spec(layer)}
    return {name: variables[name] for name in names if name in variables}


def check_variables(layers: Iterable[str], variables: Mapping[str, Any]) -> None:
    """Raises CatalogueError for what the roles' argument specifications do not allow.

    `variables` are those of `own_variables`, templated.
    """
    for layer in layers:
        spec = load_argument_spec(layer)
        given = {name: variables[name] for name in spec if name in variables}
        for name, advice in misread(given):
            raise CatalogueError(f"{name}: {advice}")
        parse_capacity(variables.get("siptune_capacity") or {})  # first, as it names the figures that there are
        errors = ArgumentSpecValidator(spec).validate(given, validate_role_argument_spec=True).error_messages
        if errors:
            raise CatalogueError(f"{layer} layer: {'; '.join(errors)}")
