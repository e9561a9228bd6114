# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line and the environment with which systemd starts a service.

Everything here is a function of texts. Sources: systemd.service(5), "Command lines"; systemd.exec(5), "Environment";
systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .syntax import section_lines

COMMAND_PREFIXES = "-@:+!|"
UNEXPANDED = ":"  # prefix of a command line whose variables are not expanded
NAMED_APART = "@"  # prefix of a command line whose second word is the program's argv[0]
GLOB_CHARACTERS = "*?["
UNKNOWN_SPECIFIER = "%"  # remains where a specifier cannot be resolved

_WORD = re.compile(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+""")
_PIECE = re.compile(r"""'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|((?:\\.|[^\s'"\\])+)""")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[0-7]{3}|.)")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_LITERAL = "\\\"'"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\$")
_ONLY_VARIABLE = re.compile(r"(?:-[A-Za-z])?\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

# Where a system service has its directories. Source: systemd.unit(5)
_DIRECTORIES = {"t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc"}


class Command(NamedTuple):
    """A command line: its words before variables are expanded, and whether systemd expands them."""

    words: Sequence[str]
    expands: bool
    file: str
    line: int


class EnvironmentFile(NamedTuple):
    """An EnvironmentFile= line. `pattern` is a path or a glob; an `optional` file may be missing."""

    pattern: str
    optional: bool
    file: str
    line: int

    @property
    def plain(self) -> bool:
        """Whether it names one file by its full path."""
        characters = GLOB_CHARACTERS + UNKNOWN_SPECIFIER
        return self.pattern.startswith("/") and not any(character in self.pattern for character in characters)


class Variable(NamedTuple):
    """A variable of the environment, and the line that sets it."""

    value: str
    file: str
    line: int


class Start(NamedTuple):
    """The command lines and the environment of a service, from its own file and its drop-ins."""

    commands: Sequence[Command]
    environment: Mapping[str, Variable]
    files: Sequence[EnvironmentFile]
    unset: frozenset[str]


class Word(NamedTuple):
    """A word of a command line.

    `variable` is the variable it came from, "" for a literal word. `whole` says whether the word consists of that
    variable's value alone, apart from the letter of an option. `empty` marks the place of a variable without a value.
    """

    text: str
    variable: str = ""
    whole: bool = False
    empty: bool = False


def split_words(text: str) -> list[str] | None:
    """The words of a line, quotes and escapes resolved; None if a quote is not closed."""
    if _WORD.sub("", text).strip():
        return None
    return ["".join(_unquoted(piece) for piece in _PIECE.finditer(word)) for word in _WORD.findall(text)]


def _unquoted(piece: re.Match[str]) -> str:
    return _ESCAPE.sub(_escaped, next(part for part in piece.groups() if part is not None))


def _escaped(found: re.Match[str]) -> str:
    code = found.group(1)
    if code in _ESCAPES or code in _LITERAL:
        return _ESCAPES.get(code, code)
    if len(code) == 1:
        return found.group()
    return chr(int(code[1:], 16) if code[0] == "x" else int(code, 8))


def expand_specifiers(text: str, unit: str) -> str:
    """A text of a unit file with its specifiers expanded; those that depend on the running host stay."""
    stem = posixpath.splitext(unit)[0]
    prefix, _at, instance = stem.partition("@")
    last = prefix.rpartition("-")[2]
    known = {
        "%": "%",
        "n": unit,
        "N": stem,
        "p": prefix,
        "i": instance,
        "j": last,
        "P": _unescaped_name(prefix),
        "I": _unescaped_name(instance),
        "J": _unescaped_name(last),
        **_DIRECTORIES,
    }
    return re.sub(r"%(.)", lambda found: known.get(found.group(1), found.group()), text)


def _unescaped_name(name: str) -> str:
    """A part of a unit's name without the escapes of systemd-escape(1)."""
    plain = name.replace("-", "/")
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found.group(1), 16)), plain)


