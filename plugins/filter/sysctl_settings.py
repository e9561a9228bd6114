# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that turns a layer's catalogue into the settings of siptune.linux.sysctl_bulk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def sysctl_settings(
    catalogue: Mapping[str, Any],
    host: Mapping[str, Any],
    profile: str = "modern",
    capacity: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """`_catalogue.settings`, with Ansible's own error."""
    # Ansible loads all filters of a collection to find one of them, and this is long.
    from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError, settings

    try:
        return settings(catalogue, profile, host, capacity or {}, overrides or {}, options or {})
    except CatalogueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"sysctl_settings": sysctl_settings}
