# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels that a host has installed, and the modules on its disk for each. No module is loaded to find out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .host import Host, unless_refused

MODULES = "/lib/modules"
# What distributions call a kernel's image, beside its modules or in /boot: most, ppc64, SUSE's arm64, SUSE's s390x.
IMAGES = ("vmlinuz", "vmlinux", "Image", "image")
# The kind of kernel at the end of its release, without the distribution's: -cloud-amd64, -generic, .x86_64+debug
_FLAVOUR = re.compile(r"(?:[-.+](?!el[0-9]|fc[0-9])[A-Za-z]\w*)*\Z")


def newest_kernel(host: Host, running: str) -> str | None:
    """The newest release that has an image; of several of one version the `running` kind. None if there is none.

    A directory of modules without an image is left over from a kernel that was removed.
    """
    releases = unless_refused(host.list_directory, MODULES) or []
    newest_first = sorted(releases, key=lambda release: _age(release, running), reverse=True)
    return next((release for release in newest_first if _has_image(host, release)), None)


def _has_image(host: Host, release: str) -> bool:
    places = (place for image in IMAGES for place in (f"{MODULES}/{release}/{image}", f"/boot/{image}-{release}"))
    return any(host.exists(place) for place in places)


def _age(release: str, running: str) -> tuple[Any, ...]:
    """A key by which a newer release comes later, as boot loaders sort them: 6.1.0-9 before 6.1.0-10."""
    flavour, own = (_FLAVOUR.search(name).group() for name in (release, running))  # type: ignore[union-attr]
    return _pieces(release[: len(release) - len(flavour)]), flavour == own, _pieces(flavour)


def _pieces(text: str) -> list[tuple[int, int, str]]:
    """The numbers and words of a release; a word comes before a number, as 6.12-rc5 before 6.12.1."""
    found = re.findall(r"([0-9]+)|([A-Za-z]+)", text)
    return [(1, int(number), "") if number else (0, 0, word) for number, word in found]


def find_module(host: Host, release: str, names: Sequence[str]) -> str | None:
    """The first of these modules that modprobe(8) would find for a kernel; "" for none, None if that cannot be read.

    Source: modules.dep(5), which names each module of the kernel by its path, compressed or not
    """
    path = f"{MODULES}/{release}/modules.dep"
    listed = host.read_lenient(path)
    if listed is None:
        return None if host.exists(path) else ""
    return next((name for name in names if f"/{name}.ko" in listed), "")
