# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of .link files: the observed host, the verdicts on options, and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..._engine.originals import FileOriginal, Originals, ProfileOriginal
from ..._engine.owned_files import FileChange
from ..._host.host import FileRecord
from .file import LinkFile
from .match import Device
from .network_manager import NetworkManager


class Verdict(NamedTuple):
    """An option at the next boot: a state of _core/change.py, the value then, and the reason of the state.

    `at_boot_before` is the value that the boot would set as things stand, without this call.

    ok: set already; changed: persisted now; shadowed: a file or profile of somebody else sets another value; pending:
    cannot be persisted (`at_boot` is None) or waits for a udev; absent: no such interface.
    """

    state: str
    at_boot: str | None
    reason: str
    at_boot_before: str | None = None


class Observed(NamedTuple):
    """Everything the plan depends on.

    `version` is systemd's, None without one. `files` are all .link files that udev reads, in their order, and `own`
    those that bear our names, by path. `initramfs` says that the host builds its own, with copies of .link files.
    `image` says that the devices are those of a host to be, and `obstacles` why udev could not know one of these.
    """

    version: int | None
    udev_running: bool
    devices: Mapping[str, Device]
    files: tuple[LinkFile, ...]
    own: Mapping[str, FileRecord | None]
    originals: Originals
    owner: tuple[int, int]
    network_manager: NetworkManager | None = None
    initramfs: bool = False
    image: bool = False
    obstacles: Mapping[str, str] = {}


class ProfileChange(NamedTuple):
    """A property of a NetworkManager profile that gets another value, as nmcli spells it; empty is unset."""

    uuid: str
    profile: str
    property: str
    before: str
    after: str


class Write(NamedTuple):
    """A file of ours that is written, and tested by udev. `probe` is tested in its place, unless it is None."""

    interface: str
    change: FileChange
    probe: FileRecord | None


class Plan(NamedTuple):
    """What will be done.

    `recorded` and `finalized` are Originals.files before the first effect and after the last; `recorded_profiles` is
    Originals.profiles, before and after.
    """

    files: list[FileChange]
    writes: list[Write]
    profiles: list[ProfileChange]
    verdicts: Mapping[tuple[str, str], Verdict]
    warnings: list[str]
    recorded: dict[str, FileOriginal]
    finalized: dict[str, FileOriginal]
    recorded_profiles: Mapping[str, Mapping[str, ProfileOriginal]]

    @property
    def changed(self) -> bool:
        return bool(self.files or self.profiles)
