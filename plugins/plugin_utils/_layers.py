# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layer's role is made of, and the check of all layers together before any of them acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible_collections.siptune.linux.plugins.module_utils import _limits_conf, _sysctl_d
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_settings import Setting, parse_settings
from ansible_collections.siptune.linux.plugins.module_utils._systemd_unit import check_drop_in_name
from ansible_collections.siptune.linux.plugins.module_utils._systemd_values import SystemdError
from ansible_collections.siptune.linux.plugins.plugin_utils._catalogue import CatalogueError, settings
from ansible_collections.siptune.linux.plugins.plugin_utils._nic_profiles import LINKS, RINGS, nic_settings
from ansible_collections.siptune.linux.plugins.plugin_utils._service_limits import Wishes, service_limits

SYSCTL_LAYERS = ("network", "memory", "fs", "security")
NETWORK_LAYER = "network"
SERVICE_LAYER = "service_limits"
LAYERS = (*SYSCTL_LAYERS, SERVICE_LAYER)
COLLECTION = Path(__file__).resolve().parents[2]

# What the tasks of a layer's role register, in the order in which they run.
RESULTS: dict[str, tuple[str, ...]] = {name: (f"__siptune_{name}_result",) for name in SYSCTL_LAYERS}
RESULTS[NETWORK_LAYER] += tuple(f"__siptune_{NETWORK_LAYER}_{part}_result" for part in ("rings", "links"))
RESULTS[SERVICE_LAYER] = tuple(f"__siptune_{SERVICE_LAYER}_{part}_result" for part in ("logins", "units", "pools"))


class Layer(NamedTuple):
    """A layer as data: its catalogue, its role's defaults, and the options of its argument specification."""

    name: str
    catalogue: dict[str, dict[str, Any]]
    defaults: dict[str, Any]
    argument_spec: dict[str, dict[str, Any]]

    def options(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The role's own variables without their prefix, defaults where they are not given."""
        prefix = f"siptune_{self.name}_"
        own = {name: variables.get(name, default) for name, default in self.defaults.items() if name.startswith(prefix)}
        return {name[len(prefix) :]: value for name, value in own.items()}


def load_layer(name: str, collection: Path = COLLECTION) -> Layer:
    """A layer from the files of its role."""
    role = collection / "roles" / name
    (catalogue,) = _load(role / "vars" / "main.yml").values()
    return Layer(
        name,
        catalogue,
        _load(role / "defaults" / "main.yml"),
        _load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"],
    )


def load_nics(collection: Path = COLLECTION) -> dict[str, Any]:
    """The network layer's catalogue of interfaces: rings, and what they have beside them."""
    return _load(collection / "roles" / NETWORK_LAYER / "vars" / "nics.yml")


def _load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def layer_settings(layer: Layer, variables: Mapping[str, Any], host: Mapping[str, Any]) -> dict[str, Any]:
    """What a layer's role would give to its modules: settings of sysctl_bulk, or the three parts of the service layer.

    Raises CatalogueError.
    """
    given = {**layer.defaults, **variables}
    options = layer.options(variables)
    profile, capacity = given["siptune_profile"], given["siptune_capacity"]
    try:
        if layer.name == SERVICE_LAYER:
            _limits_conf.check_file_path(str(options["logins_path"]))
            check_drop_in_name(str(options["drop_in"]))
            wishes = Wishes(**{field: options[field] for field in Wishes._fields})
            return service_limits(layer.catalogue, profile, host, capacity, wishes)
        if layer.name == NETWORK_LAYER:
            for part in (RINGS, LINKS):
                nic_settings(load_nics(), part, profile, host, options[f"nic_{part}"])
        _sysctl_d.check_file_path(str(options["sysctl_path"]))
        return settings(layer.catalogue, profile, host, capacity, options["sysctl"], options)
    except (CatalogueError, SysctlError, SystemdError, _limits_conf.LimitsError) as error:
        raise CatalogueError(f"{layer.name} layer: {error}") from error


def check_together(layers: Iterable[Layer], variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Setting]:
    """The kernel parameters that all layers want.

    Raises CatalogueError unless each layer's settings are good and no two layers are after one key or file.
    """
    owner_of: dict[str, str] = {}
    together: dict[Any, Any] = {}
    for layer in layers:
        wanted = layer_settings(layer, variables, host)
        if layer.name == SERVICE_LAYER:
            continue  # units and logins are nobody else's
        for item in (str(layer.options(variables)["sysctl_path"]), *wanted):
            _claim(owner_of, item, layer.name)
        together.update(wanted)
    try:
        return parse_settings(together)
    except SysctlError as error:
        raise CatalogueError(str(error)) from error


def _claim(owners: dict[str, str], item: str, layer: str) -> None:
    other = owners.setdefault(item, layer)
    if other != layer:
        raise CatalogueError(f"{item}: both the {other} and the {layer} layer set it; leave it to one of them")
