# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several layers in one call: which of them run, and how their results are told apart again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import by_layer, results_by_layer, selected
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import LAYERS


@pytest.mark.parametrize(
    ("tags", "run_tags", "skip_tags", "expected"),
    [
        pytest.param([], ["all"], [], LAYERS, id="everything"),
        pytest.param([], ["tagged"], [], LAYERS, id="whatever is tagged"),
        pytest.param([], ["fs", "network"], [], ("network", "fs"), id="two layers, in their own order"),
        pytest.param([], ["all"], ["memory"], ("network", "fs", "security", "service_limits"), id="all but one"),
        pytest.param([], ["network"], ["network"], (), id="a contradiction"),
        pytest.param([], ["all"], ["tagged"], (), id="nothing that is tagged"),
        pytest.param(["tuning"], ["tuning"], [], LAYERS, id="a tag of the playbook that imports ours"),
        pytest.param(["tuning"], ["tuning"], ["fs"], [x for x in LAYERS if x != "fs"], id="and a layer skipped"),
        pytest.param(["tuning"], ["all"], ["tuning"], (), id="the playbook's tag skipped"),
        pytest.param([], ["elsewhere"], [], (), id="a tag that nothing has"),
    ],
)
def test_layers_follow_the_tags(tags: list[str], run_tags: list[str], skip_tags: list[str], expected: Any) -> None:
    assert selected(LAYERS, ["always", *tags], run_tags, skip_tags) == list(expected)


def item(call: str, name: str, state: str = "ok") -> dict[str, Any]:
    return {"call": call, "item": name, "state": state}


def test_each_layer_gets_its_own_results_back() -> None:
    done = {
        "changed": True,
        "diff": [],
        "calls": [
            {"name": "network", "module": "sysctl_bulk", "changed": True},
            {"name": "network rings", "module": "nic_ring", "changed": False},
            {"name": "memory", "module": "sysctl_bulk", "changed": False, "more": 1},
        ],
        "items": [item("network", "a", "changed"), item("memory", "b"), item("network", "c")],
    }
    told = by_layer(done, LAYERS)
    assert told == {
        "changed": True,
        "diff": [],
        "layers": {
            "network": [
                {"changed": True, "items": [{"item": "a", "state": "changed"}, {"item": "c", "state": "ok"}]},
                {"changed": False, "items": []},
                *[None] * 4,
            ],
            "memory": [{"changed": False, "more": 1, "items": [{"item": "b", "state": "ok"}]}],
        },
    }
    assert results_by_layer(told)["memory"] == told["layers"]["memory"]
    assert results_by_layer(told)["fs"] == [None]


def test_the_call_that_failed_has_the_whole_message_and_the_others_nothing() -> None:
    done = {
        "failed": True,
        "msg": "memory: vm.swappiness: no. Everything this call had changed has been put back: a.",
        "undone": ["a"],
        "calls": [
            {"name": "memory", "module": "sysctl_bulk", "changed": False, "failed": True, "msg": "vm.swappiness: no"}
        ],
        "items": [item("memory", "vm.swappiness", "refused")],
    }
    told = by_layer(done, LAYERS)
    assert list(told["layers"]) == ["memory"]
    (memory,) = told["layers"]["memory"]
    assert memory["msg"] == "vm.swappiness: no. Everything this call had changed has been put back: a."
    assert [one["state"] for one in memory["items"]] == ["refused"]


def test_of_a_layer_that_failed_the_other_calls_are_nothing() -> None:
    failed = {"name": "network rings", "module": "nic_ring", "changed": False, "failed": True, "msg": "no"}
    told = by_layer({"failed": True, "msg": "network rings: no. Nothing was changed.", "calls": [failed]}, LAYERS)
    messages = [part and part["msg"] for part in told["layers"]["network"]]
    assert messages == [None, "no. Nothing was changed.", *[None] * 4]


def test_predicted_failures_keep_their_own_messages() -> None:
    failures = [
        {"name": name, "module": "sysctl_bulk", "changed": False, "failed": True, "msg": f"{name} is bad"}
        for name in ("network", "memory")
    ]
    told = by_layer({"calls": failures, "items": []}, LAYERS)
    assert [told["layers"][name][0]["msg"] for name in ("network", "memory")] == ["network is bad", "memory is bad"]


@pytest.mark.parametrize("whole", [{"unreachable": True, "msg": "gone"}, {"failed": True, "msg": "bad variable"}])
def test_what_came_to_nothing_counts_for_every_layer(whole: dict[str, Any]) -> None:
    assert by_layer(whole, LAYERS) == whole
    assert results_by_layer(whole, ["fs", "memory"]) == {"fs": [whole], "memory": [whole]}


@pytest.mark.parametrize("applied", [None, {}, {"skipped": True}], ids=["no result", "empty", "skipped"])
def test_layers_that_did_not_run_have_no_results(applied: Any) -> None:
    assert results_by_layer(applied, ["network", "fs"]) == {"network": [None], "fs": [None]}
