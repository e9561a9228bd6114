# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings about storage in words: one line for all paths that have the same fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._storage.model import UNBOUNDED

GIBIBYTE = 1 << 30


def storage_lines(findings: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The paths, with what they are for, and what is wrong with them and what to do, in the order of the findings."""
    together: dict[tuple[Any, ...], dict[str, list[str]]] = {}
    for one in findings:
        key = (one.get("mount"), one["finding"], _room(one), one["advice"])
        purpose = f"{one['purpose']} of {one['daemon']}"
        together.setdefault(key, {}).setdefault(purpose, []).append(one["path"])
    return [
        (_paths(purposes), "; ".join(filter(None, (finding, room, advice))))
        for (_mount, finding, room, advice), purposes in together.items()
    ]


def _paths(purposes: Mapping[str, Iterable[str]]) -> str:
    return ", ".join(f"{', '.join(paths)} ({purpose})" for purpose, paths in purposes.items())


def _room(one: Mapping[str, Any]) -> str:
    """How much there is to fill up."""
    if one["kind"] != UNBOUNDED or one.get("free_bytes") is None:
        return ""
    return f"{one['free_bytes'] / GIBIBYTE:.1f} GiB are free on {one.get('mount')}"
