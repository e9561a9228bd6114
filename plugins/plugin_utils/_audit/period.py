# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time that the counters of a host have counted, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import BOOT, CONTAINER, COUNTERS, NAMESPACE

SINCE_WORDS = {
    BOOT: "since the host's boot",
    CONTAINER: "since the container's start",
    NAMESPACE: "since its network namespace was made",
}
OF_MACHINE = frozenset(counter.name for counter in COUNTERS if counter.of_machine)
UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))
FEWEST = 2  # of a unit: less is told in the next smaller one


def period(counters: Mapping[str, Any]) -> str:
    """The period of a result of sip_counters_info, such as `since the host's boot, 12 days ago`."""
    seconds = counters.get("seconds")
    if not counters.get("since_boot"):
        return "in an unknown time" if seconds is None else f"in {seconds:g} {plural(seconds, 'second')}"
    words = SINCE_WORDS[counters.get("since") or BOOT]
    return words if seconds is None else f"{words}, {_ago(seconds)}"


def since_of(name: str, counters: Mapping[str, Any]) -> str | None:
    """What a counter's total is since: a few are the whole machine's, in a container as well."""
    return BOOT if name in OF_MACHINE else counters.get("since")


def other_start(counter: Mapping[str, Any], counters: Mapping[str, Any]) -> str:
    """The words for a counter of the document that is since something else than the others; "" for all others."""
    apart = counters["since_boot"] and counter["since"] != counters["since"]
    return SINCE_WORDS[counter["since"]] if apart and counter["since"] else ""


def _ago(seconds: float) -> str:
    for size, unit in UNITS:
        count = int(seconds // size)
        if count >= FEWEST:
            return f"{count} {plural(count, unit)} ago"
    count = int(seconds)
    return f"{count} {plural(count, 'second')} ago"
