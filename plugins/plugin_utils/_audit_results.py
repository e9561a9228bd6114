# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under which names playbooks/audit.yml keeps what its tasks return, and when a host is done with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.siptune.linux.plugins.plugin_utils._applied import results_by_layer

# What comes before the layers: without it there is nothing to be learned from them.
PREPARATION = ("__siptune_audit_facts_result", "__siptune_check_layers_result")
COUNTERS = "__siptune_counters_result"


def goes_on(registered: Mapping[str, Any]) -> bool:
    """Whether it makes sense to ask a host for more: it is there, it can be looked at, its variables are good.

    A layer that has failed says nothing of the others, so that it does not end the audit of the host.
    """
    for name in PREPARATION:
        result = registered.get(name) or {}
        if result.get("failed") or result.get("unreachable"):
            return False
    results = [registered.get(COUNTERS), *(one for parts in results_by_layer(registered).values() for one in parts)]
    return not any((result or {}).get("unreachable") for result in results)
