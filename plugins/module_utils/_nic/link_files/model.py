# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that the plan of .link files is made of: what is wished, what there is, and what will be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..._engine.originals import FileOriginal, LinkOriginal
from ..._engine.owned_files import FileChange
from ..._host.host import FileRecord
from .file import LinkFile
from .match import Device
from .network_manager import NetworkManager


class Wish(NamedTuple):
    """What one option of an interface is to be at boot, in the words of a .link file, and why."""

    value: str
    why: str


class Verdict(NamedTuple):
    """What becomes of an option at boot: a state of _core/change.py, the value then, and what explains the state."""

    state: str
    at_boot: str | None
    reason: str


class Observed(NamedTuple):
    """Everything the plan depends on.

    `version` is systemd's, None without one. `files` are all .link files that udev reads, in their order, and `own`
    those that bear our names, by path. `originals` and `links` are those sections of the record. `initramfs` tells
    that the host makes its own, with copies of .link files.
    """

    version: int | None
    udev_running: bool
    devices: Mapping[str, Device]
    files: tuple[LinkFile, ...]
    own: Mapping[str, FileRecord | None]
    originals: Mapping[str, FileOriginal]
    links: Mapping[str, Mapping[str, LinkOriginal]]
    owner: tuple[int, int]
    network_manager: NetworkManager | None = None
    initramfs: bool = False


class ProfileChange(NamedTuple):
    """A property of a NetworkManager profile that gets another value, in nmcli's words; empty is unset."""

    uuid: str
    profile: str
    property: str
    before: str
    after: str


class Write(NamedTuple):
    """A file of ours that is written, and tested by udev. `probe` is what is tested in its place, None for itself."""

    interface: str
    change: FileChange
    probe: FileRecord | None


class LinkPlan(NamedTuple):
    """What will be done.

    `recorded` and `finalized` are Originals.files before the first effect and after the last; `links` are the entries
    of Originals.links for the profiles' properties (see `merge_links`).
    """

    files: list[FileChange]
    writes: list[Write]
    profiles: list[ProfileChange]
    verdicts: Mapping[tuple[str, str], Verdict]
    warnings: list[str]
    recorded: dict[str, FileOriginal]
    finalized: dict[str, FileOriginal]
    links: Mapping[str, Mapping[str, LinkOriginal | None]]

    @property
    def changed(self) -> bool:
        return bool(self.files or self.profiles)


def merge_links(
    links: Mapping[str, Mapping[str, LinkOriginal]], changes: Mapping[str, Mapping[str, LinkOriginal | None]]
) -> dict[str, dict[str, LinkOriginal]]:
    """Originals.links with these entries, by key and option, put in, or taken out where they are None."""
    merged = {key: dict(options) for key, options in links.items()}
    for key, options in changes.items():
        for option, original in options.items():
            if original is None:
                merged.get(key, {}).pop(option, None)
            else:
                merged.setdefault(key, {})[option] = original
    return {key: options for key, options in merged.items() if options}
