# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.iptables import has_iptables, with_words
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ruleset import Ruleset, parse_ruleset
from ansible_collections.siptune.linux.plugins.module_utils._notrack.verdicts import cuts
from notrack_hosts import CAPTURED, PORTS, ruleset

# What nft 1.0.6 of Debian 12 prints of rules of iptables 1.8.9, as JSON and as text.
OF_IPTABLES = json.loads((Path(__file__).parent / "iptables.json").read_text(encoding="utf-8"))
CUTS = {
    "untracked dropped": ["ct state invalid,untracked drop"],
    "source ports": ["ct state related,established accept"],
    "new, commented": ["ct state new udp dport 5060"],
    "of a direction": ["xt match conntrack accept"],
    "not established": ["xt match conntrack drop"],
    "recent": ["ct state related,established accept"],
}


def captured(name: str) -> Ruleset:
    return parse_ruleset(json.dumps({"nftables": OF_IPTABLES[name]["json"]}))


@pytest.mark.parametrize("name", OF_IPTABLES)
def test_what_the_text_says_in_words_can_be_judged(name: str) -> None:
    found = captured(name)
    assert has_iptables(found)
    with_words(found, OF_IPTABLES[name]["text"])
    relied_on = [cut.relies_on for cut in cuts(found, PORTS, ("ip",))]
    expected = CUTS.get(name, [])
    assert len(relied_on) == len(expected)
    assert all(words in rule for words, rule in zip(expected, relied_on))


@pytest.mark.parametrize(
    "text", ["", "table ip filter {\n\tchain INPUT {\n\t\tct state new # handle 99\n", "\0 # handle 2"]
)
def test_without_their_text_they_cannot(text: str) -> None:
    found, before = captured("invalid dropped"), captured("invalid dropped")
    with_words(found, text)
    assert found == before


def test_words_in_a_comment_are_nobodys() -> None:
    found = captured("invalid dropped")
    text = OF_IPTABLES["invalid dropped"]["text"].replace(
        "ct state invalid", 'xt match conntrack comment "ct state invalid"'
    )
    with_words(found, text)
    assert cuts(found, PORTS, ("ip",))[0].relies_on.endswith("(xt match conntrack drop)")


@pytest.mark.parametrize("name", CAPTURED)
def test_other_rulesets_need_no_text(name: str) -> None:
    with_words_of_iptables = name in (
        "iptables",
        "iptables, invalid dropped",
        "iptables, many ports",
        "iptables, commented",
        "iptables, synproxy",
    )
    assert has_iptables(ruleset(name)) is with_words_of_iptables
