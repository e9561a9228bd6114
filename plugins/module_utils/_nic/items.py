# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of interface options, as the user sees them before and after a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, READONLY, REFUSED, SHADOWED, Change
from .._core.setting import RULE_WORDS
from .._core.text import plural
from .._engine.owned_files import put_right
from .._host.cpus import NONE, cpu_list
from .._host.netlink import Link
from .link_files import model as link_files_model
from .link_files.model import Verdict
from .link_words import link_file_settings, verdict_of
from .model import Decision, Observed, Request, Surroundings, Unsupported, item_name
from .options import NEGOTIATED, RPS_CPUS, RPS_FLOW_CNT, TXQUEUELEN, UDP_HASH
from .parts import cpus_of
from .settings import ALL, AUTO, DRIVER_PREFIX, HASH_OF_ADDRESSES, Rule, Setting

NO_LONGER_WANTED = "no longer wanted: back to what the host had"
QDISC_WITH_QUEUE = "pfifo_fast"  # net/sched/sch_generic.c: no other one of the usual ones takes the device's length
NO_QDISC = ("noop", "noqueue")
DRIVERS_UNKNOWN = (
    "left to a run on the booted host: the driver of a card is not given; give it in siptune_machine.interfaces"
)
IN_FORCE_UNTIL_BOOT = "in force until the next boot"


