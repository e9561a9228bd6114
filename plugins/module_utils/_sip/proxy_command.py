# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines of Kamailio and OpenSIPS: which daemon they start, and its options."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .._core.text import whole_number
from .._systemd.execstart import Word, options_of

SHARED, PRIVATE = "m", "M"  # MiB of 1024 * 1024 bytes: main() of both daemons
CONFIGURATION = "f"
MAXBUFFER = "b"
MOST_DIGITS = 18  # of a number that fits into 64 bits with a sign

# What comes after these is a command line of another file system: its options are set where the container is defined.
CONTAINERS = ("docker", "lxc-start", "nerdctl", "podman", "systemd-nspawn")
SCRIPTS = "/etc/"  # init scripts below it have the names of their daemons


class Daemon(NamedTuple):
    """A daemon: its options that take an argument, and its configuration.

    `option_wins`: whether -b overrides maxbuffer in the configuration, or the other way round.
    """

    name: str
    with_argument: str
    long_with_argument: tuple[str, ...]
    configuration: str
    option_wins: bool


# Sources: main() in Kamailio's src/main.c, which reads -b again after the configuration; main() in OpenSIPS's main.c,
# which reads it before. Options of older versions are included.
DAEMONS = {
    "kamailio": Daemon(
        "Kamailio",
        "fmMbBlLnNWwtugPGQOaAxXY",
        (
            *("alias", "domain", "subst", "substdef", "substdefs", "server-id", "loadmodule", "modparam"),
            *("log-engine", "debug", "atexit", "iuid"),
        ),
        "/etc/kamailio/kamailio.cfg",
        True,
    ),
    "opensips": Daemon("OpenSIPS", "AfmMblnNwtugpPGWoakse", (), "/etc/opensips/opensips.cfg", False),
}


class DaemonCommand(NamedTuple):
    """A daemon's command line: which daemon, and the last argument of each of its options by the option's letter."""

    daemon: Daemon
    options: dict[str, Word]


def find_daemon(words: Sequence[Word]) -> DaemonCommand | None:
    """The daemon in a command line, also after a program such as numactl; None if there is neither of them."""
    for position, word in enumerate(words):
        daemon = DAEMONS.get(posixpath.basename(word.text)) if not word.variable else None
        if word.text.startswith(SCRIPTS) or posixpath.basename(word.text) in CONTAINERS:
            return None
        if daemon is not None and (position == 0 or word.text.startswith("/")):
            rest = words[position + 1 :]
            return DaemonCommand(daemon, options_of(rest, daemon.with_argument, daemon.long_with_argument))
    return None


def running_options(command_line: Iterable[str]) -> DaemonCommand | None:
    """The daemon and its options in the words of /proc/PID/cmdline."""
    return find_daemon([Word(word) for word in command_line])


def option_number(text: str) -> int | None:
    """The number in an option's argument, None for anything but digits, which both daemons refuse."""
    return whole_number(text, MOST_DIGITS)
