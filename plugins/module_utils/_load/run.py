# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of SIPp: its processes, its files, and what all of that came to."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import resource
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .._core.errors import TuningError
from .._counters import table
from .._counters.reading import Sample, sample
from .._counters.work import processors
from .._host.children import Caller, Child, children, wait_for
from .._host.host import Host, HostError
from .._load import sipp
from .reach import TLS, UDP, free_port, local_address, register, registrars
from .scenarios import AUDIO, AUDIO_FILE, INVITE_MEDIA, REGISTER, callee_scenario, injection_file, scenario
from .sipp import Load
from .statistics import Totals, parse_error_codes, parse_response_times, parse_statistics, percentile

NOBODY = "nobody"
OUTPUT = "output"  # the file of what a SIPp says on its terminal
END_SECONDS = 10  # for SIPp to notice that all is done, and to write it down
START_SECONDS = 0.5  # for the callee to listen
LONGEST_FILE = 64 << 20  # 2 million response times
LONGEST_OUTPUT = 4096
CERTIFICATE_SECONDS = 20.0
# The losses of the generator itself, of which each could look like one of the target's.
OWN_LOSSES = (
    "UdpRcvbufErrors",
    "Udp6RcvbufErrors",
    "UdpMemErrors",
    "Udp6MemErrors",
    "UdpSndbufErrors",
    "Udp6SndbufErrors",
    "SoftnetDropped",
    "NicRxMissed",
    "NicRxFifo",
    "NicRxNoBuffer",
    "NicQueueDrops",
    "NicAllowanceExceeded",
    "QdiscDrops",
    "ConntrackDrop",
    "ConntrackInsertFailed",
)


class Measured(NamedTuple):
    """What the processes of a run have written, taken together."""

    totals: Totals
    statuses: Counter[str]
    milliseconds: Sequence[float]


def run(host: Host, load: Load) -> dict[str, Any]:
    """Run a load, and return what sip_load documents. Raises TuningError where SIPp does not do it."""
    here = local_address(load.end)
    caller = Caller(host)
    with _private_directory() as directory, children() as start:
        _write_files(host, load, directory)
        limit = load.seconds + load.patience_ms // 1000 + END_SECONDS
        if load.has_callee:
            _start_callee(start, load, here, directory, limit)
        before = _state(host)
        running = [_start_caller(start, load, rate, here, directory, limit) for rate in sipp.rates(load)]
        ended = wait_for(running, limit + END_SECONDS, caller.check)
        after = _state(host)
        if not ended:
            raise HostError(sipp.PROGRAM, f"did not end within {limit + END_SECONDS} s, and was stopped")
        measured = _measured(running, directory)
    return {**_result(load, measured), **_own(before, after, load, len(running))}


# --- files -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _private_directory() -> Iterator[str]:
    """A directory that is the account's that SIPp runs under, as it reads what comes from the network."""
    with tempfile.TemporaryDirectory(prefix="siptune-load-") as directory:
        account = pwd.getpwnam(NOBODY)
        os.chown(directory, account.pw_uid, account.pw_gid)
        yield directory


def _write_files(host: Host, load: Load, directory: str) -> None:
    files: dict[str, bytes] = {
        sipp.SCENARIO_FILE: scenario(load.scenario, load.callee, load.accepted, bool(load.user)).encode(),
    }
    if load.has_callee:
        files[sipp.CALLEE_FILE] = callee_scenario(load.scenario == INVITE_MEDIA).encode()
    if load.scenario == REGISTER or load.user:
        files[sipp.USERS_FILE] = injection_file(load.user, load.password).encode()
    if load.scenario == INVITE_MEDIA:
        files[AUDIO_FILE] = AUDIO
    for name, content in files.items():
        _write(os.path.join(directory, name), content)
    if load.end.transport == TLS:
        _make_certificate(host, directory)


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "wb") as stream:
        stream.write(content)


def _make_certificate(host: Host, directory: str) -> None:
    """A certificate for SIPp, which wants one of a client too. Raises TuningError where openssl(1) is not installed."""
    paths = [os.path.join(directory, name) for name in (sipp.CERTIFICATE_FILE, sipp.KEY_FILE)]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=siptune-prove"]
    if host.run([*words, "-out", paths[0], "-keyout", paths[1]], CERTIFICATE_SECONDS) is None:
        raise TuningError(
            "openssl is not installed on this host, and SIPp begins no TLS without a certificate of its own, which is "
            "made with it: it is in the package openssl"
        )
    account = pwd.getpwnam(NOBODY)
    for path in filter(os.path.exists, paths):
        os.chown(path, account.pw_uid, account.pw_gid)


# --- processes -------------------------------------------------------------------------------


def _start_caller(start: Callable[..., Child], load: Load, rate: int, here: str, directory: str, limit: int) -> Child:
    """A SIPp that makes calls, in a directory of its own, as all call their files the same."""
    place = tempfile.mkdtemp(dir=directory)
    account = pwd.getpwnam(NOBODY)
    os.chown(place, account.pw_uid, account.pw_gid)
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            shutil.copy2(path, place)
            os.chown(os.path.join(place, name), account.pw_uid, account.pw_gid)
    files = _most_files()
    port = None if load.end.transport == UDP else free_port(load.end.family, here)
    words = sipp.caller_words(load, rate, here, limit, files, port)
    return start(words, place, os.path.join(place, OUTPUT), files, NOBODY)


