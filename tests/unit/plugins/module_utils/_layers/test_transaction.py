# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several calls in one: their arguments, their results, and calls that hold each for itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ansible.module_utils.common.arg_spec", reason="Ansible itself checks the arguments of a call")

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import EffectError, Report
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    FileOriginal,
    KeyOriginal,
    Originals,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._layers.transaction import (
    OPERATIONS,
    CallError,
    CallResult,
    failure_of,
    left_on_record,
    parse_calls,
    result,
    run_each,
    warnings,
)

KERNEL = {
    "name": "kernel",
    "module": "sysctl_bulk",
    "arguments": {"path": "/etc/sysctl.d/90-x.conf", "settings": {"net.core.somaxconn": 4096}},
}
UNITS = {"name": "units", "module": "systemd_limits", "arguments": {"units": {"a.service": {"Nice": 1}}}}
DIFF = {"before": "a", "after": "b"}
CHANGE = Change("net.core.somaxconn", "4096", "128", "4096", "4096", "changed", "because")


def test_arguments_get_the_defaults_of_their_module() -> None:
    kernel, units = parse_calls([KERNEL, UNITS])
    assert (kernel.operation, kernel.policy.missing) == (OPERATIONS["sysctl_bulk"], "report")
    assert (units.name, units.request.drop_in) == ("units", "90-siptune.conf")


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        pytest.param([KERNEL, KERNEL], "kernel: there are two calls", id="one name twice"),
        pytest.param([{**KERNEL, "arguments": {}}], "kernel: missing required arguments: path", id="missing"),
        pytest.param([{**KERNEL, "arguments": {"pth": "/x"}}], "kernel: .*pth", id="unknown argument"),
        pytest.param([{**KERNEL, "arguments": None}], "kernel: missing", id="no arguments"),
        pytest.param([{**UNITS, "arguments": {"when": "now"}}], "units: value of when must be", id="choice"),
        pytest.param(
            [KERNEL, {**UNITS, "arguments": {"units": {"a/b": {}}}}], "units: a/b", id="what the module refuses"
        ),
    ],
)
def test_bad_calls_are_refused_by_their_name(calls: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(TuningError, match=message):
        parse_calls(calls)


def test_items_are_told_under_the_name_of_their_call() -> None:
    told = result(
        [
            CallResult("kernel", "sysctl_bulk", Report(True, [CHANGE], [DIFF], ["careful"], {"more": 1})),
            CallResult("units", "systemd_limits", Report(False, [], [], ["careful", "and mind"])),
        ]
    )
    assert told["changed"] is True
    assert told["calls"] == [
        {"name": "kernel", "module": "sysctl_bulk", "changed": True, "more": 1},
        {"name": "units", "module": "systemd_limits", "changed": False},
    ]
    assert told["items"] == [{"call": "kernel", **CHANGE.as_item()}]
    assert told["diff"] == [DIFF]


def test_each_warning_is_given_once() -> None:
    results = [CallResult(name, "nic_ring", Report(False, [], [], ["careful", name])) for name in ("kernel", "units")]
    failed = CallResult("cards", "nic_ring", None, {"msg": "no"})
    assert warnings([*results, failed]) == ["careful", "kernel", "units"]


def test_a_predicted_failure_leaves_the_rest_told() -> None:
    told = result(
        [
            CallResult("kernel", "sysctl_bulk", Report(True, [CHANGE], [])),
            CallResult("units", "systemd_limits", None, {"msg": "a.service: is masked"}),
        ]
    )
    assert told["calls"][1] == {
        "name": "units",
        "module": "systemd_limits",
        "changed": False,
        "failed": True,
        "msg": "a.service: is masked",
    }
    assert len(told["items"]) == 1


def test_a_refusal_is_told_with_call_and_item() -> None:
    error = CallError("kernel", "sysctl_bulk", EffectError(HostError("net.core.somaxconn", "no"), [CHANGE]))
    assert (str(error), error.item) == ("kernel: net.core.somaxconn: no", "net.core.somaxconn")
    details = error.details()
    assert [(item["call"], item["state"]) for item in details["items"]] == [("kernel", "refused")]
    assert details["calls"][0]["msg"] == "net.core.somaxconn: no"


# --- each for itself -------------------------------------------------------------------------


class Steps:
    """An operation that notes its steps in a list, and fails if it is told to."""

    def __init__(self, done: list[str], fails: bool = False) -> None:
        self.done = done
        self.fails = fails
        self.name = "steps"

    def call(self, name: str) -> Any:
        def run(_host: Host, _check_mode: bool, log: UndoLog) -> Report:
            log.note(f"{name} a", lambda: self.done.remove(f"{name} a"))
            self.done.append(f"{name} a")
            if self.fails:
                raise EffectError(HostError(f"{name} b", "is refused"), [CHANGE._replace(item=f"{name} b")])
            return Report(True, [CHANGE._replace(item=f"{name} a")], [])

        return SimpleNamespace(name=name, operation=self, run=run)


def test_a_call_that_fails_is_undone_and_named_and_the_others_go_on() -> None:
    done: list[str] = []
    calls = [Steps(done).call("one"), Steps(done, fails=True).call("two"), Steps(done).call("three")]
    results = run_each(Host(), calls, False, UndoLog())
    assert done == ["one a", "three a"]
    assert [one.as_result().get("failed", False) for one in results] == [False, True, False]
    items = {item["item"]: (item["call"], item["state"]) for item in result(results)["items"]}
    assert items == {"one a": ("one", "changed"), "two b": ("two", "refused"), "three a": ("three", "changed")}
    message = failure_of(results)
    assert message.startswith("two: two b: is refused. Everything this call had changed has been put back: two a. ")
    assert message.endswith("Everything else goes back.")


def test_the_log_of_the_run_can_still_undo_every_call() -> None:
    done: list[str] = []
    log = UndoLog()
    assert failure_of(run_each(Host(), [Steps(done).call("one"), Steps(done).call("two")], False, log)) == ""
    assert done == ["one a", "two a"]
    log.undo()
    assert done == []


OLD, NEW = "/etc/sysctl.d/90-old.conf", "/etc/sysctl.d/90-x.conf"
OLD_LIMITS = "/etc/security/limits.d/90-old.conf"
DROP_INS = [f"/etc/systemd/system/a.service.d/{name}.conf" for name in ("90-siptune", "90-old")]


@pytest.mark.parametrize(
    ("owners", "files", "named"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([NEW], [NEW, DROP_INS[0]], [], id="all of it goes back"),
        pytest.param([OLD, NEW], [OLD, NEW], [f"{OLD} (1 kernel parameters)"], id="an old path"),
        pytest.param([], [OLD_LIMITS, DROP_INS[1]], [OLD_LIMITS, DROP_INS[1]], id="old names"),
        pytest.param([], ["/etc/default/kamailio", "/etc/kamailio/x.conf"], [], id="environment files"),
    ],
)
def test_what_stays_on_record_is_named(owners: list[str], files: list[str], named: list[str]) -> None:
    keys = {"net/core/somaxconn": KeyOriginal("128", "4096", "4096", tuple(owners))} if owners else {}
    record = Originals(keys, {path: FileOriginal(None, ()) for path in files})
    said = left_on_record(record, parse_calls([KERNEL, UNITS]))
    assert bool(said) is bool(named)
    assert ", ".join(sorted(named)) in said
    assert left_on_record(NOTHING, parse_calls([KERNEL])) == ""
