# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as records, as JSON, as a page and as a chart."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import chart
import page
import pytest
from figures import (
    LONG_BYTES,
    SHORT_BYTES,
    Bed,
    Held,
    Key,
    Measured,
    Stall,
    from_document,
    longest_stall_seconds,
    stall_of,
    to_document,
)
from sipp import CALL, OPTIONS, Response, Totals
from states import CONTRACT, HOLDING, MODERN, STOCK, all_states

SVG = "{http://www.w3.org/2000/svg}"


def stall(kind: str, dropped: int, failed: int, late_p99: float | None = 4.0) -> Stall:
    return Stall(kind, 1.0, 1000, 7000, failed, dropped, 12, 944.0, late_p99)


def measured(key: str, held: int, *stalls: Stall, sent: int = 20000) -> Measured:
    return Measured(key, held * 1280, (Held(SHORT_BYTES, held, sent), Held(LONG_BYTES, held // 2, sent)), stalls)


def bed(*states: Measured, name: str = "bookworm", keys: tuple[Key, ...] = ()) -> Bed:
    return Bed(name, "Debian 12 in a virtual machine; 2 processors", {"Linux": "6.1.0", "SIPp": "3.6.1"}, states, keys)


STOCK_STATE = measured(STOCK, 333, stall(OPTIONS, 592, 592), stall(CALL, 190, 3))
TUNED_STATE = measured("modern-live", 4915, stall(OPTIONS, 0, 0), stall(CALL, 0, 0))
KEYS = (
    Key("net.core.rmem_default", "31457280", "31457280", 24576),
    Key("net.core.rmem_max", "67108864", "67108864", 410),
    Key("net.core.wmem_max", "33554432", "33554432", 334),
    Key("net.ipv4.udp_mem", "1 2 3", "1 2 3", 333),
    Key("net.core.gone", "1", None, 333),
)


@pytest.mark.parametrize(
    "beds",
    [
        [],
        [bed(STOCK_STATE, TUNED_STATE, keys=KEYS)],
        [bed(name="machine"), bed(measured(STOCK, 1, stall(CALL, 0, 0, None)))],
    ],
    ids=["none", "one", "two"],
)
def test_json_keeps_everything(beds: list[Bed]) -> None:
    assert from_document(json.loads(json.dumps(to_document(beds)))) == beds


def test_late_responses_are_those_two_seconds_after_the_stall() -> None:
    responses = [Response(3.0, 900.0), Response(4.9, 300.0), Response(5.0, 7.0), Response(5.1, 3.0)]
    found = stall_of(CALL, 1.0, 200, Totals(4, 1, 2), 5, responses, woken_at=3.0)
    assert (found.p99, found.late_p99) == (900.0, 7.0)
    assert (found.calls, found.failed, found.retransmissions, found.dropped) == (4, 1, 2, 5)


def test_without_late_responses_there_is_no_late_figure() -> None:
    assert stall_of(CALL, 1.0, 200, Totals(0, 0, 0), 0, [], woken_at=3.0)[-2:] == (None, None)


def test_a_buffer_in_time() -> None:
    assert longest_stall_seconds(Held(SHORT_BYTES, 3277, 9000), 1000) == 3.277


# --- the page -------------------------------------------------------------------------------


def row(text: str, *beginning: str) -> list[str]:
    """The cells of the first row that begins so."""
    start = "| " + " | ".join(beginning) + " |"
    line = next(line for line in text.split("\n") if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_page_compares_with_stock() -> None:
    text = page.render([bed(STOCK_STATE, TUNED_STATE)])
    assert row(text, "stock", "same process")[2:] == ["426,240", "333", "166", "1.0", "0.33 s"]
    assert row(text, MODERN, "same process")[3:] == ["4,915", "2,457", "14.8", "4.92 s"]
    assert CONTRACT not in text


def test_page_says_what_a_namespace_cannot_show() -> None:
    text = page.render([bed(STOCK_STATE, TUNED_STATE, name="machine")])
    assert row(text, "the documents' values", "after a restart")[2] == page.NEEDS_MACHINE
    assert row(text, MODERN, "same process")[3] == "4,915"


def test_a_buffer_that_took_everything_is_not_given_a_size() -> None:
    text = page.render([bed(measured("documents", 8000, sent=8000))])
    assert row(text, "the documents' values")[3] == "all of 8,000"


def test_targets_compare_with_stock() -> None:
    found = {target.text: target for target in page.targets(bed(STOCK_STATE, TUNED_STATE))}
    held = found[f"{MODERN}, same process: holds at least 10 times what a stock host holds"]
    assert (held.found, held.reached) == ("14.8 times", True)
    lost = found[f"{MODERN}, same process: a stall of 1 s at 1,000 OPTIONS a second loses nothing"]
    assert (lost.found, lost.reached) == ("0 messages, 0 calls; stock 592 and 592", True)


@pytest.mark.parametrize(
    "lost", [stall(CALL, 1, 0), stall(CALL, 0, 1), stall(CALL, 0, 0, 201.0), stall(CALL, 0, 0, None)]
)
def test_a_missed_target_is_said_to_be(lost: Stall) -> None:
    found = bed(STOCK_STATE, measured("modern-live", 4915, lost))
    assert [target.reached for target in page.targets(found)].count(False) == 1
    assert "**missed**" in page.render([found])


def test_too_small_a_buffer_is_a_missed_target() -> None:
    assert [target.reached for target in page.targets(bed(STOCK_STATE, measured("modern-live", 3329)))] == [False]


def test_targets_need_a_stock_host_to_compare_with() -> None:
    assert page.targets(bed(measured("modern-live", 4915))) == []


def test_keys_that_do_nothing_are_named() -> None:
    text = page.render([bed(STOCK_STATE, keys=KEYS)])
    assert row(text, "`net.core.rmem_default`")[3] == "× 73.8"
    assert row(text, "`net.core.rmem_max`")[3] == "× 1.2"
    assert row(text, "`net.core.wmem_max`")[3] == "nothing"
    assert row(text, "`net.core.gone`")[1] == "1 (no such key)"


def test_the_page_keeps_to_its_figures() -> None:
    """Nothing was measured, so no figure of a host is claimed."""
    text = page.render([])
    assert not re.search(r"^\|", text, re.MULTILINE)


# --- the chart ------------------------------------------------------------------------------


def bars(text: str) -> list[tuple[str, float]]:
    tree = ElementTree.fromstring(text)
    return [(one.get("class", ""), float(one.get("width", "0"))) for one in tree.iter(f"{SVG}rect")]


def test_chart_shows_bars_by_their_share() -> None:
    text = chart.svg(chart.panels([bed(STOCK_STATE, TUNED_STATE)]))
    stock, held, *_ = bars(text)
    assert (stock[0], held[0]) == ("stock", "siptune")
    assert stock[1] / held[1] == pytest.approx(333 / 4915, rel=0.01)
    assert "prefers-color-scheme: dark" in text
    assert "Linux 6.1.0" in text


def test_chart_of_nothing_is_an_image() -> None:
    assert bars(chart.svg(chart.panels([]))) == []


def test_bars_and_their_texts_stay_inside() -> None:
    states = [measured(state.key, 24576) for state in all_states()]
    tree = ElementTree.fromstring(chart.svg(chart.panels([bed(*states)])))
    assert len(list(tree.iter(f"{SVG}rect"))) == len(states)
    for one in tree.iter(f"{SVG}rect"):
        assert float(one.get("x", "0")) + float(one.get("width", "0")) <= chart.WIDTH - chart.VALUE_WIDTH


# --- the states -----------------------------------------------------------------------------


def test_states_have_names_of_their_own() -> None:
    keys = [state.key for state in all_states()]
    assert len(set(keys)) == len(keys)
    assert {STOCK, *HOLDING} <= set(keys)
    assert len({(state.name, state.moment) for state in all_states()}) == len(keys)
