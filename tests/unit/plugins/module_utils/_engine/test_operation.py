# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up module that switches lamps: the values that pass from step to step, and the errors that end a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import (
    RefusedError,
    UndoLog,
    all_or_nothing,
    refusal,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import (
    EffectError,
    Operation,
    Report,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, KeyOriginal, Originals
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError

POLICY = {"missing": "report", "shadowed": "report"}


class Observed(NamedTuple):
    lit: frozenset[str]
    originals: Originals = NOTHING


class Planned(NamedTuple):
    changes: list[Change]
    originals: Originals = NOTHING


def lamps(lit: set[str], stuck: str = "") -> Operation:
    def parse(params: Mapping[str, Any]) -> list[str]:
        if not params["lamps"]:
            raise TuningError("lamps: name at least one")
        return params["lamps"]

    def plan(request: list[str], observed: Observed) -> Planned:
        dark = [name for name in request if name not in observed.lit]
        keys = {f"lamps/{name}": KeyOriginal("off", "on", None, ()) for name in dark}
        changes = [Change(name, "on", "off", "on", None, "changed") for name in dark]
        return Planned(changes, observed.originals._replace(keys=keys))

    def is_missing(planned: Planned, change: Change) -> bool:
        return change.item == "attic" or change.state == "absent"

    def apply(host: Host, request: list[str], observed: Observed, planned: Planned, log: UndoLog) -> int:
        for change in planned.changes:
            log.note(change.item, lambda name=change.item: lit.discard(name))
            if change.item == stuck:
                raise HostError(change.item, "is stuck")
            lit.add(change.item)
        return len(planned.changes)

    def report(observed: Observed, planned: Planned, outcome: int | None) -> Report:
        # The cellar turns out to have no lamp when it is to be lit.
        changes = [
            change._replace(state="absent", reason="no lamp") if outcome and change.item == "cellar" else change
            for change in planned.changes
        ]
        return Report(bool(planned.changes), changes, [], extra={"lit": outcome})

    return Operation(
        "lamps", {}, parse, lambda host, request: Observed(frozenset(lit)), plan, apply, report, is_missing
    )


def go(operation: Operation, check_mode: bool = False, **params: Any) -> Report:
    return all_or_nothing(lambda log: operation.call({**POLICY, **params}).run(Host(), check_mode, log))


def test_a_call_is_applied_and_reported() -> None:
    lit: set[str] = set()
    result = go(lamps(lit), lamps=["hall", "yard"]).as_result()
    assert (result["changed"], result["lit"], lit) == (True, 2, {"hall", "yard"})
    assert [item["item"] for item in result["items"]] == ["hall", "yard"]
    assert not go(lamps(lit), lamps=["hall", "yard"]).changed


def test_check_mode_ends_with_the_plan() -> None:
    lit: set[str] = set()
    result = go(lamps(lit), check_mode=True, lamps=["hall"]).as_result()
    assert (result["changed"], result["lit"], lit) == (True, None, set())


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("params", "message"),
    [({"lamps": []}, "name at least"), ({"missing": "fail", "lamps": ["hall", "attic"]}, "attic is changed")],
)
def test_bad_input_and_the_policy_fail_before_anything_changes(
    params: dict[str, Any], message: str, check_mode: bool
) -> None:
    lit: set[str] = set()
    with pytest.raises(RefusedError, match=message) as caught:
        go(lamps(lit), check_mode=check_mode, **{"lamps": ["hall"], **params})
    assert lit == set()
    result = refusal(caught.value)
    assert result["msg"].endswith(". Nothing was changed.")
    assert "items" not in result


def test_an_item_that_turns_out_missing_when_it_is_applied_counts_too() -> None:
    lit: set[str] = set()
    assert go(lamps(lit), lamps=["hall", "cellar"]).changed
    lit.clear()
    with pytest.raises(RefusedError, match="cellar is absent: no lamp") as caught:
        go(lamps(lit), lamps=["hall", "cellar"], missing="fail")
    assert (lit, caught.value.undone) == (set(), ["cellar", "hall"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_what_no_later_run_would_accept_fails_before_anything_changes(check_mode: bool) -> None:
    lit: set[str] = set()
    with pytest.raises(RefusedError, match=r"^lamps\.//\.shed: cannot be recorded, and so is not changed") as caught:
        go(lamps(lit), check_mode=check_mode, lamps=["hall", "../shed"])
    assert lit == set()
    assert refusal(caught.value)["msg"].endswith(". Nothing was changed.")


def test_no_policy_counts_for_advice() -> None:
    operation = lamps(set())
    operation.is_advice = lambda change: change.item == "attic"
    assert go(operation, lamps=["hall", "attic"], missing="fail").changed


def test_a_refusal_is_undone_and_reported_with_its_item() -> None:
    lit = {"porch"}
    with pytest.raises(RefusedError) as caught:
        go(lamps(lit, stuck="yard"), lamps=["hall", "yard"])
    assert lit == {"porch"}
    result = refusal(caught.value)
    assert result["msg"] == "yard: is stuck. Everything this call had changed has been put back: hall."
    assert result["undone"] == ["hall"]
    assert [(item["item"], item["state"], item["after"]) for item in result["items"]] == [("yard", "refused", "off")]


def test_a_failed_undo_is_reported() -> None:
    error = RefusedError(EffectError(HostError("c", "no"), []), [], ["d: e"])
    assert refusal(error)["msg"] == "c: no. Could not be put back: d: e."
    assert refusal(error)["items"][0]["item"] == "c"


def test_several_calls_succeed_or_fail_together() -> None:
    lit: set[str] = set()

    def both(log: UndoLog) -> None:
        lamps(lit).call({**POLICY, "lamps": ["hall"]}).run(Host(), False, log)
        lamps(lit).call({**POLICY, "lamps": []}).run(Host(), False, log)

    with pytest.raises(RefusedError) as caught:
        all_or_nothing(both)
    assert lit == set()
    assert refusal(caught.value)["msg"].endswith("put back: hall.")
