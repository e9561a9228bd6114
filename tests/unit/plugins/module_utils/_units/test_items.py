# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import MASKED, NOT_FOUND, drop_in_path
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from systemd_host import EARLY, loaded, observed, only, process, request, template, unit

# --- units that are not there -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "host", "reason"),
    [
        ({"load": NOT_FOUND}, {}, "the unit is not installed"),
        ({"load": MASKED}, {}, "the unit is masked"),
        ({"load": "bad-setting", "load_error": "Invalid argument"}, {}, "could not load the unit: Invalid argument"),
        ({}, {"systemd_running": False}, "systemd does not run here"),
    ],
)
def test_a_unit_that_is_not_loaded_is_pending(changes: dict[str, Any], host: dict[str, Any], reason: str) -> None:
    planned = plan(request({"LimitNOFILE": 5000}), observed(unit(**changes), **host))
    change = only(planned)
    assert (change.state, change.before, change.after, change.at_boot) == ("pending", "1024:4096", "5000", "5000")
    assert change.at_boot_before == "1024:4096"
    assert reason in change.reason
    assert planned.changed
    assert planned.reload is host.get("systemd_running", True)


# --- processes on their way -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directive", "state"),
    [
        pytest.param("LimitNOFILE", "pending", id="set at start"),
        pytest.param("TasksMax", "changed", id="set by reload"),
    ],
)
def test_a_process_that_systemd_still_starts_is_named(directive: str, state: str) -> None:
    planned = plan(request({directive: 8192}), observed(unit(loaded()._replace(starting=[226]))))
    change = only(planned)
    assert change.state == state
    assert ("systemd is still starting process 226 of sipd.service" in change.reason) is (state == "pending")
    assert planned.restarts == []


def test_a_restart_leaves_no_process_behind_that_is_still_started() -> None:
    shown = loaded(process(), started_before_drop_in=True)._replace(starting=[226])
    planned = plan(request({"LimitNOFILE": 8192}, restart=True), observed(unit(shown)))
    assert (planned.restarts, only(planned).state) == (["sipd.service"], "changed")


# --- templates --------------------------------------------------------------------------------


def test_a_template_is_judged_by_its_instances() -> None:
    texts = {drop_in_path("kam@b.service", "99-local.conf"): "[Service]\nLimitNOFILE=7:8\n"}
    host = observed(template("kam@a.service", "kam@b.service"), texts=texts)
    planned = plan(request({"LimitNOFILE": 5000}, name="kam@.service"), host)
    change = only(planned)
    assert (change.state, change.before, change.after) == ("shadowed", "1024:4096", "5000, 1024:4096")
    assert change.reason.startswith("kam@b.service: /etc/systemd/system/kam@b.service.d/99-local.conf line 2 sets 7:8")
    assert set(planned.raises) == {"kam@a.service"}


def test_a_template_without_instances_goes_by_its_files() -> None:
    change = only(plan(request({"LimitNOFILE": 5000}, name="kam@.service"), observed(template())))
    assert (change.state, change.before, change.after) == ("changed", "1024:4096", "5000")


def test_what_the_next_start_brings_before_the_call() -> None:
    texts = {EARLY: "[Service]\nLimitNOFILE=2000\n"}
    change = only(plan(request({"LimitNOFILE": 5000}), observed(unit(), texts=texts)))
    assert (change.at_boot_before, change.at_boot) == ("2000", "5000")