def _most_files() -> int:
    """How many files SIPp may open here: as many as it wants, or in a container no more than that has."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (sipp.MOST_FILES, max(hard, sipp.MOST_FILES)))
        return sipp.MOST_FILES
    return hard


def _start_callee(start: Callable[..., Child], load: Load, here: str, directory: str, limit: int) -> None:
    """The SIPp that takes the calls, and its address where the target can find it. Raises HostError."""
    output = os.path.join(directory, "callee")
    child = start(sipp.callee_words(load, here, limit), directory, output, _most_files(), NOBODY)
    time.sleep(START_SECONDS)
    if child.process.poll() is not None:
        raise HostError(sipp.PROGRAM, f"who takes the calls does not start: {_last_words(output)}")
    contact = f"sip:{load.callee}@{'[' + here + ']' if ':' in here else here}:{load.callee_port}"
    # A daemon that routes by what it has registered finds the callee then; any other one refuses this, and knows where
    # the callee is, or answers the calls itself.
    for end in registrars(load.end):
        with contextlib.suppress(OSError):
            register(end, here, load.callee, contact, load.user, load.password)


def _last_words(output: str) -> str:
    """What SIPp has said last, in one line."""
    lines = [line.strip() for line in _read(output).split("\n")]
    return next((line for line in reversed(lines) if line and not line.startswith("-")), "it says nothing")[:500]


def _read(path: str, most: int = LONGEST_OUTPUT) -> str:
    """The end of a file that SIPp has written; empty where there is none."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - most))
            return stream.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


# --- what it came to -------------------------------------------------------------------------


def _measured(running: Sequence[Child], directory: str) -> Measured:
    """Raises HostError where SIPp has written nothing, with its last words."""
    together = Measured(Totals(0, 0, 0), Counter(), [])
    times: list[float] = []
    for child in running:
        place = os.path.dirname(child.output)
        texts = {name: _read(os.path.join(place, name), LONGEST_FILE) for name in os.listdir(place)}
        try:
            totals = parse_statistics(texts.get(sipp.STATISTICS_FILE, ""))
            if not totals.calls:
                raise ValueError("no call was made")
            times += [
                one.milliseconds
                for name, text in texts.items()
                if name.endswith("_rtt.csv")
                for one in parse_response_times(text)
            ]
        except ValueError as error:
            said = _complaint(texts) or _last_words(child.output)
            raise HostError(sipp.PROGRAM, f"{error}: {said}") from None
        codes = [parse_error_codes(text) for name, text in texts.items() if name.endswith("_error_codes.csv")]
        together = Measured(together.totals.plus(totals), sum(codes, together.statuses), times)
    return together


def _complaint(texts: Mapping[str, str]) -> str:
    """The first error that SIPp has written among its error codes, or with the time of it on its terminal."""
    codes = [text for name, text in texts.items() if name.endswith("_error_codes.csv")]
    lines = [line for text in [*codes, texts.get(OUTPUT, "")] for line in text.split("\n") if _TIMED.match(line)]
    said = [line.rpartition("\t")[2].partition(": ")[2].strip() for line in lines]
    return next(filter(None, said), "")[:500]


_TIMED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\t")


def _result(load: Load, measured: Measured) -> dict[str, Any]:
    totals = measured.totals
    statuses = {status: min(number, totals.failed) for status, number in sorted(measured.statuses.items())}
    if totals.successful:
        statuses["200"] = totals.successful
    found = [percentile(measured.milliseconds, share) for share in (0.5, 0.99, 1.0)]
    times = [None if one is None else round(one, 1) for one in found]
    return {
        "asked": load.calls,
        "sent": totals.calls,
        "sent_per_second": round(totals.rate, 1),
        "answered": totals.successful,
        "unanswered": totals.calls - totals.successful,
        "retransmissions": totals.retransmissions,
        "statuses": statuses,
        "response_ms": dict(zip(("p50", "p99", "max"), times)),
    }


class State(NamedTuple):
    """Of the generator, before or after a run: its counters, and what its processors and SIPp have done, in seconds."""

    counters: Sample
    processors: Sequence[float]
    children: float


def _state(host: Host) -> State:
    times = os.times()
    return State(sample(host), processors(host), times.children_user + times.children_system)


# The caller does not read the media that the callee echoes, so that its sockets overflow.
_OF_MEDIA = ("UdpRcvbufErrors", "Udp6RcvbufErrors")


def _own(before: State, after: State, load: Load, senders: int) -> dict[str, Any]:
    """What the generator has lost itself, and how busy its processors were, and each SIPp on its one, in percent."""
    names = [name for name in OWN_LOSSES if load.scenario != INVITE_MEDIA or name not in _OF_MEDIA]
    bits = {counter.name: counter.bits for counter in table.COUNTERS}
    grown = {name: table.growth(before.counters[name], after.counters[name], bits[name]) for name in names}
    losses = {name: sum(parts.values()) for name, parts in grown.items() if parts and sum(parts.values())}
    busy = [round(100 * (now - then) / load.seconds, 1) for then, now in zip(before.processors, after.processors)]
    sender = 100 * (after.children - before.children) / load.seconds / senders
    return {
        "generator_losses": losses,
        "processors": [min(100.0, one) for one in busy],
        "sender_busy": round(min(100.0, sender), 1),
    }
