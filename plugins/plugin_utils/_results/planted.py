# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of siptune that a host has planted among its facts.

Facts come from a host, or from a cache that hosts have filled, and Ansible lets them override the inventory. All
settings of siptune are the operator's, so a host that brings one of its own is refused, and nobody follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .answers import FACT

PREFIXES = ("siptune_", "__siptune_")
MOST_NAMED = 6


def planted(variables: Mapping[str, Any]) -> list[str]:
    """The names of siptune's variables among the facts of a host, by all variables of the host."""
    facts = variables.get("ansible_facts")
    names = facts if isinstance(facts, Mapping) else ()
    return sorted(str(name) for name in names if str(name).startswith(PREFIXES) and name != FACT)


def refusal(host: str, names: list[str]) -> str:
    """Why a host with such facts is left alone."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    shown = ", ".join(ascii(name)[1:-1] for name in names[:MOST_NAMED])
    return (
        f"{host}: its facts hold {shown}{more}. Settings of siptune are for the inventory and the command line, and "
        "never a host's own: clear the fact cache of this host, and find out who has set them"
    )


def without_planted(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a host without those names, whoever else has set them too."""
    names = planted(variables)
    return {name: value for name, value in variables.items() if name not in names}


def operators_variables(own: Mapping[str, Any], spare: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a host with siptune's settings as a sound host has them, for what concerns the whole play."""
    settings = {name: value for name, value in spare.items() if name.startswith(PREFIXES)}
    return {**without_planted(own), **settings}
