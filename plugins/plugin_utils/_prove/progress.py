# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line for people about each step, while a proof runs."""

from __future__ import annotations

from .._prove import model


def describe(name: str, step: model.Step, coming: int | None) -> str:
    """The line about a step; `coming` is the rate of the next one."""
    times = step["response_ms"]
    slow = "" if times["p99"] is None else f", p99 {times['p99']:g} ms"
    stalled = f" with a stall of {step['stall_ms']} ms" if step["stall_ms"] else ""
    head = f"{name}: {step['rate']:g}/s for {step['seconds']:g} s{stalled}: "
    tail = "" if coming is None else f". Next: {coming}/s"
    if step["holds"]:
        return f"{head}holds, {step['answered']} of {step['sent']} answered{slow}{tail}"
    first = step["reasons"][0]
    return f"{head}does not hold ({first['where']}): {first['what']}: {first['detail']}{tail}"
