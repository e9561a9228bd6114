# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running processes of units: their values, the values that systemd can start them with, and their new values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .._host.rlimits import Pair, Powers, Process, raised
from .._systemd.directives import DIRECTIVES
from .._systemd.parsers import Meaning
from .effective import shadow_of, target_of
from .model import Decision, LoadedUnit, Observed, Raise


def start_value(limit: str, wanted: Pair, observed: Observed) -> Pair:
    """The limit that systemd can start a process with: it silently cuts values it may not set to its own hard limit.

    Source: systemd, src/basic/rlimit-util.c, setrlimit_closest
    """
    own = observed.first.limits.get(limit) if observed.first is not None else None
    above_kernel = limit == "LimitNOFILE" and wanted[1] > observed.nr_open.live
    if own is None or wanted[1] <= own[1] or (observed.first_sys_resource and not above_kernel):
        return wanted
    return (min(wanted[0], own[1]), own[1])


def start_score(wanted: int, observed: Observed) -> int:
    """The OOM score that systemd can start a process with: without CAP_SYS_RESOURCE none below its own.

    Source: systemd, src/core/exec-invoke.c, "Failed to adjust OOM setting, assuming containerized execution"
    """
    own = observed.first.oom_score_adj if observed.first is not None else None
    return wanted if own is None or observed.first_sys_resource else max(own, wanted)


def live_value(directive: str, process: Process) -> Meaning | None:
    """A running process's value of a directive; None if it cannot be read."""
    if DIRECTIVES[directive].is_limit:
        return process.limits.get(directive)
    if directive == "OOMScoreAdjust":
        return None if process.oom_score_adj is None else (process.oom_score_adj,)
    if process.scheduling is None:
        return None
    scheduling = process.scheduling
    values: dict[str, Meaning] = {
        "Nice": (scheduling.nice,),
        "CPUSchedulingPolicy": (scheduling.policy,),
        "CPUSchedulingPriority": (scheduling.rt_priority,),
    }
    return values.get(directive)


def of_each_process(directive: str) -> bool:
    """Whether a directive is read from every process, not from the main process only."""
    return DIRECTIVES[directive].is_limit or directive == "OOMScoreAdjust"


def live_values(directive: str, unit: LoadedUnit) -> list[Meaning]:
    """The values of all processes, but for scheduling of the main process only, as the others may choose their own."""
    values = [
        live_value(directive, process)
        for process in unit.processes
        if of_each_process(directive) or process.pid == unit.main_pid
    ]
    return [value for value in values if value is not None]


def planned_raises(
    decisions: Iterable[Decision], observed: Observed, then: Mapping[str, str], restarts: Collection[str]
) -> dict[str, Raise]:
    """The new values of running processes, for each unit that is not restarted and has a process to raise."""
    limits: dict[str, dict[str, Pair]] = {}
    scores: dict[str, tuple[int, bool]] = {}
    for decision in decisions:
        for unit in decision.unit.loaded:
            target = target_of(decision, unit, then)
            if decision.setting is None or target is None or not unit.processes:
                continue
            if shadow_of(decision, unit, then):
                continue
            if DIRECTIVES[decision.directive].is_limit:
                limits.setdefault(unit.name, {})[decision.directive] = start_value(decision.directive, target, observed)
            elif decision.directive == "OOMScoreAdjust":
                scores[unit.name] = target[0], decision.bound is not None
    found = {}
    for unit in _loaded_units(observed):
        if unit.name in restarts:
            continue
        what = Raise(limits.get(unit.name, {}), *scores.get(unit.name, ()))
        if any(
            new_limits(process, what, observed.powers) or new_score(process, unit, what, observed.powers) is not None
            for process in unit.processes
        ):
            found[unit.name] = what
    return found


def _loaded_units(observed: Observed) -> list[LoadedUnit]:
    return list({unit.name: unit for state in observed.units for unit in state.loaded}.values())


def new_limits(process: Process, what: Raise, powers: Powers) -> dict[str, Pair]:
    """The new values of those limits of a process that are raised."""
    if not powers.may_change(process):
        return {}
    new = {
        limit: raised(process.limits[limit], wanted, powers)
        for limit, wanted in what.limits.items()
        if limit in process.limits
    }
    return {limit: pair for limit, pair in new.items() if pair != process.limits[limit]}


def new_score(process: Process, unit: LoadedUnit, what: Raise, powers: Powers) -> int | None:
    """The new OOM score of a process; None to keep the old one.

    Only a score from the unit's start is changed: a process whose score differs from the main process's has chosen it
    itself. Lowering a score requires CAP_SYS_RESOURCE, proc_pid_oom_score_adj(5).
    """
    inherited = next((one.oom_score_adj for one in unit.processes if one.pid == unit.main_pid), None)
    score = process.oom_score_adj
    if what.oom_score_adj is None or score is None or score != inherited or score == what.oom_score_adj:
        return None
    lower = what.oom_score_adj < score
    if (lower and not powers.sys_resource) or (what.at_most and not lower):
        return None
    return what.oom_score_adj


def restarted(
    process: Process, decisions: Iterable[Decision], unit: LoadedUnit, observed: Observed, then: Mapping[str, str]
) -> Process:
    """A process as the next start of its unit would make it."""
    limits, score, scheduling = dict(process.limits), process.oom_score_adj, process.scheduling
    for decision in decisions:
        target = target_of(decision, unit, then)
        if target is None:
            continue
        if DIRECTIVES[decision.directive].is_limit:
            limits[decision.directive] = start_value(decision.directive, target, observed)
        elif decision.directive == "OOMScoreAdjust":
            score = start_score(target[0], observed)
        elif scheduling is not None:
            field = {"Nice": "nice", "CPUSchedulingPolicy": "policy", "CPUSchedulingPriority": "rt_priority"}
            if decision.directive in field:
                scheduling = scheduling._replace(**{field[decision.directive]: target[0]})
    return process._replace(limits=limits, oom_score_adj=score, scheduling=scheduling)


def raised_process(process: Process, unit: LoadedUnit, what: Raise, powers: Powers) -> Process:
    """A process with its new values."""
    score = new_score(process, unit, what, powers)
    return process._replace(
        limits={**process.limits, **new_limits(process, what, powers)},
        oom_score_adj=process.oom_score_adj if score is None else score,
    )
