# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the plan of receive buffers, and confirm what the sockets have."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from .._core.change import ABSENT, PENDING, Change, Outcome
from .._core.undo import UndoLog
from .._engine.effects import finalize_originals, store_originals, tidy
from .._engine.originals import Originals
from .._host.host import Host, HostError
from .._host.sockets import SocketGoneError, option_for, receive_buffer, set_receive_buffer, why_out_of_reach
from .model import Decision, Observed, Plan, Request


class _Result(NamedTuple):
    """The buffer of a socket after it was set, None if the socket is gone; and why it is not the wanted one."""

    bytes: int | None
    reason: str = ""


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Carry out a plan, and note how to undo it. Raises HostError where the originals cannot be recorded.

    The originals come first, so that nothing is changed unrecorded. A socket that is gone, or that the kernel does not
    let us set after all, is that item's state and not the end of the call.
    """
    tidy(host)
    if planned.changed:
        store_originals(host, planned.originals, log)
    results = {decision.item: _set(host, decision, log) for decision in planned.decisions}
    stored = planned.originals if planned.changed else observed.originals
    finalize_originals(host, _finalized(planned, stored, results), stored, log)
    changes = [_confirmed(change, results) for change in planned.changes]
    return Outcome(changes, any(not result.reason for result in results.values()))


def _set(host: Host, decision: Decision, log: UndoLog) -> _Result:
    log.note(decision.item, lambda: _put_back(decision))
    try:
        now = set_receive_buffer(decision.place, decision.target, decision.option)
    except SocketGoneError as error:
        return _Result(None, f"{error} meanwhile")
    except HostError as error:
        return _Result(decision.before, why_out_of_reach(host, error))
    # Half of an odd number is rounded up, so the kernel gives one byte more.
    reason = "" if 0 <= now - decision.target <= 1 else f"the kernel was asked for {decision.target}, and gave {now}"
    return _Result(now, reason)


def _put_back(decision: Decision) -> None:
    """Undo a change; a socket that is gone needs nothing. Raises HostError."""
    with contextlib.suppress(SocketGoneError):
        if receive_buffer(decision.place) != decision.before:
            option = option_for(decision.before)
            if option is None:
                raise HostError(decision.item, "cannot be put back, as that requires CAP_NET_ADMIN")
            set_receive_buffer(decision.place, decision.before, option)


def _confirmed(change: Change, results: dict[str, _Result]) -> Change:
    """An item with what became of its socket."""
    result = results.get(change.item)
    if result is None:
        return change
    if result.bytes is None:
        return change._replace(after=None, at_boot=None, at_boot_before=None, state=ABSENT, reason=result.reason)
    if result.reason:
        return change._replace(after=str(result.bytes), state=PENDING, reason=result.reason)
    return change._replace(after=str(result.bytes))


def _finalized(planned: Plan, stored: Originals, results: dict[str, _Result]) -> Originals:
    """The originals without sockets that are gone or as they were, and with what the others were left with."""
    kept = {key: original for key, original in stored.sockets.items() if key not in planned.released}
    for decision in planned.decisions:
        result = results[decision.item]
        original = kept.pop(decision.key, None)
        if original is not None and result.bytes not in (None, original.found):
            kept[decision.key] = original._replace(left=result.bytes)
        elif result.reason and result.bytes is not None and decision.key in planned.released:
            kept[decision.key] = stored.sockets[decision.key]  # not put back after all
    return stored._replace(sockets=kept)
