# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TuneD: whether it runs, the kernel parameters that its profile sets, and whether sysctl.d has the last word.

Source: tuned(8), tuned.conf(5), tuned-main.conf(5); the plug-in sysctl, the loader and the merger of TuneD 2.20.
Parsers take text and never raise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .._core.setting import AT_LEAST, AT_MOST, EXACT
from .._host.host import Host
from .._host.processes import ProcessNames

NAME = "tuned"
PID_FILE = "/run/tuned/tuned.pid"
# The profile that is set first, and the one on top of it.
PROFILE_FILES = ("/etc/tuned/active_profile", "/etc/tuned/post_loaded_profile")
MAIN_FILE = "/etc/tuned/tuned-main.conf"
# The first that has a profile counts. Those that end in profiles are of TuneD 2.23 and later.
PROFILE_DIRECTORIES = ("/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned")
PROFILE_NAME = re.compile(r"-?[A-Za-z0-9_.-]+")
MOST_PROFILES = 50  # nobody writes a longer chain of includes

SYSCTL = "sysctl"
TRUE_WORDS = ("1", "true", "yes", "on")
MODIFIERS = {">": AT_LEAST, "<": AT_MOST}
VARIABLE = re.compile(r"(?<!\\)\$\{([A-Za-z0-9_]+)\}")
UNKNOWN = re.compile(r"(?<!\\)\$\{")


class Setting(NamedTuple):
    """A kernel parameter of a profile, by its name with dots. `rule` is exact, at_least or at_most."""

    key: str
    value: str
    rule: str
    file: str


class Tuned(NamedTuple):
    """TuneD: whether it runs now, whether it is started at boot, and the profile it is set to, also while neither.

    `sysctl` has the settings of the profile and of all it includes, `unknown` those that its files do not show.
    `reapply_sysctl` says whether TuneD reads sysctl.d again after it has applied its profile.
    """

    active: bool | None
    enabled: bool
    profile: str | None
    reapply_sysctl: bool
    sysctl: list[Setting]
    unknown: list[str]


class Profile(NamedTuple):
    """The text of a profile's file, and where it is."""

    file: str
    text: str


# --- files -----------------------------------------------------------------------------------


def parse(text: str) -> dict[str, dict[str, str]]:
    """The sections of a TuneD file and their options. Of an option that is given twice the last counts."""
    sections: dict[str, dict[str, str]] = {}
    options = sections.setdefault("", {})
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        section = re.fullmatch(r"\[([^]]+)\]", line)
        if section:
            options = sections.setdefault(section.group(1), {})
        elif line and not line.startswith(";"):
            name, equals, value = line.partition("=")
            if equals and name.strip():
                options[name.strip()] = value.strip()
    return sections


def parse_main(text: str) -> bool:
    """Whether tuned-main.conf lets TuneD read sysctl.d again after its profile, which it does by default."""
    value = parse(text).get("", {}).get("reapply_sysctl", "1")
    return value.lower() in TRUE_WORDS


def profile_chain(names: Iterable[str], find: Callable[[str, list[str]], Profile | None]) -> tuple[list[Profile], list]:
    """The files of these profiles in the order they are applied, what one includes before it; and what is unknown.

    `find` gives the file of a profile, unless it is among those named, which are read already: a profile of the
    administrator's may include the distribution's of the same name.
    """
    chain: list[Profile] = []
    unknown: list[str] = []
    read: list[str] = []

    def load(name: str, wanted_by: str) -> None:
        if not PROFILE_NAME.fullmatch(name) or len(read) >= MOST_PROFILES:
            unknown.append(f"{wanted_by} includes {name}")
            return
        profile = find(name.lstrip("-"), read)
        if profile is None:
            if not name.startswith("-") and not any(f"/{name}/" in path for path in read):
                unknown.append(f"there is no profile {name}")
            return
        read.append(profile.file)
        include = parse(profile.text).get("main", {}).get("include", "")
        for other in _included(include):
            load(other, profile.file)
        chain.append(profile)

    for name in names:
        load(name, "the active profile")
    return chain, unknown


def _included(include: str) -> list[str]:
    """The names of an include; one that TuneD works out when it loads the profile is left whole."""
    return [include] if UNKNOWN.search(include) else [name for name in re.split(r"\s*[,;]\s*", include) if name]


def settings(chain: Iterable[Profile], machine: Callable[[str, str], bool]) -> tuple[list[Setting], list[str]]:
    """The kernel parameters that a chain of profiles sets, and those whose value only TuneD knows.

    `machine` says whether the machine is one that a unit is for: it takes `uname_regex` or `cpuinfo_regex`, and the
    expression.
    """
    units: dict[str, dict[str, tuple[str, str]]] = {}
    kinds: dict[str, dict[str, str]] = {}
    variables: dict[str, str] = {}
    for profile in chain:
        for name, options in parse(profile.text).items():
            if name == "variables":
                variables.update(options)
            else:
                _merge_unit(units, kinds, name, options, profile.file)
    found: dict[str, Setting] = {}
    unknown: list[str] = []
    for name, parameters in units.items():
        if _is_for_sysctl(name, kinds[name]) and _is_for(kinds[name], variables, machine):
            for key, (value, file) in parameters.items():
                expanded = _expand(value, variables)
                if expanded is None:
                    unknown.append(f"{key} of {file}")
                else:
                    found[key] = _setting(key, expanded, file)
    return list(found.values()), unknown


