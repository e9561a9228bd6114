# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that turns the service layer's catalogue into what its three modules take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def service_limits(
    catalogue: Mapping[str, Any],
    host: Mapping[str, Any],
    profile: str = "modern",
    capacity: Mapping[str, Any] | None = None,
    services: object = None,
    units: object = None,
    pools: object = None,
    logins: object = None,
) -> dict[str, Any]:
    """`services.service_limits`, with Ansible's own error."""
    # Ansible loads all filters of a collection to find one of them, and this is long.
    from ansible_collections.siptune.linux.plugins.module_utils._layers import services as sizing
    from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError

    wishes = sizing.Wishes(services, units, pools, logins)
    try:
        return sizing.service_limits(catalogue, profile, host, capacity or {}, wishes)
    except CatalogueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"service_limits": service_limits}
