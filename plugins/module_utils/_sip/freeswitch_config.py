# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of FreeSWITCH's switch.conf.xml, after its preprocessor: src/switch_xml.c of FreeSWITCH.

Programs that it would run for a variable (exec, exec-set, stun-set) are not run. A document type is refused, as its
entities may grow without bounds. Functions over texts, which never raise.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .config_files import ConfigFiles, shown

DIRECTORIES = ("/etc/freeswitch", "/usr/local/freeswitch/conf", "/opt/freeswitch/conf")
MAIN_NAME = "freeswitch.xml"
VARIABLES_NAME = "vars.xml"
SWITCH_NAME = "autoload_configs/switch.conf.xml"
DEEPEST_INCLUDE = 10  # FreeSWITCH itself goes down to 100
NO_NUMBER = "no number"
LONGEST_VALUE = 8192  # of a line with its variables, preprocess()
MOST_EXPANDED = 1 << 20  # characters that variables stand for, in all

# The preprocessor does not know comments: vars.xml of FreeSWITCH says so.
_TOKEN = re.compile(r"<X-PRE-PROCESS\b([^>]*)>|\$\$\{([^}\n]{0,200})\}", re.IGNORECASE)
# And it drops the whole of such a line, with a parameter that stands beside: preprocess().
_DROPPED = re.compile(r"^[^\n]*?(?:</?include>|<\?)[^\n]*", re.MULTILINE)
_ATTRIBUTE = re.compile(r"""\b(cmd|data)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\$\{([^}\n]{0,200})\}")
_USABLE = re.compile(r"[0-9]{0,20}|\$\$\{[\w.-]{1,40}\}", re.ASCII)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_STRAY_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)")


class SwitchConfig(NamedTuple):
    """The parameters of switch.conf.xml that are numbers, by name, and others as NO_NUMBER.

    A variable is in the place of a value that is unknown. `file` is empty where there is none, and `unread` says why
    nothing is known of what it sets.
    """

    file: str = ""
    parameters: Mapping[str, str] = {}
    unread: str = ""


def switch_config(words: Sequence[str], files: ConfigFiles) -> SwitchConfig:
    """The configuration of a FreeSWITCH with this command line, or of the first directory where there is one."""
    if SWITCH_NAME not in files.parsed:
        files.parsed[SWITCH_NAME] = _switch_config(words, files)
    return files.parsed[SWITCH_NAME]


def _switch_config(words: Sequence[str], files: ConfigFiles) -> SwitchConfig:
    for directory in _directories(words):
        path = f"{directory}/{SWITCH_NAME}"
        text = files.read(path)
        if text is not None:
            preprocessor = _Preprocessor(directory, files)
            preprocessor.read_variables()
            found = _parameters(path, preprocessor.expanded(text, path, (path,)), files)
            return SwitchConfig(path, found or {}, f"{path} is not understood" if found is None else "")
    if {"-conf", "-base"} & set(words):
        files.note_unread(path, "FreeSWITCH's")
    return SwitchConfig(unread=f"{SWITCH_NAME} cannot be read")


def unknown_variable(value: str) -> str | None:
    """The variable that a parameter has in place of a value; None if it has a value."""
    found = _VARIABLE.search(value)
    return found.group(1) if found else None


def _directories(words: Sequence[str]) -> Sequence[str]:
    """Where the configuration may be, by freeswitch's -conf, -base and the directory that it was built for."""
    following = dict(zip(words, words[1:]))
    if "-conf" in following:
        return [following["-conf"].rstrip("/")]
    if "-base" in following:
        return [f"{following['-base'].rstrip('/')}/conf"]
    prefix = words[0].rpartition("/bin/")[0] if words else ""
    own = () if prefix in ("", "/usr") else (f"{prefix}/conf", f"{prefix}/etc/freeswitch")
    return list(dict.fromkeys((*own, *DIRECTORIES)))


class _Preprocessor:
    def __init__(self, directory: str, files: ConfigFiles) -> None:
        self._directory = directory
        self._files = files
        self._left = MOST_EXPANDED
        self._variables = {"conf_dir": directory, "base_dir": posixpath.dirname(directory)}

    def read_variables(self) -> None:
        """Read what freeswitch.xml sets and includes before its first section, else vars.xml."""
        main = f"{self._directory}/{MAIN_NAME}"
        text = self._files.read(main)
        if text is None:
            self._include(VARIABLES_NAME, main, ())
        else:
            self.expanded(text.partition("<section")[0], main, (main,))

    def expanded(self, text: str, path: str, chain: Sequence[str]) -> str:
        """The text of a file with all that it includes, and with the values of variables."""
        return _TOKEN.sub(lambda token: self._replacement(token, path, chain), _DROPPED.sub("", text))

    def _replacement(self, token: re.Match[str], path: str, chain: Sequence[str]) -> str:
        if token.group(2) is not None:
            return self._value_of(token)
        attributes = {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(token.group(1))}
        command = attributes.get("cmd", "").lower()
        data = _VARIABLE.sub(self._value_of, attributes.get("data", ""))[:LONGEST_VALUE]
        if command == "include":
            return self._include(data, path, chain)
        name, equals, value = data.partition("=")
        if command == "set" and equals:
            self._variables[name.strip()] = value.strip()
        elif command.endswith("-set"):  # of the daemon's environment, a program or a server
            self._variables.pop(name.strip(), None)
        return ""

    def _value_of(self, token: re.Match[str]) -> str:
        whole = token.group(0)
        value = self._variables.get(whole[3:-1], whole)
        self._left -= len(value)
        return value if self._left >= 0 else ""

    def _include(self, name: str, path: str, chain: Sequence[str]) -> str:
        """The text of all files that a name or a glob stands for, beside the file that includes them."""
        texts = []
        for one in self._files.matching(posixpath.join(posixpath.dirname(path), name)):
            if one in chain:
                self._files.note(f"{one} includes itself")
                continue
            text = self._files.read(one) if len(chain) <= DEEPEST_INCLUDE else None
            if text is None:
                self._files.note(f"{path} includes {shown(name)}, which cannot be read")
            else:
                texts.append(self.expanded(text, one, (*chain, one)))
        return "".join(texts)


def _parameters(path: str, text: str, files: ConfigFiles) -> dict[str, str] | None:
    """The parameters below <settings>; the last one of a name counts. None for a text that is not understood.

    What FreeSWITCH's lax parser takes is mended.
    """
    from xml.parsers import expat  # here, as few hosts have FreeSWITCH

    found: dict[str, str] = {}
    open_elements: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if name == "param" and open_elements[-1:] == ["settings"] and "name" in attributes:
            value = attributes.get("value", "").strip()
            # An include may have put any file's text there, which no message is to show.
            found[attributes["name"].lower()] = value if _USABLE.fullmatch(value) else NO_NUMBER
        open_elements.append(name)

    mended = _STRAY_AMPERSAND.sub("&amp;", _COMMENT.sub("", text))
    if "<!DOCTYPE" in mended or "<!ENTITY" in mended:
        files.note(f"{path} has a document type, which is not followed")
        return None
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: open_elements.pop()
    try:
        parser.Parse(f"<all>{mended}</all>".encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        files.note(f"{path} is no well-formed XML: {expat.ErrorString(error.code)}")
        return None
    return found
