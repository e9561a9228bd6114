# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof on a terminal: for each target what it carries, what gave first, and a table of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural, printable

from .._site.summary import wrapped
from .document import (
    END_WORDS,
    STATE_WORDS,
    compared,
    contract_line,
    rate_text,
    reason_line,
    totals,
    unit_of,
    verdict,
)

COLUMNS = ("rate/s", "asked", "sent", "answered", "failed", "again", "p50 ms", "p99 ms", "lost", "busy %")
LEAST_WIDTH = 6
LABEL_WIDTH = 12


def render_target(target: Mapping[str, Any]) -> list[str]:
    """The lines of one target of the document."""
    lines = [_heading(target)]
    for warning in target["warnings"]:
        lines += _said("warning", warning)
    for run in target["runs"]:
        lines += _run(target, run)
    if target["error"]:
        lines += _said("error", target["error"])
    else:
        lines += _said("contract", contract_line(target))
        if compared(target):
            lines += _said("compared", compared(target))
    return list(map(printable, lines))  # names and answers come from hosts


def render_end(proof: Mapping[str, Any], paths: Sequence[str], notes: Sequence[str] = ()) -> list[str]:
    """The last lines: all targets in one, where the reports are, and notes on them."""
    found = totals(proof)
    parts = [f"{found['targets']} {plural(found['targets'], 'target')}: {found['holds']} with a contract that holds"]
    words = {
        "does_not_hold": "with one that does not",
        "undecided": "undecided",
        "no_contract": "without a contract",
        "not_proved": "not proved",
    }
    parts += [f"{found[name]} {said}" for name, said in words.items() if found[name]]
    return [", ".join(parts), *(f"  {printable(line)}" for line in (*paths, *notes))]


def _said(label: str, text: str) -> list[str]:
    return wrapped(label, text, label_width=LABEL_WIDTH)


def _heading(target: Mapping[str, Any]) -> str:
    aim = f"  {aim_of(target)}" if target["address"] else ""
    return f"{target['name']}: {verdict(target)}{aim}"


def aim_of(target: Mapping[str, Any]) -> str:
    """What was sent where: `invite over udp to 10.0.0.5:5060, kamailio, from gen1`."""
    address = f"[{target['address']}]" if ":" in target["address"] else target["address"]
    parts = [f"{target['scenario']} over {target['transport']} to {address}:{target['port']}", target["daemon"]]
    return ", ".join(filter(None, (*parts, f"from {target['generator']}" if target["generator"] else "")))


def _run(target: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    rate = f"{rate_text(run['highest_rate'])} {unit_of(target)} hold" if run["highest_rate"] else "no rate has held"
    lines = [f"  {STATE_WORDS[run['state']]}: {rate}; {END_WORDS[run['ended_by']]}"]
    if run["steps"]:
        lines += _table(run["steps"])
    if run["gave_first"]:
        lines += _said("gave first", reason_line(run["gave_first"]))
    return lines


def _table(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """The steps in the order in which they were taken."""
    widths = [max(len(column), LEAST_WIDTH) for column in COLUMNS]
    rows = [COLUMNS, *map(_cells, steps)]
    ends = [
        "",
        *(
            "holds" if step["holds"] else f"gives: {step['reasons'][0]['what']}" if step["reasons"] else "gives"
            for step in steps
        ),
    ]
    return [
        "    " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) + f"  {end}".rstrip()
        for row, end in zip(rows, ends, strict=True)
    ]


def _cells(step: Mapping[str, Any]) -> tuple[str, ...]:
    times, busy = step["response_ms"], step["processors"]["target"]
    numbers = (step[name] for name in ("asked", "sent", "answered", "failed", "retransmissions"))
    return (
        rate_text(step["rate"]),
        *(f"{number:,}" for number in numbers),
        *("–" if times[name] is None else f"{times[name]:,.1f}" for name in ("p50", "p99")),
        f"{sum(step['losses'].values()):,}",
        f"{max(busy):.0f}" if busy else "–",
    )
