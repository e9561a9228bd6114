# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts after the rollback: each kernel setting, file and unit is what it was before the first run.

What moves by itself and is left out is named, with the reasons, in files/state.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from conftest import RESULTS, Record, differences, record_file, record_of

back = record_of("back")  # the rollback
back_again = record_of("back-again")  # the rollback of a host that has been put back already


@pytest.mark.parametrize("step", ["clean", "check", "converge", "again", "back", "back-again"])
def test_no_test_was_skipped_for_a_record(host: Any, step: str) -> None:
    assert record_file(host, step).exists()


@pytest.mark.parametrize("what", ["sysctl", "files", "units"])
def test_the_host_is_what_it_was(clean: Record, back: Record, what: str) -> None:
    assert len(clean.state[what]) > 100
    assert differences(clean.state[what], back.state[what]) == {}


def test_there_was_something_to_put_back(clean: Record, again: Record) -> None:
    assert all(differences(clean.state[what], again.state[what]) for what in ("sysctl", "files", "units"))


def test_what_waits_for_a_restart_says_so(back: Record) -> None:
    items = [item for result in RESULTS for item in back.results[result]["items"]]
    assert {item["state"] for item in items} <= {"changed", "ok", "pending"}
    assert [item for item in items if item["state"] == "pending" and "restart" not in item["reason"]] == []


@pytest.mark.parametrize("result", RESULTS)
def test_a_second_rollback_has_nothing_to_do(back_again: Record, result: str) -> None:
    assert back_again.results[result]["items"] == []
    assert not back_again.results[result]["changed"]


def test_the_daemons_answer_all_the_time(back: Record, back_again: Record) -> None:
    for record in (back, back_again):
        units = record.daemons["units"]
        assert units
        assert [unit for unit, found in units.items() if not found["reply"]] == []
