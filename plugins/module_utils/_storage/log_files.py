# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that rsyslog writes, and what logrotate does with files. Functions over texts, which never raise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

# --- rsyslog ---------------------------------------------------------------------------------

# Of quotes, which are kept, and comments: /etc/rsyslog.d/*.conf begins none.
_COMMENT = re.compile(
    r"""("(?:\\.|[^"\\\n])*(?:"|(?=\n)|\\?\Z)|'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\\?\Z))|(?:^|(?<=\s))(?:/\*.*?(?:\*/|\Z)|\#[^\n]*)""",
    re.DOTALL | re.MULTILINE,
)
_ACTION = re.compile(r"\baction\s*\(([^)]{0,2000})\)")
_PARAMETER = re.compile(r"""([A-Za-z.]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_INCLUDES = (
    re.compile(r"^[ \t]*\$IncludeConfig[ \t]+(\S+)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"""\binclude\s*\([^)]{0,200}\bfile\s*=\s*["']([^"']+)["']""", re.IGNORECASE),
)
DEVICES = "/dev/"
MOST_STARS = 3  # in a name, as matching tries each of them everywhere


def rsyslog_files(text: str) -> list[str]:
    """The files that a configuration of rsyslog writes without a limit on their size, in either of its languages.

    Sources: rsyslog.conf(5); omfile, rotation.sizeLimit; output channels, which have a size. A file whose name depends
    on the message is left out.
    """
    plain = _COMMENT.sub(lambda found: found.group(1) or " ", text)
    found = []
    for action in _ACTION.finditer(plain):
        given = {name.lower(): one or other for name, one, other in _PARAMETER.findall(action.group(1))}
        if given.get("type") == "omfile" and given.get("rotation.sizelimit", "0") == "0":
            found.append(given.get("file", ""))
    found += map(_of_selector, _ACTION.sub(" ", plain).split("\n"))
    return [path for path in dict.fromkeys(found) if path.startswith("/") and not path.startswith(DEVICES)]


def _of_selector(line: str) -> str:
    """The file at the end of a line such as `local0.*  -/var/log/kamailio.log;Form`, "" if there is none."""
    words = line.rstrip(" \t}").split()
    return words[-1].lstrip("-").partition(";")[0] if len(words) > 1 and words[0][0] != "$" else ""


def rsyslog_includes(text: str) -> list[str]:
    """The files, or globs of files, that a configuration of rsyslog includes."""
    plain = _COMMENT.sub(lambda found: found.group(1) or " ", text)
    return [path for pattern in _INCLUDES for path in pattern.findall(plain)]


# --- logrotate -------------------------------------------------------------------------------

SIZES = ("size", "maxsize")  # minsize is none: it only holds a rotation back
_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")
_PATTERN = re.compile(r"""["']([^"']+)["']|(\S+)""")


class Rotation(NamedTuple):
    """A block of logrotate: the globs of its files, and whether their size counts."""

    patterns: list[str]
    by_size: bool


class Logrotate(NamedTuple):
    """What a file of logrotate says: its blocks, what it includes, and whether size counts in what comes after it."""

    rotations: list[Rotation]
    includes: list[str]
    by_size: bool


def parse_logrotate(text: str, by_size: bool = False) -> Logrotate:
    """A file of logrotate, logrotate(8). `by_size` is whether a size is given already, outside of all blocks."""
    rotations: list[Rotation] = []
    includes: list[str] = []
    patterns: list[str] = []
    block: bool | None = None  # of a block: whether size counts
    script = False
    for line in _lines(text):
        word, _blank, rest = re.sub(r"[ \t=]+", " ", line).partition(" ")
        if script:
            script = word != "endscript"
        elif word == "}" and block is not None:
            rotations.append(Rotation(patterns, block))
            patterns, block = [], None
        elif block is not None:
            block, script = block or word in SIZES, word in _SCRIPTS
        elif word == "{":
            block = by_size
        elif word == "include":
            includes.append(rest.strip())
        elif line[0] in "/\"'":
            patterns += [quoted or plain for quoted, plain in _PATTERN.findall(line)]
        else:
            by_size = by_size or word in SIZES
    return Logrotate(rotations, includes, by_size)


def _lines(text: str) -> Iterator[str]:
    """The lines without comments, each brace on a line of its own."""
    for raw in text.split("\n"):
        if not raw.lstrip().startswith("#"):
            yield from filter(None, (part.strip() for part in re.split(r"(?<=\s)([{}])(?=\s|$)|^([{}])", raw) if part))


def rotation_of(path: str, rotations: Iterable[Rotation]) -> Rotation | None:
    """The block that a file is rotated by, None if there is none: the first that names it, as logrotate takes it."""
    for rotation in rotations:
        if any(glob_matches(pattern, path) for pattern in rotation.patterns):
            return rotation
    return None


def glob_matches(pattern: str, path: str) -> bool:
    """Whether a glob stands for a path, each star for a part of one name: glob(7)."""
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given) or any(glob.count("*") > MOST_STARS for glob in wanted):
        return False
    return all(fnmatchcase(name, glob) for glob, name in zip(wanted, given))
