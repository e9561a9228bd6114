# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import merged
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
from notrack_hosts import PORTS, ruleset

PORT = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nothing", OwnTable(False)),
        ("firewalld", OwnTable(False)),
        ("ours", OwnTable(True, PORTS)),
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
    assert own_table(found).ports == PORTS


@pytest.mark.parametrize("at", [0, 1])
def test_another_condition_is_not_ours(at: int) -> None:
    found = ruleset("ours")
    found.chains["inet", "siptune", "prerouting"].rules[0].expr[at]["match"]["op"] = "!="
    assert own_table(found).foreign


def test_a_missing_rule_is_not_ours() -> None:
    found = ruleset("ours")
    found.chains["inet", "siptune", "output"].rules.clear()
    assert own_table(found).foreign


@given(st.lists(st.tuples(PORT, PORT).map(sorted).map(tuple), min_size=1, max_size=20))
def test_a_text_says_its_ports(ranges: list) -> None:
    ports = merged(ranges)
    assert ports_of_text(f"# a comment\n{text_for(ports)}") == ports


@pytest.mark.parametrize("edit", ["drop", "5061", "\n# more"])
def test_an_edited_text_says_none(edit: str) -> None:
    assert ports_of_text(text_for(PORTS) + edit) == ()
    assert ports_of_text(text_for(PORTS).replace("5060", "70000")) == ()
    assert ports_of_text("") == ()


def test_no_ports_are_no_table() -> None:
    assert text_for(()) == DELETION == "table inet siptune\ndelete table inet siptune\n"
    assert text_for(PORTS).startswith(DELETION)


def test_the_rest_of_a_ruleset() -> None:
    assert without_own(ruleset("ours")).chains == {}
    assert without_own(ruleset("jump")) == ruleset("jump")
