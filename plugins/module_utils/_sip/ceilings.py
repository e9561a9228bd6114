# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bounds a daemon by its own configuration, however high the limits of its unit are.

Functions over texts, which never raise. Defaults are those of current versions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Callable, NamedTuple

from .._core.text import whole_number
from .._systemd.execstart import Word, options_of
from .asterisk_config import CONFIG_NAME, OPTIONS_WITH_ARGUMENT, asterisk_conf
from .config_files import ConfigFiles, shown
from .freeswitch_config import switch_config
from .proxy_command import CONFIGURATION, option_number, running_options
from .proxy_config import Parameter, read_parameters
from .rtp_ports import BY_DEFAULT, COMMAND_LINE

UNKNOWN = "unknown"
MOST_DIGITS = 9


class Ceiling(NamedTuple):
    """A parameter that bounds a daemon. `value` is None where there is no bound, or where it is unknown.

    `set_by` says where it is set: a file and a line, the command line, `default`, or `unknown` and why.
    """

    name: str
    value: int | None
    set_by: str


class _Proxy(NamedTuple):
    """A parameter of a proxy: its names, the newest first, its default, and the option that sets it, too."""

    names: tuple[str, ...]
    default: int | None
    option: str = ""


# Sources: Kamailio src/core/tcp_init.h, tcp_conn.h, config.h and main.c; OpenSIPS net/tcp_conn.h, config.h and main.c.
# open_files_limit is left at what the process starts with.
PROXIES: dict[str, tuple[_Proxy, ...]] = {
    "kamailio": (
        _Proxy(("tcp_max_connections",), 2048),
        _Proxy(("tcp_listen_backlog",), 1024),
        _Proxy(("children",), 8, "n"),
        _Proxy(("tcp_children",), None, "N"),
        _Proxy(("open_files_limit",), None),
    ),
    "opensips": (
        _Proxy(("tcp_max_connections",), 2048),
        _Proxy(("tcp_socket_backlog", "tcp_listen_backlog"), 10),
        _Proxy(("udp_workers", "children"), 8, "n"),
        _Proxy(("tcp_workers", "tcp_children"), 8, "N"),
        _Proxy(("open_files_limit",), None),
    ),
}
# Source: src/switch_core.c of FreeSWITCH, and its own switch.conf.xml.
OF_FREESWITCH = (("max-sessions", 1000), ("sessions-per-second", 30))
# Source: configs/samples/asterisk.conf.sample: without them, calls are not bounded, and files by the limit alone.
OF_ASTERISK = ("maxcalls", "maxfiles")


def ceilings(daemon: str, words: Sequence[str], files: ConfigFiles) -> list[Ceiling]:
    """The ceilings of a daemon that was started with this command line; empty for one that is not known to have any."""
    return READERS[daemon](words, files) if daemon in READERS else []


def _of_proxy(words: Sequence[str], files: ConfigFiles) -> list[Ceiling]:
    """Source: main() of both daemons; see proxy_command for which of option and line wins."""
    command = running_options(words)
    if command is None:
        return []
    named = command.options.get(CONFIGURATION)
    path = named.text if named and named.text.startswith("/") else command.daemon.configuration
    text = files.read(path)
    unset = BY_DEFAULT if text is not None else f"{UNKNOWN}: {path} cannot be read"
    definition = dict([_definition(command.options.get("A"))])
    found = read_parameters(path, lambda name: text if name == path else files.read(name), definition)
    ceilings = []
    for one in PROXIES[command.daemon.name.lower()]:
        name = next((name for name in one.names if name in found), one.names[0])
        given = [_by_option(name, command.options.get(one.option)), _by_line(name, found.get(name))]
        order = given if command.daemon.option_wins else given[::-1]
        default = Ceiling(name, one.default if unset == BY_DEFAULT else None, unset)
        ceilings.append(next(filter(None, order), default))
    return [one for one in ceilings if one.name != "tcp_children" or one.value is not None]  # else as `children`


def _definition(option: Word | None) -> tuple[str, str]:
    """A word that -A of Kamailio defines, and its meaning."""
    name, _equals, meaning = (option.text if option else "").partition("=")
    return name, meaning


def _by_option(name: str, option: Word | None) -> Ceiling | None:
    return Ceiling(name, option_number(option.text), COMMAND_LINE) if option else None


def _by_line(name: str, line: Parameter | None) -> Ceiling | None:
    if line is None:
        return None
    place = f"{line.file} line {line.line}"
    return Ceiling(name, line.number, place if line.number is not None else f"{UNKNOWN}: a word in {place}")


def _of_asterisk(words: Sequence[str], files: ConfigFiles) -> list[Ceiling]:
    """Source: asterisk.conf, section options; asterisk(8), -M."""
    config = asterisk_conf(words, files)
    option = options_of([Word(word) for word in words[1:]], OPTIONS_WITH_ARGUMENT).get("M")
    found = []
    for name in OF_ASTERISK:
        value = config.value("options", name)
        if value is not None:
            found.append(_read(name, value.text, value.file))
        elif name == "maxcalls" and option:
            found.append(_read(name, option.text, COMMAND_LINE))
        else:
            unread = f"{UNKNOWN}: {CONFIG_NAME} cannot be read" if files.closed else BY_DEFAULT
            found.append(Ceiling(name, None, unread))
    return [one._replace(value=one.value or None) for one in found]  # 0 is no bound


def _of_freeswitch(words: Sequence[str], files: ConfigFiles) -> list[Ceiling]:
    """Source: switch.conf.xml."""
    config = switch_config(words, files)
    if config.unread:
        return [Ceiling(name, None, f"{UNKNOWN}: {config.unread}") for name, _default in OF_FREESWITCH]
    return [
        _read(name, config.parameters[name], config.file)
        if name in config.parameters
        else Ceiling(name, default, BY_DEFAULT)
        for name, default in OF_FREESWITCH
    ]


def _read(name: str, text: str, place: str) -> Ceiling:
    """What is written, which may be no number, such as a variable that nothing sets."""
    number = whole_number(text.strip(), MOST_DIGITS) if re.fullmatch(r"\s*[0-9]+\s*", text, re.ASCII) else None
    return Ceiling(name, number, place if number is not None else f"{UNKNOWN}: {shown(text)} in {place}")


READERS: dict[str, Callable[[Sequence[str], ConfigFiles], list[Ceiling]]] = {
    "asterisk": _of_asterisk,
    "freeswitch": _of_freeswitch,
    "kamailio": _of_proxy,
    "opensips": _of_proxy,
}
