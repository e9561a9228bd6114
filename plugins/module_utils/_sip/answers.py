# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of SIP daemons to the question for their calls.

Parsers take the text of an answer and return a number, or None for a text that holds none. They never raise.
"""

from __future__ import annotations

import json
import re


def parse_asterisk(text: str) -> int | None:
    """The calls of `core show channels count`, or its channels where it counts no call.

    A call is a channel that runs the dialplan; one that an application was put on by other means, or that is left over
    from a transfer, is a channel only, and somebody may be talking on it. Source: asterisk, main/cli.c,
    handle_chanlist()
    """
    channels = re.search(r"^([0-9]{1,9}) active channels?$", text, re.MULTILINE)
    calls = re.search(r"^([0-9]{1,9})(?: of [0-9]{1,9} max)? active calls?(?: *\([^)]*\))?$", text, re.MULTILINE)
    if not channels or not calls:
        return None
    return int(calls.group(1)) or int(channels.group(1))


def parse_rpc_struct(text: str) -> dict[str, int]:
    """The numbers of a flat structure as kamcmd(8) prints it, a name and a number on each line."""
    pairs = re.findall(r"^\t([a-z0-9_]{1,40}): ([0-9]{1,10})$", text, re.MULTILINE)
    return {name: int(number) for name, number in pairs}


def parse_kamailio_dialogs(text: str) -> int | None:
    """All dialogs of `dlg.stats_active`, including those being set up. Source: kamailio's dialog module, 7.11"""
    return parse_rpc_struct(text).get("all")


def parse_kamailio_transactions(text: str) -> int | None:
    """The transactions of `tm.stats` that are under way; those in wait have been answered and only absorb retries.

    Source: kamailio's tm module, t_stats.c, tm_rpc_stats()
    """
    numbers = parse_rpc_struct(text)
    if "current" not in numbers or "waiting" not in numbers:
        return None
    return max(0, numbers["current"] - numbers["waiting"])


def is_unknown_command(text: str) -> bool:
    """Whether Kamailio answers that no module offers the command."""
    return re.search(r"^error: 500 - command \S+ not found$", text, re.MULTILINE) is not None


def parse_opensips(text: str, statistic: str) -> int | None:
    """A statistic of `get_statistics` as opensips-cli prints it, an object of JSON with numbers or their texts."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value = str(answer.get(statistic)) if isinstance(answer, dict) else ""
    return int(value) if re.fullmatch(r"[0-9]{1,10}", value) else None


def parse_freeswitch(text: str) -> int | None:
    """The channels of `show channels count`. Source: FreeSWITCH, mod_commands.c, show_function()"""
    found = re.search(r"^([0-9]{1,9}) total\.$", text, re.MULTILINE)
    return int(found.group(1)) if found else None
