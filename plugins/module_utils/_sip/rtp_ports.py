# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports on which a daemon carries media: those of its command line or its configuration, else its defaults.

Functions over texts, which never raise. `read` returns the text of a file, None if it cannot be read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Callable, Optional

from .rtpengine import config_place, config_value, option

Read = Callable[[str], Optional[str]]
Ends = tuple  # of the first and the last port as they are written, None where nothing says it

# What a daemon takes where nothing is configured or can be read. Sources: asterisk configs/samples/rtp.conf.sample;
# freeswitch switch.conf.xml; rtpengine daemon/main.c. Kamailio, OpenSIPS and drachtio carry no media.
DEFAULT_PORTS = {"asterisk": (10000, 20000), "freeswitch": (16384, 32768), "rtpengine": (30000, 40000)}

UNCONFIGURED_ASTERISK = ("5000", "31000")  # DEFAULT_RTP_START and DEFAULT_RTP_END of res/res_rtp_asterisk.c
ASTERISK_CONFIG = "/etc/asterisk/asterisk.conf"
ASTERISK_DIRECTORY = "/etc/asterisk"
FREESWITCH_DIRECTORIES = ("/etc/freeswitch", "/usr/local/freeswitch/conf", "/opt/freeswitch/conf")
MOST_FILES = 32  # of Asterisk's rtp.conf with all that it includes
HIGHEST_PORT = 65535


def rtp_ports(daemon: str, words: Sequence[str], read: Read) -> range:
    """The media ports of a daemon that was started with this command line; empty for one without media."""
    if daemon not in DEFAULT_PORTS:
        return range(0)
    first, last = DEFAULT_PORTS[daemon]
    found = READERS[daemon](words, read)
    low, high = (_port(text, default) for text, default in zip(found, (first, last)))
    return range(low, high + 1) if low <= high else range(first, last + 1)


def _port(text: str | None, default: int) -> int:
    port = int(text) if text and re.fullmatch("[0-9]{1,5}", text) else default
    return port if 0 < port <= HIGHEST_PORT else default


# --- rtpengine ------------------------------------------------------------------------------


def _of_rtpengine(words: Sequence[str], read: Read) -> Ends:
    """Source: rtpengine(8), --port-min and --port-max."""
    path, section = config_place(words)
    text = read(path) or ""
    return tuple(
        option(words, name, short) or config_value(text, section, name)
        for name, short in (("port-min", "-m"), ("port-max", "-M"))
    )


# --- Asterisk -------------------------------------------------------------------------------

_SETTING = r"^[ \t]*{}[ \t]*=>?[ \t]*([^\s;]+)"
_INCLUDE = re.compile(r"""^[ \t]*\#(?:try)?include[ \t]+["<]?([^\s">;]+)""")


def _of_asterisk(words: Sequence[str], read: Read) -> Ends:
    """Source: rtp.conf of Asterisk; asterisk(8), -C; asterisk.conf, astetcdir."""
    config = next((value for word, value in zip(words, words[1:]) if word == "-C"), ASTERISK_CONFIG)
    named = re.search(_SETTING.format("astetcdir"), read(config) or "", re.MULTILINE)
    directory = named.group(1) if named else ASTERISK_DIRECTORY
    text = "\n".join(_with_includes(directory, "rtp.conf", read, [MOST_FILES]))
    found = [re.search(_SETTING.format(name), text, re.MULTILINE) for name in ("rtpstart", "rtpend")]
    if not text:
        return None, None
    return tuple(one.group(1) if one else default for one, default in zip(found, UNCONFIGURED_ASTERISK))


def _with_includes(directory: str, name: str, read: Read, left: list[int]) -> Iterator[str]:
    """The lines of a file and, where they are included, of others. `left` holds how many files may still be read."""
    left[0] -= 1
    if left[0] < 0:
        return
    for line in (read(posixpath.join(directory, name)) or "").split("\n"):
        included = _INCLUDE.match(line)
        if included:
            yield from _with_includes(directory, included.group(1), read, left)
        else:
            yield line


# --- FreeSWITCH -----------------------------------------------------------------------------


def _of_freeswitch(words: Sequence[str], read: Read) -> Ends:
    """Source: switch.conf.xml of FreeSWITCH, whose values may be variables of vars.xml."""
    named = option(words, "conf", "-conf")
    for directory in (named,) if named else FREESWITCH_DIRECTORIES:
        text = _without_comments(read(f"{directory}/autoload_configs/switch.conf.xml"))
        if text:
            variables = _without_comments(read(f"{directory}/vars.xml"))
            return tuple(_parameter(text, variables, name) for name in ("rtp-start-port", "rtp-end-port"))
    return None, None


def _without_comments(text: str | None) -> str:
    return re.sub(r"<!--.*?(?:-->|\Z)", "", text or "", flags=re.DOTALL)


def _parameter(text: str, variables: str, name: str) -> str | None:
    found = re.search(rf"""<param\s+name=["']{name}["']\s+value=["']([^"']*)["']""", text)
    value = found.group(1) if found else ""
    variable = re.fullmatch(r"\$\$\{(\w+)\}", value)
    if variable:
        found = re.search(rf"""data=["']{variable.group(1)}=([^"']*)["']""", variables)
        value = found.group(1) if found else ""
    return value or None


READERS: dict[str, Callable[[Sequence[str], Read], Ends]] = {
    "asterisk": _of_asterisk,
    "freeswitch": _of_freeswitch,
    "rtpengine": _of_rtpengine,
}
