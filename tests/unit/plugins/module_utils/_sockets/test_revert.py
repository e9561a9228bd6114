# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of raised sockets."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import CHANGED, KEPT, PENDING
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import Observed, Plan, Recorded
from ansible_collections.siptune.linux.plugins.module_utils._sockets.revert import put_back
from socket_hosts import BOOT, MIB, SO_RCVBUF, STOCK, original, socket


def states(planned: Plan) -> list[str]:
    return [change.state for change in planned.changes]


def recorded(size: int | None = 6 * MIB, **fields: object) -> Recorded:
    one = socket()
    known = {"place": one.place, "option": SO_RCVBUF, **fields}
    return Recorded(one.key, original(one), bytes=size, **known)


def back(one: Recorded) -> Plan:
    records = NOTHING._replace(sockets={one.key: one.original})
    return put_back(Observed(records, BOOT, recorded=[one]))


def test_a_raised_socket_goes_back() -> None:
    planned = back(recorded())
    (decision,) = planned.decisions
    assert (decision.before, decision.target) == (6 * MIB, STOCK)
    assert (states(planned), planned.released) == ([CHANGED], [decision.key])


@pytest.mark.parametrize("size", [STOCK, None], ids=["as it was found", "closed"])
def test_what_needs_nothing_is_forgotten(size: int | None) -> None:
    planned = back(recorded(size, **({} if size else {"place": None})))
    assert (planned.changes, planned.changed, list(planned.released)) == ([], False, ["5060 7 50600"])


def test_what_somebody_else_has_changed_since_is_left_alone() -> None:
    planned = back(recorded(7 * MIB))
    assert (states(planned), planned.changed, list(planned.released)) == ([KEPT], False, ["5060 7 50600"])


@pytest.mark.parametrize(
    "one",
    [recorded(None, obstacle="EPERM"), recorded(option=None), recorded(None, place=None, obstacle="EACCES")],
    ids=["out of reach", "no option", "no look"],
)
def test_what_cannot_be_put_back_stays_on_record(one: Recorded) -> None:
    planned = back(one)
    assert (states(planned), planned.changed, list(planned.released)) == ([PENDING], False, [])
    assert planned.changes[0].reason.endswith("; it goes with its process")


def test_a_killed_call_has_written_or_not() -> None:
    one = recorded()
    under_way = one._replace(original=one.original._replace(left=None))
    assert states(back(under_way)) == [CHANGED]
    assert states(back(under_way._replace(bytes=STOCK))) == []
