# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of journald's drop-in. Reverting a host is the plan for no drop-in."""

from __future__ import annotations

from .._core.change import ABSENT, CHANGED, OK, PENDING, SHADOWED, Change
from .._engine.owned_files import FilesPlan, OwnFile, one_file_plan, plan_file, text_of
from .._systemd.settings_files import Line, SettingsFiles, last_lines
from .model import Observed
from .settings import DIRECTIVE, HEADING, ITEM, PATH, SECTION, Request, render, same_size

NO_LONGER_WANTED = "no longer wanted"
WAITS = "in force once systemd-journald is restarted, or with the next boot: systemctl restart systemd-journald"


def plan(request: Request, observed: Observed) -> FilesPlan:
    """The plan that fulfils the request. Raises ItemError for a file that cannot be replaced."""
    wanted = bool(request.max_use) and observed.installed
    own = OwnFile(PATH, observed.own, HEADING)
    file, left_alone = plan_file(own, render(request) if wanted else None, observed.originals.files, observed.owner)
    after = file.after if file else observed.own
    now = _deciding(observed.files)
    then = _deciding(observed.files.with_own(PATH, None if after is None else text_of(after)))
    if request.max_use:
        item: Change | None = _wanted_item(request, observed, file is not None, now, then)
    else:
        item = _reverted_item(observed, now, then) if file else None
        if PATH not in observed.originals.files:
            left_alone = None  # somebody else's file, of which nobody has asked anything
    return one_file_plan(own, file, [item, left_alone], observed.originals)


def _deciding(files: SettingsFiles) -> Line | None:
    return last_lines(files.in_order(), SECTION, (DIRECTIVE,)).get(DIRECTIVE)


def _value(line: Line | None) -> str | None:
    return None if line is None else line.value


def _wanted_item(request: Request, observed: Observed, changes: bool, now: Line | None, then: Line | None) -> Change:
    """The item of the size. Nobody can read what a journald that runs has; it has what its files said at its start."""
    before, at_boot = _value(now), _value(then)
    if not observed.installed:
        state, reason = ABSENT, "there is no systemd-journald on this host"
    elif then is not None and then.file != PATH and not same_size(request.max_use, then.value):
        state, reason = SHADOWED, f"{then.file} line {then.line} sets {then.value}"
    elif observed.running and (changes or observed.older):
        state, reason = PENDING, WAITS
    else:
        state, reason = (CHANGED if changes else OK), ""
    live = before if state == PENDING or not observed.installed else at_boot
    return Change(ITEM, request.max_use, before, live, at_boot, state, request.why, reason, before)


def _reverted_item(observed: Observed, now: Line | None, then: Line | None) -> Change:
    before, at_boot = _value(now), _value(then)
    state, reason = (PENDING, WAITS) if observed.running else (CHANGED, "")
    live = before if observed.running else at_boot
    return Change(ITEM, None, before, live, at_boot, state, NO_LONGER_WANTED, reason, before)
