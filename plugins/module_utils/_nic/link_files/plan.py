# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of .link files for one owner; the options of the other owner stay in the file as they are.

    settings = {"eth0": {"RxBufferSize": Setting("4096", "Why."), "TxBufferSize": Setting("max", "Why.")}, "eth1": {}}

Options are named as in systemd.link(5), and values are texts as in a .link file. An interface with {} gets none of
this owner's options, which is `state: absent`; an interface that is not named keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..._core.change import ABSENT, CHANGED, OK, PENDING, SHADOWED
from ..._core.text import encoded
from ..._engine.originals import ProfileOriginal
from ..._engine.owned_files import (
    CONFIG_MODE,
    FileChange,
    OwnFile,
    finalize_files,
    plan_file,
    record_files,
    released_files,
    text_of,
)
from ..._host.host import FileRecord
from .base import Base, explicit_options, file_of_image, find_base
from .file import (
    HEADING,
    LINK,
    MATCH,
    Assignment,
    LinkFile,
    OwnText,
    Setting,
    is_interface_name,
    own_paths,
    parse_own,
    render,
)
from .match import Device, matches, own_match
from .model import Observed, Plan, ProfileChange, Verdict, Write
from .options import OPTIONS, OWNER_RING, OWNERS, LinkError, check_option, same_value, unknown_to
from .profiles import is_recorded, merge_profiles, plan_profile

# Before systemd 256, udevadm test-builtin applies the file that it tests, rings and all (its NEWS).
HARMLESS_TEST_SINCE = 256
NAMING = ("NamePolicy", "Name")
# An initramfs contains copies of the .link files: systemd.link(5).
EARLY_COPY = (
    "{} is removed, but an initramfs that was built meanwhile has a copy, which applies at boot: "
    "rebuild it (update-initramfs -u, or dracut --force)"
)
# In a container, for example.
AT_ADD = "takes effect when udev adds the interface; no udev is running here"


def plan(observed: Observed, settings: Mapping[str, Mapping[str, Setting]], owner: str) -> Plan:
    """The plan that gives these interfaces these options at boot, and takes all others of this owner from them.

    Raises LinkError for an invalid setting.
    """
    _check(settings, owner)
    files: list[FileChange] = []
    writes: list[Write] = []
    verdicts: dict[tuple[str, str], Verdict] = {}
    warnings: list[str] = []
    profiles: list[ProfileChange] = []
    changes: dict[tuple[str, str], ProfileOriginal | None] = {}
    recorded_profiles = observed.originals.profiles
    for interface, options in settings.items():
        brought = file_of_image(observed, interface)
        in_file = brought.lines if brought is not None and brought.applied else {}
        of_profile = plan_profile(observed.network_manager, recorded_profiles, interface, options, owner, in_file)
        profiles += of_profile.changes
        changes.update(of_profile.originals)
        verdicts.update({(interface, option): verdict for option, verdict in of_profile.verdicts.items()})
        rest = {option: setting for option, setting in options.items() if option not in of_profile.verdicts}
        part = _plan_interface(observed, interface, rest, owner)
        files += part.files
        writes += part.writes
        warnings += [*part.warnings, *_profiles_out_of_reach(observed, interface)]
        verdicts.update(part.verdicts)
    warnings += [EARLY_COPY.format(file.path) for file in files if file.after is None and observed.initramfs]
    probes = [FileChange(write.change.path, write.change.before, write.probe) for write in writes if write.probe]
    recorded = record_files(observed.originals.files, [*files, *probes])
    if observed.image:
        recorded.update({file.path: recorded[file.path]._replace(image=True) for file in files})
    found = {path: record for path, record in observed.own.items() if path in recorded}
    finalized = finalize_files(recorded, files, released_files(found, files, recorded))
    profiles_after = merge_profiles(recorded_profiles, changes)
    return Plan(files, writes, profiles, verdicts, warnings, recorded, finalized, profiles_after)


def _check(settings: Mapping[str, Mapping[str, Setting]], owner: str) -> None:
    if owner not in OWNERS:
        raise LinkError(owner, f"no such owner of options; available: {', '.join(OWNERS)}")
    for interface, options in settings.items():
        if not is_interface_name(interface):
            raise LinkError(repr(interface), "invalid interface name: 1 to 15 printable characters, no blank, / or :")
        for option, (value, _why) in options.items():
            check_option(interface, option, value, owner)


