# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._alg.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._alg.module import SIP_ALG, build_request
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan


@pytest.mark.parametrize(
    ("block", "state", "expected"),
    [
        (True, "present", Request(True, True)),
        (False, "present", Request(False, True)),
        ({}, "absent", Request(False, False)),
        (True, "absent", Request(False, False)),
    ],
)
def test_the_request(block: object, state: str, expected: Request) -> None:
    assert build_request({"block": block, "state": state}) == expected


@pytest.mark.parametrize(("state", "missing"), [("readonly", True), ("pending", False), ("ok", False)])
def test_what_cannot_be_blocked_is_missing(state: str, missing: bool) -> None:
    planned = FilesPlan([], [], None, [], [])  # type: ignore[arg-type]
    assert SIP_ALG.is_missing(planned, Change("SIP ALG", "blocked", None, None, None, state)) is missing
