# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end of a run: what became of each layer of a host, and the keys that need a look."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import (
    ABSENT,
    CHANGED,
    KEPT,
    OK,
    PENDING,
    READONLY,
    REFUSED,
    SHADOWED,
)
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import SET_IN

from .sockets import socket_line, tuned_sockets

COLUMNS = (CHANGED, OK, KEPT, SHADOWED, PENDING, REFUSED, ABSENT, READONLY)
EXPLAINED = (SHADOWED, PENDING, REFUSED)
LINE_WIDTH = 110
LABEL_WIDTH = 10
KEYS_PER_REASON = 6
REASONS_PER_STATE = 8
MOST_SOCKETS = 6


def render(
    host: str,
    results: Mapping[str, Sequence[Mapping[str, Any] | None]],
    check_mode: bool,
    datagrams_per_second: int | None = None,
    warned: bool = False,
    boot_only: bool = False,
) -> list[str]:
    """The lines of one host's summary.

    `results` has what the modules of each layer returned, in the order of the layers; None or a
    skipped result for a task that did not run. `datagrams_per_second` is the peak that SIP sockets are measured by,
    `warned` says whether the run has warnings of its own, `boot_only` whether the host is an image. Why a run has
    failed is not here: its task fails with that.
    """
    ran = {
        layer: [result for result in parts if result and not result.get("skipped")] for layer, parts in results.items()
    }
    ran = {layer: parts for layer, parts in ran.items() if parts}
    items = [item for parts in ran.values() for result in parts for item in _items(result)]
    prediction = "  (an image: files for the next boot, and nothing live)" if boot_only else ""
    prediction += "  (check mode: predictions, nothing was changed)" if check_mode else ""
    if not ran:
        return [f"{host}: no layer was run"]
    messages = [str(result.get("msg")) for parts in ran.values() for result in parts if result.get("failed")]
    if not items and messages:
        return [f"{host}{prediction}: failed"]
    if not items:
        why = "but see the warning" if warned else "as siptune has set nothing here"
        return [f"{host}{prediction}: nothing to put back, {why}"]
    width = max(map(len, ran))
    lines = [f"{host}{prediction}", *_sockets(items, datagrams_per_second)]
    lines.append("  ".join([" " * (width + 2), *COLUMNS]))
    lines += [_row(layer, width, parts) for layer, parts in ran.items()]
    lines += [line for parts in ran.values() for result in parts for line in _only_files(result)]
    items = [item for item in items if not any(f"{item['item']}: {item.get('reason')}" in said for said in messages)]
    lines += _explained(KEPT, _left(items), most=len(items))
    for state in EXPLAINED:
        lines += _explained(state, [item for item in items if item["state"] == state])
    return lines + _explained(ABSENT, _own_keys(items))


def _only_files(result: Mapping[str, Any]) -> list[str]:
    """The files that a call writes without changing any item."""
    if result.get("failed") or any(item["state"] == CHANGED for item in _items(result)):
        return []
    return [line for file in result.get("files") or () for line in wrapped("", file_text(file), label_width=0)]


def file_text(file: Mapping[str, Any]) -> str:
    """What becomes of a file, such as `rewritten: /etc/sysctl.d/90-siptune-network.conf`."""
    return f"{file['change']}: {file['path']}"


def _left(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What is no longer wanted and stays all the same. Nobody will name it again, so each is named here."""
    return [item for item in items if item["state"] == KEPT and item.get("wanted") is None and item.get("reason")]


def _sockets(items: Iterable[Mapping[str, Any]], datagrams_per_second: int | None) -> list[str]:
    """What the SIP sockets survive, which is what the host is tuned for; the smallest buffers first."""
    sockets = tuned_sockets(items, datagrams_per_second)
    lines = [line for one in sockets[:MOST_SOCKETS] for line in wrapped("socket", socket_line(one))]
    more = len(sockets) - MOST_SOCKETS
    return [*lines, *wrapped("socket", f"and {more} more, none with less")] if more > 0 else lines


def _own_keys(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The absent keys that the inventory itself has set: most likely a slip of the pen."""
    return [item for item in items if item["state"] == ABSENT and str(item.get("why")).startswith(SET_IN)]


def _items(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(result.get("items") or [])


def _row(layer: str, width: int, parts: Sequence[Mapping[str, Any]]) -> str:
    """A layer's counts. A failed call has changed nothing, so it counts nothing but what was refused."""
    states = [
        item["state"]
        for result in parts
        for item in _items(result)
        if not result.get("failed") or item["state"] == REFUSED
    ]
    counts = [f"{states.count(state) or '-':>{len(state)}}" for state in COLUMNS]
    row = "  ".join([f"  {layer:<{width}}", *counts])
    return f"{row}  failed" if any(result.get("failed") for result in parts) else row


def _explained(state: str, items: Iterable[Mapping[str, Any]], most: int = REASONS_PER_STATE) -> list[str]:
    """The keys in a state with the reason; keys that share a reason share a line."""
    keys_of: dict[str, list[str]] = {}
    for item in items:
        keys_of.setdefault(str(item.get("reason") or "no reason given"), []).append(str(item["item"]))
    lines: list[str] = []
    for reason, keys in list(keys_of.items())[:most]:
        lines += wrapped(state, f"{_listed(keys)}: {reason}")
    more = sum(len(keys) for keys in list(keys_of.values())[most:])
    if more:
        lines += wrapped(state, f"and {more} more; run with -v to see them all")
    return lines


def _listed(keys: list[str]) -> str:
    shown = ", ".join(keys[:KEYS_PER_REASON])
    more = len(keys) - KEYS_PER_REASON
    return f"{shown} and {more} more" if more > 0 else shown


def wrapped(label: str, text: str, indent: int = 2, label_width: int = LABEL_WIDTH) -> list[str]:
    """A text in lines, after a label; what does not fit goes below it, a little to the right."""
    return textwrap.wrap(
        text,
        LINE_WIDTH,
        initial_indent=f"{'':{indent}}{label:<{label_width}}",
        subsequent_indent=" " * (indent + label_width + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
