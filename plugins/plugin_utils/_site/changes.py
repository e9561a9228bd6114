# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run changes, or in check mode would change: each item once, and hosts that change alike together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import CHANGED

from .sockets import is_socket
from .summary import wrapped

NOT_SET = "not set"
NO_LONGER_WANTED = "no longer wanted"  # the reason of every item on the way back
MOST_HOSTS_NAMED = 8


def render_changes(hosts: Mapping[str, Sequence[str]], check_mode: bool) -> list[str]:
    """The changes of all hosts, given as their lines. Hosts with the same lines share them."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for host, lines in hosts.items():
        if lines:
            alike.setdefault(tuple(lines), []).append(host)
    verb = "would change" if check_mode else "changed"
    return [line for lines, names in alike.items() for line in (f"{_named(names)} {verb}", *lines, "")]


def _named(hosts: Sequence[str]) -> str:
    more = len(hosts) - MOST_HOSTS_NAMED
    named = ", ".join(hosts[:MOST_HOSTS_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def change_lines(results: Mapping[str, Sequence[Mapping[str, Any] | None]]) -> list[str]:
    """The changed items of one host by layer, the files that are written, and the warnings.

    Sockets are not among them: their lines in the summary say more, and hosts that change alike have other addresses.
    """
    lines = []
    for layer, parts in results.items():
        ran = [part for part in parts if part and not part.get("skipped") and not part.get("failed")]
        own = [line for part in ran for line in _part(part)]
        lines += [f"  {layer}", *own] if own else []
    return lines


def _part(result: Mapping[str, Any]) -> Iterable[str]:
    for item in result.get("items") or []:
        if item["state"] == CHANGED and not is_socket(item):
            yield from wrapped("", _item(item), indent=4, label_width=0)
    for file in result.get("files") or []:
        yield from wrapped(file["change"], file["path"], indent=4)


def _item(item: Mapping[str, Any]) -> str:
    before, after, at_boot = (_shown(item.get(field)) for field in ("before", "after", "at_boot"))
    moved = f"{before} -> {after}"
    if before == after:
        moved = f"{after} now, {at_boot} at the next boot" if at_boot != after else f"{after} from the next boot on, too"
    why = str(item.get("why") or "")
    return f"{item['item']}: {moved}{f' ({why})' if why and why != NO_LONGER_WANTED else ''}"


def _shown(value: object) -> str:
    return NOT_SET if value is None or value == "" else " ".join(str(value).split())
