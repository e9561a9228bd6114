# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TuneD: whether it runs, the kernel parameters that its profile sets, and whether sysctl.d has the last word.

Source: tuned(8), tuned.conf(5), tuned-main.conf(5); plug-in sysctl, locator, loader and merger of TuneD 2.20 to 2.28.
Parsers take text. What TuneD could not read either is said among the unknown.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from .._core.setting import AT_LEAST, AT_MOST, EXACT
from .._host.host import Host, unless_refused
from .._host.processes import ProcessNames
from .._sysctl.kernel import mutually_exclusive
from .._sysctl.key import display_name, read_key

NAME = "tuned"
PID_FILE = "/run/tuned/tuned.pid"
# The profile that is set first, and the one on top of it.
PROFILE_FILES = ("/etc/tuned/active_profile", "/etc/tuned/post_loaded_profile")
MAIN_FILE = "/etc/tuned/tuned-main.conf"
# The first that has a profile counts. Those that end in profiles are of TuneD 2.23 and later.
PROFILE_DIRECTORIES = ("/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned")
PROFILE_NAME = re.compile(r"-?[A-Za-z0-9_.-]+")
MOST_PROFILES = 50  # nobody writes a longer chain of includes
LONGEST_FILE = 256 * 1024  # characters; the longest profile that TuneD ships has 8 KiB
LONGEST_REASON = 200
MOST_DIRECTORIES = 20
# Its version is in a file beside its code: the path of Debian and Ubuntu, and for each Python that of the others.
LIBRARIES, VERSION_FILES = "/usr/lib", ("/usr/lib/python3/dist-packages/tuned", "/usr/lib/{}/site-packages/tuned")
FIRST_WITH_EXCLUDE = (2, 27)
MOST_PATTERNS, MOST_STARS, LONGEST_PATTERN = 100, 4, 200  # of reapply_sysctl_exclude, which are tried on each key

SYSCTL = "sysctl"
MAIN = "main"  # a section for tuned-main.conf, which has none
TRUE_WORDS = ("1", "true", "yes", "t", "y")  # get_bool() of tuned/utils/commands.py
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
    `reapply_sysctl` says whether TuneD reads sysctl.d again after it has applied its profile. `not_reapplied` are the
    keys that it passes over then, of those that the profile decides: its own value stays.
    """

    active: bool | None
    enabled: bool
    profile: str | None
    reapply_sysctl: bool
    sysctl: list[Setting]
    unknown: list[str]
    not_reapplied: list[str]


class Source(NamedTuple):
    """The text of a profile's file, and where it is."""

    file: str
    text: str


class Profile(NamedTuple):
    """The sections of a profile's file, and where it is."""

    file: str
    sections: Mapping[str, Mapping[str, str]]


class Main(NamedTuple):
    """What tuned-main.conf says: whether sysctl.d is read again, but for the keys of `exclude`, and where profiles are.

    The first of `directories` that has a profile counts. `unknown` is what cannot be used of the file.
    """

    reapply_sysctl: bool = True
    exclude: Sequence[str] = []
    directories: Sequence[str] = PROFILE_DIRECTORIES
    unknown: Sequence[str] = []


# --- files -----------------------------------------------------------------------------------


class TunedFileError(ValueError):
    """A file that TuneD could not read either; the text is the reason."""


