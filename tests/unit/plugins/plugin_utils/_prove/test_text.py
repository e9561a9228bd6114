# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof on a terminal."""

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.plugin_utils._prove.document import document
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.text import aim_of, render_end, render_target
from hypothesis import given
from hypothesis import strategies as st
from prove_results import AFTER, BEFORE, FULL, GENERATED_AT, proof, run, step, target


def test_a_target_that_was_compared() -> None:
    lines = render_target(proof()["targets"][0])
    assert lines[0] == "edge1: holds  invite over udp to 10.0.0.5:5060, kamailio, from gen1"
    assert "  before tuning: 190 calls per second hold; the target gave" in lines
    assert "  after tuning: 700 calls per second hold; the target gave" in lines
    row = "       320   2,560   2,560     2,361     199     599     0.8   528.3     613      28  gives: UdpRcvbufErrors"
    assert row in lines
    assert any(line.startswith("  contract    the contract's 400 calls per second hold") for line in lines)
    assert lines[-1] == "  compared    tuning: from 190 to 700 calls per second (+268%)"


def test_columns_are_one_below_the_other() -> None:
    lines = render_target(proof()["targets"][1])
    heads = next(line for line in lines if "rate/s" in line)
    rows = [line for line in lines if line.endswith("  holds")]
    assert {line.rindex("  holds") for line in rows} == {len(heads)}


def test_a_target_that_was_not_proved() -> None:
    assert render_target(proof()["targets"][3]) == [
        "gone: not proved",
        "  error       Failed to connect to the host via ssh",
    ]


def test_a_target_on_which_nothing_holds() -> None:
    (only,) = document({"a": target("a", run("as_is", None, [step(40, False, 9)]))}, GENERATED_AT, "0.1.0")["targets"]
    assert "  as it is: no rate has held; the target gave" in render_target(only)


def test_an_address_of_ipv6_has_brackets() -> None:
    (only,) = document({"a": target("a", AFTER, address="2001:db8::5")}, GENERATED_AT, "0.1.0")["targets"]
    assert " to [2001:db8::5]:5060" in aim_of(only)


def test_the_end() -> None:
    assert render_end(proof(), ["/r/siptune-prove.json"], ["a note"]) == [
        "4 targets: 1 with a contract that holds, 1 with one that does not, 1 without a contract, 1 not proved",
        "  /r/siptune-prove.json",
        "  a note",
    ]


@given(st.text(max_size=50))
def test_no_text_of_a_host_moves_the_terminal(text: str) -> None:
    reason = {**FULL, "what": text or "x", "detail": text, "help": text}
    steps = [step(40, False, 9, reasons=[reason])]
    registered = target("a", run("as_is", None, steps), warnings=[text], daemon=text)
    (only,) = document({text: registered}, GENERATED_AT, "0.1.0")["targets"]
    assert all(line.isprintable() for line in render_target(only))


def test_before_stands_above_after() -> None:
    lines = render_target(document({"a": target("a", BEFORE, AFTER)}, GENERATED_AT, "0.1.0")["targets"][0])
    heads = [line for line in lines if " tuning: " in line and "hold" in line]
    assert [line.split(" ")[2] for line in heads] == ["before", "after"]
