# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the catalogue of sockets to the receive buffer that sip_sockets takes: profile, sizing, capacity contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._sockets.settings import OPTION
from .capacity import parse_capacity
from .catalogue import check_profile, profile_setting
from .layer import SET_IN, SOCKETS
from .sizing import sip_queue_bytes

VARIABLE = "siptune_network_sip_receive_buffer"
NO = ("0", "false", "no")


def receive_buffer(
    catalogue: Mapping[str, Any],
    profile: str,
    host: Mapping[str, Any],
    capacity: Mapping[str, object],
    override: object,
) -> dict[str, Any]:
    """The `receive_buffer_bytes` of sip_sockets, empty to leave sockets alone. Raises CatalogueError.

    `host` is siptune_host, `capacity` siptune_capacity. An override of null is sized, and 0 or false leaves alone.
    """
    check_profile(profile)
    contract = parse_capacity(capacity)
    if override is None:
        entry = catalogue[SOCKETS].get(OPTION)  # a host is sent the entries of its profile alone
        setting = profile_setting(entry, profile, host, contract, {}) if entry else None
        return {} if setting is None or setting["value"] is None else _with_bound(setting, sip_queue_bytes(contract))
    if str(override).lower() in NO:
        return {}
    own = override if isinstance(override, Mapping) else {"value": override}
    return {"rule": "at_least", **own, "why": own.get("why") or f"{SET_IN}{VARIABLE}"}


def _with_bound(setting: dict[str, Any], wanted_bytes: int) -> dict[str, Any]:
    """The setting, which says so where this host cannot give what the contract asks for."""
    if wanted_bytes <= setting["value"]:
        return setting
    bound = f"The contract asks for {wanted_bytes} bytes, and the memory of this host bounds it."
    return {**setting, "why": f"{setting['why']} {bound}"}
