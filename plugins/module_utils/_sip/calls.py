# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls in progress on a host: each SIP daemon that runs is asked over its own local control interface.

An unknown count is None with a reason, and never a zero. No daemon is asked for longer than
ANSWER_TIMEOUT_SECONDS, and none is asked to do anything.
"""

from __future__ import annotations

import os
import stat
import time
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .._core.text import decoded
from .._host.host import Host, HostError
from .._host.processes import ProcessNames, process_names
from .._sip import answers, rtpengine
from .daemons import DAEMONS_IN_CALLS, Daemon, Process, first_processes

ANSWER_TIMEOUT_SECONDS = 5
LONGEST_ANSWER = 64 * 1024  # of a program that asks a daemon; those that are known have a few lines
LONGEST_SHOWN = 200  # of an answer or a complaint

# Where a program that talks to a daemon may be, before the places of the daemon's own program.
PLACES = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")

CALLS, TRANSACTIONS, SESSIONS, CHANNELS = "calls", "transactions", "sessions", "channels"
HIDDEN = "the processes of other users are hidden from us, which takes root"


class Calls(NamedTuple):
    """A daemon's calls in progress, counted in `unit`s by `source`; None with a reason if the count is unknown."""

    daemon: str
    in_progress: int | None
    unit: str
    source: str
    reason: str = ""

    @property
    def idle(self) -> bool:
        """Whether it is known that nothing is in progress."""
        return self.in_progress == 0


def observe_calls(host: Host) -> list[Calls]:
    """One record for each SIP daemon that runs, sorted by name; of one that runs several times, too."""
    names = process_names(host)
    found = [_ask(host, daemon, names) for daemon in DAEMONS_IN_CALLS]
    return [calls for calls in found if calls is not None]


def wait_until_idle(
    observe: Callable[[], Sequence[Calls]],
    timeout_seconds: float,
    poll_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Sequence[Calls], float]:
    """The calls seen last, once all are idle or after the timeout, and the seconds that this took."""
    begun = clock()
    while True:
        seen = observe()
        waited = clock() - begun
        if all(calls.idle for calls in seen) or waited >= timeout_seconds:
            return seen, waited
        sleep(max(0.0, min(poll_seconds, timeout_seconds - waited)))


def _ask(host: Host, daemon: Daemon, names: ProcessNames) -> Calls | None:
    """A daemon's calls in progress; None if it does not run."""
    first = first_processes(host, daemon, names)
    unknown = Calls(daemon.name, None, CALLS, "")
    if not first:
        installed = any(host.exists(path) for path in daemon.binaries)
        return unknown._replace(reason=HIDDEN) if installed and not names.complete else None
    if len(first) > 1:
        return unknown._replace(reason=f"{len(first)} of them run, and one answer does not count for all")
    if first[0].status.in_child_namespace:
        return unknown._replace(reason="it runs in a container, whose control interface is not ours")
    try:
        return ASK[daemon.name](host, first[0])
    except HostError as error:
        return unknown._replace(reason=str(error))


# --- each daemon -----------------------------------------------------------------------------


def _run(host: Host, program: str, *words: str, places: Sequence[str] = PLACES) -> str:
    """The output of a program that talks to a daemon. Raises HostError also where it is not installed."""
    path = next((path for path in (f"{place}/{program}" for place in places) if host.exists(path)), program)
    if path != program and path.rpartition("/")[0] not in PLACES:
        _check_ours(host, program, path)
    done = host.run([path, *words], ANSWER_TIMEOUT_SECONDS)
    if done is None:
        raise HostError(program, "is not installed, and the daemon cannot be asked without it")
    # Some of these programs report a failure and still end with 0; the parsers recognize that.
    if done.status != 0:
        raise HostError(program, _one_line(done.stderr or done.stdout) or f"ended with {done.status}")
    if len(done.stdout) + len(done.stderr) > LONGEST_ANSWER:
        raise HostError(program, f"its answer has more than {LONGEST_ANSWER} characters, and is not read")
    return done.stdout + done.stderr


def _check_ours(host: Host, program: str, path: str) -> None:
    """Raises HostError where others than root, or than who runs us, could have put a program there.

    A link is refused as well, as it has all rights: what it leads to may be in a directory of others.
    """
    parts = path.split("/")
    for depth in range(2, len(parts) + 1):
        place = "/".join(parts[:depth])
        owner, _group, mode = host.owner_and_mode(place) or (-1, -1, 0)
        if owner not in (0, os.geteuid()) or mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise HostError(
                program, f"{path} is not run, as others than root may write {place}: put one of root's in {PLACES[-1]}"
            )


