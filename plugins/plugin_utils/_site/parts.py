# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable in parts: siptune_network_sysctl, siptune_network_sysctl__proxies, siptune_network_sysctl__90_edge1.

Ansible replaces a variable of a group by that of another one as a whole. Parts have different names, so a host gets all
of them, and they are merged here, key by key. A part's level is the number after the two underscores, 0 without one and
for the plain variable. The part of the highest level counts, and two parts of one level must not contradict each other:
neither the order of files nor that of names decides anything.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import EXACT, shown
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import SET_IN
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import SIDES
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import display_name, parse_key

from .names import part_name

# How deep a variable is, by the end of its name: keys with values, or units with directives. Lists are not among them.
KEYS, KEYS_OF_KEYS = 1, 2
DEPTHS = {
    "_sysctl": KEYS,
    "_capacity": KEYS,
    "_machine": KEYS,
    "_nic_rings": KEYS_OF_KEYS,
    "_nic_links": KEYS_OF_KEYS,
    "_units": KEYS_OF_KEYS,
    "_pools": KEYS_OF_KEYS,
}
SYSCTL, LOGINS, SERVICES = "_sysctl", "_logins", "_services"
FACTS = ("_capacity", "_machine")  # what is said of a host, and set nowhere
ASIDE = ("why", "hazard", "type")  # of a setting, or a part of what is set, and not of the value
NULL = "null"
STEP = 10  # between the levels that a message suggests
FIRST_LEVEL = 50

Path = tuple[str, ...]


class Entry(NamedTuple):
    """One thing that a part sets, such as `kamailio.service LimitNOFILE`, with the part's name and level."""

    path: Path
    value: Any
    part: str
    level: int


def merged(base: str, parts: Mapping[str, Any]) -> Any:
    """The value of a variable from its parts by name, the plain one among them; each setting says where it was set.

    The values have the type of the variable. Raises CatalogueError for parts that contradict each other.
    """
    given = {name: _with_origin(base, value, name) for name, value in parts.items()}
    if list(given) == [base]:
        return given[base]
    entries = [
        Entry(path, value, name, level)
        for level, name in sorted((_level(name), name) for name in given)
        for path, value in _entries(base, given[name])
    ]
    counting = _counting(base, entries)
    return _dictionary(counting) if _depth(base) else _list(base, counting)


def _level(name: str) -> int:
    part = part_name(name)
    return part.level if part else 0


def _depth(base: str) -> int:
    return next((depth for ending, depth in DEPTHS.items() if base.endswith(ending)), 0)


# --- where a setting was set -----------------------------------------------------------------


def _with_origin(base: str, value: Any, name: str) -> Any:
    """The value of a part, with a reason that names the part for each setting that has none."""
    if base.endswith(LOGINS):
        return [_reasoned(one, name) if isinstance(one, Mapping) else one for one in value or ()]
    if base.endswith(FACTS) or not isinstance(value, Mapping):
        return value
    if _depth(base) == KEYS:
        return {key: _reasoned(one, name) for key, one in value.items()}
    return {
        key: {word: _reasoned(one, name) for word, one in below.items()} if isinstance(below, Mapping) else below
        for key, below in value.items()
    }


def _reasoned(setting: Any, name: str) -> Any:
    if setting is None or (isinstance(setting, Mapping) and setting.get("why")):
        return setting
    return {**(setting if isinstance(setting, Mapping) else {"value": setting}), "why": f"{SET_IN}{name}"}


# --- from values to entries and back ---------------------------------------------------------


def _entries(base: str, value: Any) -> Iterator[tuple[Path, Any]]:
    """What a part sets. An element of a list may set two things: a limit of both types."""
    if _depth(base):
        for key, below in (value or {}).items():
            name = _spelled(key) if base.endswith(SYSCTL) else str(key)
            if _depth(base) == KEYS_OF_KEYS and isinstance(below, Mapping):
                yield from (((name, str(word)), one) for word, one in below.items())
            else:
                yield (name,), below
        return
    for element in value or ():
        yield from ((path, element) for path in _paths(base, element))


def _spelled(key: object) -> str:
    """A kernel parameter in one spelling for all parts; any other key as it stands, for the module to refuse."""
    try:
        return display_name(parse_key(key))
    except TuningError:
        return str(key)


def _paths(base: str, element: Any) -> list[Path]:
    if base.endswith(LOGINS) and isinstance(element, Mapping):
        domain, item, kind = (str(element.get(field)) for field in ("domain", "item", "type"))
        return [(domain, item, side) for side in SIDES.get(kind, (kind,))]
    if base.endswith(SERVICES) and isinstance(element, Mapping):
        return [(str(element.get("unit")),)]
    return [(str(element),)]


def _dictionary(entries: Iterable[Entry]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for (key, *word), one, _part, _level in entries:
        if not word:
            value[key] = one
        elif isinstance(value.setdefault(key, {}), dict):  # if not, the whole unit is left alone, and so is this
            value[key][word[0]] = one
    return value


def _list(base: str, entries: Iterable[Entry]) -> list[Any]:
    """The elements, each once. One of both types of which another part has taken one keeps the other."""
    paths_of: dict[int, tuple[Any, list[Path]]] = {}
    for path, element, _part, _level in entries:
        paths_of.setdefault(id(element), (element, []))[1].append(path)
    elements: list[Any] = []
    for element, paths in paths_of.values():
        whole = len(paths) == len(_paths(base, element))
        elements += [element] if whole else [{**element, "type": path[-1]} for path in paths]
    return elements


# --- which one counts ------------------------------------------------------------------------


def _counting(base: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that count, in the order of their parts. Raises CatalogueError for a contradiction."""
    of_root: dict[str, list[Entry]] = {}
    for entry in entries:
        of_root.setdefault(entry.path[0], []).append(entry)
    counting: dict[Path, Entry] = {}
    for entry in entries:
        # A whole unit that is left alone is a rival of each of its directives.
        rivals = [other for other in of_root[entry.path[0]] if _one_is_in_the_other(entry.path, other.path)]
        if entry.level < max(rival.level for rival in rivals):
            continue
        for rival in rivals:
            if rival.level == entry.level and _meaning(rival.value) != _meaning(entry.value):
                raise CatalogueError(_contradiction(base, entry, rival))
        counting.setdefault(entry.path, entry)
    return list(counting.values())


def _one_is_in_the_other(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _meaning(setting: Any) -> dict[str, str]:
    """What a setting comes to, whoever wrote it for whatever reason: 8192 is as good as {value: 8192, why: ...}."""
    fields = setting if isinstance(setting, Mapping) else {"value": setting}
    said = {str(field): NULL if value is None else str(value) for field, value in fields.items() if field not in ASIDE}
    return {"rule": EXACT, **said}


def _contradiction(base: str, one: Entry, other: Entry) -> str:
    item = " ".join(one.path if len(one.path) > len(other.path) else other.path)
    if one.part == other.part:
        return f"{item}: is set twice in {one.part}, to {_said(one)} and to {_said(other)}"
    name = max(one.part, other.part, key=len).removeprefix(f"{base}__").lstrip("_0123456789")
    number = one.level + STEP if one.level else FIRST_LEVEL
    return (
        f"{item}: {one.part} says {_said(one)} and {other.part} says {_said(other)}. Give the one that counts a higher "
        f"number, such as {base}__{number}_{name}; a name without a number has 0"
    )


def _said(entry: Entry) -> str:
    meaning = _meaning(entry.value)
    if "value" not in meaning:
        return shown(entry.value)
    return " ".join([*([] if meaning["rule"] == EXACT else [meaning["rule"]]), shown(meaning["value"])])
