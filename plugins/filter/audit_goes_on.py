# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter by which playbooks/audit.yml leaves a host alone that cannot be asked any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.siptune.linux.plugins.plugin_utils._audit.results import goes_on


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"audit_goes_on": goes_on}
