# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the limits that are wanted and what the host has to what must be done: the plan of a limits.d file.

Nothing here reads or writes anything. A line is judged by people it applies to: by the account it
names, or by people made up for its group or range. Putting a host back is the plan for no limits
at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.change import ABSENT, CHANGED, OK, PENDING, SHADOWED, Change
from .._core.setting import hazard_warning
from .._engine.originals import Originals
from .._engine.owned_files import FileChange, OwnFile, finalize_files, plan_file, record_files, released_files, text_of
from .._host.host import FileRecord
from .._sysctl.nr_open import NrOpen
from .conf import (
    EVERYBODY,
    GID_LOGINS,
    GIDS,
    GROUP,
    GROUP_LOGINS,
    HARD,
    HEADING,
    INFINITE,
    ITEMS,
    NO_LIMIT,
    RESOURCE,
    SOFT,
    UIDS,
    USER,
    WITHOUT_EFFECT,
    Account,
    Decision,
    Domain,
    Entry,
    LimitsError,
    amount,
    decide,
    rank_for,
    read_all,
    render,
)
from .pam import PamLimits, Service
from .settings import MAX, Limit

# The hard limit that systemd gives to services: no shell needs more, and some programs close, one by one, every
# descriptor that they could have. (systemd NEWS, changes with 240)
HIGHEST_FOR_SHELLS = 524288

ROOT = Account("root", 0, 0, frozenset({0}), frozenset({"root"}))


# --- what is asked for and what there is ----------------------------------------------------


class Request(NamedTuple):
    """What a call asks for: these limits, in this file."""

    path: str
    limits: Sequence[Limit]


class Directory(NamedTuple):
    """The accounts and groups that the limits name, as far as the host has them."""

    users: Mapping[str, Account]
    uids: Mapping[int, Account]
    groups: Mapping[str, int]
    gids: Mapping[int, str]


class Start(NamedTuple):
    """What a session starts from, before pam_limits: hard limits by item, in the kernel's numbers, and whose they are.

    `may_raise` and `may_renice`: whether root may raise hard limits here, and lower nice values; in
    many containers it may not.
    """

    hard: Mapping[str, int]
    whose: str
    may_raise: bool = True
    may_renice: bool = True


class Observed(NamedTuple):
    """Everything the plan depends on. `others` are all limits files but ours, by path."""

    own: FileRecord | None
    others: Mapping[str, str]
    originals: Originals
    owner: tuple[int, int]
    directory: Directory
    pam: PamLimits
    services: Sequence[Service]
    nr_open: NrOpen
    start: Start


# --- people ---------------------------------------------------------------------------------


def people(domain: Domain, directory: Directory) -> list[Account]:
    """Somebody, or the two at both ends of a range, to whom a line of this domain applies."""
    if domain.kind == USER:
        return [directory.users.get(domain.name) or Account(domain.name)]
    if domain.kind == UIDS and domain.low == domain.high:
        return [directory.uids.get(domain.low) or Account("", domain.low)]
    if domain.kind == UIDS:
        return [Account("", domain.low), Account("", domain.high)]
    if domain.kind in (GROUP, GROUP_LOGINS):
        gid = directory.groups.get(domain.name)
        return [Account("", gids=frozenset(() if gid is None else (gid,)), groups=frozenset((domain.name,)))]
    if domain.kind == GID_LOGINS or (domain.kind == GIDS and domain.exact):
        name = directory.gids.get(domain.high)
        return [Account("", gids=frozenset((domain.high,)), groups=frozenset(() if name is None else (name,)))]
    if domain.kind == GIDS:
        ends = dict.fromkeys((domain.low, domain.high))
        return [Account("", gid=gid, gids=frozenset((gid,))) for gid in ends]
    return [Account("")]


