# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of our file for an interface: the .link file that udev would apply without ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..._core.change import ABSENT, PENDING, SHADOWED
from ..._core.text import encoded
from ..._engine.owned_files import text_of
from .devices import LOOPBACK
from .file import LINK, Assignment, LinkFile, OwnText, Winner, is_vendors, own_paths, parse_own, winner
from .match import ANY, Device, collect
from .model import Observed, Verdict
from .options import OPTIONS

# Settings for one interface only. A file that matches by the kernel's name may match another card at the next boot.
IDENTITY = ("Name", "MACAddress", "AlternativeName", "Alias")
STABLE_KEYS = ("MACAddress", "PermanentMACAddress", "Path")


class Base(NamedTuple):
    """The base file, None without one, and the path of ours; or the verdict on all options if we must not write one."""

    file: LinkFile | None
    path: str
    obstacle: Verdict | None = None


def find_base(observed: Observed, interface: str, device: Device | None, ours: Mapping[str, OwnText]) -> Base:
    """The base of our file for an interface, without our own files."""
    if device is None:
        return Base(None, "", Verdict(ABSENT, None, "no such interface"))
    if observed.version is None:
        reason = "no systemd here reads .link files: run again after each boot"
        return Base(None, "", Verdict(PENDING, None, reason))
    if interface in observed.obstacles:
        return Base(None, "", Verdict(PENDING, None, observed.obstacles[interface]))
    if device.type == LOOPBACK:
        return Base(None, "", Verdict(PENDING, None, "udev sets no options of a loopback interface"))
    texts = {path: text_of(record) for path, record in observed.own.items()}
    others = [file for file in observed.files if parse_own(texts.get(file.path, ""), file.path) is None]
    applied = device.applied
    if applied is not None and applied in ours:
        applied = ours[applied].source
    found = winner(others, device, observed.version, applied)
    path = _free_path(observed, interface, found.file)
    return Base(found.file, path, _unknown(found) or _unstable(found.file) or (None if path else _no_room(found.file)))


def _unknown(found: Winner) -> Verdict | None:
    if found.unknown is None:
        return None
    path = found.unknown.path
    reason = f"it is unknown whether {path} applies, and our file, before it, might rename the interface: set it there"
    return Verdict(PENDING, None, reason)


def _unstable(file: LinkFile | None) -> Verdict | None:
    """The verdict where the base must not be pinned to the card that it applies to today."""
    if file is None:
        return None
    keys = collect(file.match)
    given = [line.key for line in file.lines if line.section == LINK and line.key in IDENTITY and line.value]
    if not given or ANY in keys.get("OriginalName", [ANY]) or any(key in keys for key in STABLE_KEYS):
        return None
    reason = (
        f"{file.path} sets {given[0]}= for the card that the kernel calls {' '.join(keys['OriginalName'])}, which may "
        "be another at the next boot: match by PermanentMACAddress= there, or set the option there"
    )
    return Verdict(SHADOWED, None, reason)


class FileOfImage(NamedTuple):
    """A file of ours that an image has brought for an interface, and whether udev has applied it to this one alone."""

    own: OwnText
    applied: bool

    @property
    def lines(self) -> dict[str, str]:
        return {option: line.value for mine in self.own.settings.values() for option, line in mine.items()}


def file_of_image(observed: Observed, interface: str) -> FileOfImage | None:
    """The file that an image has brought for an interface; None without one."""
    device = observed.devices.get(interface)
    for path in own_paths(interface) if device is not None else ():
        original = observed.originals.files.get(path)
        own = parse_own(text_of(observed.own.get(path)), path) if original is not None and original.image else None
        if own is not None:
            users = [name for name, other in observed.devices.items() if other.applied == path]
            return FileOfImage(own, users == [interface])
    return None


def explicit_options(file: LinkFile | None) -> dict[str, Assignment]:
    """The options that an administrator's file sets. Those of the distribution's are defaults, ours may change them."""
    lines = file.lines if file else []
    found = {line.key: line for line in lines if line.section == LINK and line.key in OPTIONS}
    return {option: line for option, line in found.items() if line.value and not is_vendors(line.file)}


def _free_path(observed: Observed, interface: str, base: LinkFile | None) -> str:
    """The path of our file: before the base in udev's order, and never that of somebody else's file."""
    for path in own_paths(interface):
        record = observed.own.get(path)
        known = record is None or path in observed.originals.files or parse_own(text_of(record), path) is not None
        if known and (base is None or _name(path) < _name(base.path)):
            return path
    return ""


def _name(path: str) -> bytes:
    return encoded(path.rsplit("/", 1)[1])


def _no_room(base: LinkFile | None) -> Verdict:
    path = base.path if base else "somebody else's file"
    return Verdict(SHADOWED, None, f"{path} comes before any name of ours: set the option there, or rename the file")