def read_start(texts: Iterable[tuple[str, str]], unit: str) -> Start:
    """The start of a unit. `texts` are the (path, text) of its own file and its drop-ins in the order they are read."""
    commands: list[Command] = []
    environment: dict[str, Variable] = {}
    files: list[EnvironmentFile] = []
    unset: set[str] = set()
    collected: dict[str, Any] = {
        "ExecStart": commands,
        "Environment": environment,
        "EnvironmentFile": files,
        "UnsetEnvironment": unset,
    }
    lines = ((file, *line) for file, text in texts for line in section_lines(text, "Service"))
    for file, line, name, value in lines:
        if name not in collected:
            continue
        if not value:
            collected[name].clear()
        elif name == "ExecStart":
            commands += _commands(value, unit, file, line)
        elif name == "EnvironmentFile":
            pattern = _normal(expand_specifiers(value.lstrip("-"), unit))
            files.append(EnvironmentFile(pattern, value.startswith("-"), file, line))
        else:
            words = [expand_specifiers(word, unit) for word in split_words(value) or []]
            if name == "UnsetEnvironment":
                unset.update(words)
            else:
                pairs = (word.partition("=") for word in words if "=" in word)
                environment.update({key: Variable(text, file, line) for key, _equals, text in pairs})
    return Start(commands, environment, files, frozenset(unset))


def _normal(path: str) -> str:
    """A path in its shortest spelling, so that two lines for one file can be compared."""
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else path


def _commands(text: str, unit: str, file: str, line: int) -> list[Command]:
    """The command lines of one ExecStart=, separated by semicolons."""
    command = text.lstrip(COMMAND_PREFIXES)
    prefixes = text[: len(text) - len(command)]
    found, current = [], []
    for word in [*(split_words(command) or []), ";"]:
        if word != ";":
            current.append(expand_specifiers(word, unit))
        elif current:
            words = current[:1] + current[2:] if NAMED_APART in prefixes else current
            found.append(Command(words, UNEXPANDED not in prefixes, file, line))
            current = []
    return found


def variables_of(start: Start, file_texts: Iterable[tuple[str, Mapping[str, Variable]]]) -> dict[str, Variable]:
    """The environment of the command: files win over Environment=, and later files over earlier ones."""
    variables = dict(start.environment)
    for _path, found in file_texts:
        variables.update(found)
    kept = {name: variable for name, variable in variables.items() if name not in start.unset}
    return {name: one for name, one in kept.items() if f"{name}={one.value}" not in start.unset}


def expand(command: Command, variables: Mapping[str, Variable]) -> list[Word]:
    """The words of a command line with its variables expanded."""
    if not command.expands:
        return [Word(word) for word in command.words]
    return [word for raw in command.words for word in _expand_one(raw, variables)]


def _expand_one(raw: str, variables: Mapping[str, Variable]) -> list[Word]:
    """`$NAME` as a word of its own becomes any number of words; `${NAME}` is expanded inside a word."""
    if raw.startswith("$") and raw[1:2] not in ("{", "$"):
        name = raw[1:]
        if not _NAME.fullmatch(name):  # systemd looks for it, and nothing can set it
            return [Word("", empty=True)]
        words = split_words(variables[name].value) or [] if name in variables else []
        return [Word(word, name, len(words) == 1) for word in words] or [Word("", name, True, True)]
    names = [name for name in _VARIABLE.findall(raw) if name]
    text = _VARIABLE.sub(lambda found: _put_in(found.group(1), variables), raw)
    return [Word(text, names[0] if names else "", bool(_ONLY_VARIABLE.fullmatch(raw)))]


def _put_in(name: str | None, variables: Mapping[str, Variable]) -> str:
    if not name:
        return "$"
    return variables[name].value if name in variables else ""


def options_of(words: Sequence[Word], with_argument: str, long_with_argument: Sequence[str] = ()) -> dict[str, Word]:
    """The last argument of each option that takes one, as getopt_long(3) reads a command line.

    `words` come after the program's name. The argument of `-m64` is the word `64`.
    """
    found: dict[str, Word] = {}
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        if word.text == "--":
            break
        if word.text.startswith("--"):
            if "=" not in word.text and word.text[2:] in long_with_argument:
                _next_word(remaining)
        elif word.text.startswith("-"):
            letter, attached = _last_letter(word.text, with_argument)
            if letter:
                found[letter] = word._replace(text=attached) if attached else _next_word(remaining)
    return found


def _last_letter(text: str, with_argument: str) -> tuple[str, str]:
    """The option with an argument in a group of letters, and the attached part of the argument."""
    for position, letter in enumerate(text[1:], 2):
        if letter in with_argument:
            return letter, text[position:]
    return "", ""


def _next_word(remaining: list[Word]) -> Word:
    """An option's argument. An empty variable counts as one, though the program itself would take the next word."""
    return remaining.pop(0) if remaining else Word("", empty=True)
