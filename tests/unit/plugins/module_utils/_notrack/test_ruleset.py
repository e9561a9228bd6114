# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack import ruleset as module
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ruleset import (
    RulesetError,
    parse_ruleset,
    words_of,
)
from hypothesis import given
from hypothesis import strategies as st
from notrack_hosts import CAPTURED, ruleset

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rule", "chain", "expr", "match", "set", "vmap", "family"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


def test_what_nft_prints() -> None:
    found = ruleset("jump")
    assert found.tables == {("inet", "filter")}
    assert sorted(found.chains) == [("inet", "filter", "input"), ("inet", "filter", "media")]
    base = found.chains["inet", "filter", "input"]
    assert (base.hook, base.policy, len(base.rules)) == ("input", "drop", 2)
    assert found.sets == {}
    assert ruleset("named set").sets["inet", "filter", "sip"] == [{"range": [5060, 5061]}, {"range": [10000, 20000]}]


@pytest.mark.parametrize("name", CAPTURED)
def test_every_captured_one_is_read(name: str) -> None:
    assert all(str(rule).startswith(f"{chain.place} handle ") for chain, rule in ruleset(name).rules())


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (
            {"match": {"op": "!=", "left": {"ct": {"key": "state"}}, "right": ["new", "related"]}},
            "ct state != new,related",
        ),
        (
            {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 5060}},
            "udp dport 5060",
        ),
        ({"range": [1, 2]}, "1-2"),
        ({"prefix": {"addr": "192.0.2.0", "len": 24}}, "192.0.2.0/24"),
        ({"xt": {"type": "match", "name": "conntrack"}}, "xt match conntrack"),
        ({"xt": None}, "xt"),
        ({"jump": {"target": "public"}}, "jump public"),
        ({"counter": {"packets": 1, "bytes": 2}}, ""),
        ({"limit": {"rate": 5}}, "limit"),
        ({"drop": None}, "drop"),
        (None, ""),
    ],
)
def test_rules_are_named_nearly_as_nft_does(node: Any, words: str) -> None:
    assert words_of(node) == words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"nftables": 1}',
        '{"nftables": [{"rule": {}}]}',
        '{"nftables": [{"a": {}, "b": {}}]}',
        "[" * 10**5,
    ],
)
def test_anything_else_is_no_ruleset(text: str) -> None:
    with pytest.raises(RulesetError, match="nft prints what is no ruleset"):
        parse_ruleset(text)


@given(JSON)
def test_no_json_is_more_than_an_error(value: Any) -> None:
    with contextlib.suppress(RulesetError):
        parse_ruleset(json.dumps({"nftables": value}))


def test_it_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 1 << 20)
    with pytest.raises(RulesetError, match="more than 1 MiB"):
        parse_ruleset(" " * ((1 << 20) + 1))
