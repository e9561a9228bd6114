# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units and their drop-ins: valid names, which files systemd reads, their lines, and the text of our drop-in.

Everything here is a function of names and texts. Sources: systemd.unit(5); tests with systemd 247, 252 and 257 for the
order of drop-ins of one name in different directories.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .._core.setting import shown
from .._engine.conf_files import comment, effective_files, name_fault
from .directives import DIRECTIVES
from .names import SERVICE, SLICE, SUFFIXES, UNIT_PATH, split_name, template_of
from .parsers import Meaning
from .syntax import section_lines
from .values import Setting, SystemdError, read_value

LONGEST_NAME = 255  # UNIT_NAME_MAX, systemd.unit(5)
SECTIONS = {SERVICE: "Service", SLICE: "Slice"}

DROP_IN_SUFFIX = ".conf"
MOST_FILES = 16384  # a plan reads each file several times; with 5,000 units these are some ten thousand

HEADING = (
    "# Managed by Ansible (siptune.linux.systemd_limits). Edits made here are lost with the next run;\n"
    "# a drop-in of a later name such as 99-local.conf has the last word.\n"
)


# --- names ----------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\-]*)?")


def check_unit_name(name: object) -> str:
    """The name of a service or a slice, by the rules of systemd.unit(5). Raises SystemdError."""
    if not isinstance(name, str) or not name.isprintable():
        raise SystemdError(repr(name)[:LONGEST_NAME], "a unit name is a text such as kamailio.service")
    shown = name[:LONGEST_NAME] or "''"
    stem, suffix = posixpath.splitext(name)
    if "/" in name or ".." in name:
        raise SystemdError(shown, "a unit name contains neither / nor .., as it is not a path")
    if re.search(r"\s", name):
        raise SystemdError(shown, "a unit name contains no blanks")
    if suffix not in SUFFIXES:
        raise SystemdError(shown, f"a unit name ends in {' or '.join(SUFFIXES)}; other units are not supported")
    if len(name) > LONGEST_NAME:
        raise SystemdError(shown, f"a unit name has {LONGEST_NAME} characters at most")
    if not _NAME.fullmatch(stem):
        raise SystemdError(shown, "a unit name consists of letters, digits and : - _ . \\ with one @ at most")
    if suffix == ".slice" and "@" in name:
        raise SystemdError(shown, "slices have no instances, so their names contain no @")
    return name


def check_drop_in_name(name: str) -> str:
    """The file name of a drop-in. Raises SystemdError."""
    directory = "drop_in is a file name without a directory, such as 90-siptune.conf"
    fault = directory if "/" in name else name_fault(name, DROP_IN_SUFFIX)
    if fault:
        raise SystemdError(shown(name), fault)
    return name


# --- which files count ----------------------------------------------------------------------


def drop_in_owners(name: str) -> list[str]:
    """The names whose NAME.d directories hold drop-ins for a unit of this name, the most important first.

    These are its own name, an instance's template, and every name cut off after a dash: `a-b@x.service` also gets the
    drop-ins of `a-b@.service.d`, `a-.service.d` and `a-@x.service.d`.
    """
    return list(dict.fromkeys(_drop_in_owners(name)))


def _drop_in_owners(name: str) -> Iterator[str]:
    yield name
    template = template_of(name)
    if template:
        yield from _drop_in_owners(template)
    prefix, instance, suffix = split_name(name)
    dash = prefix.rstrip("-").rfind("-") if prefix.endswith("-") else prefix.rfind("-")
    if dash > 0:
        yield from _drop_in_owners(prefix[: dash + 1] + (f"@{instance}" if instance else "") + suffix)


def drop_in_directories(names: Sequence[str]) -> list[str]:
    """All directories in which systemd looks for drop-ins of a unit with these names, the most important first.

    `names` are the real name and then its aliases. The directory of a type, `service.d`, comes last.
    """
    directories = [f"{place}/{owner}.d" for name in names for place in UNIT_PATH for owner in drop_in_owners(name)]
    suffix = posixpath.splitext(names[0])[1]
    directories += [f"{place}/{suffix[1:]}.d" for place in UNIT_PATH]
    return list(dict.fromkeys(directories))


def effective_drop_ins(paths: Iterable[str]) -> list[str]:
    """The drop-ins that systemd reads, sorted by name: of several with one name, the first given."""
    return effective_files(paths, DROP_IN_SUFFIX)


# --- what they say --------------------------------------------------------------------------


class Assignment(NamedTuple):
    """A line that systemd acts on. `meaning` is None for a line that resets the directive to systemd's default."""

    directive: str
    text: str
    meaning: Meaning | None
    file: str
    line: int


@functools.lru_cache(maxsize=MOST_FILES)
def parse(text: str, file: str, kind: str) -> tuple[Assignment, ...]:
    """The assignments of supported directives for a unit of this kind, without those that systemd skips."""
    assignments = []
    for number, name, value in section_lines(text, SECTIONS[kind]):
        if name not in DIRECTIVES:
            continue
        if not value and DIRECTIVES[name].resets:
            assignments.append(Assignment(name, "", None, file, number))
        meaning = read_value(name, value) if value else None
        if meaning is not None:
            assignments.append(Assignment(name, value, meaning, file, number))
    return tuple(assignments)


def deciding(texts: Iterable[tuple[str, str]], kind: str) -> dict[str, Assignment]:
    """The deciding line of each directive, from a unit's own file and its drop-ins in the order they are read."""
    return {line.directive: line for file, text in texts for line in parse(text, file, kind)}


def render(settings: Sequence[Setting], kind: str) -> str:
    """The text of a drop-in with these settings, each below a comment with its reason."""
    order = list(DIRECTIVES)
    blocks = [f"{HEADING}\n[{SECTIONS[kind]}]"]
    for setting in sorted(settings, key=lambda setting: order.index(setting.directive)):
        blocks.append(f"{comment(setting.why)}{setting.directive}={setting.text}")
    return "\n".join(blocks) + "\n"
