# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import ABSENT, OK, PENDING, SHADOWED, Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.policy import NotAcceptableError, Policy

CHANGES = [
    Change("a", "1", "1", "1", "1", OK),
    Change("b", "1", None, None, None, ABSENT, reason="there is no b"),
    Change("c", "1", "1", "2", "2", SHADOWED, reason="x.conf line 3 sets 2"),
    Change("d", "1", "1", "1", "1", PENDING, reason="later"),
]


def is_absent(change: Change) -> bool:
    return change.state == ABSENT


@pytest.mark.parametrize(
    ("missing", "shadowed", "message"),
    [
        ("report", "report", ""),
        ("fail", "report", "b is absent: there is no b"),
        ("report", "fail", "c is shadowed: x.conf line 3 sets 2"),
        ("fail", "fail", "b is absent: there is no b; c is shadowed: x.conf line 3 sets 2"),
    ],
)
def test_what_is_ruled_out(missing: str, shadowed: str, message: str) -> None:
    policy = Policy(missing, shadowed)
    if not message:
        policy.check(CHANGES, is_absent)
        return
    with pytest.raises(NotAcceptableError) as caught:
        policy.check(CHANGES, is_absent)
    assert str(caught.value) == message
