# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import NONE_EXEMPT, Exempt, merged
from ansible_collections.siptune.linux.plugins.module_utils._notrack.table import (
    DELETION,
    OwnTable,
    own_table,
    ports_of_text,
    text_for,
    without_own,
)
from hypothesis import given
from hypothesis import strategies as st
from notrack_hosts import BOTH_EXEMPT, EXEMPT, ruleset

PORT = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nothing", OwnTable(False)),
        ("firewalld", OwnTable(False)),
        ("ours", OwnTable(True, EXEMPT)),
        ("ours with TCP", OwnTable(True, BOTH_EXEMPT)),
        ("ours and more", OwnTable(True, foreign="has more than our two chains")),
        ("ours with a set", OwnTable(True, foreign="has more than our two chains")),
        ("ours edited", OwnTable(True, foreign="has other rules than ours")),
        ("of our name", OwnTable(True, foreign="has other rules than ours")),
        ("empty, of our name", OwnTable(True, foreign="has other rules than ours")),
    ],
)
def test_a_table_of_our_name(name: str, found: OwnTable) -> None:
    assert own_table(ruleset(name)) == found


@pytest.mark.parametrize("flags", [["daddr"], "daddr"])
def test_later_versions_of_nft_print_one_flag_without_a_list(flags: object) -> None:
    found = ruleset("ours")
    found.chains["inet", "siptune", "prerouting"].rules[0].expr[1]["match"]["left"]["fib"]["flags"] = flags
    assert own_table(found).ports == EXEMPT


@pytest.mark.parametrize("at", [0, 1])
def test_another_condition_is_not_ours(at: int) -> None:
    found = ruleset("ours")
    found.chains["inet", "siptune", "prerouting"].rules[0].expr[at]["match"]["op"] = "!="
    assert own_table(found).foreign


@pytest.mark.parametrize(
    ("chain", "at", "match"),
    [
        ("output", 1, {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}),
        ("output", 1, {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr"]}}, "right": "local"}),
        ("output", 1, {"op": "==", "left": {"fib": {"result": "type", "flags": ["saddr"]}}, "right": "unicast"}),
        ("output", 1, {"op": "==", "left": {"fib": {"result": "type", "flags": ["saddr", "iif"]}}, "right": "local"}),
        ("output", 2, {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}),
        ("output", 2, {"op": "!=", "left": {"meta": {"key": "oif"}}, "right": "lo"}),
        ("prerouting", 1, {"op": "!=", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}),
    ],
)
def test_other_conditions_of_tcp_are_not_ours(chain: str, at: int, match: dict) -> None:
    found = ruleset("ours with TCP")
    expr = list(found.chains["inet", "siptune", chain].rules[1].expr)
    expr[at] = {"match": match}
    rules = found.chains["inet", "siptune", chain].rules
    rules[1] = rules[1]._replace(expr=expr)
    assert own_table(found).foreign == "has other rules than ours"


def test_each_protocol_has_one_rule_and_udp_is_first() -> None:
    for order in ([1, 0], [0, 0], [0, 1, 1], [1]):
        found = ruleset("ours with TCP")
        rules = found.chains["inet", "siptune", "output"].rules
        rules[:] = [rules[at] for at in order]
        assert own_table(found).foreign, order


def test_tcp_alone() -> None:
    found = ruleset("ours with TCP")
    for hook in ("prerouting", "output"):
        del found.chains["inet", "siptune", hook].rules[0]
    assert own_table(found) == OwnTable(True, BOTH_EXEMPT._replace(udp=()))
    assert "udp" not in text_for(BOTH_EXEMPT._replace(udp=()))


def test_a_missing_rule_is_not_ours() -> None:
    found = ruleset("ours")
    found.chains["inet", "siptune", "output"].rules.clear()
    assert own_table(found).foreign


RANGES = st.lists(st.tuples(PORT, PORT).map(sorted).map(tuple), max_size=20).map(merged)


@given(st.tuples(RANGES, RANGES).filter(any))
def test_a_text_says_its_ports(both: tuple) -> None:
    ports = Exempt(*both)
    assert ports_of_text(f"# a comment\n{text_for(ports)}") == ports


@pytest.mark.parametrize("edit", ["drop", "5061", "\n# more"])
def test_an_edited_text_says_none(edit: str) -> None:
    assert ports_of_text(text_for(EXEMPT) + edit) == NONE_EXEMPT
    assert ports_of_text(text_for(EXEMPT).replace("5060", "70000")) == NONE_EXEMPT
    assert ports_of_text("") == NONE_EXEMPT


def test_no_ports_are_no_table() -> None:
    assert text_for(NONE_EXEMPT) == DELETION == "table inet siptune\ndelete table inet siptune\n"
    assert text_for(EXEMPT).startswith(DELETION)


def test_the_rest_of_a_ruleset() -> None:
    assert without_own(ruleset("ours")).chains == {}
    assert without_own(ruleset("jump")) == ruleset("jump")
