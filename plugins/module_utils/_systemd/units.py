# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units and their drop-ins: names, where systemd looks for files, which of them it reads, and what they say.

Everything here is a function of names and texts. Sources: systemd.unit(5); the order of
drop-ins of one name in different directories was tried with systemd 247, 252 and 257.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .._core.setting import shown
from .._engine.conf_files import comment, effective_files, name_fault
from .directives import DIRECTIVES, SERVICE, SLICE
from .parsers import Meaning
from .syntax import BLANKS, logical_lines
from .values import Setting, SystemdError, read_value

LONGEST_NAME = 255  # UNIT_NAME_MAX, systemd.unit(5)
SUFFIXES = {".service": SERVICE, ".slice": SLICE}
SECTIONS = {SERVICE: "Service", SLICE: "Slice"}
ETC = "/etc/systemd/system"

# The order in which files of one name are looked for. Source: systemd.unit(5), "Unit File Load Path", and
# `systemctl show -p UnitPath`. /lib is a link to /usr/lib on most hosts: what is found there again changes nothing.
UNIT_PATH = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    ETC,
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
ROOT_SLICE = "-.slice"
DROP_IN_SUFFIX = ".conf"
MOST_FILES = 1024  # whose lines are remembered: a plan asks for each of them several times

HEADING = (
    "# Managed by Ansible (siptune.linux.systemd_limits). Edits made here are lost with the next run;\n"
    "# a drop-in of a later name such as 99-local.conf has the last word.\n"
)


# --- names ----------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\-]*)?")


def check_unit_name(name: object) -> str:
    """The name of a service or a slice, as systemd.unit(5) has it. Raises SystemdError."""
    if not isinstance(name, str) or not name.isprintable():
        raise SystemdError(repr(name)[:LONGEST_NAME], "a unit's name is a text such as kamailio.service")
    shown = name[:LONGEST_NAME] or "''"
    stem, suffix = posixpath.splitext(name)
    if "/" in name or ".." in name:
        raise SystemdError(shown, "a unit's name holds neither / nor ..: it is a name, not a path")
    if re.search(r"\s", name):
        raise SystemdError(shown, "a unit's name holds no blanks")
    if suffix not in SUFFIXES:
        raise SystemdError(shown, f"a unit's name ends in {' or '.join(SUFFIXES)}; no other units are handled here")
    if len(name) > LONGEST_NAME:
        raise SystemdError(shown, f"a unit's name has {LONGEST_NAME} characters at most")
    if not _NAME.fullmatch(stem):
        raise SystemdError(shown, "a unit's name consists of letters, digits and : - _ . \\ with one @ at most")
    if suffix == ".slice" and "@" in name:
        raise SystemdError(shown, "slices have no instances, so there is no @ in their names")
    return name


def check_drop_in_name(name: str) -> str:
    """The file name of a drop-in. Raises SystemdError."""
    directory = "drop_in is a file's name without a directory, such as 90-siptune.conf"
    fault = directory if "/" in name else name_fault(name, DROP_IN_SUFFIX)
    if fault:
        raise SystemdError(shown(name), fault)
    return name


def unit_type(name: str) -> str:
    """SERVICE or SLICE."""
    return SUFFIXES[posixpath.splitext(name)[1]]


def _split(name: str) -> tuple[str, str | None, str]:
    """(prefix, instance, suffix); the instance is None without an @, and empty in a template's name."""
    stem, suffix = posixpath.splitext(name)
    prefix, at, instance = stem.partition("@")
    return prefix, instance if at else None, suffix


def is_template(name: str) -> bool:
    """Whether a name is that of a template, kamailio@.service."""
    return _split(name)[1] == ""


def template_of(name: str) -> str | None:
    """kamailio@.service of kamailio@edge.service; None of anything that is no instance."""
    prefix, instance, suffix = _split(name)
    return f"{prefix}@{suffix}" if instance else None


def instance_of(template: str, name: str) -> str:
    """kamailio@edge.service of kamailio@.service and kam@edge.service: another template for the same instance."""
    prefix, _, suffix = _split(template)
    return f"{prefix}@{_split(name)[1]}{suffix}"


