# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of interface options. What a call no longer names goes back to its original.

So rolling a host back is the plan for no rules at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._core.change import ABSENT, KEPT, OK, PENDING, READONLY
from .._core.setting import EXACT
from .._engine.originals import LinkOriginal
from .boot import plan_boot
from .items import hazards, items, items_of_files
from .link_words import value_of_line
from .model import Decision, GroupWrite, Nic, Observed, Plan, Request, WantedSetting
from .options import IRQ_CPUS, NEGOTIATED, NEGOTIATION, ON, PAUSE_GROUP, XPS_CPUS, Option
from .originals import record
from .safety import reason_to_wait
from .settings import AUTO, Setting
from .steering import NO_CARD, Choice, choose_senders, choose_steering
from .target import is_met, is_ours, is_rounded, is_within, target_value, without_us

if TYPE_CHECKING:
    from .balancer import LiveBans

SET_BY_IMAGE = "it was set by the image, so that no value from before is on record"


def plan(request: Request, observed: Observed) -> Plan:
    """The plan for this request. Raises NicError and LinkError."""
    if observed.boot is not None and observed.boot.image:
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from .image import decide_all, for_drivers

        decisions = decide_all(request, observed, observed.boot)
        observed = observed._replace(boot=for_drivers(observed.boot, decisions))
    else:
        decisions = [_decide(wanted, request, observed) for wanted in observed.wanted]
        decisions += _reverts(request, observed, decisions)
    boot = plan_boot(request, observed, decisions)
    originals = observed.originals._replace(links=record(decisions, observed))
    if boot is not None:
        originals = originals._replace(files=boot.recorded, profiles=boot.recorded_profiles)
    predicted = {decision.place: decision.target for decision in decisions if decision.write}
    changes = items(request, observed, decisions, predicted, boot.verdicts if boot else {}) + items_of_files(boot)
    bans = _bans(decisions, request, observed)
    return Plan(decisions, _group_writes(decisions), boot, originals, changes, hazards(observed, decisions), bans)


def _decide(wanted: WantedSetting, request: Request, observed: Observed) -> Decision:
    nic, setting, option = observed.nics[wanted.link.name], wanted.setting, request.known[wanted.setting.option]
    recorded = observed.recorded.get(nic.link.name, {}).get(option.name)
    decision = Decision(nic, option, setting)
    line = observed.by_image.get(nic.link.name, {}).get(option.name) if recorded is None else None
    if option.name in nic.missing and line is not None:
        return decision._replace(state=ABSENT, reason=nic.missing[option.name], line=line)
    if option.name in nic.missing:
        # A value that an earlier call has persisted stays while the driver does not answer.
        boot_value = recorded.written if recorded and request.boot and option.name in nic.unresponsive else None
        return decision._replace(state=ABSENT, reason=nic.missing[option.name], boot_value=boot_value)
    reading = nic.readings[option.name]
    base = without_us(option, reading, recorded, observed.boot_id)
    found = recorded.found if recorded is not None else reading.value
    choice = _choice(nic, option, setting, observed, base)
    target = choice.value or base
    decision = decision._replace(
        before=reading.value,
        target=target,
        record=recorded,
        negotiated=_negotiates(nic, observed),
        reason=choice.reason,
    )
    if line is not None and nic.link.name not in observed.unused:
        return _with_image(decision, line, request, observed)
    if choice.value is None or is_within(setting.rule, target, base):
        kept = base == reading.value
        decision = decision._replace(target=base, floor=True, state=KEPT if kept else None)
    managed = option.name == IRQ_CPUS and bool(nic.readonly.get(IRQ_CPUS))  # no boot could set those, either
    if request.boot and not managed and choice.value is not None and not is_within(setting.rule, target, found):
        decision = decision._replace(boot_value=choice.at_boot or target)
    elif line is not None:
        decision = decision._replace(line=line)
    return _reached(decision, request, observed)


def _with_image(decision: Decision, line: str, request: Request, observed: Observed) -> Decision:
    """The decision on an option that an image's .link file sets at boot, and that has no original on record.

    The line stays in the file, as it is where it gives what is wanted.
    """
    nic, option, setting, target = decision.nic, decision.option, decision.setting, decision.target or ""
    reading, rule = nic.readings[option.name], setting.rule if setting is not None else EXACT
    set_at_boot = value_of_line(option.name, line, reading.maximum)
    at_boot = set_at_boot if set_at_boot and is_within(rule, target, set_at_boot) else target
    decision = decision._replace(target=at_boot, boot_value=at_boot, line=line if at_boot == set_at_boot else None)
    as_negotiated = decision.negotiated and option.name in NEGOTIATED and at_boot == set_at_boot
    if as_negotiated or is_within(rule, target, reading.value) or is_rounded(option, at_boot, reading.value):
        return decision._replace(met=True)
    return _reached(decision, request, observed)


