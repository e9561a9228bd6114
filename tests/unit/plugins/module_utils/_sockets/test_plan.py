# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From sockets to what must be done: tables, and what holds whatever there is."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import (
    CHANGED,
    KEPT,
    OK,
    PENDING,
    READONLY,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, SocketOriginal
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import (
    Observed,
    Plan,
    Request,
    Socket,
    Unreached,
)
from ansible_collections.siptune.linux.plugins.module_utils._sockets.plan import MOST_SOCKETS, plan
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import Floor, SocketsError
from hypothesis import given
from hypothesis import strategies as st
from socket_hosts import BOOT, MIB, SO_RCVBUF, STOCK, observed, original, socket

FLOOR = Floor(6 * MIB)
RAISE, BACK = Request(FLOOR), Request(absent=True)


def states(planned: Plan) -> list[str]:
    return [change.state for change in planned.changes]


def test_a_socket_is_raised_and_recorded_first() -> None:
    planned = plan(RAISE, observed(socket()))
    (decision,) = planned.decisions
    assert (decision.before, decision.target, decision.option) == (STOCK, 6 * MIB, SO_RCVBUF)
    name = "kamailio udp 127.0.0.1:5060 receive buffer"
    assert planned.originals.sockets == {"5060 7 50600": SocketOriginal(name, BOOT, 5060, STOCK, 6 * MIB, None)}
    assert states(planned) == [CHANGED]


@pytest.mark.parametrize(("size", "state"), [(6 * MIB, OK), (6 * MIB + 2, KEPT), (64 * MIB, KEPT)])
def test_one_that_has_enough_is_left_alone(size: int, state: str) -> None:
    planned = plan(RAISE, observed(socket(size=size)))
    assert (states(planned), planned.changed, planned.originals) == ([state], False, NOTHING)


def test_the_first_original_stays() -> None:
    one = socket(size=MIB)
    records = NOTHING._replace(sockets={one.key: original(one, written=MIB, left=MIB)})
    planned = plan(RAISE, observed(one, originals=records))
    record = planned.originals.sockets[one.key]
    assert (record.found, record.written, record.left) == (STOCK, 6 * MIB, None)


@pytest.mark.parametrize(
    ("one", "option", "reason"),
    [
        (socket(size=None, obstacle="EPERM"), SO_RCVBUF, "EPERM; it stays as it is until"),
        (socket(), None, "more than net.core.rmem_max requires CAP_NET_ADMIN; it stays"),
    ],
    ids=["out of reach", "beyond rmem_max"],
)
def test_one_that_cannot_be_set_waits(one: Socket, option: int | None, reason: str) -> None:
    planned = plan(RAISE, observed(one, option=option))
    assert (states(planned), planned.changed) == ([PENDING], False)
    assert planned.changes[0].reason.startswith(reason)


def test_without_a_floor_nothing_happens() -> None:
    planned = plan(Request(), observed(socket()))
    assert (planned.changes, planned.changed) == ([], False)


def test_what_is_left_alone_as_a_whole_is_named() -> None:
    there = observed(unreached=[Unreached("kamailio receive buffers", READONLY, "a container")])
    assert states(plan(RAISE, there)) == [READONLY]


def test_hundreds_of_sockets_are_bounded_and_again_the_same() -> None:
    sockets = [socket(port) for port in range(6000, 6500)]
    first = plan(Request(Floor(MIB)), observed(*sockets))
    assert len(first.decisions) == MOST_SOCKETS
    assert states(first) == [CHANGED] * MOST_SOCKETS + [PENDING]
    (warning,) = first.warnings
    assert warning.startswith("kamailio further receive buffers: no more than 64 sockets are raised: left as they are")
    assert not plan(Request(Floor(MIB)), after(sockets, first)).changed


def test_the_memory_bounds_all_of_them_together() -> None:
    sockets = [socket(port) for port in (5060, 5070, 5080)]
    planned = plan(RAISE, observed(*sockets, memory_bytes=1300 * MIB))
    assert (len(planned.decisions), states(planned)) == (2, [CHANGED, CHANGED, PENDING])
    assert "no more than 1/100 of the memory" in planned.changes[-1].reason


def test_one_socket_that_is_too_much_is_refused() -> None:
    with pytest.raises(SocketsError, match="6291456 bytes for a socket are more than 1/100 of this host's memory"):
        plan(RAISE, observed(memory_bytes=512 * MIB))


def test_unknown_memory_raises_nothing() -> None:
    assert states(plan(RAISE, observed(socket(), memory_bytes=None))) == [PENDING]


def test_records_of_processes_that_have_ended_are_dropped() -> None:
    gone = observed(gone=["1 2 3"])
    assert [list(plan(request, gone).released) for request in (RAISE, BACK)] == [["1 2 3"], ["1 2 3"]]


# --- whatever there is ----------------------------------------------------------------------


def after(sockets: list[Socket], planned: Plan) -> Observed:
    """What there is when everything has gone as planned."""
    sizes = {decision.key: decision.target for decision in planned.decisions}
    raised = [one._replace(bytes=sizes.get(one.key, one.bytes)) for one in sockets]
    return observed(*raised, originals=planned.originals)


SIZES = st.none() | st.sampled_from([4608, STOCK, MIB, 6 * MIB, 64 * MIB])


@given(st.lists(SIZES, max_size=90), st.sampled_from([4096, MIB, 6 * MIB, 30 * MIB]))
def test_a_floor_never_lowers_holds_the_second_time_and_keeps_its_bounds(sizes: list[int | None], floor: int) -> None:
    sockets = [socket(port, size, obstacle="" if size else "EPERM") for port, size in enumerate(sizes, 5060)]
    wanted = Request(Floor(floor))
    planned = plan(wanted, observed(*sockets))
    assert all(decision.before < decision.target == floor for decision in planned.decisions)
    assert len(planned.decisions) <= MOST_SOCKETS
    assert len(planned.decisions) * floor <= 8192 * MIB // 100
    assert len({change.item for change in planned.changes}) == len(planned.changes)
    assert planned.originals.sockets.keys() == {decision.key for decision in planned.decisions}
    again = plan(wanted, after(sockets, planned))
    assert not again.changed
    assert all(change.state != CHANGED for change in again.changes)
