# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users see of memory pools: an item for each pool that was asked for or goes back, and one for maxbuffer."""

from __future__ import annotations

from typing import NamedTuple

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, SHADOWED, Change
from .._sip.proxy_command import DAEMONS, MAXBUFFER, running_options, whole_number
from .._sip.proxy_config import DEFAULT_MAXBUFFER_BYTES
from .._systemd.environment_file import Note, assignments
from .model import LOADED, MASKED, NOT_FOUND, Deciding, Observed, Texts, Unit, command_of, deciding
from .settings import Kind, Pool, item_name

MAXBUFFER_ITEM = "maxbuffer"
NO_LONGER_WANTED = "no longer wanted"


class Decision(NamedTuple):
    """What becomes of a pool: met without us, or set in a file; or `obstacle` says what is in the way."""

    unit: Unit
    pool: Pool
    kept: bool
    set: bool
    obstacle: str = ""


def unavailable(unit: Unit) -> str:
    """Why a unit cannot be looked into, "" if it can."""
    if unit.load == NOT_FOUND:
        return f"{unit.asked} is not installed here"
    if unit.load == MASKED:
        return f"{unit.asked} is masked, so it is never started"
    if unit.load != LOADED:
        return f"systemd cannot load {unit.asked}: {unit.load_error or unit.load}"
    return ""


# --- pools ----------------------------------------------------------------------------------


class _Values(NamedTuple):
    """A pool before and after the call, and at the next start. `live` is the running daemon's, `runs` tells of one."""

    before: str | None
    after: str | None
    at_boot: str | None
    live: str | None
    runs: bool


def _values(unit: Unit, kind: Kind, found: Texts, then: Texts) -> _Values:
    """Of a running daemon what it was started with, and otherwise what it would be started with."""
    now, boot = (_text(deciding(unit, kind, texts)) for texts in (found, then))
    if unit.running is None and not unit.active:
        return _Values(now, boot, boot, None, False)
    daemon = running_options(unit.running or ())
    word = daemon.options.get(kind.option) if daemon else None
    live = word.text if word else None
    return _Values(live, live, boot, live, True)


def _text(found: Deciding | None) -> str | None:
    return None if found is None or not found.text else found.text


def pool_item(
    unit: Unit, pool: Pool, decision: Decision | None, found: Texts, then: Texts, observed: Observed
) -> Change:
    """The item of a pool that was asked for."""
    item = item_name(unit.asked, pool.kind.name)
    if decision is None:
        return Change(item, pool.wanted, None, None, None, ABSENT, pool.why, unavailable(unit))
    values = _values(unit, pool.kind, found, then)
    now, boot = (deciding(unit, pool.kind, texts) for texts in (found, then))
    state, reason = OK, ""
    if boot is None or not pool.meets(boot.value):
        state, reason = _out_of_reach(unit, pool, decision, boot, then)
    elif not decision.kept or (values.runs and not _agrees(pool, values.live)):
        state, reason = _in_force(unit, pool, values, now != boot, observed)
    elif str(pool.value) != boot.text:
        state = KEPT
    return Change(item, pool.wanted, values.before, values.after, values.at_boot, state, pool.why, reason)


def _agrees(pool: Pool, live: str | None) -> bool:
    return live is not None and pool.meets(whole_number(live))


def _in_force(unit: Unit, pool: Pool, values: _Values, changed: bool, observed: Observed) -> tuple[str, str]:
    """The state of a pool that the next start will have as it is wanted."""
    if not observed.systemd_running:
        return PENDING, f"systemd does not run here: in force when {unit.name} is started"
    if values.runs and not _agrees(pool, values.live):
        return PENDING, _waits(unit, values)
    return (CHANGED if changed else OK), ""


def _waits(unit: Unit, values: _Values) -> str:
    has = "what it has is not known" if values.live is None else f"it runs with {values.live}"
    return f"in force when {unit.name} is restarted: {has}"


