# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of each part of a layer: its catalogue, sized to the host, with the inventory's own settings.

Pure. The modules parse these settings; nothing here does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._alg.items import BLOCKED
from .capacity import CatalogueError
from .catalogue import settings
from .interfaces import nic_settings, of_links
from .layer import (
    ABSENT,
    ALG,
    FS_LAYER,
    JOURNAL,
    KERNEL,
    LINKS,
    LOGINS,
    NETWORK_LAYER,
    NOTRACK,
    PARTS,
    RINGS,
    SERVICE_LAYER,
    SOCKETS,
    Layer,
)
from .notrack import notrack_ports
from .services import OwnSettings, service_limits
from .sockets import receive_buffer


def layer_settings(layer: Layer, variables: Mapping[str, Any], host: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by part. With `siptune_state: absent` they are empty.

    `variables` has all variables of the layer's role, `host` is siptune_host. Raises TuningError.
    """
    if variables["siptune_state"] == ABSENT:
        return {part: [] if part == LOGINS else {} for part in PARTS[layer.name]}
    profile, capacity, options = variables["siptune_profile"], variables["siptune_capacity"], layer.options(variables)
    if layer.name == SERVICE_LAYER:
        own = OwnSettings(**{field: options[field] for field in OwnSettings._fields})
        return service_limits(layer.catalogue, profile, host, capacity, own)
    if layer.name != NETWORK_LAYER:
        kernel = settings(layer.catalogue, profile, host, capacity, options["sysctl"], options)
        return {KERNEL: kernel, **({JOURNAL: options.get("journal_max_use")} if layer.name == FS_LAYER else {})}
    nics = {
        part: nic_settings(layer.interfaces, part, profile, host, options[f"nic_{part}"]) for part in (RINGS, LINKS)
    }
    # Some keys go with what the same run sets on cards.
    options = {**options, **of_links(nics[LINKS], host)}
    kernel = settings(layer.catalogue, profile, host, capacity, options["sysctl"], options)
    sockets = receive_buffer(layer.interfaces, profile, host, capacity, options["sip_receive_buffer"])
    notrack = notrack_ports(options["notrack"], options["notrack_tcp"], host)
    return {KERNEL: kernel, **nics, SOCKETS: sockets, NOTRACK: notrack, ALG: _blocks_alg(options["sip_alg"])}


def _blocks_alg(given: object) -> bool:
    """Whether siptune_network_sip_alg asks for the SIP ALG to be blocked. Raises CatalogueError."""
    if given not in (None, "", BLOCKED):
        raise CatalogueError(f"siptune_network_sip_alg: is {BLOCKED}, or null to leave it alone, not {given!r}")
    return given == BLOCKED
