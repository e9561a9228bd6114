# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk's configuration files: sections, templates and includes, as main/config.c of Asterisk reads them.

Programs that #exec names are not run. Functions over texts, which never raise.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .._systemd.execstart import Word, options_of
from .config_files import ConfigFiles, shown

DIRECTORY = "/etc/asterisk"
CONFIG_NAME = "asterisk.conf"
OPTIONS_WITH_ARGUMENT = "CeGLMsUx"  # asterisk(8)
DEEPEST_INCLUDE = 10  # MAX_INCLUDE_LEVEL, main/config.c

_MARK = re.compile(r"\\;|;--(?!-)|--;|;")
_HEADER = re.compile(r"\[([^\]]*)\](?:\(([^)]*)\))?")


class Value(NamedTuple):
    """The value of a variable, and the file that sets it."""

    text: str
    file: str


class Section(NamedTuple):
    """A section with its variables in their order; a template counts only where another section takes it over."""

    name: str
    template: bool
    variables: list[tuple[str, Value]]


class AsteriskConfig:
    """The sections of a file and of all that it includes. `found`: whether the file itself is there."""

    def __init__(self, directory: str, name: str, files: ConfigFiles) -> None:
        self.sections: list[Section] = []
        self._current: Section | None = None
        self.executes: list[str] = []  # the files with an #exec
        self._files = files
        self._directory = directory
        self.found = self._load(name, ())

    def value(self, section: str, variable: str) -> Value | None:
        """The first value of a variable in the first section of this name: ast_variable_retrieve()."""
        there = self._section(section, templates=False)
        found = (value for name, value in (there.variables if there else ()) if name.lower() == variable)
        return next(found, None)

    def _section(self, name: str, templates: bool) -> Section | None:
        named = (one for one in self.sections if one.name.lower() == name.lower())
        return next((one for one in named if templates or not one.template), None)

    def _load(self, name: str, chain: Sequence[str]) -> bool:
        """Read a file, or all that a glob stands for. Returns whether there was any."""
        pattern = posixpath.join(self._directory, name)
        texts = [(path, self._text(path, chain)) for path in self._files.matching(pattern)]
        for path, text in texts:
            for line in _without_comments(text or ""):
                self._take(line, path, (*chain, path))
        return any(text is not None for _path, text in texts)

    def _text(self, path: str, chain: Sequence[str]) -> str | None:
        if path in chain:
            self._files.note(f"{path} includes itself")
            return ""
        return self._files.read(path) if len(chain) <= DEEPEST_INCLUDE else None

    def _take(self, line: str, path: str, chain: Sequence[str]) -> None:
        if line.startswith("["):
            self._open(line)
        elif line.startswith("#"):
            self._follow(line, path, chain)
        elif "=" in line and self._current is not None:
            name, _equals, value = line.partition("=")
            text = value[1:] if value.startswith(">") else value
            self._current.variables.append((name.strip(), Value(text.strip(), path)))

    def _open(self, line: str) -> None:
        header = _HEADER.match(line)
        if header is None:
            return
        name, options = header.group(1), [one.strip() for one in (header.group(2) or "").split(",") if one.strip()]
        there = self._section(name, templates=True)
        if there is not None and any(option.startswith("+") for option in options):
            self._current = there
            return
        self._current = Section(name, "!" in options, [])
        for option in options:
            base = self._section(option, templates=True)
            self._current.variables.extend(base.variables if base is not None else ())
        self.sections.append(self._current)

    def _follow(self, line: str, path: str, chain: Sequence[str]) -> None:
        directive, _blank, argument = line[1:].lower().partition(" ")
        name = re.sub(r"""^["<](.*)[">]$""", r"\1", line[len(line) - len(argument) :].strip())
        if directive == "exec":
            self.executes.append(path)
        elif directive not in ("include", "tryinclude") or not name:
            return
        elif not self._load(name, chain) and directive == "include":
            self._files.note(f"{path} includes {shown(name)}, which cannot be read")


def _without_comments(text: str) -> Iterator[str]:
    """The lines that say something. `;--` begins a comment of several lines, which `--;` ends; a semicolon is `\\;`."""
    depth = 0
    for line in text.split("\n"):
        kept, position = [], 0
        for mark in _MARK.finditer(line):
            kept.append("" if depth else line[position : mark.start()])
            position = mark.end()
            if mark.group() == ";--":
                depth += 1
            elif mark.group() == "--;" and depth:
                depth -= 1
            elif mark.group() == "\\;" and not depth:
                kept.append(";")
            elif not depth:
                position = len(line)
                break
        kept.append("" if depth else line[position:])
        said = "".join(kept).replace("\t", " ").strip()
        if said:
            yield said


def asterisk_conf(words: Sequence[str], files: ConfigFiles) -> AsteriskConfig:
    """asterisk.conf of an Asterisk with this command line: the one of -C, of its prefix, or of /etc."""
    if CONFIG_NAME not in files.parsed:
        files.parsed[CONFIG_NAME] = _asterisk_conf(words, files)
    return files.parsed[CONFIG_NAME]


def _asterisk_conf(words: Sequence[str], files: ConfigFiles) -> AsteriskConfig:
    named = options_of([Word(word) for word in words[1:]], OPTIONS_WITH_ARGUMENT).get("C")
    places = dict.fromkeys((f"{_prefix(words)}{DIRECTORY}", DIRECTORY))
    for path in [named.text] if named else [f"{place}/{CONFIG_NAME}" for place in places]:
        config = AsteriskConfig(posixpath.dirname(path), posixpath.basename(path), files)
        if config.found:
            break
    if named and not config.found:
        files.note_unread(named.text, "Asterisk's")
    return config


def configuration_directory(config: AsteriskConfig, words: Sequence[str]) -> str:
    """Where an Asterisk with this asterisk.conf has its other files: astetcdir."""
    named = config.value("directories", "astetcdir")
    if named is not None:
        return named.text
    return f"{_prefix(words)}{DIRECTORY}" if config.found else DIRECTORY


def _prefix(words: Sequence[str]) -> str:
    """What comes before /etc/asterisk where an Asterisk was built for a directory of its own, such as /opt/asterisk."""
    prefix = words[0].rpartition("/sbin/")[0] if words else ""
    return "" if prefix == "/usr" else prefix