# What says what a unit is and for which machine; the rest of a unit of sysctl are kernel parameters.
UNIT_OPTIONS = (
    *("type", "enabled", "devices", "devices_udev_regex", "uname_regex", "cpuinfo_regex", "priority"),
    *("replace", "drop", "script_pre", "script_post"),
)


def _merge_unit(
    units: dict[str, dict[str, tuple[str, str]]],
    kinds: dict[str, dict[str, str]],
    name: str,
    options: Mapping[str, str],
    file: str,
) -> None:
    """Lay a unit of a later profile over that of the same name."""
    if options.get("replace", "").lower() in TRUE_WORDS:
        units.pop(name, None)
        kinds.pop(name, None)
    unit = units.setdefault(name, {})
    for key in re.split(r"\s*[,;]\s*", options.get("drop", "")):
        unit.pop(key, None)
    kind = {option: value for option, value in options.items() if option in UNIT_OPTIONS}
    kinds[name] = {**kinds.get(name, {}), **kind, "enabled": options.get("enabled", "1")}
    unit.update({key: (value, file) for key, value in options.items() if key not in UNIT_OPTIONS})


def _is_for_sysctl(name: str, kind: Mapping[str, str]) -> bool:
    return kind.get("type", name) == SYSCTL and kind["enabled"].lower() in TRUE_WORDS


def _is_for(kind: Mapping[str, str], variables: Mapping[str, str], machine: Callable[[str, str], bool]) -> bool:
    """Whether a unit is for this machine; one whose expression only TuneD knows is not counted."""
    for option in ("uname_regex", "cpuinfo_regex"):
        expression = _expand(kind.get(option, ""), variables)
        if expression is None or (expression and not machine(option, expression)):
            return False
    return True


def _expand(value: str, variables: Mapping[str, str], depth: int = 5) -> str | None:
    """A value with its variables put in; None if it takes what only TuneD can work out, such as ${f:...}."""
    expanded = VARIABLE.sub(lambda match: variables.get(match.group(1), match.group(0)), value)
    if expanded != value and depth:
        return _expand(expanded, variables, depth - 1)
    return None if UNKNOWN.search(expanded) else expanded


def _setting(key: str, value: str, file: str) -> Setting:
    rule = MODIFIERS.get(value[:1], EXACT)
    plain = value if rule == EXACT else value[1:]
    quoted = re.fullmatch(r"""(["'])(.*)\1""", plain.strip())
    return Setting(key, " ".join((quoted.group(2) if quoted else plain).split()), rule, file)


# --- the host --------------------------------------------------------------------------------


def runs_program(command_line: str, name: str) -> bool:
    """Whether a /proc/PID/cmdline is that of a program, or of an interpreter that runs it."""
    return any(word.rsplit("/", 1)[-1] == name for word in command_line.split("\0")[:4])


def tuned(host: Host, processes: ProcessNames, enabled: bool) -> Tuned:
    """The state of TuneD on a host. Its profile is read only where it counts: it runs, or is started at boot."""
    profile = (host.read_lenient(PROFILE_FILES[0]) or "").strip() or None
    found = Tuned(_active(host, processes), enabled, profile, parse_main(host.read_lenient(MAIN_FILE) or ""), [], [])
    if profile is None or not (found.active or enabled):
        return found
    names = [name for file in PROFILE_FILES for name in (host.read_lenient(file) or "").split()]
    chain, missing = profile_chain(names, lambda name, read: _find(host, name, read))
    set_by_it, unknown = settings(chain, lambda option, expression: _matches(host, option, expression))
    return found._replace(sysctl=set_by_it, unknown=[*missing, *unknown])


def _active(host: Host, processes: ProcessNames) -> bool | None:
    """Whether it runs, by its pid file and the process that names; None where that could be hidden from us."""
    if not host.exists(PID_FILE):
        return False
    pid = (host.read_lenient(PID_FILE) or "").strip()
    if not re.fullmatch(r"[0-9]{1,10}", pid):
        return None
    command_line = host.read_lenient(f"/proc/{pid}/cmdline")
    if command_line is None and not processes.complete:
        return None
    return runs_program(command_line or "", NAME)


def _find(host: Host, name: str, read: list[str]) -> Profile | None:
    for directory in PROFILE_DIRECTORIES:
        file = f"{directory}/{name}/tuned.conf"
        text = None if file in read else host.read_lenient(file)
        if text is not None:
            return Profile(file, text)
    return None


def _matches(host: Host, option: str, expression: str) -> bool:
    text = host.uname() if option == "uname_regex" else host.read_lenient("/proc/cpuinfo") or ""
    try:
        return re.search(expression, text, re.MULTILINE) is not None
    except re.error:
        return False
