# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that turns the catalogue of sockets into the receive buffer that sip_sockets takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def socket_settings(
    catalogue: Mapping[str, Any],
    host: Mapping[str, Any],
    profile: str = "modern",
    capacity: Mapping[str, Any] | None = None,
    override: object = None,
) -> dict[str, Any] | None:
    """`sockets.receive_buffer`, with Ansible's own error."""
    # Ansible loads all filters of a collection to find one of them, and this is long.
    from ansible_collections.siptune.linux.plugins.module_utils._layers import sockets
    from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError

    try:
        return sockets.receive_buffer(catalogue, profile, host, capacity or {}, override)
    except CatalogueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"socket_settings": socket_settings}
