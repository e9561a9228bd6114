# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items and warnings of memory pools that a call returns, and an item for each daemon's maxbuffer."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import NamedTuple

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, SHADOWED, Change
from .._core.setting import hazard_warning
from .._core.text import plural
from .._sip.proxy_command import CONTAINERS, DAEMONS, MAXBUFFER, option_number, running_options
from .._sip.proxy_config import DEFAULT_MAXBUFFER_BYTES
from .._systemd.environment_file import Note, assignments
from .effective import StartValue, command_of, start_value
from .model import Decision, Observed, Texts, Unit
from .settings import Kind, Pool, item_name

MAXBUFFER_ITEM = "maxbuffer"
NO_LONGER_WANTED = "no longer wanted"


# --- pools ----------------------------------------------------------------------------------


class _Values(NamedTuple):
    """A pool before and after the call, and at the next start. `live` is the running daemon's, if it `runs`."""

    before: str | None
    after: str | None
    at_boot: str | None
    at_boot_before: str | None
    live: str | None
    runs: bool


def _values(unit: Unit, kind: Kind, now: Texts, then: Texts) -> _Values:
    """The values that a running daemon has, or those with which a stopped one would start."""
    at_start, at_boot = (_text(start_value(unit, kind, texts)) for texts in (now, then))
    if unit.running is None and not unit.active:
        return _Values(at_start, at_boot, at_boot, at_start, None, False)
    daemon = running_options(unit.running or ())
    word = daemon.options.get(kind.option) if daemon else None
    live = word.text if word else None
    return _Values(live, live, at_boot, at_start, live, True)


def _text(value: StartValue | None) -> str | None:
    return None if value is None or not value.text else value.text


def pool_item(unit: Unit, pool: Pool, decision: Decision | None, now: Texts, then: Texts, observed: Observed) -> Change:
    """The item of a wanted pool; `decision` is None if the unit is unavailable."""
    item = item_name(unit.asked, pool.kind.name)
    if decision is None:
        return Change(item, pool.wanted, None, None, None, ABSENT, pool.why, unit.unavailable)
    values = _values(unit, pool.kind, now, then)
    at_start, at_boot = (start_value(unit, pool.kind, texts) for texts in (now, then))
    state, reason = OK, ""
    if at_boot is None or not pool.meets(at_boot.value):
        state, reason = _out_of_reach(unit, pool, decision, at_boot, then)
    elif not decision.kept or (values.runs and not _agrees(pool, values.live)):
        state, reason = _in_force(unit, pool, values, at_start != at_boot, observed)
    elif str(pool.value) != at_boot.text:
        state = KEPT
    return _change(item, pool.wanted, values, state, pool.why, reason)


def _agrees(pool: Pool, live: str | None) -> bool:
    return live is not None and pool.meets(option_number(live))


def _in_force(unit: Unit, pool: Pool, values: _Values, changed: bool, observed: Observed) -> tuple[str, str]:
    """The state of a pool that is as wanted from the next start on."""
    if not observed.systemd_running and not observed.boot_only:
        return PENDING, f"systemd does not run here: in force once {unit.name} starts"
    if values.runs and not _agrees(pool, values.live):
        return PENDING, _waits(unit, values)
    return (CHANGED if changed else OK), ""


def _waits(unit: Unit, values: _Values) -> str:
    has = "its current size is unknown" if values.live is None else f"it runs with {values.live}"
    return f"in force once {unit.name} restarts: {has}"


def _out_of_reach(
    unit: Unit, pool: Pool, decision: Decision, at_boot: StartValue | None, texts: Texts
) -> tuple[str, str]:
    """The state of a pool that no environment file can set."""
    found = command_of(unit, texts)
    if found is None:
        return ABSENT, _no_daemon(unit)
    command, daemon = found
    option = f"-{pool.kind.option}"
    if at_boot is None:
        place = f"{command.file} line {command.line}"
        return ABSENT, f"{place} starts {daemon.daemon.name} without {option}: add {option} with a drop-in"
    if not at_boot.variable:
        return SHADOWED, f"{at_boot.where} has {option} {at_boot.text} instead of a variable: use a drop-in"
    if decision.obstacle:
        return (SHADOWED if at_boot.editable else ABSENT), decision.obstacle
    return SHADOWED, f"{at_boot.where} sets {at_boot.variable}, and its {option} {at_boot.text} comes last and wins"


def _no_daemon(unit: Unit) -> str:
    known = " nor ".join(daemon.name for daemon in DAEMONS.values())
    if not unit.start.commands:
        return f"{unit.name} has no readable ExecStart="
    command = unit.start.commands[0]
    shown = " ".join(command.words[:2])
    if posixpath.basename(shown.partition(" ")[0]) in CONTAINERS:
        return f"{command.file} line {command.line} starts {shown}: give the daemon its pools where that is defined"
    return f"{command.file} line {command.line} starts {shown}, neither {known}"


