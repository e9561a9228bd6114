# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers by name, and what a layer is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SYSCTL_LAYERS = ("network", "memory", "fs", "security")
NETWORK_LAYER = "network"
SERVICE_LAYER = "service_limits"
LAYERS = (*SYSCTL_LAYERS, SERVICE_LAYER)
ABSENT = "absent"  # of siptune_state
ACCEPTABLE = ("missing", "shadowed")  # what a user may rule out, in a layer as in a module

RINGS, LINKS, SOCKETS = "rings", "links", "sockets"

# The calls of a layer's role, in the order in which they are made.
KERNEL = ""
PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SYSCTL_LAYERS, (KERNEL,)),
    NETWORK_LAYER: (KERNEL, RINGS, LINKS, SOCKETS),
    SERVICE_LAYER: ("logins", "units", "pools"),
}
NIC_MODULES = {RINGS: "nic_ring", LINKS: "nic_link"}


class Layer(NamedTuple):
    """A layer as data: its catalogue, its role's defaults, and its catalogue of network interfaces, if it has one."""

    name: str
    catalogue: dict[str, dict[str, Any]]
    defaults: dict[str, Any]
    interfaces: dict[str, Any]

    def options(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The role's own variables without their prefix, defaults where they are not given."""
        prefix = f"siptune_{self.name}_"
        own = {name: variables.get(name, default) for name, default in self.defaults.items() if name.startswith(prefix)}
        return {name[len(prefix) :]: value for name, value in own.items()}


class Call(NamedTuple):
    """A call that a layer's role makes: which module, with which arguments."""

    layer: str
    part: str
    module: str
    arguments: dict[str, Any]

    def as_given(self) -> dict[str, Any]:
        """The call as siptune.linux.transaction takes it."""
        return {"name": call_name(self.layer, self.part), "module": self.module, "arguments": self.arguments}


def call_name(layer: str, part: str) -> str:
    """The name of a layer's call among those of all layers."""
    return f"{layer} {part}".rstrip()