def _choice(nic: Nic, option: Option, setting: Setting, observed: Observed, base: str) -> Choice:
    """The value to request, or why the option is left alone, which AUTO alone may be. Raises NicError."""
    around = observed.surroundings
    if setting.value != AUTO:
        return Choice(target_value(nic, option, setting, observed.online, around.isolated))
    parts = tuple(nic.parts.get(option.name, ()))
    if option.name == XPS_CPUS:
        return choose_senders(parts, observed.online)
    near = around.near.get(nic.link.name, NO_CARD)
    now = nic.readings[option.name].value
    return choose_steering(len(parts), near, around.isolated, base, now, len(observed.online))


def _negotiates(nic: Nic, observed: Observed) -> bool:
    """Whether pause frames are, or will be, negotiated with the link partner."""
    for wanted in observed.wanted:
        if wanted.link.name == nic.link.name and wanted.setting.option == NEGOTIATION:
            return wanted.setting.value == ON
    recorded = observed.recorded.get(nic.link.name, {}).get(NEGOTIATION)
    reading = nic.readings.get(NEGOTIATION)
    return (recorded.found if recorded else reading.value if reading else None) == ON


def _reached(decision: Decision, request: Request, observed: Observed) -> Decision:
    """The decision as far as the running interface may be touched now."""
    target, now, option = decision.target or "", decision.before or "", decision.option
    if is_met(option, target, now, decision.record, observed.boot_id, decision.negotiated):
        return decision._replace(met=True)
    readonly = decision.nic.readonly.get(option.name)
    if readonly:
        return decision._replace(state=READONLY, reason=readonly)
    reason = reason_to_wait(decision, request, observed)
    if reason:
        return decision._replace(state=PENDING, reason=reason)
    return decision._replace(write=True)


def _reverts(request: Request, observed: Observed, decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions on options that an earlier call has set and this one does not name."""
    wanted = {decision.place for decision in decisions}
    return [
        _revert(observed.nics[name], request.known[option], recorded, request, observed)
        for name, options in observed.recorded.items()
        for option, recorded in options.items()
        if (name, option) not in wanted
    ] + [
        _until_boot(observed.nics[name], request.known[option])
        for name, options in observed.by_image.items()
        for option in options
        if (name, option) not in wanted
        and option not in observed.recorded.get(name, {})
        and name not in observed.unused
    ]


def _until_boot(nic: Nic, option: Option) -> Decision:
    """The decision on an option that an image has set, and that no file sets any more."""
    reading = nic.readings.get(option.name)
    decision = Decision(nic, option, None, before=reading.value if reading else None, met=True)
    if reading is None:
        return decision._replace(state=ABSENT, reason=nic.missing[option.name])
    return decision._replace(state=PENDING, reason=SET_BY_IMAGE)


def _revert(nic: Nic, option: Option, recorded: LinkOriginal, request: Request, observed: Observed) -> Decision:
    decision = Decision(nic, option, None, target=recorded.found, record=recorded)
    reading = nic.readings.get(option.name)
    if reading is None:
        met = option.name not in nic.unresponsive  # else it may have our value, and stays on record
        return decision._replace(met=met, state=ABSENT, reason=nic.missing[option.name])
    negotiated = option.group == PAUSE_GROUP and _negotiates(nic, observed)
    decision = decision._replace(before=reading.value, negotiated=negotiated)
    if reading.value == recorded.found:
        return decision._replace(met=True, state=OK)
    if not is_ours(option, recorded, reading.value, observed.boot_id):
        left = recorded.left or recorded.written
        reason = f"somebody else has set it since (we left {left}): left alone; before siptune it was {recorded.found}"
        return decision._replace(met=True, state=KEPT, reason=reason)
    return _reached(decision._replace(record=None), request, observed)._replace(record=recorded)


def _bans(decisions: Sequence[Decision], request: Request, observed: Observed) -> LiveBans | None:
    if observed.surroundings.balancer is None or not request.live:
        return None
    # Imported here: few calls set interrupts, and every run on a host compiles what it imports.
    from .balancer import live_bans

    return live_bans(decisions, observed.surroundings.balancer, request.boot)


def _group_writes(decisions: Sequence[Decision]) -> list[GroupWrite]:
    """The writes, one interface after the other, and each group in one request."""
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