def parse(text: str) -> dict[str, dict[str, str]]:
    """The sections of a TuneD file and their options, read as TuneD does. Raises TunedFileError.

    Of an option or a section that is given twice the last counts. Source: tuned/profiles/loader.py.
    """
    # Imported here because few hosts have TuneD, and each run on a target compiles all that it imports.
    import configparser

    if len(text) > LONGEST_FILE:
        raise TunedFileError(f"is longer than {LONGEST_FILE} characters")
    parser = configparser.RawConfigParser(delimiters=("=",), inline_comment_prefixes=("#",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        # The parser takes quadratic time to find the end of a name with many blanks in it.
        parser.read_string(re.sub(r"(?<=\S)[^\S\n]{2,}", " ", text))
    except configparser.Error as error:
        raise TunedFileError(f"cannot be parsed: {' '.join(str(error).split())[:LONGEST_REASON]}") from error
    return {name: dict(parser.items(name)) for name in parser.sections()}


def parse_main(text: str) -> Main:
    """What tuned-main.conf says; its defaults for a file that cannot be parsed, with which TuneD does not start."""
    try:
        options = parse(f"[{MAIN}]\n{text}").get(MAIN, {})
    except TunedFileError as error:
        return Main(unknown=[f"{MAIN_FILE} {error}"])
    patterns = _list(options.get("reapply_sysctl_exclude", ""))
    usable = [one for one in patterns[:MOST_PATTERNS] if one.count("*") <= MOST_STARS and len(one) <= LONGEST_PATTERN]
    directories: Sequence[str] = PROFILE_DIRECTORIES
    if "profile_dirs" in options:
        given = [posixpath.normpath(one) for one in _list(options["profile_dirs"]) if one.startswith("/")]
        directories = tuple(reversed(given[:MOST_DIRECTORIES]))
    reapply = options.get("reapply_sysctl", "1").strip().lower() in TRUE_WORDS
    unused = f"reapply_sysctl_exclude of {MAIN_FILE} has patterns that are too many or too long"
    return Main(reapply, usable, directories, [unused] if usable != patterns else [])


def _list(value: str) -> list[str]:
    """The words of a list. Source: get_list() of tuned/utils/global_config.py."""
    return [word.strip() for word in re.split(r"[,;]", value) if word.strip()]


def profile_chain(names: Iterable[str], find: Callable[[str, list[str]], Source | None]) -> tuple[list[Profile], list]:
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
        source = find(name.lstrip("-"), read)
        if source is None:
            if not name.startswith("-") and not any(f"/{name}/" in path for path in read):
                unknown.append(f"there is no profile {name}")
            return
        read.append(source.file)
        try:
            profile = Profile(source.file, parse(source.text))
        except TunedFileError as error:
            unknown.append(f"{source.file} {error}")
            return
        for other in _included(profile.sections.get("main", {}).get("include", "")):
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
        for name, options in profile.sections.items():
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
    main = parse_main(host.read_lenient(MAIN_FILE) or "")
    found = Tuned(_active(host, processes), enabled, profile, main.reapply_sysctl, [], [], [])
    if profile is None or not (found.active or enabled):
        return found
    names = [name for file in PROFILE_FILES for name in (host.read_lenient(file) or "").split()]
    if main.exclude:
        main = _with_exclude_of(version(host), main)
    chain, missing = profile_chain(names, lambda name, read: _find(host, main.directories, name, read))
    set_by_it, unknown = settings(chain, lambda option, expression: _matches(host, option, expression))
    decided = {key for one in set_by_it for key in _decided_by(one.key)}
    return found._replace(
        sysctl=set_by_it,
        unknown=[*main.unknown, *missing, *unknown],
        not_reapplied=sorted(key for key in decided if is_excluded(key, main.exclude)) if main.reapply_sysctl else [],
    )


def _with_exclude_of(found: tuple[int, int] | None, main: Main) -> Main:
    """What tuned-main.conf says to a TuneD of a version: before 2.27 none knows reapply_sysctl_exclude."""
    if found is None:
        doubt = f"whether it is of version 2.27 or later, which reads reapply_sysctl_exclude of {MAIN_FILE}"
        return main._replace(unknown=[*main.unknown, doubt])
    return main if found >= FIRST_WITH_EXCLUDE else main._replace(exclude=[])


def version(host: Host) -> tuple[int, int] | None:
    """The version of the installed TuneD, None if it is unknown. Source: tuned/version.py"""
    names = [name for name in unless_refused(host.list_directory, LIBRARIES) or [] if name.startswith("python3.")]
    places = [VERSION_FILES[0], *(VERSION_FILES[1].format(name) for name in sorted(names))]
    for text in filter(None, (host.read_foreign(f"{place}/version.py") for place in places)):
        parts = [re.search(rf"^TUNED_VERSION_{part} *= *([0-9]{{1,6}})\b", text, re.M) for part in ("MAJOR", "MINOR")]
        if all(parts):
            major, minor = (int(part.group(1)) for part in parts if part)
            return major, minor
    return None


def _decided_by(key: str) -> list[str]:
    """A key, and the one that the kernel sets to 0 along with it, with dots as TuneD's patterns have them."""
    path = read_key(key)
    return [display_name(one) for one in (path, mutually_exclusive(path)) if one]


def is_excluded(key: str, patterns: Iterable[str]) -> bool:
    """Whether TuneD passes over a line of sysctl.d for this key. Source: tuned/plugins/plugin_sysctl.py of 2.27."""
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)


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


def _find(host: Host, directories: Iterable[str], name: str, read: list[str]) -> Source | None:
    for directory in directories:
        file = f"{directory}/{name}/tuned.conf"
        text = None if file in read else host.read_foreign(file)
        if text is not None:
            return Source(file, text)
    return None


def _matches(host: Host, option: str, expression: str) -> bool:
    text = host.uname() if option == "uname_regex" else host.read_lenient("/proc/cpuinfo") or ""
    try:
        return re.search(expression, text, re.MULTILINE) is not None
    except re.error:
        return False
