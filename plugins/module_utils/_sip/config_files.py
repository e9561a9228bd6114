# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a daemon's configuration, read within bounds: a daemon's own account may have written them.

`read` returns the text of a file, None if it cannot be read; `names` the names in a directory, none if it cannot be
listed. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Callable, Optional

from .._host.host import Host, unless_refused

Read = Callable[[str], Optional[str]]
Names = Callable[[str], "Sequence[str]"]

MOST_FILES = 64  # of one configuration; what is read of a real one has a few
MOST_CHARACTERS = 4 * 1024 * 1024  # of all of them together
MOST_NOTES = 20
MOST_STARS = 3  # in a part of a glob, as each more multiplies the time that it may take
LONGEST_SHOWN = 60  # characters of a value in a message
_MAGIC = frozenset("*?[")


def no_names(_directory: str) -> Sequence[str]:
    """The names of a host whose directories cannot be listed."""
    return ()


class ConfigFiles:
    """One configuration while it is read. `notes` says what of it is unknown. `closed`: none of it can be read here."""

    def __init__(self, read: Read, names: Names = no_names, closed: bool = False) -> None:
        self.closed = closed
        self._read = read
        self._names = names
        self._files = MOST_FILES
        self._characters = MOST_CHARACTERS
        self.notes: list[str] = []
        self.parsed: dict[str, Any] = {}  # what several readers need, by name

    def read(self, path: str) -> str | None:
        """The text of a file; None where it cannot be read, or where so much has been read already."""
        if not path.startswith("/"):
            return None
        self._files -= 1
        if self._files < 0 or self._characters <= 0:
            self._say_once(
                0, f"not all of the configuration is read: it has more than {MOST_FILES} files, or is too long"
            )
            return None
        text = self._read(path)
        self._characters -= len(text or "")
        return text

    def matching(self, pattern: str) -> list[str]:
        """The paths that an absolute path or glob stands for, in order; a path without a glob stands for itself."""
        if _MAGIC.isdisjoint(pattern):
            return [pattern]
        if not pattern.startswith("/") or any(part.count("*") > MOST_STARS for part in pattern.split("/")):
            self.note(f"{shown(pattern)} is not followed: an absolute path with at most {MOST_STARS} stars is")
            return []
        found = [""]
        for part in pattern.split("/")[1:]:
            if _MAGIC.isdisjoint(part):
                found = [f"{path}/{part}" for path in found]
            else:
                found = [f"{path}/{name}" for path in found for name in self._names(path or "/") if _is(part, name)]
            found = found[: MOST_FILES + 1]
        return found

    def note_unread(self, path: str, whose: str) -> None:
        """Say that the configuration which a command line names cannot be read."""
        if not self.closed:
            self.note(f"{shown(path)}, {whose} configuration, cannot be read")

    def note(self, words: str) -> None:
        """Say once what is unknown."""
        if len(self.notes) < MOST_NOTES:
            self._say_once(len(self.notes), words)

    def _say_once(self, position: int, words: str) -> None:
        if words not in self.notes:
            self.notes.insert(position, words)


def files_of(host: Host) -> ConfigFiles:
    """A configuration of this host. A pipe, a device or a file of the kernel in the place of a file is not opened."""
    return ConfigFiles(host.read_foreign, lambda path: unless_refused(host.list_directory, path) or ())


def container_files() -> ConfigFiles:
    """A configuration in a container: its paths are none of this host's, and nothing is read."""
    return ConfigFiles(lambda _path: None, closed=True)


def shown(text: str) -> str:
    """A text of a configuration, as far as a message has room for it."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _is(part: str, name: str) -> bool:
    """Whether a part of a glob stands for a name. Hidden names have to be asked for, glob(7)."""
    return fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
