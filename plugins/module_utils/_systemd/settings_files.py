# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of systemd's own services, such as journald.conf: a file, and drop-ins in several directories.

Sources: journald.conf(5), "Configuration directories and precedence"; conf_files_list_strv() of systemd 247 to 257.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


class SettingsFiles(NamedTuple):
    """The texts of a file and of all its drop-ins by their paths, those of the most important directory first.

    One that cannot be read has no text, but hides others of its name all the same.
    """

    main: Mapping[str, str]
    drop_ins: Mapping[str, str]

    def in_order(self) -> list[tuple[str, str]]:
        """The paths and texts that are read, in their order."""
        read = effective_files(self.drop_ins, SUFFIX)
        return [*self.main.items(), *((path, self.drop_ins[path]) for path in read)]

    def with_own(self, path: str, text: str | None) -> SettingsFiles:
        """These files with another text for a drop-in of /etc, or without it."""
        others = {other: its_text for other, its_text in self.drop_ins.items() if other != path}
        return self._replace(drop_ins=others if text is None else {path: text, **others})


def settings_files(host: Host, name: str) -> SettingsFiles:
    """NAME, such as journald.conf, and its drop-ins."""
    main = [path for path in (f"{one}/{name}" for one in DIRECTORIES) if host.exists(path)][:1]
    drop_ins = [
        f"{directory}/{name}.d/{drop_in}"
        for directory in DIRECTORIES
        for drop_in in unless_refused(host.list_directory, f"{directory}/{name}.d") or []
        if drop_in.endswith(SUFFIX)
    ]
    return SettingsFiles(*({path: host.read_lenient(path) or "" for path in paths} for paths in (main, drop_ins)))


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
