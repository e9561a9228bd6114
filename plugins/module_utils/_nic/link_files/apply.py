# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a plan of .link files and profiles, and confirm it: udev tests each file, and properties are read back."""

from __future__ import annotations

from collections.abc import Iterable

from ..._core.change import SHADOWED
from ..._core.undo import UndoLog
from ..._engine.effects import PARENT_MODE, check_unchanged, make_parents, put, put_back
from ..._engine.owned_files import FileChange, text_of
from ..._host.host import Host, HostError
from ..link_files import network_manager
from .file import parse_own
from .model import Plan, ProfileChange, Verdict, Write
from .udev import try_file

UNCHECKED = "unchecked, as udevadm prints no name here: the file repeats the naming of the one that applied before"


def apply(host: Host, planned: Plan, log: UndoLog) -> dict[tuple[str, str], Verdict]:
    """Apply a plan. Returns the verdicts, which also say what could not be checked. Raises HostError.

    Each file of ours is put in place, and then tested by udev. Before systemd 256 the test applies the file to the
    running interface, so that a file with the naming alone is tested, and the whole one follows.
    """
    written = {write.change.path: write for write in planned.writes}
    unchecked: set[tuple[str, str]] = set()
    for change in planned.files:
        check_unchanged(host, change)
        make_parents(host, change.path, PARENT_MODE, log)
        write = written.get(change.path)
        shown = (write and not host.boot_only and write.probe) or change.after
        log.note(change.path, lambda change=change, shown=shown: put_back(host, change, shown))  # type: ignore[misc]
        if write is not None and not host.boot_only:  # udev is the other machine's
            if not _test(host, write):
                unchecked.update((write.interface, option) for option in _options_of(write.change))
            check_unchanged(host, change._replace(before=shown))
        put(host, change.path, change.after)
    _set_profiles(host, planned.profiles, log)
    return {
        item: _with_reason(verdict) if item in unchecked and verdict.state != SHADOWED else verdict
        for item, verdict in planned.verdicts.items()
    }


def _options_of(change: FileChange) -> list[str]:
    own = parse_own(text_of(change.after), change.path)
    return [option for options in own.settings.values() for option in options] if own else []


def _with_reason(verdict: Verdict) -> Verdict:
    return verdict._replace(reason="; ".join(filter(None, (verdict.reason, UNCHECKED))))


def _test(host: Host, write: Write) -> bool:
    """Put the file, or its probe, in place and let udev test it; False if it cannot. Raises HostError."""
    shown = write.probe or write.change.after
    if shown is not None:
        host.stage(write.change.path, shown).commit()
    return try_file(host, write.interface, write.change.path, () if write.probe else _options_of(write.change))


def _set_profiles(host: Host, changes: Iterable[ProfileChange], log: UndoLog) -> None:
    """Set the properties, with one call per profile, and read them back. Raises HostError."""
    by_profile: dict[str, list[ProfileChange]] = {}
    for change in changes:
        by_profile.setdefault(change.uuid, []).append(change)
    for uuid, group in by_profile.items():
        before = {change.property: change.before for change in group}
        name = f"NetworkManager's profile {group[0].profile}"
        log.note(name, lambda uuid=uuid, before=before: network_manager.set_properties(host, uuid, before))  # type: ignore[misc]
        network_manager.set_properties(host, uuid, {change.property: change.after for change in group})
        manager = network_manager.observe(host, (), [uuid])
        profile = manager.profiles.get(uuid) if manager else None
        for change in group:
            now = profile.properties.get(change.property, "") if profile else ""
            if now != change.after:
                raise HostError(name, f"{change.property} reads {now or 'nothing'} after it was set to {change.after}")
