# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the parameters of nic_ring and nic_link to what they ask for."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Request
from .options import Option
from .settings import parse_rules


def build_request(owner: str, known: Mapping[str, Option], params: Mapping) -> Request:
    """The validated request of a module's parameters. Raises NicError."""
    rules = parse_rules(params["interfaces"] or {}, known)
    return Request(
        owner,
        known,
        rules if params["state"] == "present" else [],
        params["when"],
        bool(params["disruptive"]),
        bool(params["despite_calls"]),
    )