def items(
    request: Request,
    observed: Observed,
    decisions: Sequence[Decision],
    after: Mapping[tuple[str, str], str | None],
    verdicts: Mapping[tuple[str, str], Verdict],
    unsupported: Mapping[tuple[str, str], Unsupported] = MappingProxyType({}),
    refused: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> list[Change]:
    """An item for each option, and for each rule that matches no interface.

    `after` are the values of the options that are set, predicted or read back; `unsupported` the options that turned
    out not to be supported, and `refused` those that it did not put back, with its reasons.
    """
    changes = [_item(decision, after, verdicts, unsupported, request, observed.surroundings) for decision in decisions]
    named = {item_name(*place): f"not put back: {reason}" for place, reason in refused.items()}
    changes = [
        change._replace(state=REFUSED, after=change.before, reason=named[change.item])
        if change.item in named
        else change
        for change in changes
    ]
    return changes + _unmatched(observed)


def items_of_files(boot: link_files_model.Plan | None) -> list[Change]:
    """An item for each .link file of ours whose mode or owner somebody has changed."""
    files = boot.files if boot is not None else []
    return [item for item in map(put_right, files) if item is not None]


def _unmatched(observed: Observed) -> list[Change]:
    drivers_unknown = observed.image and any(link.driver is None for link in observed.links.values())

    def judged(rule: Rule) -> tuple[str, str]:
        by_driver = drivers_unknown and rule.pattern.startswith(DRIVER_PREFIX)
        return (PENDING, DRIVERS_UNKNOWN) if by_driver else (ABSENT, "no hardware interface matches")

    return [
        Change(item_name(rule.pattern, option), wanted(setting), None, None, None, state, setting.why, reason)
        for rule in observed.unmatched
        for state, reason in [judged(rule)]
        for option, setting in rule.settings.items()
        if setting is not None
    ]


def wanted(setting: Setting | None) -> str | None:
    """The wanted value as a person reads it; None for an option that goes back to its original."""
    if setting is None:
        return None
    limit = "" if setting.limit is None else f" (limit {setting.limit})"
    return f"{RULE_WORDS[setting.rule]}{setting.value}{limit}"


def _item(
    decision: Decision,
    after: Mapping[tuple[str, str], str | None],
    verdicts: Mapping[tuple[str, str], Verdict],
    unsupported: Mapping[tuple[str, str], Unsupported],
    request: Request,
    around: Surroundings,
) -> Change:
    name, option = decision.place
    now = after.get(decision.place, decision.before)
    boot_value = decision.boot_value
    lines = {} if boot_value is None else link_file_settings(decision.nic, option, boot_value, "", decision.line)
    verdict = verdict_of(verdicts, name, option, lines, boot_value)
    if boot_value is None and decision.line is not None:
        verdict = None  # a line of an image, which has no effect on this card
    if decision.place in unsupported:
        state, reason = unsupported[decision.place]
        reasons = [reason]
    else:
        state, reasons = _judge(decision, now, verdict)
        reasons += _remarks(decision, now, around)
    if verdict is None and state == PENDING and request.boot is False:
        reasons.append("not persisted for the next boots (when: now)")
    return Change(
        item=item_name(name, option),
        wanted=wanted(decision.setting),
        before=decision.before,
        after=now,
        at_boot=verdict.at_boot if verdict else None,
        state=state,
        why=decision.setting.why if decision.setting else NO_LONGER_WANTED,
        reason="; ".join(dict.fromkeys(filter(None, reasons))),
        at_boot_before=verdict.at_boot_before if verdict else None,
    )


def _judge(decision: Decision, now: str | None, verdict: Verdict | None) -> tuple[str, list[str]]:
    """The state of an item, and its reasons: of the running interface and of the next boots."""
    at_boot = verdict.state if verdict else OK
    reasons = [decision.reason, verdict.reason if verdict else ""]
    if decision.state in (ABSENT, READONLY):
        return decision.state, reasons
    if at_boot == SHADOWED:
        return SHADOWED, reasons
    if decision.state == PENDING:
        return PENDING, [*reasons, *_when(decision, verdict)]
    if verdict and at_boot == PENDING and verdict.at_boot is None and decision.setting is not None:
        return PENDING, [*reasons, IN_FORCE_UNTIL_BOOT]
    if now != decision.before:
        return CHANGED, reasons
    if decision.setting is None and decision.state == KEPT:
        return KEPT, reasons
    if at_boot == PENDING:
        return PENDING, reasons
    if at_boot == CHANGED:
        return CHANGED, reasons
    return decision.state or OK, reasons


def _when(decision: Decision, verdict: Verdict | None) -> list[str]:
    """When a pending value takes effect."""
    if decision.setting is None:
        return ["the original value returns with the next boot"]
    if verdict is None or verdict.state == PENDING or verdict.at_boot is None:
        return []
    return ["takes effect at the next boot"]


def _remarks(decision: Decision, now: str | None, around: Surroundings) -> list[str]:
    """Remarks on a value beside its state."""
    remarks = []
    target = decision.target
    if decision.setting is not None and (decision.met or decision.write) and target is not None and now != target:
        if decision.negotiated and decision.option.name in NEGOTIATED:
            remarks.append(f"requested {target}; the result is negotiated with the link partner")
        else:
            remarks.append(f"requested {target}; the driver set {now}")
    if decision.option.name == TXQUEUELEN and decision.setting is not None:
        remarks += _without_effect(decision.nic.link)
    if decision.setting is not None and decision.target not in (None, NONE, "0"):
        remarks += _of_queues(decision.option.name, decision.setting, around)
    return remarks


def _of_queues(option: str, setting: Setting, around: Surroundings) -> Iterator[str]:
    """Remarks on what the kernel makes of a setting of queues."""
    if option == RPS_CPUS and setting.value not in (ALL, AUTO) and cpus_of(str(setting.value)) & around.isolated:
        yield f"without isolated CPUs, to which the kernel steers nothing: {cpu_list(around.isolated)}"
    if option == RPS_FLOW_CNT and around.flow_table == 0:
        yield "has no effect while net.core.rps_sock_flow_entries is 0; 32768 is usual"
    if option == UDP_HASH and setting.value != HASH_OF_ADDRESSES and around.fragments:
        yield fragments_come_in(around.fragments)


def fragments_come_in(number: int) -> str:
    """The warning of a hash of ports on a host that gets fragments."""
    return (
        f"{number} {plural(number, 'fragment')} of IP packets came in since the boot: all but the first of a packet "
        "have no ports, so that they come by another queue, and such packets may be late or overtaken"
    )


def hazards(observed: Observed, decisions: Sequence[Decision]) -> list[str]:
    """What a run warns of, beside the files of the boot."""
    fragments = observed.surroundings.fragments
    return [
        f"{item_name(*decision.place)}: {fragments_come_in(fragments)}"
        for decision in decisions
        if decision.option.name == UDP_HASH and decision.write and fragments
        if decision.setting is not None and decision.setting.value != HASH_OF_ADDRESSES
    ]


def _without_effect(link: Link) -> Iterable[str]:
    """The remark that no queueing discipline uses the length of an interface's own queue."""
    if QDISC_WITH_QUEUE in link.qdiscs or not link.qdiscs:
        return []
    used = ", ".join(kind for kind in link.qdiscs if kind not in NO_QDISC) or "none"
    return [f"has no effect: only the queueing discipline {QDISC_WITH_QUEUE} uses it, and {link.name} has {used}"]
