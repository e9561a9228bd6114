# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dry run changes nothing, and predicts exactly what the real run then does."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import LAYERS, Record, differences, read_originals


@pytest.mark.parametrize("what", ["sysctl", "files"])
def test_check_changes_nothing(clean: Record, check: Record, what: str) -> None:
    assert differences(clean.state[what], check.state[what]) == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_check_predicts_the_run(check: Record, converge: Record, layer: str) -> None:
    assert check.results[layer]["items"] == converge.results[layer]["items"]
    assert check.results[layer]["changed"] == converge.results[layer]["changed"]


def test_the_run_has_something_to_do(converge: Record) -> None:
    assert converge.results["network"]["changed"]
    assert [item for item in converge.items if item["state"] == "changed"]


def test_the_kernel_changed_as_announced_and_no_further(host: Any, clean: Record, converge: Record) -> None:
    announced = {
        path: (item["before"], item["after"])
        for path, item in converge.by_path.items()
        if item["before"] != item["after"]
    }
    # The kernel hands some values on, from conf/default to an interface without an address for one.
    handed_on = {path for path, original in read_originals(host).items() if original["cause"] is not None}
    changed = differences(clean.state["sysctl"], converge.state["sysctl"])
    assert {path: change for path, change in changed.items() if path not in handed_on} == announced


def test_no_files_but_our_own_changed(clean: Record, converge: Record) -> None:
    changed = differences(clean.state["files"], converge.state["files"])
    assert [name for name, (before, _) in changed.items() if before is not None] == []
    ours = ("/etc/sysctl.d/90-siptune-", "/etc/udev/rules.d/", "/var/lib/siptune/")
    assert [name for name in changed if not name.startswith(ours)] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_a_second_run_finds_everything_done(again: Record, layer: str) -> None:
    assert not again.results[layer]["changed"]
    assert [item["item"] for item in again.results[layer]["items"] if item["state"] == "changed"] == []
