# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/calls.svg: bars of what a socket holds, and of what a stall loses. Readable on light and on dark ground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from figures import SHORT_BYTES, Bed
from sipp import CALL, OPTIONS
from states import STOCK, all_states

WIDTH, LABEL_WIDTH, VALUE_WIDTH = 800, 350, 110
BAR_HEIGHT, ROW_HEIGHT, HEADING_HEIGHT = 14, 22, 34
LONGEST_BAR = WIDTH - LABEL_WIDTH - VALUE_WIDTH
SHOWN_STALL_SECONDS = 1.0

# Without a background of its own, an image shows the page's. Where the page does not say which, it is light.
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.heading { font-weight: 600; }
.stock { fill: #9a6700; } .other { fill: #6e7781; } .siptune { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .stock { fill: #d29922; } .other { fill: #8b949e; } .siptune { fill: #3fb950; }
}"""


class Bar(NamedTuple):
    """A row: `text` is what stands at the end of the bar."""

    label: str
    value: float
    text: str
    kind: str


class Panel(NamedTuple):
    heading: str
    bars: Sequence[Bar]


def panels(beds: Sequence[Bed]) -> list[Panel]:
    """What is held, on the bed with most states, and what is lost, on the bed with the highest load."""
    found = []
    widest = max(beds, key=lambda bed: len(bed.states), default=None)
    if widest:
        found.append(Panel(f"Datagrams held in a stall: Linux {widest.versions['Linux']}", held_bars(widest)))
    busiest = max(beds, key=_highest_rate, default=None)
    for kind, words in ((OPTIONS, "OPTIONS"), (CALL, "messages of calls")):
        bars = lost_bars(busiest, kind) if busiest else []
        if busiest and bars:
            rate = next(stall.rate for one in busiest.states for stall in one.stalls if stall.kind == kind)
            where = f"{rate:,}/s, Linux {busiest.versions['Linux']}"
            found.append(Panel(f"Lost {words} in a stall of {SHOWN_STALL_SECONDS:.0f} s at {where}", bars))
    return found


def _highest_rate(bed: Bed) -> int:
    return max((stall.rate for one in bed.states for stall in one.stalls), default=0)


def held_bars(bed: Bed) -> list[Bar]:
    bars = []
    for state in all_states():
        measured = bed.state(state.key)
        held = measured.holds(SHORT_BYTES) if measured else None
        if held:
            text = f"{held.held:,}" + (" or more" if held.all else "")
            bars.append(Bar(f"{state.name}, {state.moment}", held.held, text, _kind(state.key)))
    return bars


def lost_bars(bed: Bed, kind: str) -> list[Bar]:
    bars = []
    for state in all_states():
        measured = bed.state(state.key)
        for stall in measured.stalls if measured else ():
            if stall.kind == kind and stall.seconds == SHOWN_STALL_SECONDS:
                bars.append(Bar(f"{state.name}, {state.moment}", stall.dropped, f"{stall.dropped:,}", _kind(state.key)))
    return bars


def _kind(key: str) -> str:
    if key == STOCK:
        return "stock"
    return "siptune" if key.startswith(("modern", "contract", "classic")) else "other"


def svg(shown: Sequence[Panel]) -> str:
    """The panels one below another."""
    top, parts = 0, []
    for panel in shown:
        parts += _panel(panel, top)
        top += HEADING_HEIGHT + ROW_HEIGHT * len(panel.bars) + 10
    title = "; ".join(panel.heading for panel in shown)
    size = f'viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


def _panel(panel: Panel, top: int) -> Iterable[str]:
    yield f'<text class="heading" x="4" y="{top + 22}">{escape(panel.heading)}</text>'
    longest = max((bar.value for bar in panel.bars), default=0) or 1
    for number, bar in enumerate(panel.bars):
        y = top + HEADING_HEIGHT + number * ROW_HEIGHT
        length = max(1.0, LONGEST_BAR * bar.value / longest)
        yield f'<text x="{LABEL_WIDTH - 8}" y="{y + 12}" text-anchor="end">{escape(bar.label)}</text>'
        yield f'<rect class="{bar.kind}" x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="2"/>'
        yield f'<text x="{LABEL_WIDTH + length + 6:.1f}" y="{y + 12}">{escape(bar.text)}</text>'
