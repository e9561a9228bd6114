# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses and renders sysctl.d files, and predicts the values that a boot sets.

The rules are those of systemd-sysctl(8) and sysctl.d(5): of files with one name only the first
directory's counts; files are read in the order of their names, across directories; the last
assignment of a key wins; a glob never sets a key that any file names in full, even if that file only
excludes it (`-key` without a value).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .._core.setting import shown
from .._engine.conf_files import comment, path_fault
from .kernel import module_trees, mutually_exclusive
from .key import SysctlError, display_name, glob_matches, is_glob, read_key

# Of files with one name, the first directory's counts. /lib is a link to /usr/lib on most hosts: finding the same
# names there again changes nothing.
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
PROCPS_FILE = "/etc/sysctl.conf"  # read by `sysctl --system`, last; systemd-sysctl does not read it
SUFFIX = ".conf"
COMMENT_CHARACTERS = "#;"
BLANKS = " \t\r\n"
LINE_END = re.compile("\r\n|[\n\r\0]")
FIRST_SYSTEMD_WITH_GLOBS = 245  # systemd NEWS, changes with 245

HEADING = (
    "# Managed by Ansible (siptune.linux.sysctl_bulk). Edits made here are lost with the next run;\n"
    "# a later file such as 99-local.conf has the last word.\n"
)
RULES_HEADING = (
    "# Managed by Ansible (siptune.linux.sysctl_bulk). These keys exist only once their module is loaded,\n"
    "# which can be after systemd-sysctl has run. Nothing is loaded because of this file.\n"
)


class Assignment(NamedTuple):
    """A line of a sysctl.d file. `value` is None for an exclusion (`-key`)."""

    path: str
    value: str | None
    file: str
    line: int


# Why a key has a line beside that of its glob.
OVERRIDES_GLOB = "Another file names this key, which would override the glob."


class Line(NamedTuple):
    """A line to write to a file, with a comment. `path` may be a glob."""

    path: str
    value: str
    why: str


# --- one file -------------------------------------------------------------------------------


def check_file_path(path: str) -> None:
    """Raises SysctlError unless `path` names a .conf file directly in a sysctl.d directory."""
    fault = path_fault(path, DIRECTORIES, SUFFIX)
    if fault:
        raise SysctlError(shown(path), fault)


def parse(text: str, file: str) -> list[Assignment]:
    """The assignments of a file, without the lines that systemd-sysctl skips with a warning."""
    assignments = []
    for number, raw in enumerate(LINE_END.split(text), 1):
        line = raw.strip(BLANKS)
        if not line or line[0] in COMMENT_CHARACTERS:
            continue
        key, equals, value = line.partition("=")
        if not equals and line[0] != "-":
            continue
        path = read_key((key[1:] if key[0] == "-" else key).strip(BLANKS)) if key else ""
        if path:
            assignments.append(Assignment(path, value.strip(BLANKS) if equals else None, file, number))
    return assignments


def render(lines: Sequence[Line]) -> str:
    """The text of a file with these lines in this order, each below its reason as a comment."""
    blocks = [HEADING]
    for line in lines:
        blocks.append(f"{comment(line.why)}{display_name(line.path)} = {line.value}\n")
    return "\n".join(blocks)


# --- a boot ---------------------------------------------------------------------------------


class Boot:
    """The values that a boot sets, given the assignments of all files in the order they are read."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        self._named: dict[str, Assignment] = {}
        for assignment in assignments:
            earlier = self._named.get(assignment.path)
            if earlier is not None and earlier.value == assignment.value:
                continue  # a repeated assignment keeps its place in the order of writing
            self._named.pop(assignment.path, None)
            self._named[assignment.path] = assignment
        self._order = {path: place for place, path in enumerate(self._named)}
        self._globs = [one for one in self._named.values() if is_glob(one.path) and one.value is not None]

    @property
    def paths(self) -> list[str]:
        """The keys and globs that lines name, exclusions included."""
        return list(self._named)

    def named(self, path: str) -> Assignment | None:
        """The line that names this key or glob itself; it may be an exclusion."""
        return self._named.get(path)

    def assignment(self, path: str) -> Assignment | None:
        """The line that decides the key's value; None if no file sets it.

        Of two mutually exclusive keys, the one written last sets the other to 0.
        """
        own, other = self._assignment(path), mutually_exclusive(path)
        rival = self._assignment(other) if other else None
        if rival is None or rival.value == "0" or (own is not None and self._place(own) > self._place(rival)):
            return own
        return Assignment(path, "0", rival.file, rival.line)

    def _assignment(self, path: str) -> Assignment | None:
        named = self._named.get(path)
        if named is not None:
            return named if named.value is not None else None
        winner = None
        for candidate in self._globs:
            if glob_matches(candidate.path, path):
                winner = candidate
        return winner

    def _place(self, assignment: Assignment) -> int:
        return self._order[assignment.path]


def with_file(others: Sequence[tuple[str, str]], path: str, text: str | None) -> list[tuple[str, str]]:
    """`others` and the file `path` with this text, in the order a boot reads them. With None, `path` does not exist.

    `others` are (path, text) pairs in that order without `path`. Of two files with one name, only the one in the
    earlier of DIRECTORIES is read.
    """
    if text is None:
        return list(others)
    directory, name = posixpath.split(path)
    kept = []
    for file, content in others:
        if posixpath.basename(file) == name and file != PROCPS_FILE:
            if DIRECTORIES.index(posixpath.dirname(file)) < DIRECTORIES.index(directory):
                return list(others)
            continue
        kept.append((file, content))
    kept.append((path, text))
    return sorted(kept, key=lambda entry: (entry[0] == PROCPS_FILE, posixpath.basename(entry[0])))


def boot_of(texts: Iterable[tuple[str, str]], later: Iterable[Assignment] = ()) -> Boot:
    """The boot with these (path, text) files, in the order they are read, and what programs set after that."""
    return Boot([*(assignment for file, text in texts for assignment in parse(text, file)), *later])


# --- keys of modules ------------------------------------------------------------------------


def rules_path(path: str) -> str:
    """The udev rules file of a sysctl.d file: /etc/udev/rules.d/x.rules of /etc/sysctl.d/x.conf."""
    directory, name = posixpath.split(path)
    return f"{posixpath.dirname(directory)}/udev/rules.d/{name[: -len(SUFFIX)]}.rules"


def render_rules(modules: Iterable[str], systemd_sysctl: str) -> str:
    """udev rules that set the keys of these modules when they are loaded. Source: sysctl.d(5), udev(7)."""
    rules = [RULES_HEADING]
    for module in modules:
        prefixes = " ".join(f"--prefix={tree}" for tree in module_trees(module))
        match = f'ACTION=="add", SUBSYSTEM=="module", KERNEL=="{module}"'
        rules.append(f'{match}, RUN+="{systemd_sysctl} {prefixes}"\n')
    return "".join(rules)