def _out_of_reach(
    unit: Unit, pool: Pool, decision: Decision, boot: Deciding | None, texts: Texts
) -> tuple[str, str]:
    """The state of a pool that no environment file can give the daemon."""
    found = command_of(unit, texts)
    if found is None:
        return ABSENT, _no_daemon(unit)
    command, daemon = found
    option = f"-{pool.kind.option}"
    if boot is None:
        place = f"{command.file} line {command.line}"
        return ABSENT, f"{place} starts {daemon.daemon.name} without {option}: add {option} with a drop-in"
    if not boot.variable:
        return SHADOWED, f"{boot.where} starts it with {option} {boot.text}, which is no variable: use a drop-in"
    if decision.obstacle:
        return (SHADOWED if boot.editable else ABSENT), decision.obstacle
    return SHADOWED, f"{boot.where} sets {boot.variable}, and {option} {boot.text} in it is the last one that counts"


def _no_daemon(unit: Unit) -> str:
    known = " nor ".join(daemon.name for daemon in DAEMONS.values())
    if not unit.start.commands:
        return f"{unit.name} has no ExecStart= that can be read"
    command = unit.start.commands[0]
    shown = " ".join(command.words[:2])
    return f"{command.file} line {command.line} starts {shown}, in which there is neither {known}"


def returned_item(
    unit: Unit | None, kind: Kind | None, note: Note, path: str, found: Texts, then: Texts, observed: Observed
) -> Change:
    """The item of a line of ours that goes back; without a unit that reads it, it is called by its file."""
    if unit is None or kind is None:
        now, boot = (_said(note, texts.get(path, "")) for texts in (found, then))
        item, values = f"{path} {note.name}", _Values(now, boot, boot, None, False)
    else:
        item, values = item_name(unit.asked, kind.name), _values(unit, kind, found, then)
    state, reason = CHANGED, ""
    if not note.in_force:
        said = "taken the line away" if note.assignment is None else f"set {note.assignment.value}"
        state, reason = KEPT, f"somebody else has {said} in {path} since: left alone"
    elif unit is not None and values.runs and values.live != values.at_boot:
        state, reason = PENDING, _waits(unit, values)
    return Change(item, None, values.before, values.after, values.at_boot, state, NO_LONGER_WANTED, reason)


def _said(note: Note, text: str) -> str | None:
    entry = assignments(text).get(note.name)
    return entry.value if entry else None


# --- maxbuffer ------------------------------------------------------------------------------


def advice_item(unit: Unit, texts: Texts, observed: Observed) -> Change:
    """Whether the daemon asks for what net.core.rmem_max would let it have.

    Both daemons ask for SO_RCVBUF in steps, up to their own maxbuffer: probe_max_receive_buffer() of Kamailio and
    probe_max_sock_buff() of OpenSIPS. Sockets that have more from the start are left as they are.
    """
    item = item_name(unit.asked, MAXBUFFER_ITEM)
    most = observed.rmem_max_bytes
    wanted = None if most is None else f"at least {most}"
    asked, source, obstacle = _asked_bytes(unit, texts)
    if most is None and not obstacle:
        obstacle = "net.core.rmem_max does not show in this network namespace"
    if obstacle or most is None or asked is None:
        return Change(item, wanted, None, None, None, ABSENT, "", obstacle)
    state, reason = OK, ""
    if asked < most and (observed.rmem_default_bytes or 0) <= asked:
        where = unit.configuration.path if unit.configuration else "its configuration"
        state, reason = SHADOWED, (
            f"the daemon asks for {asked} bytes at most ({source}), and a larger net.core.rmem_max alone changes "
            f"nothing: a larger net.core.rmem_default reaches it at its next start, or maxbuffer in {where}"
        )
    return Change(item, wanted, str(asked), str(asked), str(asked), state, "", reason)


def _asked_bytes(unit: Unit, texts: Texts) -> tuple[int | None, str, str]:
    """The most bytes that the daemon asks for, by what, and why that is not known."""
    found, configuration = command_of(unit, texts), unit.configuration
    if found is None or configuration is None:
        return None, "", _no_daemon(unit)
    word = found[1].options.get(MAXBUFFER)
    option = whole_number(word.text) if word else None
    by_option = [] if option is None else [(option, f"-{MAXBUFFER} in its command line")]
    if not configuration.readable and not (by_option and found[1].daemon.option_wins):
        return None, "", f"{configuration.path} cannot be read, so it is not known what the daemon asks for"
    line = configuration.maxbuffer
    by_line = [] if line is None else [(line.bytes, f"{line.file} line {line.line}")]
    order = by_option + by_line if found[1].daemon.option_wins else by_line + by_option
    asked, source = [*order, (DEFAULT_MAXBUFFER_BYTES, "its default")][0]
    return asked, source, ""
