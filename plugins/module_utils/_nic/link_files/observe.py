# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe .link files, and NetworkManager's profiles, for a plan. Nothing here changes anything."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from ..._engine.originals import Originals
from ..._host.host import Host
from ..._host.machine import systemd_version
from ..link_files import network_manager
from .devices import UDEV_CONTROL, observe_devices
from .file import DIRECTORIES, DROP_IN_SUFFIX, DROP_INS_SINCE, RULES, LinkFile, files_in_order, is_own_name, own_paths
from .model import Observed

# Debian's initramfs-tools and dracut, each with the hook that copies .link files.
INITRAMFS_MAKERS = ("/usr/share/initramfs-tools/hooks/udev", "/usr/lib/dracut/modules.d")


def observe(host: Host, interfaces: Iterable[str], originals: Originals) -> Observed:
    """Everything that the plan for these interfaces depends on. Raises HostError."""
    names = list(interfaces)
    version = systemd_version(host)
    files = read_files(host, version)
    own = {path for name in names for path in own_paths(name)} | {file.path for file in files if is_own_name(file.path)}
    return Observed(
        version=version,
        udev_running=host.exists(UDEV_CONTROL),
        devices=observe_devices(host),
        files=tuple(files),
        own={path: host.snapshot(path) for path in sorted({*own, RULES})},
        originals=originals,
        owner=(os.geteuid(), os.getegid()),
        network_manager=network_manager.observe(host, names, originals.profiles),
        initramfs=any(host.exists(path) for path in INITRAMFS_MAKERS),
    )


def read_files(host: Host, version: int | None) -> list[LinkFile]:
    """All .link files that udev reads, with their drop-ins, in its order. Raises HostError."""
    listing = {directory: host.list_directory(directory) for directory in DIRECTORIES}
    found = []
    for path in files_in_order(listing):
        text = _text(host, path)
        if text:
            drop_ins = _drop_ins(host, listing, path.rsplit("/", 1)[1]) if (version or 0) >= DROP_INS_SINCE else []
            found.append(LinkFile(path, ((path, text), *drop_ins)))
    return found


def _drop_ins(host: Host, listing: Mapping[str, list[str]], name: str) -> list[tuple[str, str]]:
    directories = [f"{place}/{name}.d" for place, names in listing.items() if f"{name}.d" in names]
    paths = files_in_order({place: host.list_directory(place) for place in directories}, DROP_IN_SUFFIX)
    return [(path, _text(host, path)) for path in paths]


def _text(host: Host, path: str) -> str:
    """A file's text; empty if it is masked, or a dangling link."""
    return "" if host.resolves_to_null_device(path) else host.read_text(path) or ""