def reverted_item(unit: Unit | None, kind: Kind | None, note: Note, path: str, now: Texts, then: Texts) -> Change:
    """The item of a line of ours that is reverted; if no unit reads it, it is named by its file."""
    if unit is None or kind is None:
        before, at_boot = (_assigned(note, texts.get(path, "")) for texts in (now, then))
        item, values = f"{path} {note.name}", _Values(before, at_boot, at_boot, before, None, False)
    else:
        item, values = item_name(unit.asked, kind.name), _values(unit, kind, now, then)
    state, reason = CHANGED, ""
    if not note.in_force:
        edit = "removed the line from" if note.assignment is None else f"set {note.assignment.value} in"
        was = "not set" if note.was is None else note.was
        state, reason = KEPT, f"somebody else has {edit} {path} since: left alone; before siptune it was {was}"
    elif unit is not None and values.runs and values.live != values.at_boot:
        state, reason = PENDING, _waits(unit, values)
    return _change(item, None, values, state, NO_LONGER_WANTED, reason)


def _change(item: str, wanted: str | None, values: _Values, state: str, why: str, reason: str) -> Change:
    before, after, at_boot, at_boot_before, _live, _runs = values
    return Change(item, wanted, before, after, at_boot, state, why, reason, at_boot_before)


def _assigned(note: Note, text: str) -> str | None:
    entry = assignments(text).get(note.name)
    return entry.value if entry else None


def hazards(decisions: Iterable[Decision], then: Texts) -> list[str]:
    """The warnings of the pools that have, or will have, the wanted size."""
    warnings = []
    for decision in decisions:
        value = start_value(decision.unit, decision.pool.kind, then)
        if decision.pool.hazard and value is not None and value.value == decision.pool.value:
            item = item_name(decision.unit.asked, decision.pool.kind.name)
            warnings.append(hazard_warning(item, str(decision.pool.value), decision.pool.hazard))
    return warnings


def waits_for_restart(unit: Unit, own: Iterable[Change], observed: Observed) -> bool:
    """Whether a restart of the unit would bring one of its items into force."""
    return observed.systemd_running and unit.active and any(change.state == PENDING for change in own)


def with_restart(change: Change, blocked_by_calls: str) -> Change:
    """The item of a unit that is restarted, or that calls in progress keep from being restarted."""
    if change.state != PENDING:
        return change
    if blocked_by_calls:
        return change._replace(reason=f"{change.reason}; not restarted now: {blocked_by_calls}")
    return change._replace(after=change.at_boot, state=CHANGED, reason="")


# --- maxbuffer ------------------------------------------------------------------------------


def is_advice(change: Change) -> bool:
    """Whether an item is one that `maxbuffer_item` has made: the setting is the administrator's own."""
    return bool(change.item.endswith(f" {MAXBUFFER_ITEM}"))


def maxbuffer_item(unit: Unit, texts: Texts, observed: Observed) -> Change:
    """Whether the daemon asks for a receive buffer as large as net.core.rmem_max allows.

    Both daemons ask for SO_RCVBUF in steps, up to their own maxbuffer: probe_max_receive_buffer() of Kamailio and
    probe_max_sock_buff() of OpenSIPS. Sockets that start with more are left as they are.
    """
    item = item_name(unit.asked, MAXBUFFER_ITEM)
    most = observed.rmem_max_bytes
    wanted = None if most is None else f"at least {most}"
    asked, source, obstacle = _asked_bytes(unit, texts)
    if most is None and not obstacle:
        obstacle = "this network namespace does not show net.core.rmem_max"
    if obstacle or most is None or asked is None:
        return Change(item, wanted, None, None, None, ABSENT, "", obstacle)
    state, reason = OK, ""
    if asked < most and (observed.rmem_default_bytes or 0) <= asked:
        where = unit.configuration.path if unit.configuration else "its configuration"
        amount = plural(asked, "byte")
        state, reason = (
            SHADOWED,
            (
                f"the daemon asks for at most {asked} {amount} ({source}), and a larger net.core.rmem_max alone "
                "changes nothing: a larger net.core.rmem_default reaches it at its next start, or set maxbuffer in "
                f"{where}"
            ),
        )
    return Change(item, wanted, str(asked), str(asked), str(asked), state, "", reason, str(asked))


def _asked_bytes(unit: Unit, texts: Texts) -> tuple[int | None, str, str]:
    """The most bytes that the daemon asks for, the setting that decides it, and why it is unknown."""
    found, configuration = command_of(unit, texts), unit.configuration
    if found is None or configuration is None:
        return None, "", _no_daemon(unit)
    word = found[1].options.get(MAXBUFFER)
    option = option_number(word.text) if word else None
    by_option = [] if option is None else [(option, f"-{MAXBUFFER} in its command line")]
    if not configuration.readable and not (by_option and found[1].daemon.option_wins):
        return None, "", f"{configuration.path} cannot be read, so the buffer that the daemon asks for is unknown"
    line = configuration.maxbuffer
    by_line = [] if line is None else [(line.bytes, f"{line.file} line {line.line}")]
    order = by_option + by_line if found[1].daemon.option_wins else by_line + by_option
    asked, source = [*order, (DEFAULT_MAXBUFFER_BYTES, "its default")][0]
    return asked, source, ""
