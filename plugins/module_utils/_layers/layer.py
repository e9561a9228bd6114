# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers by name, the parts of each, and a layer as data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

SYSCTL_LAYERS = ("network", "memory", "fs", "security")
NETWORK_LAYER = "network"
FS_LAYER = "fs"
SERVICE_LAYER = "service_limits"
LAYERS = (*SYSCTL_LAYERS, SERVICE_LAYER)
ABSENT = "absent"  # of siptune_state
SET_IN = "set in "  # begins the reason of a setting that the catalogue does not have; then the variable
WHY_OF_OVERRIDE = f"{SET_IN}the inventory"  # where the variable is not known

# A part of a layer is one task of its role, and one call. In the order in which they run.
KERNEL, RINGS, LINKS, SOCKETS, NOTRACK, ALG = "", "rings", "links", "sockets", "notrack", "alg"
LOGINS, UNITS, POOLS = "logins", "units", "pools"
JOURNAL = "journal"
PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SYSCTL_LAYERS, (KERNEL,)),
    NETWORK_LAYER: (KERNEL, RINGS, LINKS, SOCKETS, NOTRACK, ALG),
    FS_LAYER: (KERNEL, JOURNAL),
    SERVICE_LAYER: (LOGINS, UNITS, POOLS),
}


class Layer(NamedTuple):
    """A layer as the files of its role have it: catalogues, and defaults where they are read.

    `interfaces` is the network layer's catalogue of network interfaces.
    """

    name: str
    catalogue: Mapping[str, Any]
    interfaces: Mapping[str, Any] = MappingProxyType({})
    defaults: Mapping[str, Any] = MappingProxyType({})

    def options(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The role's own variables, without their prefix."""
        prefix = f"siptune_{self.name}_"
        return {name[len(prefix) :]: value for name, value in variables.items() if name.startswith(prefix)}


def call_name(layer: str, part: str) -> str:
    """The name of a part among the calls of all layers, such as `network rings`."""
    return f"{layer} {part}".rstrip()
