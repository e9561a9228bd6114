# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of systemd's own services, such as journald.conf: a file, and drop-ins in several directories.

Sources: journald.conf(5), "Configuration directories and precedence"; conf_files_list_strv() of systemd 247 to 257.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .._engine.conf_files import effective_files
from .._host.host import Host, unless_refused
from .syntax import section_lines

DIRECTORIES = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
SUFFIX = ".conf"


class Line(NamedTuple):
    """A line that sets something, and where it is."""

    value: str
    file: str
    line: int


def settings_files(host: Host, name: str) -> list[tuple[str, str]]:
    """The paths and texts of NAME, such as journald.conf, and of its drop-ins, in the order in which they are read.

    What cannot be read is left out.
    """
    main = next((path for path in (f"{one}/{name}" for one in DIRECTORIES) if host.exists(path)), None)
    drop_ins = [
        f"{directory}/{name}.d/{drop_in}"
        for directory in DIRECTORIES
        for drop_in in unless_refused(host.list_directory, f"{directory}/{name}.d") or []
    ]
    paths = ([main] if main else []) + effective_files(drop_ins, SUFFIX)
    texts = [(path, host.read_lenient(path)) for path in paths]
    return [(path, text) for path, text in texts if text is not None]


def last_lines(texts: Iterable[tuple[str, str]], section: str, names: Sequence[str]) -> dict[str, Line]:
    """The line of each of these settings that counts, the last; an empty one resets it."""
    found: dict[str, Line] = {}
    for path, text in texts:
        for number, name, value in section_lines(text, section):
            if name in names and value:
                found[name] = Line(value, path, number)
            elif name in names:
                found.pop(name, None)
    return found