def _profiles_out_of_reach(observed: Observed, interface: str) -> list[str]:
    if observed.network_manager is not None or not is_recorded(observed.originals.profiles, interface):
        return []
    return [f"{interface}: NetworkManager does not run, so that its profiles keep the values set in them"]


# --- one interface --------------------------------------------------------------------------


class _Part(NamedTuple):
    files: Sequence[FileChange] = ()
    writes: Sequence[Write] = ()
    warnings: Sequence[str] = ()
    verdicts: Mapping[tuple[str, str], Verdict] = {}


def _plan_interface(observed: Observed, interface: str, options: Mapping[str, Setting], owner: str) -> _Part:
    device = observed.devices.get(interface)
    ours = _ours(observed, interface, device)
    before = _settings(ours.values())
    base = find_base(observed, interface, device, ours)
    if base.obstacle is not None or device is None:
        if not options:
            return _without(observed, interface, ours, owner)
        held = before.get(owner, {})
        return _Part(verdicts={(interface, option): _as_it_is(base.obstacle, held.get(option)) for option in options})
    explicit = explicit_options(base.file)
    refused = {option: _refusal(observed, option, wanted, explicit) for option, wanted in options.items()}
    settings = {name: _unless_explicit(before.get(name, {}), explicit) for name in OWNERS}
    settings[owner] = {option: wanted for option, wanted in options.items() if refused[option] is None}
    part = _write(observed, device, base, ours, settings, owner)
    held = before.get(owner, {})
    verdicts = {
        option: refused[option] or _verdict(observed, part, wanted, held.get(option))
        for option, wanted in options.items()
    }
    for option in before.get(owner, {}):
        if option not in options:
            verdicts[option] = _removed(explicit.get(option))
    boot_now = {**_options(base.file), **{option: setting.value for option, setting in held.items()}}
    return part._replace(
        verdicts={
            (interface, option): verdict._replace(at_boot_before=boot_now.get(option))
            for option, verdict in verdicts.items()
        }
    )


def _options(file: LinkFile | None) -> dict[str, str]:
    """The options that a file sets, its vendor's included."""
    return {line.key: line.value for line in (file.lines if file else []) if line.section == LINK and line.value}


def _as_it_is(obstacle: Verdict | None, held: Setting | None) -> Verdict:
    verdict = obstacle or Verdict(ABSENT, None, "there is no such interface")
    return verdict._replace(at_boot=held.value, at_boot_before=held.value) if held else verdict


def _removed(left: Assignment | None) -> Verdict:
    if left is None:
        return Verdict(CHANGED, None, "no file sets it any more")
    return Verdict(CHANGED, left.value, f"{left.file} line {left.line} sets it")


def _ours(observed: Observed, interface: str, device: Device | None) -> dict[str, OwnText]:
    """Our files for an interface: under its name, or under its name when they were written."""
    elsewhere = {path for name in observed.devices if name != interface for path in own_paths(name)}
    found = {}
    for path, record in observed.own.items():
        own = parse_own(text_of(record), path)
        if own is None or path in elsewhere:
            continue
        if path in own_paths(interface) or (device and matches(own.match, device, observed.version)):
            found[path] = own
    return found


def _settings(ours: Iterable[OwnText]) -> dict[str, dict[str, Setting]]:
    merged: dict[str, dict[str, Setting]] = {}
    for own in ours:
        for owner, settings in own.settings.items():
            merged.setdefault(owner, {}).update(settings)
    return merged


def _without(observed: Observed, interface: str, ours: Mapping[str, OwnText], owner: str) -> _Part:
    """Take an owner's options out of a file that cannot be rebuilt, because its interface is gone for example."""
    files: list[FileChange] = []
    warnings: list[str] = []
    verdicts = {}
    for path, own in ours.items():
        settings = {name: options for name, options in own.settings.items() if name != owner}
        text = render(own._replace(settings=settings)) if any(settings.values()) else None
        change, warning = _change(observed, path, text)
        files += change
        warnings += warning
        for option, held in own.settings.get(owner, {}).items():
            verdicts[interface, option] = _removed(None)._replace(at_boot_before=held.value)
    return _Part(files, warnings=warnings, verdicts=verdicts)


def _change(observed: Observed, path: str, text: str | None) -> tuple[list[FileChange], list[str]]:
    own = OwnFile(path, observed.own.get(path), HEADING.split("\n", 1)[0])
    change, note = plan_file(own, text, observed.originals.files, observed.owner)
    return ([change] if change else []), ([f"{path}: {note.reason}"] if note else [])


