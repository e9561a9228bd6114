# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PAM on a host: the services that apply limits, and the abilities of its pam_limits.so.

The rules of the configuration are those of pam.d(5) and of libpam/pam_handlers.c, with Debian's
`@include`. The abilities of the module are read from the strings in it, as distributions patch
and backport features.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .conf import CONFIGURATION

# In the order in which libpam looks for a service's file; the last one is the vendor directory of SUSE.
DIRECTORIES = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d")
MODULE = "pam_limits.so"
DEEPEST_INCLUDE = 32  # far more than any configuration has; stops a file that includes itself
MOST_INCLUDES = 500  # likewise; stops one that includes itself twice, which would be read 2 ** 32 times

# The services that start sessions of people and jobs, with the names of their files, the usual one first.
SERVICES = {
    "login": ("login",),
    "sshd": ("sshd",),
    "su": ("su",),
    "sudo": ("sudo",),
    "cron": ("cron", "crond"),
}

# --- the module -----------------------------------------------------------------------------


class PamLimits(NamedTuple):
    """The abilities of a pam_limits.so.

    `maps_nofile`: a nofile without limit becomes fs.nr_open (linux-pam 1.5.2 and backports), so the
    kernel accepts it. `spares_root`: Debian's patches, with which lines of groups and of everybody
    skip root, and each session starts with the limits of process 1. `directories` are where it
    looks for limits.conf and limits.d, the most important first.
    """

    installed: bool = True
    maps_nofile: bool = True
    spares_root: bool = False
    knows_nonewprivs: bool = True
    knows_rttime: bool = True
    directories: Sequence[str] = (CONFIGURATION,)

    def unknown_item(self, item: str) -> bool:
        """Whether this module is too old for an item of limits.conf."""
        return (item == "nonewprivs" and not self.knows_nonewprivs) or (item == "rttime" and not self.knows_rttime)


NOT_INSTALLED = PamLimits(False, False, False, False, False)


def read_module(content: bytes) -> PamLimits:
    """The abilities of a pam_limits.so with this content."""
    found = re.findall(rb"\0(/[!-~]+)/limits\.d/\*\.conf(?=\0)", content)
    vendor = [directory.decode("ascii") for directory in dict.fromkeys(found)]
    return PamLimits(
        maps_nofile=b"/proc/sys/fs/nr_open\0" in content,
        spares_root=b"\0chroot\0" in content,  # an item that only Debian's has
        knows_nonewprivs=b"nonewprivs\0" in content,
        knows_rttime=b"\0rttime\0" in content,
        directories=(CONFIGURATION, *(directory for directory in vendor if directory != CONFIGURATION)),
    )


def common_abilities(modules: Sequence[PamLimits]) -> PamLimits:
    """The abilities to rely on where there are several modules, one for each architecture."""
    if not modules:
        return NOT_INSTALLED
    directories = [directory for module in modules for directory in module.directories]
    return PamLimits(
        True,
        all(module.maps_nofile for module in modules),
        any(module.spares_root for module in modules),
        all(module.knows_nonewprivs for module in modules),
        all(module.knows_rttime for module in modules),
        tuple(dict.fromkeys(directories)),
    )


# --- the stacks -----------------------------------------------------------------------------


class Rule(NamedTuple):
    """A module in a service's session stack."""

    module: str
    arguments: tuple[str, ...]
    file: str
    line: int


class Service(NamedTuple):
    """Whether a login gets limits, and if not, the `reason`. `applies` is None if the service has no PAM file."""

    name: str
    applies: bool | None
    file: str = ""
    line: int = 0
    reason: str = ""
    resets: bool = False  # `set_all`: the session starts with the limits of process 1

    def as_result(self) -> dict[str, object]:
        """An element of `pam` in the module's result."""
        where = f"{self.file} line {self.line}" if self.line else ""
        return {"service": self.name, "applies": self.applies, "where": where, "reason": self.reason}


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a PAM file with their numbers, without comments, continued lines joined."""
    start, joined = 0, ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.partition("#")[0].rstrip()
        start = start or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        if (joined + line).strip():
            yield start, (joined + line).strip()
        start, joined = 0, ""
    if joined.strip():
        yield start, joined.strip()


def split_words(line: str) -> list[str]:
    """The words of a line; text in brackets is one word."""
    return [bracketed or plain for bracketed, plain in re.findall(r"\[((?:[^\]\\]|\\.)*)\]|(\S+)", line)]


def session_rules(service: str, read: Callable[[str], str | None]) -> Iterator[Rule]:
    """The modules of a service's session stack in their order. `read` returns a file's text, None if there is none."""
    return _rules(service, read, 0, iter(range(MOST_INCLUDES)))


def _rules(service: str, read: Callable[[str], str | None], depth: int, left: Iterator[int]) -> Iterator[Rule]:
    path = find_file(service, read) if depth <= DEEPEST_INCLUDE and next(left, None) is not None else None
    text = read(path) if path else None
    if path is None or text is None:
        return
    for number, line in logical_lines(text):
        words = split_words(line)
        if words[0].lower() == "@include" and len(words) > 1:
            yield from _rules(words[1], read, depth + 1, left)
        if words[0].lower().lstrip("-") != "session" or len(words) < 3:
            continue
        if words[1].lower() in ("include", "substack"):
            yield from _rules(words[2], read, depth + 1, left)
        else:
            yield Rule(words[2], tuple(words[3:]), path, number)


def find_file(service: str, read: Callable[[str], str | None]) -> str | None:
    """The file of a service, or the one that an include of this name reads; None if there is none."""
    if service.startswith("/"):
        return service if read(service) is not None else None
    paths = (f"{directory}/{service}" for directory in DIRECTORIES)
    return next((path for path in paths if read(path) is not None), None)


def service_limits(name: str, read: Callable[[str], str | None]) -> Service:
    """Whether the sessions of a service in SERVICES get the limits of limits.d."""
    found = ((file, find_file(file, read)) for file in SERVICES[name])
    service, path = next(((file, path) for file, path in found if path), (name, None))
    if path is None:
        return Service(name, None, reason="this host has no such service")
    other_file = ""
    for rule in session_rules(service, read):
        if posixpath.basename(rule.module) != MODULE:
            continue
        own = [argument[len("conf=") :] for argument in rule.arguments if argument.startswith("conf=")]
        if not own:
            return Service(name, True, rule.file, rule.line, resets="set_all" in rule.arguments)
        other_file = f"{rule.file} line {rule.line} reads {own[-1]} only"
    return Service(name, False, path, reason=other_file or f"{path} has no session line with {MODULE}")
