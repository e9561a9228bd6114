# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under which names playbooks/audit.yml keeps what its tasks return, and when a host is done with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._site.applied import APPLIED

COUNTERS = "__siptune_counters_result"


def goes_on(registered: Mapping[str, Any]) -> bool:
    """Whether it makes sense to ask a host for more: it is there, it can be looked at, its variables are good.

    A layer that has failed says nothing of the others, so that it does not end the audit of the host.
    """
    whole = registered.get(APPLIED) or {}
    if whole.get("failed") and "layers" not in whole:
        return False
    return not any((registered.get(name) or {}).get("unreachable") for name in (APPLIED, COUNTERS))
