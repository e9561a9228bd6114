# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import BOOT, BOTH
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import SystemdError
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS, build_request
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import UnitSettings, parse_units
from systemd_host import DROP_IN, OURS, loaded, observed, request, unit

DEFAULTS = {name: option.get("default") for name, option in SYSTEMD_LIMITS.argument_spec.items()}
UNITS = {"sipd.service": {"Nice": 1}}
SETTINGS = parse_units(UNITS)
NAMES = [UnitSettings("sipd.service", [])]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, Request([], DROP_IN, BOTH), id="the defaults"),
        pytest.param({"units": UNITS, "when": BOOT}, Request(SETTINGS, DROP_IN, BOOT), id="files only"),
        pytest.param({"units": UNITS, "restart": True}, Request(SETTINGS, DROP_IN, restart=True), id="restart"),
        pytest.param({"units": UNITS, "exclusive": True}, Request(SETTINGS, DROP_IN, others=True), id="others"),
        pytest.param({"units": UNITS, "state": "absent"}, Request(NAMES, DROP_IN), id="absent, by name"),
        pytest.param({"state": "absent"}, Request([], DROP_IN, others=True), id="absent, all of ours"),
        pytest.param({"units": None}, Request([], DROP_IN), id="no units"),
        pytest.param({"despite_calls": True}, Request([], DROP_IN, despite_calls=True), id="despite calls"),
    ],
)
def test_a_request_of_the_modules_options(options: dict[str, Any], expected: Request) -> None:
    assert build_request({**DEFAULTS, **options}) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"restart": True, "when": BOOT}, "restart: restarts running units, which `when: boot` leaves alone"),
        ({"drop_in": "../x.conf"}, "drop_in is a file name"),
        ({"units": {"a/b": {}}}, "a/b"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SystemdError, match=message):
        build_request({**DEFAULTS, **options})


def test_a_report_of_check_mode_is_the_plan() -> None:
    planned = plan(request({"TasksMax": 500}), observed(unit()))
    report = SYSTEMD_LIMITS.report(observed(unit()), planned, None)
    assert (report.changed, report.changes, report.warnings) == (True, planned.changes, planned.warnings)
    assert [SYSTEMD_LIMITS.is_missing(planned, change) for change in report.changes] == [False]


def test_the_diff_shows_the_file_and_what_is_in_force() -> None:
    host = observed(unit(loaded()))
    shown = SYSTEMD_LIMITS.report(host, plan(request({"TasksMax": 500}), host), None).as_result()["diff"]
    assert [entry["before_header"] for entry in shown] == [OURS, "values in force"]
    assert shown[1]["before"] == "sipd.service TasksMax = 28909\n"
    assert shown[1]["after"] == "sipd.service TasksMax = 500\n"
