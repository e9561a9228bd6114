# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user sees of interface options: an item each, before a run and after it.

Nothing here reads or writes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, READONLY, SHADOWED, Change
from .._core.setting import RULE_WORDS
from .link_files.model import Verdict
from .link_words import verdict_of, wishes
from .model import Decision, Link, Observed, Request, item_name
from .options import NEGOTIATED, TXQUEUELEN
from .settings import Want

NO_LONGER_WANTED = "no longer wanted: back to what the host had"
QDISC_WITH_QUEUE = "pfifo_fast"  # net/sched/sch_generic.c: no other one of the usual ones takes the device's length
NO_QDISC = ("noop", "noqueue")
IN_FORCE_UNTIL_BOOT = "in force until the next boot"


def items(
    request: Request,
    observed: Observed,
    decisions: Sequence[Decision],
    after: Mapping[tuple[str, str], str | None],
    verdicts: Mapping[tuple[str, str], Verdict],
    unknown: frozenset[tuple[str, str]] = frozenset(),
) -> list[Change]:
    """An item for each option, and for each pattern that names nothing.

    `after` has the values of those that are set, predicted or read back, and `unknown` those that a driver turned out
    not to know.
    """
    changes = [_item(decision, after, verdicts, unknown, request) for decision in decisions]
    return changes + _unmatched(observed)


def _unmatched(observed: Observed) -> list[Change]:
    reason = "no network interface that is hardware fits"
    return [
        Change(item_name(rule.pattern, option), wanted(want), None, None, None, ABSENT, want.why, reason)
        for rule in observed.unmatched
        for option, want in rule.wants.items()
        if want is not None
    ]


def wanted(want: Want | None) -> str | None:
    """What was asked for, as a person reads it."""
    if want is None:
        return None
    value = str(want.value)
    if want.limit is not None:
        value = f"{value}, {want.limit} if that is less"
    return f"{RULE_WORDS[want.rule]}{value}"


def _item(
    decision: Decision,
    after: Mapping[tuple[str, str], str | None],
    verdicts: Mapping[tuple[str, str], Verdict],
    unknown: frozenset[tuple[str, str]],
    request: Request,
) -> Change:
    name, option = decision.place
    now = after.get(decision.place, decision.before)
    wished = wishes(decision.nic, option, decision.line, "") if decision.line is not None else {}
    verdict = verdict_of(verdicts, name, option, wished, decision.line)
    if decision.place in unknown:
        state, reasons = ABSENT, ["the driver cannot change it"]
    else:
        state, reasons = _judge(decision, now, verdict)
        reasons += _remarks(decision, now)
    if verdict is None and state == PENDING and request.boot is False:
        reasons.append("nothing is written down for the boots to come (when: now)")
    return Change(
        item=item_name(name, option),
        wanted=wanted(decision.want),
        before=decision.before,
        after=now,
        at_boot=verdict.at_boot if verdict else None,
        state=state,
        why=decision.want.why if decision.want else NO_LONGER_WANTED,
        reason="; ".join(dict.fromkeys(filter(None, reasons))),
    )


def _judge(decision: Decision, now: str | None, verdict: Verdict | None) -> tuple[str, list[str]]:
    """The state, and what explains it: of the running interface and of the boots to come."""
    at_boot = verdict.state if verdict else OK
    said = [decision.reason, verdict.reason if verdict else ""]
    if decision.state in (ABSENT, READONLY):
        return decision.state, said
    if at_boot == SHADOWED:
        return SHADOWED, said
    if decision.state == PENDING:
        return PENDING, [*said, *_when(decision, verdict)]
    if verdict and at_boot == PENDING and verdict.at_boot is None and decision.want is not None:
        return PENDING, [*said, IN_FORCE_UNTIL_BOOT]
    if now != decision.before:
        return CHANGED, said
    if decision.want is None and decision.state == KEPT:
        return KEPT, said
    if at_boot == PENDING:
        return PENDING, said
    if at_boot == CHANGED:
        return CHANGED, said
    return decision.state or OK, said


def _when(decision: Decision, verdict: Verdict | None) -> list[str]:
    """When what waits comes into force."""
    if decision.want is None:
        return ["what the host had comes back with the next boot"]
    if verdict is None or verdict.state == PENDING or verdict.at_boot is None:
        return []
    return ["in force from the next boot on"]


def _remarks(decision: Decision, now: str | None) -> list[str]:
    """What a person has to know of a value beside its state."""
    remarks = []
    target = decision.target
    if decision.want is not None and (decision.met or decision.write) and target is not None and now != target:
        if decision.negotiated and decision.option.name in NEGOTIATED:
            remarks.append(f"asked for {target}, and negotiated with the other side")
        else:
            remarks.append(f"the driver makes {now} of {target}")
    if decision.option.name == TXQUEUELEN and decision.want is not None:
        remarks += _without_effect(decision.nic.link)
    return remarks


def _without_effect(link: Link) -> Iterable[str]:
    """Whether nothing looks at the length of an interface's own queue."""
    if QDISC_WITH_QUEUE in link.qdiscs or not link.qdiscs:
        return []
    used = ", ".join(kind for kind in link.qdiscs if kind not in NO_QDISC) or "none"
    return [f"has no effect: only the queueing discipline {QDISC_WITH_QUEUE} uses it, and {link.name} has {used}"]


def diff_values(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """What Ansible's --diff shows of the running interfaces."""
    moved = [change for change in changes if change.before != change.after]
    if not moved:
        return []
    return [
        {
            "before_header": "live values",
            "after_header": "live values",
            "before": "".join(f"{change.item} = {change.before}\n" for change in moved),
            "after": "".join(f"{change.item} = {change.after}\n" for change in moved),
        }
    ]
