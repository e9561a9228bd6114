# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the layers on a host: those that the roles make, task by task, with the same arguments.

Pure. Each setting is parsed here, once, by the operation that applies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from .._alg.module import SIP_ALG
from .._core.errors import TuningError
from .._engine.operation import BOOT, Call, Operation
from .._engine.policy import POLICY_ARGUMENTS
from .._journald.module import JOURNALD_LIMITS
from .._logins.module import LIMITS_FILE
from .._nic.module import NIC_LINK, NIC_RING
from .._notrack.module import SIP_NOTRACK
from .._pools.module import DAEMON_POOLS
from .._sockets.module import SIP_SOCKETS
from .._sysctl.key import display_name
from .._sysctl.module import SYSCTL_BULK
from .._sysctl.settings import check_together
from .._units.module import SYSTEMD_LIMITS
from .capacity import CatalogueError
from .layer import (
    ABSENT,
    ALG,
    JOURNAL,
    KERNEL,
    LINKS,
    LOGINS,
    NOTRACK,
    POOLS,
    RINGS,
    SET_IN,
    SOCKETS,
    UNITS,
    Layer,
    call_name,
)
from .settings import layer_settings

# The operation of each part, and its argument for the part's settings.
OPERATIONS: dict[str, tuple[Operation, str]] = {
    KERNEL: (SYSCTL_BULK, "settings"),
    RINGS: (NIC_RING, "interfaces"),
    LINKS: (NIC_LINK, "interfaces"),
    SOCKETS: (SIP_SOCKETS, "receive_buffer_bytes"),
    NOTRACK: (SIP_NOTRACK, "ports"),
    ALG: (SIP_ALG, "block"),
    JOURNAL: (JOURNALD_LIMITS, "max_use"),
    LOGINS: (LIMITS_FILE, "limits"),
    UNITS: (SYSTEMD_LIMITS, "units"),
    POOLS: (DAEMON_POOLS, "pools"),
}
# The variable of a part whose items do not lead to it, as the name of a key does.
VARIABLES = {
    RINGS: "siptune_network_nic_rings",
    LINKS: "siptune_network_nic_links",
    SOCKETS: "siptune_network_sip_receive_buffer",
    NOTRACK: "siptune_network_notrack",
    ALG: "siptune_network_sip_alg",
    JOURNAL: "siptune_fs_journal_max_use",
}


def all_calls(layers: Iterable[Layer], variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
    """All layers' calls in the order of the layers.

    `variables` has all variables of the layers' roles, `host` is siptune_host. Raises CatalogueError for a setting
    that cannot be used, and for two layers that set one key, write one file or contradict each other.
    """
    calls: list[Call] = []
    owners: dict[str, str] = {}
    for layer in layers:
        made = layer_calls(layer, variables, host)
        for item in _kernel_items(made):  # units, logins and interfaces belong to one layer
            other = owners.setdefault(item, layer.name)
            if other != layer.name:
                raise CatalogueError(
                    f"{item}: both the {other} and the {layer.name} layer set it; leave it to one of them"
                )
        calls += made
    _check_together(calls)
    return calls


def _kernel_items(calls: Iterable[Call]) -> list[str]:
    """The files and keys of the calls that set kernel parameters."""
    requests = [call.request for call in calls if call.operation is SYSCTL_BULK]
    return [
        item
        for request in requests
        for item in (request.path, *(display_name(setting.path) for setting in request.settings))
    ]


def _check_together(calls: Iterable[Call]) -> None:
    settings = [setting for call in calls if call.operation is SYSCTL_BULK for setting in call.request.settings]
    try:
        check_together((setting.path, setting.value) for setting in settings)
    except TuningError as error:
        raise CatalogueError(str(error)) from error


def layer_calls(layer: Layer, variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
    """The calls that a layer's role makes, in their order. Raises CatalogueError, which names the layer."""
    options = layer.options(variables)
    try:
        settings = layer_settings(layer, variables, host)
        if not variables.get("siptune_boot_only"):
            return [_call(layer.name, part, given, options, variables) for part, given in settings.items()]
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from .image import cards_of, for_image

        absent, cards = variables["siptune_state"] == ABSENT, cards_of(host)
        of_cards = {} if absent else dict.fromkeys((RINGS, LINKS), cards)
        return [
            _call(layer.name, part, given, options, variables, of_cards.get(part, {}))._replace(left=left)
            for part, (given, left) in for_image(settings, absent, bool(cards)).items()
        ]
    except TuningError as error:
        raise CatalogueError(f"{layer.name} layer: {error}") from error


def _call(
    layer: str,
    part: str,
    settings: Any,
    options: Mapping[str, Any],
    variables: Mapping[str, Any],
    cards: Mapping[str, Any] = MappingProxyType({}),
) -> Call:
    """One call. An argument that the role does not give has the module's default. Raises TuningError.

    `cards` are those of the machine that will boot an image.
    """
    operation, argument = OPERATIONS[part]
    arguments = {name: option.get("default") for name, option in operation.argument_spec.items()}
    arguments.update(_arguments(part, options, variables))
    arguments.update({"state": variables["siptune_state"], argument: settings, **cards})
    try:
        return operation.call(arguments, call_name(layer, part))
    except TuningError as error:
        if part in VARIABLES:
            raise CatalogueError(f"{VARIABLES[part]}: {error}") from error
        raise


def _arguments(part: str, options: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a part's call, without its state and settings. An image gets files for the next boot alone."""
    if part in (SOCKETS, ALG):
        return {}
    despite_calls = variables.get("siptune_disruptive_despite_calls", False)
    at_boot = {"when": BOOT} if variables.get("siptune_boot_only") else {}
    if part in (RINGS, LINKS):
        return at_boot or {"disruptive": variables["siptune_disruptive"], "despite_calls": despite_calls}
    # On the way back an item that is missing or shadowed by now is only reported.
    absent = variables["siptune_state"] == ABSENT
    policy = {} if absent else {name: options[name] for name in POLICY_ARGUMENTS}
    if part == NOTRACK:
        return policy
    if part == JOURNAL:
        return {"why": f"{SET_IN}{VARIABLES[JOURNAL]}", **policy}
    if part == KERNEL:
        return {"path": options["sysctl_path"], **at_boot, **policy}
    if part == LOGINS:
        return {"path": options["logins_path"], **policy}
    restart = {} if at_boot else {"restart": options["restart"], "despite_calls": despite_calls}
    own = {"drop_in": options["drop_in"], "when": options["when"], **at_boot} if part == UNITS else {}
    return {**own, **restart, "exclusive": True, **policy}
