# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module calls that the layers come to on a host.

Pure: what a layer is comes as data, and the host as its facts, so that the controller and the host reckon alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._logins import conf as logins_conf
from .._sysctl import conf as sysctl_conf
from .._sysctl.key import SysctlError
from .._sysctl.settings import Setting, parse_settings
from .._systemd.units import check_drop_in_name
from .._systemd.values import SystemdError
from .catalogue import CatalogueError, settings
from .interfaces import nic_settings
from .layer import ABSENT, ACCEPTABLE, KERNEL, NETWORK_LAYER, NIC_MODULES, SERVICE_LAYER, SOCKETS, Call, Layer
from .services import Wishes, service_limits
from .sockets import receive_buffer

# --- all layers together --------------------------------------------------------------------


def all_calls(layers: Iterable[Layer], variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
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


# --- one layer ------------------------------------------------------------------------------


def layer_calls(layer: Layer, variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
    """The calls that a layer's role makes, in their order. `host` is siptune_host. Raises CatalogueError."""
    calls = _service_calls if layer.name == SERVICE_LAYER else _sysctl_calls
    try:
        return calls(layer, {**layer.defaults, **variables}, host)
    except (CatalogueError, SysctlError, SystemdError, logins_conf.LimitsError) as error:
        raise CatalogueError(f"{layer.name} layer: {error}") from error


def _sysctl_calls(layer: Layer, given: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
    """A layer of the kernel is one call; the network layer has three more, of interfaces and of sockets."""
    state, options = given["siptune_state"], layer.options(given)
    sysctl_conf.check_file_path(str(options["sysctl_path"]))
    wanted: dict[str, Any] = {}
    if state != ABSENT:
        profile, capacity = given["siptune_profile"], given["siptune_capacity"]
        wanted = settings(layer.catalogue, profile, host, capacity, options["sysctl"], options)
    arguments = {
        "path": options["sysctl_path"],
        "state": state,
        **{name: options[name] for name in ACCEPTABLE},
        "settings": wanted,
    }
    kernel = Call(layer.name, KERNEL, "sysctl_bulk", arguments)
    if layer.name != NETWORK_LAYER:
        return [kernel]
    return [kernel, *(_nic_call(layer, part, given, host) for part in NIC_MODULES), _socket_call(layer, given, host)]


def _nic_call(layer: Layer, part: str, given: Mapping[str, Any], host: Mapping[str, Any]) -> Call:
    state, wanted = given["siptune_state"], {}
    if state != ABSENT:
        own = layer.options(given)[f"nic_{part}"]
        wanted = nic_settings(layer.interfaces, part, given["siptune_profile"], host, own)
    arguments = {
        "state": state,
        "disruptive": given.get("siptune_disruptive"),
        "despite_calls": given.get("siptune_disruptive_despite_calls"),
        "interfaces": wanted,
    }
    return Call(layer.name, part, NIC_MODULES[part], arguments)


def _socket_call(layer: Layer, given: Mapping[str, Any], host: Mapping[str, Any]) -> Call:
    state, wanted = given["siptune_state"], None
    if state != ABSENT:
        profile, capacity = given["siptune_profile"], given["siptune_capacity"]
        wanted = receive_buffer(layer.interfaces, profile, host, capacity, layer.options(given)["sip_receive_buffer"])
    return Call(layer.name, SOCKETS, "sip_sockets", {"state": state, "receive_buffer_bytes": wanted})


def _service_calls(layer: Layer, given: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
    """The service layer is a call for logins, one for units, and one for memory pools."""
    profile, state, options = given["siptune_profile"], given["siptune_state"], layer.options(given)
    logins_conf.check_file_path(str(options["logins_path"]))
    check_drop_in_name(str(options["drop_in"]))
    wanted: dict[str, Any] = {"logins": [], "units": {}, "pools": {}}
    if state != ABSENT:
        wishes = Wishes(**{field: options[field] for field in Wishes._fields})
        wanted = service_limits(layer.catalogue, profile, host, given["siptune_capacity"], wishes)
    common = {"state": state, **{name: options[name] for name in ACCEPTABLE}}
    units = {
        "drop_in": options["drop_in"],
        "running": options["running"],
        "despite_calls": given["siptune_disruptive_despite_calls"],
        "exclusive": True,
        "units": wanted["units"],
    }
    return [
        Call(
            layer.name, "logins", "limits_file", {"path": options["logins_path"], "limits": wanted["logins"], **common}
        ),
        Call(layer.name, "units", "systemd_limits", {**units, **common}),
        Call(layer.name, "pools", "daemon_pools", {"state": state, "exclusive": True, "pools": wanted["pools"]}),
    ]
