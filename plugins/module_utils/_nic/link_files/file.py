# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of .link files: their assignments, their order, and our own files.

Everything here is a function of names and texts. Sources: systemd.link(5); conf_files_list_strv() of systemd 247, 252
and 257.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..._engine.conf_files import comment_lines, effective_files
from ..._systemd.syntax import BLANKS, logical_lines
from .match import Device, matches
from .options import OPTIONS, OWNERS

MATCH = "Match"
LINK = "Link"

ETC = "/etc/systemd/network"
# Where files of one name are looked for, the most important first. /lib is the same as /usr/lib on most hosts.
DIRECTORIES = (
    ETC,
    "/run/systemd/network",
    "/usr/local/lib/systemd/network",
    "/usr/lib/systemd/network",
    "/lib/systemd/network",
)
VENDOR_DIRECTORIES = DIRECTORIES[3:]
SUFFIX = ".link"
DROP_IN_SUFFIX = ".conf"
DROP_INS_SINCE = 248  # systemd 247 reads none for .link files, 249 does

# udev takes the first file that matches, in the order of the names: so ours must come before all that there are.
# Many bring 10-NAME.link, so does the manual; the second prefix is for hosts whose own files begin with 00 already.
PREFIXES = ("00-siptune-", "0-siptune-")

# Our rules for what no .link file has a word for, beside the .link files: _nic/udev_rules.py.
RULES = "/etc/udev/rules.d/90-siptune-queues.rules"

HEADING = (
    "# Managed by Ansible (siptune.linux.nic_ring and nic_link). Edits made here are lost with the next run.\n"
    "# udev applies only the first .link file that matches, so this one repeats what the file says that would\n"
    "# apply without it. A change there is taken over by the next run.\n"
)
# Our whys begin with "# ", so that none can be taken for one of these.
REPEATED = "#-- repeated from "
OWN = "#-- siptune.linux."


class Assignment(NamedTuple):
    """A line of a .link file. `block` numbers the sections: there may be an [SR-IOV] for each virtual function."""

    section: str
    block: int
    key: str
    value: str
    file: str
    line: int


class LinkFile(NamedTuple):
    """A .link file as udev reads it, with its drop-ins. `texts` are the path and the text of each, in their order."""

    path: str
    texts: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> list[Assignment]:
        """All assignments; none if one of its texts is broken, because udev then ignores the file."""
        parts = [parse(text, path) for path, text in self.texts]
        return [] if None in parts else [line for part in parts for line in part or []]

    @property
    def match(self) -> list[tuple[str, str]]:
        return [(line.key, line.value) for line in self.lines if line.section == MATCH]


def parse(text: str, file: str) -> list[Assignment] | None:
    """The assignments of one text; None if a section's header is broken, because udev then ignores the whole file."""
    found: list[Assignment] = []
    section, block = "", 0
    for number, line in logical_lines(text):
        if line.startswith("["):
            if not line.endswith("]"):
                return None
            section, block = line[1:-1], number
            continue
        key, equals, value = (part.strip(BLANKS) for part in line.partition("="))
        if equals and key and section and _is_utf8(line):
            found.append(Assignment(section, block, key, value, file, number))
    return found


def _is_utf8(line: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in line)


# --- which files count ----------------------------------------------------------------------


def files_in_order(listing: Mapping[str, Sequence[str]], suffix: str = SUFFIX) -> list[str]:
    """The paths in the order in which udev tries them, of directories listed with the most important first.

    Of files of one name only the first counts. If it is empty, or a link to /dev/null, it masks the others.
    """
    return effective_files((f"{directory}/{name}" for directory, names in listing.items() for name in names), suffix)


def is_vendors(path: str) -> bool:
    """Whether a file came with the distribution, so that no administrator has chosen its settings."""
    return posixpath.dirname(path).startswith(VENDOR_DIRECTORIES)


class Winner(NamedTuple):
    """The file that udev applies to a device; `file` is None where none matches.

    `unknown` is a file that matches perhaps, and then nothing else is known either.
    """

    file: LinkFile | None
    unknown: LinkFile | None = None


def winner(files: Iterable[LinkFile], device: Device, version: int | None, applied: str | None) -> Winner:
    """The first file that matches. Where that is unknown, the file that udev has applied decides."""
    files = list(files)
    paths = [file.path for file in files]
    known_by_udev = paths.index(applied) if applied in paths else -1
    for place, file in enumerate(files):
        verdict = matches(file.match, device, version)
        if verdict is None and place > known_by_udev:
            return Winner(None, file)
        if verdict or (verdict is None and place == known_by_udev):
            return Winner(file)
    return Winner(None)


