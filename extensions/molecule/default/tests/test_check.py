# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dry run changes nothing, and predicts exactly what the real run then does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import RESULTS, Record, differences, read_originals


@pytest.mark.parametrize("what", ["sysctl", "files"])
def test_check_changes_nothing(clean: Record, check: Record, what: str) -> None:
    assert differences(clean.state[what], check.state[what]) == {}


def test_check_leaves_daemons_and_logins_alone(clean: Record, check: Record) -> None:
    assert check.daemons == clean.daemons


@pytest.mark.parametrize("result", RESULTS)
def test_check_predicts_the_run(check: Record, converge: Record, result: str) -> None:
    assert check.results[result]["items"] == converge.results[result]["items"]
    assert check.results[result]["changed"] == converge.results[result]["changed"]


@pytest.mark.parametrize("result", ["network", "logins", "units"])
def test_the_run_has_something_to_do(converge: Record, result: str) -> None:
    assert converge.results[result]["changed"]
    assert [item for item in converge.results[result]["items"] if item["state"] == "changed"]


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


# Memory pools are the one thing that is set in files of the packages.
POOL_FILES = {"/etc/default/kamailio", "/etc/default/opensips"}
OUR_FILES = re.compile(
    r"/etc/sysctl\.d/90-siptune-[a-z]+\.conf"
    r"|/etc/systemd/system/[a-z@-]+\.service\.d(/90-siptune\.conf)?"
    r"|/etc/security/limits\.d/90-siptune\.conf"
    r"|/etc/default/kamailio-edge"
    r"|/var/lib/siptune(/.*)?"
)


def test_no_files_but_our_own_changed(clean: Record, converge: Record) -> None:
    changed = differences(clean.state["files"], converge.state["files"])
    assert {name for name, (before, _) in changed.items() if before is not None} == POOL_FILES
    assert [name for name in changed.keys() - POOL_FILES if not OUR_FILES.fullmatch(name)] == []


@pytest.mark.parametrize("what", ["sysctl", "files"])
def test_a_second_run_changes_nothing(converge: Record, again: Record, what: str) -> None:
    assert differences(converge.state[what], again.state[what]) == {}


@pytest.mark.parametrize("result", RESULTS)
def test_a_second_run_finds_everything_done(again: Record, result: str) -> None:
    assert not again.results[result]["changed"]
    assert [item["item"] for item in again.results[result]["items"] if item["state"] == "changed"] == []
