# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted of interfaces and what they have to what must be done: the plan of their options.

Nothing here reads or writes anything. `plan` takes a Request and what was Observed and gives a Plan. What a later call
no longer names goes back to what was found, and so putting a host back is the plan for no rules at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.change import ABSENT, KEPT, OK, PENDING, READONLY, Change
from .._engine.originals import LinkOriginal, Originals
from .items import items
from .link_files.model import LinkPlan, Wish, merge_links
from .link_files.plan import plan_links
from .link_words import wishes
from .model import Decision, Nic, Observed, Request, Target
from .options import NEGOTIATION, ON, PAUSE_GROUP, Group, Option
from .originals import record
from .target import goal, is_met, is_ours, satisfies, without_us


class GroupWrite(NamedTuple):
    """Options of one group and interface that are set together, with what they are before."""

    nic: Nic
    group: Group
    values: Mapping[Option, str]
    before: Mapping[Option, str]


class Plan(NamedTuple):
    """What will be done. `originals` is what to record before the first effect; `boot` the part of .link files."""

    decisions: list[Decision]
    writes: list[GroupWrite]
    boot: LinkPlan | None
    originals: Originals
    changes: list[Change]

    @property
    def changed(self) -> bool:
        return bool(self.writes or (self.boot and self.boot.changed))


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the interfaces to what is requested. Raises NicError and LinkError."""
    decisions = [_decide(target, request, observed) for target in observed.targets]
    decisions += _releases(request, observed, decisions)
    boot = plan_boot(request, observed, decisions)
    originals = observed.originals._replace(links=record(decisions, observed))
    if boot is not None:
        originals = originals._replace(files=boot.recorded, links=merge_links(originals.links, boot.links))
    predicted = {
        (decision.nic.link.name, decision.option.name): decision.target for decision in decisions if decision.write
    }
    verdicts = boot.verdicts if boot else {}
    changes = items(request, observed, decisions, predicted, verdicts)
    return Plan(decisions, _group_writes(decisions), boot, originals, changes)


def plan_boot(
    request: Request,
    observed: Observed,
    decisions: Sequence[Decision],
    without: frozenset[tuple[str, str]] = frozenset(),
) -> LinkPlan | None:
    """The part of the plan that is for the boots to come, without what a driver turned out not to know.

    Every interface of ours is named, so that it loses what is no longer wanted. Raises LinkError.
    """
    if observed.persistent is None:
        return None
    wish: dict[str, dict[str, Wish]] = {name: {} for name in observed.persisted}
    for decision in decisions:
        name = decision.nic.link.name
        if decision.line is not None and (name, decision.option.name) not in without:
            why = decision.want.why if decision.want else ""
            wish.setdefault(name, {}).update(wishes(decision.nic, decision.option.name, decision.line, why))
    return plan_links(observed.persistent, wish, request.owner)


# --- what is wanted --------------------------------------------------------------------------


def _decide(target: Target, request: Request, observed: Observed) -> Decision:
    nic, want, option = observed.nics[target.link.name], target.want, request.known[target.want.option]
    decision = Decision(nic, option, want)
    recorded = observed.recorded.get(nic.link.name, {}).get(option.name)
    if option.name in nic.lacking:
        # What an earlier call has written down stays while nobody can tell.
        line = recorded.written if recorded and request.boot and option.name in nic.mute else None
        return decision._replace(state=ABSENT, reason=nic.lacking[option.name], line=line)
    reading = nic.readings[option.name]
    wanted = goal(nic, option, want, observed.online)
    base = without_us(option, reading, recorded, observed.boot_id)
    found = recorded.found if recorded is not None else reading.value
    decision = decision._replace(
        before=reading.value, goal=wanted, record=recorded, negotiated=_negotiates(nic, observed)
    )
    if satisfies(want.rule, base, wanted):
        kept = base == reading.value
        decision = decision._replace(target=base, floor=True, state=KEPT if kept else None)
    else:
        decision = decision._replace(target=wanted)
    if not satisfies(want.rule, found, wanted):
        decision = decision._replace(line=wanted if request.boot else None)
    return _reached(decision, request, observed)


def _negotiates(nic: Nic, observed: Observed) -> bool:
    """Whether pause frames are, or will be, negotiated with the other side."""
    for target in observed.targets:
        if target.link.name == nic.link.name and target.want.option == NEGOTIATION:
            return target.want.value == ON
    released = observed.recorded.get(nic.link.name, {}).get(NEGOTIATION)
    reading = nic.readings.get(NEGOTIATION)
    return (released.found if released else reading.value if reading else None) == ON


def _reached(decision: Decision, request: Request, observed: Observed) -> Decision:
    """The decision as far as the running interface may be touched now."""
    wanted, now = decision.target or "", decision.before or ""
    if is_met(decision.option, wanted, now, decision.record, observed.boot_id, decision.negotiated):
        return decision._replace(met=True)
    readonly = decision.nic.readonly.get(decision.option.name)
    if readonly:
        return decision._replace(state=READONLY, reason=readonly)
    if not request.live:
        reason = f"the running interface is left alone (when: {request.when})"
        return decision._replace(state=PENDING, reason=reason)
    if flaps(decision.nic, decision.option) and not request.disruptive:
        reason = "changing it now would take the link down for a moment, which needs disruptive"
        return decision._replace(state=PENDING, reason=reason)
    if flaps(decision.nic, decision.option) and observed.blocked_by_calls:
        return decision._replace(state=PENDING, reason=f"would take the link down now: {observed.blocked_by_calls}")
    return decision._replace(write=True)


def flaps(nic: Nic, option: Option) -> bool:
    """Whether changing an option now may take the link down: not that of an interface which is down already."""
    return nic.link.up and option.group.flaps and nic.link.driver not in option.group.calm


# --- what is no longer wanted ----------------------------------------------------------------


def _releases(request: Request, observed: Observed, decisions: Sequence[Decision]) -> list[Decision]:
    """Options that were set by an earlier call and are not wanted any more go back to what was found."""
    wanted = {(decision.nic.link.name, decision.option.name) for decision in decisions}
    return [
        _release(observed.nics[name], request.known[option], recorded, request, observed)
        for name, options in observed.recorded.items()
        for option, recorded in options.items()
        if (name, option) not in wanted
    ]


def _release(nic: Nic, option: Option, recorded: LinkOriginal, request: Request, observed: Observed) -> Decision:
    decision = Decision(nic, option, None, goal=recorded.found, target=recorded.found, record=recorded)
    reading = nic.readings.get(option.name)
    if reading is None:
        met = option.name not in nic.mute  # else it may be what we made of it, and stays on record
        return decision._replace(met=met, state=ABSENT, reason=nic.lacking[option.name])
    negotiated = option.group == PAUSE_GROUP and _negotiates(nic, observed)
    decision = decision._replace(before=reading.value, negotiated=negotiated)
    if reading.value == recorded.found:
        return decision._replace(met=True, state=OK)
    if not is_ours(option, recorded, reading.value, observed.boot_id):
        left = recorded.left or recorded.written
        reason = f"somebody else has set it since (we left {left}): left alone"
        return decision._replace(met=True, state=KEPT, reason=reason)
    return _reached(decision._replace(record=None), request, observed)._replace(record=recorded)


def _group_writes(decisions: Sequence[Decision]) -> list[GroupWrite]:
    """What is set, an interface after the other, and each group in one request."""
    groups: dict[tuple[str, int], list[Decision]] = {}
    for decision in decisions:
        if decision.write:
            groups.setdefault((decision.nic.link.name, decision.option.group.order), []).append(decision)
    return [
        GroupWrite(
            members[0].nic,
            members[0].option.group,
            {member.option: member.target or "" for member in members},
            {member.option: member.before or "" for member in members},
        )
        for _place, members in sorted(groups.items(), key=lambda pair: pair[0])
    ]
