# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the collection's variables, and a refusal of all others that look like one.

A misspelt variable has no effect, and a misspelt siptune_serial would tune a whole fleet at once. So a name that begins
with siptune and that nothing reads is refused, with the nearest name that there is.

Known are the roles' argument specifications and the lists of the playbooks. A variable of a role that is a dictionary
or a list can be given in parts, siptune_network_sysctl__NAME; parts.py has what becomes of them.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS

from .._rollout.settings import VARIABLES, some_of
from .layers import load_argument_spec
from .yaml_numbers import written_at

COLLECTION = "siptune"
INTERNAL = "__"
OWN_PREFIX = "siptune_my_"  # of variables that users need for themselves
FACT = "siptune_host"  # Ansible makes a variable of the fact, too
AUDIT = tuple(f"siptune_audit_{word}" for word in ("seconds", "directory", "query", "prometheus", "strict"))
PROVE = tuple(
    f"siptune_prove_{word}"
    for word in (
        *("generator", "local", "scenario", "transport", "address", "port", "callee", "callee_port", "accepted"),
        *("user", "password", "max_rate", "max_seconds", "step_seconds", "max_retransmissions_percent", "max_p99_ms"),
        *("stop_at_first_loss", "despite_calls", "stall", "stall_ms", "compare"),
        *("directory", "query", "prometheus", "strict"),
    )
)
IN_PARTS = ("dict", "list")  # the types of variables that can be given in parts
_PART = re.compile(r"(?P<base>[a-z_]+?)__(?:(?P<level>[0-9]{1,9})(?:_|\Z))?(?P<rest>(?:[A-Za-z0-9]\w*)?)\Z", re.ASCII)
NEAR_PREFIX = 0.85  # of 7 letters, one too many, too few or wrong
CLOSE = 0.95  # a letter of a long name


class PartName(NamedTuple):
    """The name of a variable that can be given in parts: `level` is the number after `base` and two underscores."""

    base: str
    level: int = 0


@functools.cache
def known_names() -> frozenset[str]:
    """All variables of the roles and the playbooks."""
    return frozenset({name for layer in LAYERS for name in load_argument_spec(layer)} | {*VARIABLES, *AUDIT, *PROVE})


@functools.cache
def given_in_parts() -> frozenset[str]:
    """The variables that can be given in parts."""
    specs = [load_argument_spec(layer).items() for layer in LAYERS]
    return frozenset(name for spec in specs for name, option in spec if option.get("type") in IN_PARTS)


@functools.cache  # as most hosts have the same variables
def part_name(name: str) -> PartName | None:
    """The variable that a part belongs to, and the part's level; None for all other names."""
    match = _PART.match(name)
    if match is None or match["base"] not in given_in_parts() or not (match["level"] or match["rest"]):
        return None
    return PartName(match["base"], int(match["level"] or 0))


def base_of(name: str) -> str:
    """The variable that a part belongs to; the name itself for all others."""
    part = part_name(name)
    return part.base if part else name


def is_known(name: str, value: object) -> bool:
    """Whether a variable is one of the collection's, a user's own by its prefix, or none of our business."""
    if name in known_names() or name.startswith((OWN_PREFIX, INTERNAL)):
        return True
    if name == FACT and isinstance(value, Mapping):  # as text it is meant to be siptune_hosts
        return True
    return not _meant_for_us(name) or part_name(name) is not None


@functools.cache  # as most hosts have the same variables
def _meant_for_us(name: str) -> bool:
    """Whether a name begins as those of the collection do, or is one of them with a slip in its beginning."""
    base = name.partition("__")[0].casefold()
    if base.startswith(COLLECTION):
        return name.casefold() != COLLECTION
    if not base.endswith(_endings()):
        return False
    heads = [base.removesuffix(ending) for ending in _endings() if base.endswith(ending)]
    return any(difflib.SequenceMatcher(None, head, COLLECTION).ratio() >= NEAR_PREFIX for head in heads)


@functools.cache
def _endings() -> tuple[str, ...]:
    return tuple(name.removeprefix(COLLECTION) for name in sorted(known_names()))


def check_names(variables: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises CatalogueError for variables that nothing reads, with their hosts. `variables` are those of each host."""
    hosts_of: dict[str, list[str]] = {}
    place_of: dict[str, str] = {}
    for host, given in variables.items():
        for name in [name for name, value in given.items() if not is_known(name, value)]:
            hosts_of.setdefault(name, []).append(host)
            place_of.setdefault(name, written_at(given[name]))
    if hosts_of:
        sentences = [_sentence(name, hosts, place_of[name]) for name, hosts in sorted(hosts_of.items())]
        raise CatalogueError(f"{'; '.join(sentences)}. Names of variables of your own begin with {OWN_PREFIX}")


def _sentence(name: str, hosts: list[str], place: str) -> str:
    near = nearest(name)
    meant = f"; the nearest is {near}" if near else ""
    written = f", {place}" if place else ""
    return f"{name}: there is no such variable{meant} (set for {some_of(hosts)}{written})"


def nearest(name: str) -> str:
    """The known name that was meant, most likely; empty if none is near."""
    for variable in given_in_parts():
        if name.startswith(f"{variable}_") and name.strip("_") != variable and not _near(name, CLOSE):
            return f"{variable}__{name.removeprefix(variable).strip('_')}"  # a part with too many underscores, or one
    base, _mark, part = name.partition("__")
    near = _near(base)
    return f"{near}__{part}" if part and near in given_in_parts() else near


def _near(name: str, cutoff: float = 0.6) -> str:
    ending = name.casefold().replace("-", "_").removeprefix(COLLECTION)
    return "".join(f"{COLLECTION}{word}" for word in difflib.get_close_matches(ending, _endings(), 1, cutoff))
