# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the systemd of an image will start services with, read from its files, as it does not run yet."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.conf_files import effective_files
from .._host.host import Host, unless_refused
from .._systemd.directives import DIRECTIVES
from .._systemd.syntax import section_lines
from .._systemd.values import read_value

LEFT = "left to a run on the booted host: what its systemd starts the unit with depends on the machine"

# Of the same configuration the first directory's file counts: systemd-system.conf(5).
PLACES = ("/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
FILE, SUFFIX = "system.conf", ".conf"
SECTION, DEFAULT = "Manager", "Default"
# systemd NEWS, changes with 240: a soft limit of 1024, and a hard one of 524288. Before, it is the distribution's.
FIRST_SYSTEMD_WITH_HIGH_NOFILE = 240
BUILT_IN = {"LimitNOFILESoft": "1024", "LimitNOFILE": "524288", "OOMScoreAdjust": "0", "Nice": "0"}


def defaults_of_image(host: Host, version: int | None) -> dict[str, str]:
    """systemd's defaults for a service, by the properties that show them. Raises HostError."""
    if version is None or version < FIRST_SYSTEMD_WITH_HIGH_NOFILE:
        return {}
    defaults = dict(BUILT_IN)
    for path in _files(host):
        for _number, name, text in section_lines(host.read_decisive(path), SECTION):
            directive = DIRECTIVES.get(name[len(DEFAULT) :]) if name.startswith(DEFAULT) else None
            meaning = read_value(directive.name, text) if directive is not None and text else None
            if directive is not None and meaning is not None:
                defaults.update(zip(directive.properties, map(str, meaning)))
    return defaults


def _files(host: Host) -> Iterator[str]:
    """The files of the manager's configuration in their order."""
    yield from [path for path in (f"{place}/{FILE}" for place in PLACES) if host.exists(path)][:1]
    directories = [f"{place}/{FILE}.d" for place in PLACES]
    found = [f"{place}/{name}" for place in directories for name in unless_refused(host.list_directory, place) or []]
    yield from effective_files(found, SUFFIX)