def instances_pattern(template: str) -> str:
    """The pattern by which systemctl finds the loaded instances of a template."""
    prefix, _, suffix = _split(template)
    return f"{prefix}@*{suffix}"


def drop_in_path(unit: str, drop_in: str) -> str:
    """Where our drop-in of a unit goes."""
    return f"{ETC}/{unit}.d/{drop_in}"


def unit_of_path(path: str) -> str:
    """The unit that a drop-in of ours belongs to, and the path that is no drop-in of ours gives ''."""
    directory = posixpath.dirname(path)
    if posixpath.dirname(directory) != ETC or not directory.endswith(".d"):
        return ""
    return posixpath.basename(directory)[: -len(".d")]


# --- which files count ----------------------------------------------------------------------


def drop_in_owners(name: str) -> list[str]:
    """The names whose NAME.d directories hold drop-ins for a unit of this name, the most important first.

    Beside its own that is an instance's template, and every name that is cut off after a dash:
    `a-b@x.service` is also told by `a-b@.service.d`, `a-.service.d` and `a-@x.service.d`.
    """
    return list(dict.fromkeys(_drop_in_owners(name)))


def _drop_in_owners(name: str) -> Iterator[str]:
    yield name
    template = template_of(name)
    if template:
        yield from _drop_in_owners(template)
    prefix, instance, suffix = _split(name)
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
    """The drop-ins that are read, in their order: of one name the first that is given, sorted by name."""
    return effective_files(paths, DROP_IN_SUFFIX)


# --- what they say --------------------------------------------------------------------------


class Assignment(NamedTuple):
    """A line that systemd acts upon. `meaning` is None where it resets the directive to systemd's default."""

    directive: str
    text: str
    meaning: Meaning | None
    file: str
    line: int


@functools.lru_cache(maxsize=MOST_FILES)
def parse(text: str, file: str, kind: str) -> tuple[Assignment, ...]:
    """The assignments of our directives for a unit of this kind, without those that systemd skips with a warning."""
    assignments, section = [], ""
    for number, line in logical_lines(text):
        if line.startswith("["):
            section = line[1:-1] if line.endswith("]") else ""
            continue
        name, equals, value = (part.strip(BLANKS) for part in line.partition("="))
        if not equals or section != SECTIONS[kind] or name not in DIRECTIVES:
            continue
        if not value and DIRECTIVES[name].resets:
            assignments.append(Assignment(name, "", None, file, number))
        meaning = read_value(name, value) if value else None
        if meaning is not None:
            assignments.append(Assignment(name, value, meaning, file, number))
    return tuple(assignments)


def deciding(texts: Iterable[tuple[str, str]], kind: str) -> dict[str, Assignment]:
    """The line that decides each directive, of a unit's own file and its drop-ins in the order they are read."""
    return {line.directive: line for file, text in texts for line in parse(text, file, kind)}


def render(settings: Sequence[Setting], kind: str) -> str:
    """The text of a drop-in with these settings, each below its reason."""
    order = list(DIRECTIVES)
    blocks = [f"{HEADING}\n[{SECTIONS[kind]}]"]
    for setting in sorted(settings, key=lambda setting: order.index(setting.directive)):
        blocks.append(f"{comment(setting.why)}{setting.directive}={setting.text}")
    return "\n".join(blocks) + "\n"


# --- systemctl show -------------------------------------------------------------------------


def parse_show(text: str) -> list[dict[str, str]]:
    """The properties of each unit in what `systemctl show` prints. Source: systemctl(1)."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return [dict(_property(line) for line in block.split("\n") if "=" in line) for block in blocks]


def _property(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name, value


def load_error(properties: Mapping[str, str]) -> str:
    """Why systemd could not load a unit, '' if it could: the text in D-Bus's name of an error and a text."""
    error = properties.get("LoadError", "")
    return error.partition('"')[2].rpartition('"')[0] or error


def names_of(properties: Mapping[str, str]) -> list[str]:
    """A unit's names, the real one first."""
    return list(dict.fromkeys([properties.get("Id", ""), *properties.get("Names", "").split()]))
