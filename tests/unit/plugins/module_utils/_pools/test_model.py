# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._pools.model import FileState
from pool_hosts import EXACT, FILE, NAME, TEXT, observed, planned, unit


@pytest.mark.parametrize(
    ("load", "error", "reason"),
    [
        ("loaded", "", ""),
        ("not-found", "", f"{NAME} is not installed"),
        ("masked", "", f"{NAME} is masked and never starts"),
        ("bad-setting", "line 5 is wrong", f"systemd cannot load {NAME}: line 5 is wrong"),
        ("error", "", f"systemd cannot load {NAME}: error"),
    ],
)
def test_why_a_unit_is_unavailable(load: str, error: str, reason: str) -> None:
    assert unit(load=load, load_error=error).unavailable == reason


def test_texts_are_those_of_files_that_exist() -> None:
    found = observed(unit())
    files = {**found.files, "/etc/default/none": FileState(None, None, "no directory")}
    assert found._replace(files=files).texts == {FILE: TEXT}


def test_a_plan_changes_something_if_it_has_a_file() -> None:
    assert planned(EXACT, unit()).changed
    assert not planned({}, unit()).changed
