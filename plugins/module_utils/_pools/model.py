# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for of memory pools and what there is, and which line decides a pool at a daemon's next start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .._engine.originals import Originals
from .._host.host import FileRecord
from .._sip.proxy_command import DaemonCommand, find_daemon, whole_number
from .._sip.proxy_config import MaxBuffer
from .._systemd.environment_file import assignments
from .._systemd.execstart import Command, Start, Variable, expand, variables_of
from .settings import Kind, UnitPools

LOADED = "loaded"
NOT_FOUND = "not-found"
MASKED = "masked"

Texts = Mapping  # the texts of environment files that are there, by their paths


class Request(NamedTuple):
    """What a call asks for.

    `everywhere`: all that earlier calls have set goes back, but for what is wanted of the units; `advice`: look at
    maxbuffer.
    """

    units: Sequence[UnitPools]
    everywhere: bool = False
    advice: bool = True


class FileState(NamedTuple):
    """An environment file: its text, None if it cannot be read; and why it is not written, "" if it may be."""

    text: str | None
    record: FileRecord | None
    refusal: str = ""


class Configuration(NamedTuple):
    """A daemon's own configuration: whether it can be read, and the line that sets maxbuffer."""

    path: str
    readable: bool
    maxbuffer: MaxBuffer | None


class Unit(NamedTuple):
    """A unit that the call is about.

    `names` are all that it goes by, `load` is systemd's word or what the files say. `files` are the environment files
    in the order they are read, globs resolved. `running` is the command line of its main process, None without one;
    `active`, whether systemd says that it runs.
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


class Observed(NamedTuple):
    """Everything the plan depends on. `rmem_max_bytes` is None where the kernel does not show it."""

    systemd_running: bool
    units: Sequence[Unit]
    files: Mapping[str, FileState]
    originals: Originals
    owner: tuple[int, int]
    memory_bytes: int | None
    rmem_max_bytes: int | None
    rmem_default_bytes: int | None = None


class Deciding(NamedTuple):
    """What a pool gets at the next start, and from where.

    `variable` is the one whose value it is, "" where the command line says it itself. `whole`: the variable holds
    nothing else. `file` and `line` set it, "" and 0 if nothing does; `editable` tells that it is an environment file.
    """

    text: str
    variable: str
    whole: bool
    file: str
    line: int
    editable: bool

    @property
    def value(self) -> int | None:
        return whole_number(self.text)

    @property
    def where(self) -> str:
        return f"{self.file} line {self.line}"


def texts_of(files: Mapping[str, FileState]) -> dict[str, str]:
    """The texts of the files that are there."""
    return {path: state.text for path, state in files.items() if state.text is not None}


def environment_of(unit: Unit, texts: Texts) -> dict[str, Variable]:
    """The variables that a unit's command line is expanded with."""
    return variables_of(unit.start, _read(unit, texts))


def _read(unit: Unit, texts: Texts) -> Iterator[tuple[str, dict[str, Variable]]]:
    for path in unit.files:
        if path in texts:
            lines = assignments(texts[path])
            yield path, {name: Variable(line.value, path, line.line) for name, line in lines.items()}


def command_of(unit: Unit, texts: Texts) -> tuple[Command, DaemonCommand] | None:
    """The command line that starts Kamailio or OpenSIPS, None if none of the unit's does."""
    variables = environment_of(unit, texts)
    for command in unit.start.commands:
        daemon = find_daemon(expand(command, variables))
        if daemon is not None:
            return command, daemon
    return None


def deciding(unit: Unit, kind: Kind, texts: Texts) -> Deciding | None:
    """What decides a pool of a unit, None if its command line has no such option."""
    found = command_of(unit, texts)
    word = found[1].options.get(kind.option) if found else None
    if found is None or word is None:
        return None
    if not word.variable:
        return Deciding(word.text, "", False, found[0].file, found[0].line, False)
    variable = environment_of(unit, texts).get(word.variable)
    file, line = (variable.file, variable.line) if variable else ("", 0)
    return Deciding(word.text, word.variable, word.whole, file, line, file in unit.files)
