# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that YAML reads differently than their author meant.

To YAML 1.1, which Ansible reads, 010 is eight, 1:30 is ninety and 1_000 a thousand. A module gets
the number and cannot know. On the controller ansible-core 2.19 and later remember where a value was
written, so the text can be looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # ansible-core 2.18 does not remember
    Origin = None

_NUMBER = re.compile(r"[-+]?[0-9][0-9a-zA-Z_:]*")
_PLAIN = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")


def advice(written: str, read: int) -> str | None:
    """The advice for a `written` number that YAML has read as `read`; None if both are the same."""
    match = _NUMBER.match(written)
    if match is None or _PLAIN.match(match.group()) or _HEXADECIMAL.match(match.group()):
        return None
    if yaml.safe_load(match.group()) != read:
        return None  # not where the number was written, but the text of a vault, for one
    return f"YAML reads {match.group()} as {read}; write the number plainly, with decimal digits only"


def misread(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The place (`net.core.somaxconn`, or `net.core.somaxconn.value`) and the advice for each misread number."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from misread(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for below in value:
            yield from misread(below, path)
    elif isinstance(value, int) and not isinstance(value, bool):
        written = _source(value)
        found = advice(written, int(value)) if written else None
        if found:
            yield path, found


def written_at(value: object) -> str:
    """The place where a value was written, such as `/srv/group_vars/all.yml:3:20`; empty where that is not known."""
    origin = Origin.get_tag(value) if Origin is not None else None
    return str(origin or "")


def _source(value: object) -> str | None:
    """The text from where a value was written to the end of its line, None where that is not known."""
    origin = Origin.get_tag(value) if Origin is not None else None
    if origin is None or not origin.path or not origin.line_num or not origin.col_num:
        return None
    try:
        line = Path(origin.path).read_text(encoding="utf-8").splitlines()[origin.line_num - 1]
    except (OSError, UnicodeDecodeError, IndexError):
        return None
    return line[origin.col_num - 1 :]