def nobody_there(domain: Domain, directory: Directory) -> str:
    """Why a line of this domain applies to nobody on this host yet, empty if it does."""
    if domain.kind == USER and domain.name not in directory.users:
        return f"there is no user {domain.name} here"
    if domain.kind == UIDS and domain.low == domain.high and domain.low not in directory.uids:
        return f"there is no user with the id {domain.low} here"
    if domain.kind in (GROUP, GROUP_LOGINS) and domain.name not in directory.groups:
        return f"there is no group {domain.name} here"
    one_gid = domain.kind == GID_LOGINS or (domain.kind == GIDS and domain.exact)
    if one_gid and domain.high not in directory.gids:
        return f"there is no group with the id {domain.high} here"
    return ""


# --- the plan -------------------------------------------------------------------------------


class Plan(NamedTuple):
    """What will be done. `originals` is what to record before the first effect."""

    changes: list[Change]
    files: list[FileChange]
    originals: Originals
    released: list[str]
    warnings: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.files)


class _World(NamedTuple):
    """All lines in the order they are read, and what the host makes of them."""

    entries: Sequence[Entry]
    observed: Observed

    def decide(self, item: str, account: Account) -> Decision:
        return decide(self.entries, item, account, self.observed.pam.spares_root)

    def amount(self, entry: Entry) -> int:
        """What a line sets, in the kernel's numbers."""
        return effective_amount(entry.item, entry.value, self.observed)

    def hard(self, item: str, decision: Decision) -> int | None:
        """The hard limit in force, None if it is not known."""
        if decision.hard is not None:
            return self.amount(decision.hard)
        return self.observed.start.hard.get(item)