def _one_line(text: str) -> str:
    return " ".join(text[:LONGEST_SHOWN].split())


def _calls(daemon: str, count: int | None, unit: str, source: str, answer: str) -> Calls:
    reason = "" if count is not None else f"its answer is not understood: {_one_line(answer)}"
    return Calls(daemon, count, unit, source, reason)


def _ask_asterisk(host: Host, _process: Process) -> Calls:
    command = "core show channels count"
    answer = _run(host, "asterisk", "-rx", command)
    return _calls("asterisk", answers.parse_asterisk(answer), CALLS, f"asterisk -rx '{command}'", answer)


def _ask_drachtio(_host: Host, _process: Process) -> Calls:
    raise HostError("drachtio", "has no interface that says how many calls there are")


def _ask_kamailio(host: Host, _process: Process) -> Calls:
    """Dialogs, or where that module is not loaded, the transactions: all that such a proxy knows of calls."""
    answer = _run(host, "kamcmd", "dlg.stats_active")
    if not answers.is_unknown_command(answer):
        return _calls("kamailio", answers.parse_kamailio_dialogs(answer), CALLS, "kamcmd dlg.stats_active", answer)
    answer = _run(host, "kamcmd", "tm.stats")
    count = answers.parse_kamailio_transactions(answer)
    return _calls("kamailio", count, TRANSACTIONS, "kamcmd tm.stats, as the dialog module is not loaded", answer)


def _ask_opensips(host: Host, _process: Process) -> Calls:
    answer = _run(host, "opensips-cli", "-x", "mi", "get_statistics", "dialog:", "tm:")
    dialogs = answers.parse_opensips(answer, "dialog:active_dialogs")
    early = answers.parse_opensips(answer, "dialog:early_dialogs")
    source = "opensips-cli get_statistics"
    if dialogs is not None:
        return _calls("opensips", dialogs + (early or 0), CALLS, f"{source} dialog:", answer)
    count = answers.parse_opensips(answer, "tm:inuse_transactions")
    return _calls("opensips", count, TRANSACTIONS, f"{source} tm:, as the dialog module is not loaded", answer)


def _ask_rtpengine(host: Host, process: Process) -> Calls:
    source, cookie, answer = rtpengine_statistics(host, process.pid)
    return _calls("rtpengine", rtpengine.parse_sessions(cookie, answer), SESSIONS, source, decoded(answer))


def rtpengine_statistics(host: Host, pid: int) -> tuple[str, str, bytes]:
    """What an rtpengine says of itself: where it was asked, the cookie it was asked with, and its answer.

    Raises HostError.
    """
    words = (host.read_lenient(f"/proc/{pid}/cmdline") or "").split("\0")[:-1]
    given = rtpengine.option(words, rtpengine.NG_OPTION, rtpengine.NG_SHORT_OPTION)
    path, section = rtpengine.config_place(words)
    if given is None:
        given = rtpengine.config_value(host.read_foreign(path) or "", section, rtpengine.NG_OPTION)
    address = rtpengine.parse_address(given) if given else None
    if address is None:
        raise HostError("rtpengine", f"no address of {rtpengine.NG_OPTION} on its command line or in {path}")
    cookie = uuid.uuid4().hex
    answer = host.ask_udp(address, rtpengine.statistics_request(cookie), ANSWER_TIMEOUT_SECONDS)
    return f"statistics at {address[0]} port {address[1]}", cookie, answer


# What is built from its source is in a tree of its own.
FS_CLI_PLACES = (
    *PLACES,
    *(path.rpartition("/")[0] for one in DAEMONS_IN_CALLS if one.name == "freeswitch" for path in one.binaries),
)


def _ask_freeswitch(host: Host, _process: Process) -> Calls:
    command = "show channels count"
    answer = _run(host, "fs_cli", "-x", command, places=FS_CLI_PLACES)
    return _calls("freeswitch", answers.parse_freeswitch(answer), CHANNELS, f"fs_cli -x '{command}'", answer)


ASK: dict[str, Callable[[Host, Process], Calls]] = {
    "asterisk": _ask_asterisk,
    "drachtio": _ask_drachtio,
    "freeswitch": _ask_freeswitch,
    "kamailio": _ask_kamailio,
    "opensips": _ask_opensips,
    "rtpengine": _ask_rtpengine,
}
