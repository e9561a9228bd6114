# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports on which a daemon carries media: those of its command line or its configuration, else its defaults.

Functions over texts, which never raise. What cannot be used is said in the notes of the ConfigFiles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Callable, NamedTuple

from .asterisk_config import AsteriskConfig, asterisk_conf, configuration_directory
from .config_files import ConfigFiles, shown
from .freeswitch_config import switch_config, unknown_variable
from .rtpengine import config_place, config_sections, option

# What a daemon takes where nothing is configured or can be read. Sources: asterisk configs/samples/rtp.conf.sample;
# freeswitch switch.conf.xml; rtpengine daemon/main.c. Kamailio, OpenSIPS and drachtio carry no media.
DEFAULT_PORTS = {"asterisk": (10000, 20000), "freeswitch": (16384, 32768), "rtpengine": (30000, 40000)}

UNCONFIGURED_ASTERISK = ("5000", "31000")  # DEFAULT_RTP_START and DEFAULT_RTP_END of res/res_rtp_asterisk.c
HIGHEST_PORT = 65535
MOST_RANGES = 32  # of a daemon: one for each of rtpengine's interfaces
BY_DEFAULT = "default"
COMMAND_LINE = "command line"


class End(NamedTuple):
    """The first or the last port as it is written, under which name, and where. No text: nothing says it."""

    name: str
    text: str = ""
    place: str = BY_DEFAULT


Ends = tuple  # of the first and the last port


class PortRange(NamedTuple):
    """The ports of a range, both ends included, and where they are written: a file, the command line, or nowhere."""

    first: int
    last: int
    place: str = BY_DEFAULT

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last

    @property
    def text(self) -> str:
        return f"{self.first}-{self.last}"


def rtp_ports(daemon: str, words: Sequence[str], files: ConfigFiles) -> list[PortRange]:
    """The media ports of a daemon that was started with this command line; empty for one without media."""
    if daemon not in DEFAULT_PORTS:
        return []
    found = [_range(daemon, low, high, files) for low, high in READERS[daemon](words, files)]
    return list(dict.fromkeys(found))[:MOST_RANGES]


def _range(daemon: str, low: End, high: End, files: ConfigFiles) -> PortRange:
    """The range between two ends. An end that is no port, and a range that is none, are the default's."""
    defaults = DEFAULT_PORTS[daemon]
    ends = [_port(daemon, end, default, files) for end, default in zip((low, high), defaults)]
    given = [end for end in (low, high) if end.text]
    place = " and ".join(dict.fromkeys(end.place for end in given)) or BY_DEFAULT
    if ends[0] < ends[1]:
        return PortRange(ends[0], ends[1], place)
    reason = "is a single port" if ends[0] == ends[1] else "ends before it begins"
    what = f"the range {low.name} = {ends[0]} to {high.name} = {ends[1]} ({place}) {reason}"
    _not_used(files, daemon, what, *defaults)
    return PortRange(*defaults)


def _port(daemon: str, end: End, default: int, files: ConfigFiles) -> int:
    if not end.text:
        return default
    port = int(end.text) if re.fullmatch("[0-9]{1,9}", end.text, re.ASCII) else 0
    if 0 < port <= HIGHEST_PORT:
        return port
    variable = unknown_variable(end.text)
    reason = "is no port" if variable is None else f"has a variable that nothing sets: {shown(variable)}"
    _not_used(files, daemon, f"{end.name} = {shown(end.text)} ({end.place}) {reason}", default)
    return default


def _not_used(files: ConfigFiles, daemon: str, what: str, *defaults: int) -> None:
    used = "-".join(map(str, defaults))
    files.note(
        f"{what}: {daemon}'s default is taken for it, {used}; correct it, or name the ports in "
        "siptune_network_reserved_ports"
    )


# --- rtpengine ------------------------------------------------------------------------------


def _of_rtpengine(words: Sequence[str], files: ConfigFiles) -> list[Ends]:
    """The range of all interfaces, and those of single ones. Source: rtpengine(8), --port-min and --port-max."""
    path, section = config_place(words)
    text = files.read(path)
    if text is None and option(words, "config-file"):
        files.note_unread(path, "rtpengine's")
    sections = config_sections(text or "")
    own = sections.get(section, {})
    common = [_option(words, name, short, own, path) for name, short in (("port-min", "-m"), ("port-max", "-M"))]
    prefix = option(words, "interfaces-config") or own.get("interfaces-config")
    interfaces = [keys for name, keys in sections.items() if prefix and name.startswith(f"{prefix}-")]
    single = [[End(end.name, keys[end.name], path) if keys.get(end.name) else end for end in common]
              for keys in interfaces]  # fmt: skip
    # Where each interface has a section of its own, nothing is left for the others, which --interface lists.
    listed = option(words, "interface", "-i") or own.get("interface")
    return [tuple(ends) for ends in [*single, *([common] if listed or not single else [])]]


def _option(words: Sequence[str], name: str, short: str, keys: dict[str, str], path: str) -> End:
    given = option(words, name, short)
    if given:
        return End(name, given, COMMAND_LINE)
    return End(name, keys[name], path) if keys.get(name) else End(name)


# --- Asterisk -------------------------------------------------------------------------------


def _of_asterisk(words: Sequence[str], files: ConfigFiles) -> list[Ends]:
    """Source: rtp.conf of Asterisk; asterisk(8), -C; asterisk.conf, astetcdir."""
    directory = configuration_directory(asterisk_conf(words, files), words)
    config = AsteriskConfig(directory, "rtp.conf", files)
    unset = UNCONFIGURED_ASTERISK if config.found else ("", "")
    ends = []
    for name, text in zip(("rtpstart", "rtpend"), unset):
        value = config.value("general", name)
        ends.append(End(name, text, BY_DEFAULT) if value is None else End(name, value.text, value.file))
        if value is None and config.executes:
            files.note(f"{config.executes[0]} has an #exec, which is not run: {name} may be what it prints")
    return [tuple(ends)]


# --- FreeSWITCH -----------------------------------------------------------------------------


def _of_freeswitch(words: Sequence[str], files: ConfigFiles) -> list[Ends]:
    """Source: switch.conf.xml of FreeSWITCH, whose values may be variables of vars.xml."""
    config = switch_config(words, files)
    found = ((name, config.parameters.get(name, "")) for name in ("rtp-start-port", "rtp-end-port"))
    return [tuple(End(name, text, config.file) if text else End(name) for name, text in found)]


READERS: dict[str, Callable[[Sequence[str], ConfigFiles], list[Ends]]] = {
    "asterisk": _of_asterisk,
    "freeswitch": _of_freeswitch,
    "rtpengine": _of_rtpengine,
}