def effective_amount(item: str, value: str, observed: Observed) -> int:
    """What a value of limits.conf comes to on this host, in the kernel's numbers."""
    number = amount(ITEMS[item], value)
    if item == "nofile" and number == INFINITE and observed.pam.maps_nofile:
        return observed.nr_open.live
    return 0 if number is None else number


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the host to what is requested. Raises LimitsError where that must not be done."""
    wanted = _with_numbers(request, observed)
    for limit in wanted:
        _guard(limit, observed)
    text = render([limit.line() for limit in wanted]) if wanted else None
    files, notes = _files(request, text, observed)
    own_then = files[0].after if files else observed.own
    now, then = (_world(request.path, own, observed) for own in (observed.own, own_then))
    _check_together(request, wanted, then)
    asked = {limit.name: limit for limit in request.limits}
    changes = [_change(limit, asked[limit.name], request, now, then) for limit in wanted]
    return Plan(
        changes=changes + _gone(request, wanted, now, then) + notes,
        files=files,
        originals=observed.originals._replace(files=record_files(observed.originals.files, files)),
        released=released_files({request.path: observed.own}, files, observed.originals.files),
        warnings=_hazards(request, changes) + _warnings(request, observed, then) if wanted else [],
    )


def finalize(planned: Plan) -> Originals:
    """The originals once everything is done, without what is no longer ours."""
    recorded = planned.originals
    return recorded._replace(files=finalize_files(recorded.files, planned.files, planned.released))


def _world(path: str, own: FileRecord | None, observed: Observed, text: str = "") -> _World:
    texts = dict(observed.others)
    if own is not None or text:
        texts[path] = text or text_of(own)
    return _World(read_all(texts, observed.pam.directories), observed)


def _files(request: Request, text: str | None, observed: Observed) -> tuple[list[FileChange], list[Change]]:
    file = OwnFile(request.path, observed.own, HEADING)
    change, note = plan_file(file, text, observed.originals.files, observed.owner)
    return [change] if change else [], [note] if note else []


# --- the highest nofile ---------------------------------------------------------------------


def _with_numbers(request: Request, observed: Observed) -> list[Limit]:
    """The limits with a number in place of each `max`: the hard ones first, as a soft one follows from them."""
    ceiling = highest_nofile(observed)
    limits = [
        limit._replace(value=str(ceiling)) if limit.value == MAX and HARD in limit.sides else limit
        for limit in request.limits
    ]
    if not any(limit.value == MAX for limit in limits):
        return limits
    known = [limit.line() for limit in limits if limit.value != MAX]
    world = _world(request.path, None, observed, render(known))
    return [
        limit._replace(value=str(min(ceiling, *_hard_limits(limit, world)))) if limit.value == MAX else limit
        for limit in limits
    ]


def highest_nofile(observed: Observed) -> int:
    """The highest nofile that is safe on this host for people who log in."""
    ceiling = min(observed.nr_open.lowest, HIGHEST_FOR_SHELLS)
    if not observed.start.may_raise:
        ceiling = min(ceiling, observed.start.hard.get("nofile", ceiling))
    return ceiling


def _hard_limits(limit: Limit, world: _World) -> list[int]:
    """The hard limits in force for those a limit applies to; INFINITE among them, as at least one number is needed."""
    decisions = (world.decide(limit.item, account) for account in people(limit.domain, world.observed.directory))
    known = (world.hard(limit.item, decision) for decision in decisions)
    return [INFINITE, *(hard for hard in known if hard is not None)]


# --- what must not be done ------------------------------------------------------------------


def _guard(limit: Limit, observed: Observed) -> None:
    """Raises LimitsError for a line that would lock people out by itself."""
    number = amount(ITEMS[limit.item], limit.value)
    if limit.item == "nofile" and number is not None:
        _guard_nofile(limit, number, observed)
    if limit.item == "nonewprivs" and number == 1 and _reaches_root(limit.domain, observed):
        raise LimitsError(limit.name, "with it nobody could become root any more: sudo and su would stop working")
    if limit.item == "priority" and number is not None and number < 0 and not observed.start.may_renice:
        raise LimitsError(
            limit.name, "root may not lower nice values here (no CAP_SYS_NICE), and pam_limits would refuse the login"
        )
    start = observed.start.hard.get(limit.item)
    if observed.start.may_raise or start is None or ITEMS[limit.item].kind != RESOURCE or HARD not in limit.sides:
        return
    if effective_amount(limit.item, limit.value, observed) > start:
        raise LimitsError(
            limit.name,
            f"root may not raise hard limits here (no CAP_SYS_RESOURCE, as in most containers), and "
            f"{observed.start.whose} has {shown_amount(limit.item, start)}: {_refused(observed)}",
        )


def _guard_nofile(limit: Limit, number: int, observed: Observed) -> None:
    if number == INFINITE:
        if not observed.pam.maps_nofile:
            raise LimitsError(
                limit.name,
                f"this pam_limits hands '{limit.value}' to the kernel as it is, and fs.nr_open is "
                f"{observed.nr_open.live}: {_refused(observed)}; write a number or 'max'",
            )
        return
    objection = observed.nr_open.objection(number)
    if objection:
        raise LimitsError(limit.name, f"{objection}: {_refused(observed)}")


def _refused(observed: Observed) -> str:
    """What becomes of a login when the kernel refuses a limit: Debian's patch 032 goes on."""
    login = "this PAM would leave the limit as it was" if observed.pam.spares_root else "PAM the login"
    return f"the kernel would refuse it, and {login}"


def _reaches_root(domain: Domain, observed: Observed) -> bool:
    """Whether it applies to root, or to all from whom one could become root."""
    root = observed.directory.uids.get(0) or ROOT
    return domain.kind == EVERYBODY or rank_for(domain, root, observed.pam.spares_root) is not None


def _check_together(request: Request, wanted: Sequence[Limit], world: _World) -> None:
    """Raises LimitsError for lines that cannot work beside the others."""
    for limit in wanted:
        if ITEMS[limit.item].kind == RESOURCE and limit.type == SOFT:
            for account in people(limit.domain, world.observed.directory):
                _check_soft(limit, world.decide(limit.item, account), request, wanted, world)
        rivals = {
            _own_rival(limit, account, request, world) for account in people(limit.domain, world.observed.directory)
        }
        rival = rivals.pop() if len(rivals) == 1 else None
        if rival is not None:
            raise LimitsError(limit.name, f"'{rival.name}' of the same call overrules it")


