# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run changes, or in check mode would change: each change once, whichever hosts it is made on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ansible_collections.siptune.linux.plugins.module_utils._core.change import CHANGED, PENDING

from .sockets import is_socket
from .summary import file_text, wrapped

NOT_SET = "not set"
# Why nearly every item goes back, in the words of the modules.
ON_THE_WAY_BACK = (
    "no longer wanted",
    "no longer wanted: back to its original",
    "no longer wanted: back to what the host had",
)
MOST_HOSTS_NAMED = 8

One = TypeVar("One", bound=Hashable)


class Made(NamedTuple):
    """A change of a layer: of an item, which moves for a reason, or of a file, which is all said by `what`."""

    layer: str
    what: str
    moved: str = ""
    why: str = ""


def changes_of(results: Mapping[str, Sequence[Mapping[str, Any] | None]]) -> list[Made]:
    """The changed items of one host by layer, and the files that are written.

    Sockets are not among them: their lines in the summary say more, and hosts that change alike have other addresses.
    """
    return [made for layer, parts in results.items() for part in parts for made in _of_part(layer, part or {})]


def _of_part(layer: str, result: Mapping[str, Any]) -> Iterator[Made]:
    if result.get("skipped") or result.get("failed"):
        return
    for item in result.get("items") or []:
        if _is_changed(item) and not is_socket(item):
            why = str(item.get("why") or "")
            yield Made(layer, str(item["item"]), _moved(item), "" if why in ON_THE_WAY_BACK else why)
    for file in result.get("files") or []:
        yield Made(layer, file_text(file))


def _is_changed(item: Mapping[str, Any]) -> bool:
    """Whether a call changes an item; one that is pending may have been written down by an earlier one."""
    return item["state"] == CHANGED or (item["state"] == PENDING and _at_boot(item) is not None)


def _moved(item: Mapping[str, Any]) -> str:
    before, after = (_shown(item.get(field)) for field in ("before", "after"))
    if item["state"] == CHANGED and before != after:
        return f"{before} -> {after}"
    later = "once it is in force" if item["state"] == PENDING else "at the next boot"
    return f"{_at_boot(item) or f'{before} -> {after}'} {later}"


def _at_boot(item: Mapping[str, Any]) -> str | None:
    """How what the next boot brings changes; None if it does not."""
    before, after = (_shown(item.get(field)) for field in ("at_boot_before", "at_boot"))
    return None if before == after else f"{before} -> {after}"


def _shown(value: object) -> str:
    return NOT_SET if value is None or value == "" else " ".join(str(value).split())


# --- of all hosts together -------------------------------------------------------------------


def render_run(results: Mapping[str, Mapping[str, Any]], check_mode: bool) -> list[str]:
    """What a run has done to these hosts, by their results of siptune.linux.apply_layers: changes, then tables."""
    reports = {host: result.get("report") or {} for host, result in results.items()}
    lines = _changes(
        {host: [Made(*made) for made in one.get("changes") or ()] for host, one in reports.items()}, check_mode
    )
    for warning, hosts in _hosts_of({host: one.get("warnings") or () for host, one in reports.items()}).items():
        lines += [*wrapped("", f"warning for {_named(hosts)}: {warning}", indent=0, label_width=0), ""]
    for host, report in reports.items():
        lines += [*(report.get("table") or [_without_table(host, results[host])]), ""]
    return lines[:-1]


def _without_table(host: str, result: Mapping[str, Any]) -> str:
    if result.get("unreachable"):
        return f"{host}: could not be reached"
    return f"{host}: failed" if result else f"{host}: was left out, as it could not be reached or had failed before"


def _changes(made: Mapping[str, Sequence[Made]], check_mode: bool) -> list[str]:
    """The changes of all hosts, those of the same hosts together."""
    verb = "would change" if check_mode else "changed"
    together: dict[tuple[str, ...], list[Made]] = {}
    for one, hosts in _hosts_of(made).items():
        together.setdefault(tuple(hosts), []).append(one)
    return [
        line
        for hosts, changes in sorted(together.items(), key=lambda block: -len(block[0]))
        for line in (f"{_named(hosts)} {verb}", *_by_layer(changes), "")
    ]


def _hosts_of(said: Mapping[str, Iterable[One]]) -> dict[One, list[str]]:
    """Whatever is said of hosts, each thing once, with its hosts."""
    hosts_of: dict[One, list[str]] = {}
    for host, things in said.items():
        for thing in dict.fromkeys(things):
            hosts_of.setdefault(thing, []).append(host)
    return hosts_of


def _by_layer(changes: Iterable[Made]) -> Iterator[str]:
    """The lines of changes; items that move alike for the same reason share them."""
    layers: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for layer, what, moved, why in changes:
        layers.setdefault(layer, {}).setdefault((moved, why, "" if moved else what), []).append(what)
    for layer, alike in layers.items():
        yield f"  {layer}"
        for (moved, why, _file), names in alike.items():
            text = f"{', '.join(names)}: {moved}" if moved else names[0]
            yield from wrapped("", f"{text} ({why})" if why else text, indent=4, label_width=0)


def _named(hosts: Sequence[str]) -> str:
    more = len(hosts) - MOST_HOSTS_NAMED
    named = ", ".join(hosts[:MOST_HOSTS_NAMED])
    return f"{named} and {more} more" if more > 0 else named
