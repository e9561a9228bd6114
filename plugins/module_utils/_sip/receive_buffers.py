# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SIP daemons ask for as the receive buffer of their UDP sockets when they start, and what they get.

Every socket begins with net.core.rmem_default. Functions over values and texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .config_files import Read
from .proxy_command import CONFIGURATION, MAXBUFFER, option_number, running_options
from .proxy_config import DEFAULT_MAXBUFFER_BYTES, read_maxbuffer

DOUBLING = 2  # socket(7)

# What a received datagram is charged, measured on loopback with 6.1 and 6.18, whatever the size of a page. A driver may
# take more: docs/calls.md. A SIP message of usual size has 700 to 1400 bytes, a small one, such as an OPTIONS request,
# up to some 600.
MESSAGE_CHARGE_BYTES = 2304
SMALL_MESSAGE_CHARGE_BYTES = 1280
PROBE_STEP_BYTES = 2048  # BUFFER_INCREMENT: Kamailio src/core/udp_server.h, OpenSIPS ip_addr.h

KAMAILIO, OPENSIPS = "kamailio", "opensips"
PROXIES = (KAMAILIO, OPENSIPS)  # both ask in steps, up to their own maxbuffer
# PJSIP of Asterisk: third-party/pjproject/patches/config_site.h. It keeps a larger default: pj_sock_setsockopt_sobuf().
# FreeSWITCH, drachtio and rtpengine's control socket ask for nothing.
FIXED_BYTES = {"asterisk": 512 * 1024}


class Asked(NamedTuple):
    """The most that a daemon asks for. `set_by` says where an administrator has set it, empty for the default.

    `configuration` is the file to set it in, empty where the daemon has no such parameter.
    """

    bytes: int
    set_by: str = ""
    configuration: str = ""


NOTHING = Asked(0)


def asked_at_start(daemon: str, words: Sequence[str], read: Read) -> Asked | None:
    """The most that a daemon with this command line asks for; None if its configuration cannot be read."""
    if daemon not in PROXIES:
        return Asked(FIXED_BYTES[daemon]) if daemon in FIXED_BYTES else NOTHING
    command = running_options(words)
    if command is None:
        return None
    word = command.options.get(CONFIGURATION)
    path = word.text if word and word.text.startswith("/") else command.daemon.configuration
    argument = command.options.get(MAXBUFFER)
    option = option_number(argument.text) if argument else None
    by_option = [] if option is None else [Asked(option, f"-{MAXBUFFER} in its command line", path)]
    if read(path) is None and not (by_option and command.daemon.option_wins):
        return None
    line = read_maxbuffer(path, read)
    by_line = [] if line is None else [Asked(line.bytes, f"{line.file} line {line.line}", path)]
    order = by_option + by_line if command.daemon.option_wins else by_line + by_option
    return [*order, Asked(DEFAULT_MAXBUFFER_BYTES, "", path)][0]


def at_next_start(daemon: str, asked: Asked | None, rmem_default: int | None, rmem_max: int | None) -> int | None:
    """The receive buffer in bytes of a socket that the daemon opens now; None where that is not known.

    The proxies double what they have as long as that is not above maxbuffer, and then go on in steps:
    probe_max_receive_buffer() of Kamailio, probe_max_sock_buff() of OpenSIPS.
    """
    if asked is None or rmem_default is None:
        return None
    request = asked.bytes
    if daemon in PROXIES:
        request = rmem_default
        while 0 < request * 2 <= asked.bytes:
            request *= 2
        request += max(0, asked.bytes - request) // PROBE_STEP_BYTES * PROBE_STEP_BYTES
    if request <= rmem_default:
        return rmem_default
    return None if rmem_max is None else DOUBLING * min(request, rmem_max)