# --- our own --------------------------------------------------------------------------------


class Setting(NamedTuple):
    """The value of an option as a .link file spells it, and the reason for it."""

    value: str
    why: str


class OwnText(NamedTuple):
    """A file of ours: its match, the lines it repeats from another file, and the settings of each owner."""

    match: tuple[tuple[str, str], ...]
    repeated: tuple[Assignment, ...]
    settings: Mapping[str, Mapping[str, Setting]]

    @property
    def source(self) -> str | None:
        """The file whose lines are repeated."""
        return self.repeated[0].file if self.repeated else None


def own_paths(interface: str) -> list[str]:
    """The possible paths of our file for an interface, the usual one first."""
    return [f"{ETC}/{prefix}{interface}{SUFFIX}" for prefix in PREFIXES]


def is_own_name(path: str) -> bool:
    """Whether a path is one that we would choose."""
    directory, name = posixpath.split(path)
    return directory == ETC and name.startswith(PREFIXES) and name.endswith(SUFFIX)


def is_interface_name(name: str) -> bool:
    """Whether the kernel accepts a name, and a path and a comment can hold it: dev_valid_name(), net/core/dev.c."""
    return bool(re.fullmatch(r"[!-.0-9;-~]{1,15}", name)) and name not in (".", "..")


def render(own: OwnText) -> str:
    """The text of our file; `parse_own` reads it back."""
    head = [HEADING, f"[{MATCH}]", *(f"{key}={value}" for key, value in own.match), "", f"[{LINK}]"]
    link = [line for line in own.repeated if line.section == LINK]
    rest = [line for line in own.repeated if line.section != LINK]
    sections = _runs(rest, link[-1].file if link else "", LINK)
    return "\n".join([*head, *_runs(link, "", LINK), *_own_lines(own.settings), *sections]) + "\n"


def _runs(lines: Iterable[Assignment], file: str, section: str) -> Iterator[str]:
    """Repeated lines, with the file they come from and their section wherever that changes."""
    block = None
    for line in lines:
        if line.section != section or (line.section != LINK and line.block != block):
            section, block, file = line.section, line.block, ""
            yield from ("", f"[{section}]")
        if line.file != file:
            file = line.file
            yield REPEATED + _shown(file)
        yield f"{line.key}={line.value}"


def _own_lines(settings: Mapping[str, Mapping[str, Setting]]) -> Iterator[str]:
    order = list(OPTIONS)
    for owner in OWNERS:
        if settings.get(owner):
            yield from ("", OWN + owner)
        for option in sorted(settings.get(owner, {}), key=order.index):
            value, why = settings[owner][option]
            yield from (*comment_lines(why), f"{option}={value}")


def _shown(path: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in path)


def parse_own(text: str, path: str) -> OwnText | None:
    """A file of ours; None for a text that is not ours, or is broken."""
    if not text.startswith(HEADING.split("\n", 1)[0]):
        return None
    lines = parse(text, path)
    if lines is None:
        return None
    marks = _marks(text)
    repeated: list[Assignment] = []
    settings: dict[str, dict[str, Setting]] = {owner: {} for owner in OWNERS}
    for line in lines:
        source, owner, why = marks.get(line.line, ("", "", ""))
        if owner and line.key in OPTIONS:
            settings[owner][line.key] = Setting(line.value, why)
        elif line.section != MATCH:
            repeated.append(line._replace(file=source or path))
    match = tuple((line.key, line.value) for line in lines if line.section == MATCH)
    return OwnText(match, tuple(repeated), settings)


def _marks(text: str) -> dict[int, tuple[str, str, str]]:
    """For the number of each line: the file it repeats, or its owner, and the comment above it."""
    source, owner = "", ""
    why: list[str] = []
    marks: dict[int, tuple[str, str, str]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(REPEATED):
            source, owner = line[len(REPEATED) :], ""
        elif line.startswith(OWN):
            name = line[len(OWN) :]
            source, owner = "", name if name in OWNERS else ""
        elif line.startswith("["):
            source, owner = "", ""
        if line.startswith("# "):
            why.append(line[2:])
        else:
            marks[number] = (source, owner, " ".join(why))
            why = []
    return marks
