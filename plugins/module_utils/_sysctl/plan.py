# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans sysctl settings: from a Request and an Observed host to a Plan.

Nothing here reads or writes a host. A Plan has a Change per item for the user, the kernel writes in
their order, and the files. To put a host back is to plan for no settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._core.change import REFUSED, Change
from .._core.setting import EXACT
from .._engine.owned_files import FileChange, OwnFile, plan_file, released_files
from .._host.host import FileRecord
from .conf import HEADING, OVERRIDES_GLOB, RULES_HEADING, Boot, Line, boot_of, render, render_rules, rules_path
from .decide import decide_all
from .items import items_of, warnings_of, with_boot_before
from .kernel import module_of
from .key import is_glob, is_spelled
from .model import Decision, Observed, Plan, Request
from .order import ordered_lines, ordered_writes, side_effects_of
from .originals import OurFiles, recorded
from .revert import keep_side_effects, planned_reverts
from .safety import check_safety


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that fulfils the request. Raises SysctlError for an unsafe or contradictory request."""
    boot_without_us, ours = boot_of(observed.others, observed.later), OurFiles(request, observed)
    decisions = decide_all(request, observed, boot_without_us, ours)
    check_safety(decisions, observed)
    reverts = planned_reverts(request, observed, decisions, ours)
    writes, rewritten = ordered_writes(decisions, reverts, observed)
    files, notes = _files(request, decisions, observed, boot_without_us)
    reverted = with_boot_before(reverts.changes, request, observed)
    changes = [*items_of(request, decisions, files, observed), *reverted, *notes]
    effects = side_effects_of(writes, observed)
    keep_side_effects(reverts, effects, decisions)
    return Plan(
        changes=changes,
        writes=writes,
        files=files,
        originals=recorded(request, decisions, writes, effects, reverts, files, observed),
        side_effects=sorted({*effects, *reverts.confirmed} - {write.path for write in writes}),
        reverted=[
            *(path for path in (*reverts.reverted, *rewritten) if request.boot or not ours.sets(path)),
            *(decision.path for decision in decisions if decision.reverted),
            *released_files(_own_files(request, observed), files, observed.originals.files),
        ],
        warnings=warnings_of(changes, decisions, observed),
    )


def _own_files(request: Request, observed: Observed) -> dict[str, FileRecord | None]:
    own = {request.path: observed.own, rules_path(request.path): observed.own_rules}
    return {path: record for path, record in own.items() if path not in observed.no_files}


def _files(
    request: Request, decisions: Sequence[Decision], observed: Observed, boot_without_us: Boot
) -> tuple[list[FileChange], list[Change]]:
    """Changes of our sysctl.d file and its udev rules, and an item for each file that is left to somebody else."""
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
        if path in observed.no_files:
            note = Change(path, None, None, None, None, REFUSED, "no longer needed", observed.no_files[path])
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
        if not observed.boot_only and boot_without_us.named(decision.path) is not None and is_spelled(decision.path):
            lines[decision.path] = Line(decision.path, decision.line, OVERRIDES_GLOB)
    if observed.boot_only:  # no decision has matched a glob
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from .image import lines_over_others

        lines.update({line.path: line for line in lines_over_others(lines.values(), boot_without_us)})
    return ordered_lines(lines.values(), observed)


def _rules(lines: Iterable[Line], observed: Observed) -> str | None:
    """udev rules for the keys of loadable modules. The keys of a built-in module exist before any file is read."""
    modules = set()
    for line in lines:
        module = module_of(line.path)
        if module is not None and (module in observed.loaded_modules or line.path not in observed.live):
            modules.add(module)
    if not modules or not observed.systemd_sysctl or not observed.udev:
        return None
    return render_rules(sorted(modules), observed.systemd_sysctl)
