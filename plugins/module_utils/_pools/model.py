# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of daemon_pools: the request, the observed host and the decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._engine.originals import Originals
from .._host.host import FileRecord
from .._sip.proxy_config import MaxBuffer
from .._systemd.execstart import Start
from .._systemd.names import LOADED, MASKED, NOT_FOUND
from .settings import Pool, UnitPools

Texts = Mapping  # texts of environment files by path; files that do not exist are left out


class Request(NamedTuple):
    """The pools to set.

    `exclusive`: pools that earlier calls have set for other units are reverted. `advice`: report on maxbuffer.
    With `restart`, units are restarted if a pool would wait for that, and with `despite_calls` also while calls are in
    progress.
    """

    units: Sequence[UnitPools]
    exclusive: bool = False
    advice: bool = True
    restart: bool = False
    despite_calls: bool = False


class FileState(NamedTuple):
    """An environment file: its text, None if it cannot be read; and why it must not be written, "" if it may be."""

    text: str | None
    record: FileRecord | None
    refusal: str = ""


class Configuration(NamedTuple):
    """A daemon's own configuration: whether it can be read, and the line that sets maxbuffer."""

    path: str
    readable: bool
    maxbuffer: MaxBuffer | None


class Unit(NamedTuple):
    """A unit of the call.

    `asked` is the name in the request, `names` are all its names, `load` is its LoadState, derived from the files
    where systemd does not run. `files` are the environment files in reading order, globs resolved. `running` is the
    command line of its main process, None without one; `active`, whether systemd says that it runs.
    """

    asked: str
    name: str
    names: Sequence[str]
    load: str
    load_error: str = ""
    start: Start = Start((), {}, (), frozenset())
    files: Sequence[str] = ()
    running: Sequence[str] | None = None
    active: bool = False
    memory_max: int | None = None
    configuration: Configuration | None = None

    @property
    def unavailable(self) -> str:
        """Why the unit has no pools to look at, "" if it has."""
        if self.load == NOT_FOUND:
            return f"{self.asked} is not installed"
        if self.load == MASKED:
            return f"{self.asked} is masked and never starts"
        if self.load != LOADED:
            return f"systemd cannot load {self.asked}: {self.load_error or self.load}"
        return ""


class Observed(NamedTuple):
    """Everything that the plan depends on.

    `rmem_max_bytes` is None where the kernel does not show it. `blocked_by_calls` names the calls in progress that
    forbid a restart, and is empty if there are none. With `boot_only` the host is an image: no daemon runs.
    """

    systemd_running: bool
    units: Sequence[Unit]
    files: Mapping[str, FileState]
    originals: Originals
    owner: tuple[int, int]
    memory_bytes: int | None
    rmem_max_bytes: int | None
    rmem_default_bytes: int | None = None
    blocked_by_calls: str = ""
    boot_only: bool = False

    @property
    def texts(self) -> dict[str, str]:
        """The texts of the files that exist."""
        return {path: state.text for path, state in self.files.items() if state.text is not None}


class Decision(NamedTuple):
    """The decision on a pool: it is `kept`, or `set` by a line in a file; or `obstacle` says why not."""

    unit: Unit
    pool: Pool
    kept: bool
    set: bool
    obstacle: str = ""