def _check_soft(limit: Limit, decision: Decision, request: Request, wanted: Sequence[Limit], world: _World) -> None:
    """Raises LimitsError for a soft limit that would be cut to the hard one."""
    hard, entry = world.hard(limit.item, decision), decision.hard
    value = effective_amount(limit.item, limit.value, world.observed)
    if hard is None or value <= hard or decision.exemption is not None:
        return
    shown = shown_amount(limit.item, hard)
    if entry is None:
        raise LimitsError(
            limit.name,
            f"{limit.value} is above the hard limit in force ({shown}, of {world.observed.start.whose}) and would be "
            "cut to it: raise the hard limit as well",
        )
    if entry.file == request.path:
        raise LimitsError(limit.name, f"soft {limit.value} is above the hard limit {shown} of '{entry.name}'")
    own_hard = any(
        other.domain == limit.domain and other.item == limit.item and HARD in other.sides for other in wanted
    )
    if not own_hard:  # otherwise the hard line is reported as shadowed, and this one with it
        raise LimitsError(
            limit.name,
            f"{limit.value} is above the hard limit in force ({shown}, of {entry.file} line {entry.line}) and would be "
            "cut to it",
        )


def _own_rival(limit: Limit, account: Account, request: Request, world: _World) -> Entry | None:
    """The line of our own file that decides in place of this one, where it says something else."""
    decision = world.decide(limit.item, account)
    for side in limit.sides:
        entry = decision.side(side)
        if entry is None or entry.file != request.path or _is_line_of(entry, limit):
            continue
        if entry.item != limit.item or world.amount(entry) != effective_amount(limit.item, limit.value, world.observed):
            return entry
    return None


def _is_line_of(entry: Entry, limit: Limit) -> bool:
    return (entry.domain, entry.type, entry.item) == (limit.domain, limit.type, limit.item)


# --- what the user sees ---------------------------------------------------------------------


