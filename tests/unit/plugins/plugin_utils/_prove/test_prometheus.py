# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of a proof."""

from __future__ import annotations

from typing import Any

import pytest
from _audit.test_prometheus import read, sample
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.document import document
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.model import SCENARIOS, TRANSPORTS
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.prometheus import TIMESTAMP, earlier, render
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.exposition import hosts_in
from hypothesis import given
from hypothesis import strategies as st
from prove_results import AFTER, BEFORE, proof, run, step, target

NIGHT, NOON = "2026-11-24T03:15:00+00:00", "2026-11-24T12:00:00+00:00"
STRANGE = ('a"b', "back\\slash", "{x}", "new\nline")


def made(when: str, **targets: Any) -> dict[str, Any]:
    return document(targets, when, "0.1.0")


def of(name: str, **labels: str) -> dict[str, str]:
    return {"host": name, "scenario": "invite", "transport": "udp", **labels}


def test_the_samples_of_a_proof() -> None:
    found = read(render(proof()))
    assert sample(found, "siptune_prove_highest_rate", **of("edge1")) == 700
    assert sample(found, "siptune_prove_contract_rate", **of("edge1")) == 400
    assert sample(found, "siptune_prove_contract_holds", **of("edge1")) == 1
    assert sample(found, "siptune_prove_headroom_ratio", **of("edge1")) == 0.75
    assert sample(found, "siptune_prove_contract_holds", **of("edge2")) == 0
    assert sample(found, "siptune_prove_headroom_ratio", **of("edge2")) == -0.2
    assert sample(found, "siptune_prove_highest_rate", **of("pbx1", scenario="options")) == 640
    names = {name for name, labels in found if dict(labels)["host"] == "pbx1"}
    assert names == {TIMESTAMP, "siptune_prove_highest_rate"}  # undecided, and without a contract
    assert not [labels for _name, labels in found if dict(labels)["host"] == "gone"]


def test_a_proof_of_nothing_that_holds_has_the_rate_zero() -> None:
    found = read(render(made(NOON, a=target("a", run("as_is", None, [step(40, False, 9)])))))
    assert sample(found, "siptune_prove_highest_rate", **of("a")) == 0
    assert sample(found, "siptune_prove_contract_holds", **of("a")) == 0


def test_hosts_that_were_not_proved_now_keep_what_they_have() -> None:
    night = render(document({name: target(name, AFTER) for name in (*STRANGE, "edge1", "edge2")}, NIGHT, "0.1.0"))
    assert hosts_in(night, TIMESTAMP) == {*STRANGE, "edge1", "edge2"}
    noon = made(NOON, edge1=target("edge1", {**BEFORE, "state": "as_is"}), edge2=target("edge2", error="no generator"))
    assert earlier(noon, night, STRANGE) == {(name, "invite", "udp") for name in (*STRANGE, "edge2")}
    before, after = read(night), read(render(noon, night, STRANGE))
    for (name, labels), value in before.items():
        if dict(labels)["host"] != "edge1":
            assert after[name, labels] == value
    assert sample(after, "siptune_prove_contract_holds", **of("edge1")) == 0
    assert sample(after, TIMESTAMP, **of("edge1")) == sample(before, TIMESTAMP, **of("edge1")) + 8.75 * 3600


def test_each_scenario_and_transport_has_the_samples_of_its_last_proof() -> None:
    kinds = {"scenario": "register", "transport": "tcp"}
    night = render(made(NIGHT, a=target("a", AFTER)))
    noon = render(made(NOON, a=target("a", {**BEFORE, "state": "as_is"}, **kinds)), night)
    found = read(noon)
    assert sample(found, TIMESTAMP, **of("a", **kinds)) == sample(found, TIMESTAMP, **of("a")) + 8.75 * 3600
    assert sample(found, "siptune_prove_contract_holds", **of("a")) == 1
    assert sample(found, "siptune_prove_contract_holds", **of("a", **kinds)) == 0
    # One that does not say any more whether the contract holds takes away what the last one has said.
    undecided = read(render(made(NOON, a=target("a", run("as_is", 10.0, [step(10)], contract_holds=None))), noon))
    assert {dict(labels)["scenario"] for name, labels in undecided if name == "siptune_prove_contract_holds"} == {
        "register"
    }


def test_a_host_has_no_more_samples_than_there_are_kinds_of_proofs() -> None:
    former = ""
    for scenario in (*SCENARIOS, "presence"):
        for transport in (*TRANSPORTS, "sctp"):
            one = target("a", AFTER, scenario=scenario, transport=transport)
            former = render(made(NIGHT, a=one), former)
    former = former.replace('host="a",scenario="options"', 'host="retired",scenario="options"')
    found = read(render(made(NOON, a=target("a", AFTER)), former, ["b"]))
    kinds = {(dict(labels)["host"], dict(labels)["scenario"], dict(labels)["transport"]) for _name, labels in found}
    assert kinds == {("a", scenario, transport) for scenario in SCENARIOS[1:] for transport in TRANSPORTS}


@pytest.mark.parametrize(("rate", "text"), [(700.0, "700"), (12.5, "12.5"), (1e7, "10000000"), (0.0004, "0.0")])
def test_no_number_has_an_exponent(rate: float, text: str) -> None:
    assert f" {text}\n" in render(made(NOON, a=target("a", run("as_is", rate, [step(40)]))))


@given(st.text(min_size=1, max_size=30), st.text(max_size=300))
def test_any_name_and_any_former_file_lead_to_a_sound_one(name: str, former: str) -> None:
    read(render(document({name: target(name, AFTER)}, NOON, "0.1.0"), former, hosts_in(former, TIMESTAMP)))
