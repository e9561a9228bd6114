# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of configuration files, as sysctl.d and limits.d: which files are read; names and comments of our own.

Nothing here reads or writes anything. Source: conf_files_list_strv() of systemd 247, 252 and 257; pam_limits follows
the same rules.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Iterable, Sequence

from .._core.text import encoded

COMMENT_WIDTH = 100
LONGEST_FILE_NAME = 255  # NAME_MAX, linux/limits.h
PLAIN_NAME = r"[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*"
NAME_RULE = "a file name consists of letters, digits and - _ . @ +"


def effective_files(paths: Iterable[str], suffix: str) -> list[str]:
    """The files that are read, in their order: sorted by name as bytes, wherever they are.

    `paths` are all files, those of the most important directory first: of files with one name only the first counts,
    even an empty one or a link to /dev/null. Hidden files and those with another suffix are not read.
    """
    chosen: dict[str, str] = {}
    for path in paths:
        name = posixpath.basename(path)
        if name.endswith(suffix) and not name.startswith("."):
            chosen.setdefault(name, path)
    return [chosen[name] for name in sorted(chosen, key=encoded)]


def name_fault(name: str, suffix: str) -> str:
    """Why a file of ours cannot have this name, '' if it can."""
    if not name.endswith(suffix) or name.startswith("."):
        return f"only files that end in {suffix} and are not hidden are read"
    if not re.fullmatch(PLAIN_NAME, name) or len(name) > LONGEST_FILE_NAME:
        return NAME_RULE
    return ""


def path_fault(path: str, directories: Sequence[str], suffix: str) -> str:
    """Why a file of ours cannot have this path, '' if it is directly in one of these directories with a good name."""
    directory, name = posixpath.split(path)
    if not path.isprintable():
        return NAME_RULE
    if directory not in directories or posixpath.normpath(path) != path:
        return f"is not directly in {' or '.join(directories)}"
    return name_fault(name, suffix)


def comment_lines(text: str, prefix: str = "# ") -> list[str]:
    """A text as lines of a comment, without line ends; [] for an empty text.

    No word is broken, so that the lines joined with blanks are the text again. A NUL would end the line.
    """
    return textwrap.wrap(
        " ".join(text.replace("\0", " ").split()),
        COMMENT_WIDTH,
        initial_indent=prefix,
        subsequent_indent=prefix,
        break_long_words=False,
        break_on_hyphens=False,
    )


def comment(text: str) -> str:
    """A text as the comment above a setting, each line with its end; '' for an empty text."""
    return "".join(f"{line}\n" for line in comment_lines(text))