def shown_amount(item: str, number: int) -> str:
    """A kernel's number as limits.conf would say it."""
    if number == INFINITE:
        return NO_LIMIT[0]
    if item == "nice":
        return str(20 - number)
    return str(number // ITEMS[item].scale)


def _change(limit: Limit, asked: Limit, request: Request, now: _World, then: _World) -> Change:
    before, after = (_in_force(limit, world) for world in (now, then))
    at_boot = after
    if after in NO_LIMIT and limit.item == "nofile" and then.observed.pam.maps_nofile:
        at_boot = str(then.observed.nr_open.boot)
    new = not any(_is_line_of(entry, limit) and entry.file == request.path for entry in now.entries)
    state, reason = CHANGED if new or before != after else OK, _note(limit, request, then)
    obstacle = _obstacle(limit, request, then)
    if obstacle is not None:
        state, reason = obstacle
    return Change(limit.name, asked.value, before, after, at_boot, state, limit.why, reason)


def _in_force(limit: Limit, world: _World) -> str | None:
    """The value that a login gets, None if no line sets it; soft and hard with a colon where they differ."""
    decision = world.decide(limit.item, people(limit.domain, world.observed.directory)[0])
    entries = [decision.side(side) for side in limit.sides]
    values = [None if entry is None else entry.value for entry in entries]
    if values.count(values[0]) == len(values):
        return values[0]
    return ":".join(value or "unset" for value in values)


def _obstacle(limit: Limit, request: Request, world: _World) -> tuple[str, str] | None:
    """The state and the reason of a line that does not do what it says."""
    if limit.item in WITHOUT_EFFECT:
        return ABSENT, WITHOUT_EFFECT[limit.item]
    if world.observed.pam.unknown_item(limit.item):
        return ABSENT, f"this host's pam_limits does not know {limit.item}"
    shadows = [_shadow(limit, account, request, world) for account in people(limit.domain, world.observed.directory)]
    if all(shadows):
        return SHADOWED, shadows[0]
    nobody = nobody_there(limit.domain, world.observed.directory)
    return (PENDING, f"{nobody}; takes effect when there is") if nobody else None


def _shadow(limit: Limit, account: Account, request: Request, world: _World) -> str:
    """Which line of another file wins over this one, or cuts it; empty if none does."""
    decision = world.decide(limit.item, account)
    if decision.exemption is not None:
        lifter = decision.exemption
        return f"{lifter.file} line {lifter.line} lifts all limits for {lifter.spelling}"
    wanted = effective_amount(limit.item, limit.value, world.observed)
    for side in limit.sides:
        entry = decision.side(side)
        if entry is None:
            return f"a file named like {request.path} in a directory of higher precedence hides it"
        if entry.file != request.path and (entry.item != limit.item or world.amount(entry) != wanted):
            said = f"{side} " if ITEMS[limit.item].kind == RESOURCE else ""
            return f"{entry.file} line {entry.line} sets {said}{entry.item} {entry.value} for {entry.spelling}"
    hard = world.hard(limit.item, decision)
    if limit.type == SOFT and ITEMS[limit.item].kind == RESOURCE and hard is not None and wanted > hard:
        entry = decision.hard
        where = "" if entry is None else f" of {entry.file} line {entry.line}"
        return f"cut to the hard limit {shown_amount(limit.item, hard)}{where}"
    return ""


def _note(limit: Limit, request: Request, world: _World) -> str:
    """What else there is to know of a line that works."""
    if limit.domain.kind != EVERYBODY or not world.observed.pam.spares_root:
        return ""
    root = world.observed.directory.uids.get(0) or ROOT
    decision = world.decide(limit.item, root)
    if any(decision.side(side) is None for side in limit.sides):
        return "does not reach root: this pam_limits takes root's limits from lines that name root"
    return ""


def _gone(request: Request, wanted: Sequence[Limit], now: _World, then: _World) -> list[Change]:
    """Items for the lines that our file had and has no longer."""
    changes = []
    for entry in now.entries:
        if entry.file != request.path or not entry.item or any(_is_line_of(entry, limit) for limit in wanted):
            continue
        limit = Limit(entry.domain, entry.spelling, entry.type, entry.item, entry.value)
        kept = any(other.file == request.path and _is_line_of(other, limit) for other in then.entries)
        before, after = (_in_force(limit, world) for world in (now, then))
        if not kept or before != after:
            changes.append(Change(limit.name, None, before, after, after, CHANGED, "no longer wanted in this file"))
    return changes


# --- warnings -------------------------------------------------------------------------------


def _hazards(request: Request, changes: Sequence[Change]) -> list[str]:
    """The hazards of the limits that are, or will be, in force."""
    in_force = {change.item for change in changes if change.state in (OK, CHANGED, SHADOWED, PENDING)}
    return [
        hazard_warning(limit.name, limit.value, limit.hazard)
        for limit in request.limits
        if limit.hazard and limit.name in in_force
    ]


def _warnings(request: Request, observed: Observed, then: _World) -> list[str]:
    warnings = _pam_warnings(observed)
    ceiling = observed.nr_open.lowest
    for entry in then.entries:
        if entry.item != "nofile" or entry.file == request.path:
            continue
        number = amount(ITEMS["nofile"], entry.value) or 0
        if number > ceiling and not (number == INFINITE and observed.pam.maps_nofile):
            warnings.append(
                f"{entry.file} line {entry.line} sets nofile {entry.value} for {entry.spelling}, above fs.nr_open "
                f"({ceiling}): the kernel refuses that, and most PAMs then refuse the login"
            )
    return warnings


def _pam_warnings(observed: Observed) -> list[str]:
    if not observed.pam.installed:
        return ["there is no pam_limits.so on this host: nothing applies the limits"]
    without = [service for service in observed.services if service.applies is False]
    if not any(service.applies for service in observed.services):
        reasons = "; ".join(service.reason for service in without) or "none of its usual services is installed"
        return [f"PAM applies limits to no login here: {reasons}"]
    if not without:
        return []
    names = ", ".join(service.name for service in without)
    return [f"PAM applies no limits to sessions of {names}: " + "; ".join(service.reason for service in without)]
