# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up module that switches lamps: the values that pass from step to step, and the errors that end a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Restart,
    Restarts,
    after_restart,
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


# --- restarts -------------------------------------------------------------------------------


def change(item: str, state: str, before: str | None = "1", after: str | None = "1") -> Change:
    return Change(item, "2", before, after, "2", state, "why", "waits" if state == "pending" else "")


def report(*changes: Change, **more: Any) -> Report:
    return Report(bool(more.get("restarts")), list(changes), [], **more)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(("pending", "1"), ("ok", "2"), ("changed", "1", "2"), id="it has waited for the restart"),
        pytest.param(("changed", "2"), ("ok", "2"), ("changed", "1", "2"), id="it was set before"),
        pytest.param(("ok", "1"), ("ok", "1"), ("ok", "1", "1"), id="nothing to do"),
        pytest.param(("changed", "2"), ("changed", "2"), ("changed", "1", "2"), id="a new socket is raised again"),
        pytest.param(("pending", "1"), ("pending", "1"), ("pending", "1", "1"), id="it is still stopping"),
    ],
)
def test_an_item_before_and_after_a_restart(
    before: tuple[str, str], after: tuple[str, str], expected: tuple[str, str, str]
) -> None:
    first = report(change("a.service x", before[0], "1", before[1]), restarts=["a.service"])
    second = report(change("a.service x", after[0], before[1], after[1]))
    (found,) = after_restart(first, second, ["a.service"]).changes
    assert (found.state, found.before, found.after) == expected


def test_an_item_that_is_no_longer_ours_is_done_with_the_restart_of_its_unit() -> None:
    first = report(change("a.service x", "pending"), change("b.service x", "pending"), restarts=["a.service"])
    found = after_restart(first, report(), ["a.service"]).changes
    assert [(one.item, one.state, one.after, one.reason) for one in found] == [
        ("a.service x", "changed", "2", ""),
        ("b.service x", "pending", "1", "waits"),
    ]


def daemons(started: list[str], asks: Sequence[str] = ("a.service",)) -> Operation:
    """A module whose item waits until its daemon has been started."""

    def apply(host: Host, request: None, observed: Observed, planned: Planned, log: UndoLog) -> None:
        log.note("a file", lambda: started.append("file back"))

    def tell(observed: Observed, planned: Planned, outcome: None) -> Report:
        return Report(not observed.lit, planned.changes, [], restarts=() if observed.lit else asks)

    def now(host: Host, units: Sequence[str]) -> None:
        if "broken.service" in units:
            raise HostError("broken.service", "did not come back")
        started.extend(units)

    return Operation(
        "daemons",
        {},
        lambda params: None,
        lambda host, request: Observed(frozenset(started)),
        lambda request, observed: Planned([change("a.service x", "ok" if observed.lit else "pending")]),
        apply,
        tell,
        lambda planned, one: False,
        restart=Restart(now, lambda host, units: started.extend(f"{unit} again" for unit in units), lambda *_: None),
    )


def restarted(host: Host, operation: Operation, log: UndoLog) -> list[Report]:
    """Two calls of a module, and then the restarts that they ask for."""
    restarts, calls = Restarts(host, log), [operation.call({**POLICY}) for _ in range(2)]
    reports = [call.run(host, False, log) for call in calls]
    asked = sorted({unit for one in reports for unit in one.restarts})
    return [restarts.finish(call, one, asked) for call, one in zip(calls, reports)]


def test_daemons_are_restarted_once_for_all_calls() -> None:
    started: list[str] = []
    reports = all_or_nothing(lambda log: restarted(Host(), daemons(started), log))
    assert started == ["a.service"]
    assert [one.changes[0].state for one in reports] == ["changed", "changed"]


def test_a_restart_that_fails_is_undone_and_the_daemon_started_with_what_it_had() -> None:
    started: list[str] = []
    with pytest.raises(RefusedError, match="did not come back"):
        all_or_nothing(lambda log: restarted(Host(), daemons(started, ["broken.service"]), log))
    assert started == ["file back", "file back", "broken.service again"]