def _unless_explicit(settings: Mapping[str, Setting], explicit: Mapping[str, Assignment]) -> dict[str, Setting]:
    return {option: setting for option, setting in settings.items() if option not in explicit}


def _refusal(observed: Observed, option: str, wanted: Setting, explicit: Mapping[str, Assignment]) -> Verdict | None:
    """The verdict on an option that is not written; None if it is."""
    line = explicit.get(option)
    if line is not None and same_value(option, line.value, wanted.value):
        return Verdict(OK, line.value, "")
    if line is not None:
        return Verdict(SHADOWED, line.value, f"{line.file} line {line.line} sets {option}={line.value}")
    too_new = unknown_to(option, wanted.value, observed.version or 0)
    if too_new:
        way_out = f": until systemd is updated, set it with {OPTIONS[option].instead}, or run after each boot"
        return Verdict(PENDING, None, too_new + (way_out if not too_new.endswith("number") else ""))
    return None


def _verdict(observed: Observed, part: _Part, wanted: Setting, held: Setting | None) -> Verdict:
    if not observed.udev_running:
        return Verdict(PENDING, wanted.value, AT_ADD)
    is_new = held is None or held.value != wanted.value
    return Verdict(CHANGED if part.writes and is_new else OK, wanted.value, "")


# --- our file -------------------------------------------------------------------------------


def _write(
    observed: Observed,
    device: Device,
    base: Base,
    ours: Mapping[str, OwnText],
    settings: Mapping[str, Mapping[str, Setting]],
    owner: str,
) -> _Part:
    """Our file for a device with these settings, and none where there are none. Raises LinkError."""
    files: list[FileChange] = []
    writes: list[Write] = []
    warnings: list[str] = []
    if any(settings.values()):
        match = _match_of_image(observed, device, ours.get(base.path), settings, owner) or _match(observed, device)
        own = OwnText(match, _repeated(base.file, settings), settings)
        files, warnings = _change(observed, base.path, render(own))
        writes = [Write(device.name, files[0], _probe(observed, own))] if files else []
    for path in ours:
        if path != base.path or not any(settings.values()):
            removal, warning = _change(observed, path, None)
            files, warnings = files + removal, warnings + warning
    return _Part(files, writes, warnings)


def _match_of_image(
    observed: Observed,
    device: Device,
    own: OwnText | None,
    settings: Mapping[str, Mapping[str, Setting]],
    owner: str,
) -> tuple[tuple[str, str], ...]:
    """The match of a file in an image, or of one that an image has brought, if it stays or is known to be right.

    The floors are nic_ring's, and with them the drivers that the file is for.
    """
    if not observed.image:
        brought = file_of_image(observed, device.name)
        return brought.own.match if brought and (brought.applied or brought.own.settings == settings) else ()
    drivers = " ".join(sorted(device.drivers or ()))
    if owner != OWNER_RING and own is not None and settings.get(OWNER_RING):
        drivers = dict(own.match).get("Driver", "")
    named = any(key == "Driver" for key, _value in device.known_by)
    return (*device.known_by, *([("Driver", drivers)] if drivers and not named else []))


def _match(observed: Observed, device: Device) -> tuple[tuple[str, str], ...]:
    match = own_match(device, observed.devices.values())
    if not match:
        raise LinkError(
            device.name,
            "no [Match] of a .link file would match it alone, so that its settings cannot be persisted: give it a "
            "permanent address of its own, or use when: now",
        )
    return tuple(match)


def _repeated(base: LinkFile | None, settings: Mapping[str, Mapping[str, Setting]]) -> tuple[Assignment, ...]:
    """The file that would apply without its [Match], and without the options that our settings change."""
    ours = {option for options in settings.values() for option in options}
    rest = [line for line in (base.lines if base else []) if line.section != MATCH]
    return tuple(line for line in rest if line.section != LINK or line.key not in ours)


def _probe(observed: Observed, own: OwnText) -> FileRecord | None:
    """The file with its match and its naming alone, for a udevadm that applies the file that it tests."""
    if (observed.version or 0) >= HARMLESS_TEST_SINCE:
        return None
    naming = tuple(line for line in own.repeated if line.section == LINK and line.key in NAMING)
    text = render(OwnText(own.match, naming, {}))
    return FileRecord(encoded(text), CONFIG_MODE, *observed.owner)
