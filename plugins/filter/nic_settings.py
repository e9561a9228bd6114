# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that turns the catalogue of network interfaces into what nic_ring and nic_link take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def nic_settings(
    catalogue: Mapping[str, Any],
    part: str,
    host: Mapping[str, Any],
    profile: str = "modern",
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """`interfaces.nic_settings`, with Ansible's own error."""
    # Ansible loads all filters of a collection to find one of them, and this is long.
    from ansible_collections.siptune.linux.plugins.module_utils._layers import interfaces
    from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError

    try:
        return interfaces.nic_settings(catalogue, part, profile, host, overrides)
    except CatalogueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nic_settings": nic_settings}
