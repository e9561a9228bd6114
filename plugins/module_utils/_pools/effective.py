# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory pools that a unit's daemon starts with, and the lines that set them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .._sip.proxy_command import DaemonCommand, find_daemon, option_number
from .._systemd.environment_file import assignments
from .._systemd.execstart import Command, Variable, expand, variables_of
from .model import Texts, Unit
from .settings import Kind


class StartValue(NamedTuple):
    """The value of a pool at the next start of its unit, and the line that sets it.

    `variable` is the one that holds the value, "" where the command line has a literal. `whole`: the variable holds
    nothing else. `file` and `line` set it, "" and 0 if nothing does; `editable`: it is an environment file.
    """

    text: str
    variable: str
    whole: bool
    file: str
    line: int
    editable: bool

    @property
    def value(self) -> int | None:
        return option_number(self.text)

    @property
    def where(self) -> str:
        return f"{self.file} line {self.line}"


def start_value(unit: Unit, kind: Kind, texts: Texts) -> StartValue | None:
    """The value of a pool at the unit's next start, None if its command line has no such option."""
    found = command_of(unit, texts)
    word = found[1].options.get(kind.option) if found else None
    if found is None or word is None:
        return None
    if not word.variable:
        return StartValue(word.text, "", False, found[0].file, found[0].line, False)
    variable = _environment(unit, texts).get(word.variable)
    file, line = (variable.file, variable.line) if variable else ("", 0)
    return StartValue(word.text, word.variable, word.whole, file, line, file in unit.files)


def command_of(unit: Unit, texts: Texts) -> tuple[Command, DaemonCommand] | None:
    """The command line that starts Kamailio or OpenSIPS, None if the unit has none."""
    variables = _environment(unit, texts)
    for command in unit.start.commands:
        daemon = find_daemon(expand(command, variables))
        if daemon is not None:
            return command, daemon
    return None


def _environment(unit: Unit, texts: Texts) -> dict[str, Variable]:
    """The variables of a unit's command line."""
    return variables_of(unit.start, _read(unit, texts))


def _read(unit: Unit, texts: Texts) -> Iterator[tuple[str, dict[str, Variable]]]:
    for path in unit.files:
        if path in texts:
            lines = assignments(texts[path])
            yield path, {name: Variable(line.value, path, line.line) for name, line in lines.items()}
