# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One proof at a time: a host is taken for a while, by whoever measures it or measures from it.

The lease is a file that root alone writes, in a directory that a boot empties. It ends by itself, so that a run that
was cut off holds nobody up for long.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator

from .._core.errors import TuningError
from .._host.host import HostError

LEASE = "/run/siptune-prove.json"
MOST_BYTES = 4096
LONGEST_SECONDS = 7200
FOR_ROOT = 0o600


class HeldError(TuningError):
    """Another run has the host. `holder` is that run, as it has named itself."""

    def __init__(self, holder: str, seconds: float) -> None:
        super().__init__(
            f"another proof uses this host, {holder}: one at a time. It ends within {seconds:.0f} s; if it has been "
            f"killed, remove {LEASE}"
        )
        self.holder = holder


def take(holder: str, seconds: float, from_holder: str = "", path: str = LEASE) -> None:
    """Take the host for this time, or longer. Raises HostError, and HeldError unless the other one is `from_holder`."""
    with _locked(path) as descriptor:
        other, until = _read(descriptor)
        left = until - _now()
        if left > 0 and other not in (holder, from_holder):
            raise HeldError(other, left)
        _write(descriptor, holder, max(until if other == holder else 0.0, _now() + min(seconds, LONGEST_SECONDS)))


def release(holder: str, path: str = LEASE) -> None:
    """Give the host back, if it is this run that has it."""
    with _locked(path) as descriptor:
        if _read(descriptor)[0] == holder:
            os.ftruncate(descriptor, 0)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, FOR_ROOT)
    except OSError as error:
        raise HostError(path, f"cannot be opened: {error.strerror}", error.errno) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> tuple[str, float]:
    """Holder and end of the lease in seconds since boot; nobody's where it is empty, or no lease of ours."""
    try:
        found = json.loads(os.pread(descriptor, MOST_BYTES, 0))
        return str(found["holder"]), float(found["until"])
    except (ValueError, TypeError, KeyError):
        return "", 0.0


def _write(descriptor: int, holder: str, until: float) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"holder": holder, "until": until}).encode(), 0)
