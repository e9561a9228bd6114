# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what the host has to what must be done: the plan of sysctl settings.

Nothing here reads or writes anything. `plan` takes a Request and what was Observed and gives a
Plan: a Change per item for the user, the kernel writes in their order, and the files. Putting a
host back is the plan for no settings at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._core.change import CHANGED, KEPT, OK, PENDING, SHADOWED, Change
from .._core.setting import EXACT, RULE_WORDS, hazard_warning
from .._engine.owned_files import FileChange, OwnFile, diff_files, plan_file, released_files, text_of
from .conf import HEADING, RULES_HEADING, Boot, Line, boot_of, render, render_rules, rules_path, with_file
from .decide import Decision, decide, meets, targets
from .kernel import module_of
from .key import display_name, is_glob, is_spelled, write_rank
from .model import Observed, Plan, Request
from .order import ordered_writes, side_effects_of
from .originals import recorded
from .revert import planned_releases
from .safety import guard
from .settings import Setting


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the host to what is requested. Raises SysctlError where that must not be done."""
    boot_without_us = boot_of(observed.others)
    decisions = [
        decide(path, setting, request, observed, boot_without_us)
        for path, setting in targets(request.settings, observed)
    ]
    for decision in decisions:
        guard(decision.path, decision.write or decision.line, decision.before or "", observed)
    releases = planned_releases(request, observed, decisions)
    writes, steadied = ordered_writes(decisions, releases, observed)
    files, notes = _files(request, decisions, observed, boot_without_us)
    changes = _changes(request, decisions, files, observed) + releases.changes + notes
    effects = side_effects_of(writes, observed)
    return Plan(
        changes=changes,
        writes=writes,
        files=files,
        originals=recorded(request, decisions, writes, effects, releases.governed, files, observed),
        side_effects=sorted(effects),
        released=[
            *releases.finalized,
            *steadied,
            *(decision.path for decision in decisions if decision.release),
            *released_files(
                {request.path: observed.own, rules_path(request.path): observed.own_rules},
                files,
                observed.originals.files,
            ),
        ],
        hazards=_hazards(changes, decisions),
    )


# --- the files ------------------------------------------------------------------------------


def _files(
    request: Request, decisions: Sequence[Decision], observed: Observed, boot_without_us: Boot
) -> tuple[list[FileChange], list[Change]]:
    """The changes of our sysctl.d file and of the udev rules beside it, and items for files left alone."""
    if not request.boot:
        return [], []
    lines = _lines(decisions, observed, boot_without_us)
    rules = _rules(lines, observed)
    files, notes = [], []
    for path, current, heading, text in (
        (request.path, observed.own, HEADING, render(lines) if lines else None),
        (rules_path(request.path), observed.own_rules, RULES_HEADING, rules),
    ):
        change, note = plan_file(OwnFile(path, current, heading), text, observed.originals.files, observed.owner)
        files += [change] if change else []
        notes += [note] if note else []
    return files, notes


def _lines(decisions: Sequence[Decision], observed: Observed, boot_without_us: Boot) -> list[Line]:
    lines: dict[str, Line] = {}
    for decision in decisions:
        if decision.line is None:
            continue
        setting = decision.setting
        if not is_glob(setting.path) or setting.rule != EXACT or not observed.glob_lines:
            if is_spelled(decision.path):
                lines[decision.path] = Line(decision.path, decision.line, setting.why)
            continue
        lines.setdefault(setting.path, Line(setting.path, setting.value, setting.why))
        if boot_without_us.named(decision.path) is not None and is_spelled(decision.path):
            reason = "named here too, as another file names it, and that would beat the glob"
            lines[decision.path] = Line(decision.path, decision.line, reason)
    return sorted(lines.values(), key=lambda line: write_rank(line.path))


def _rules(lines: Iterable[Line], observed: Observed) -> str | None:
    """udev rules for the keys of loadable modules; a module that is built in has its keys before any file is read."""
    modules = set()
    for line in lines:
        module = module_of(line.path)
        if module is not None and (module in observed.loaded_modules or line.path not in observed.live):
            modules.add(module)
    if not modules or not observed.systemd_sysctl or not observed.udev:
        return None
    return render_rules(sorted(modules), observed.systemd_sysctl)


# --- what the user sees ---------------------------------------------------------------------


def _changes(
    request: Request, decisions: Iterable[Decision], files: Iterable[FileChange], observed: Observed
) -> list[Change]:
    own_then = observed.own
    for file in files:
        if file.path == request.path:
            own_then = file.after
    boots = [
        boot_of(with_file(observed.others, request.path, text_of(own) if own is not None else None))
        for own in (observed.own, own_then)
    ]
    return [_change(decision, request, *boots) for decision in decisions]


def _change(decision: Decision, request: Request, boot_now: Boot, boot_then: Boot) -> Change:
    path, setting, state, reason = decision.path, decision.setting, decision.state, decision.reason
    now, then = boot_now.assignment(path), boot_then.assignment(path)
    if decision.line is not None and (then is None or not meets(path, setting, then.value or "")):
        state, reason = SHADOWED, _shadow(path, request, boot_then)
    if state is None:
        line_is_new = (now and (now.value, now.file)) != (then and (then.value, then.file))
        if decision.write is not None or (request.boot and line_is_new):
            state = CHANGED
        else:
            state = KEPT if decision.release else OK
    at_boot = then.value if then is not None else None
    return Change(
        display_name(path), _wanted(setting), decision.before, decision.after, at_boot, state, setting.why, reason
    )


def _wanted(setting: Setting) -> str:
    """The wanted value as a person reads it."""
    return f"{RULE_WORDS[setting.rule]}{setting.value}"


def _shadow(path: str, request: Request, boot: Boot) -> str:
    """Who sets what in place of our file at boot."""
    winner = boot.assignment(path)
    if winner is not None:
        return f"{winner.file} line {winner.line} sets {winner.value}"
    exclusion = boot.named(path)
    if exclusion is not None:
        return f"{exclusion.file} line {exclusion.line} excludes it"
    return f"a file named like {request.path} in a directory of higher precedence hides it"


def _hazards(changes: Iterable[Change], decisions: Iterable[Decision]) -> list[str]:
    """The hazards of the settings that are, or will be, in force."""
    in_force = {change.item for change in changes if change.state in (OK, CHANGED, SHADOWED, PENDING)}
    hazards = [
        hazard_warning(display_name(decision.setting.path), decision.setting.value, decision.setting.hazard)
        for decision in decisions
        if decision.setting.hazard and display_name(decision.path) in in_force
    ]
    return list(dict.fromkeys(hazards))


def diff(planned: Plan) -> list[dict[str, Any]]:
    """What Ansible's --diff shows: each file, and the live values."""
    shown: list[dict[str, Any]] = [*diff_files(planned.files)]
    changes = {change.item: change for change in planned.changes if change.before != change.after}
    if changes:
        shown.append(
            {
                "before_header": "live values",
                "after_header": "live values",
                "before": "".join(f"{name} = {change.before}\n" for name, change in changes.items()),
                "after": "".join(f"{name} = {change.after}\n" for name, change in changes.items()),
            }
        )
    return shown
