# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit makes of an item. The page, the terminal, the document and the metrics all take it from here.

A state says what a run did or would do. That does not yet say whether the host is as wanted: nobody may set a
read-only key here, and it has the wanted value or it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import (
    ABSENT,
    CHANGED,
    KEPT,
    PENDING,
    READONLY,
    REFUSED,
    SHADOWED,
    STATES,
)
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import EXACT, RULE_WORDS, bounded
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import SET_IN

DRIFT = "drift"  # a run of siptune.linux.site would change it
UNMET = "unmet"  # the host does not have what is wanted, and a run cannot give it
OK = "ok"

# The order is that of concern.
TROUBLES = (REFUSED, DRIFT, SHADOWED, PENDING, UNMET)
VERDICTS = (*TROUBLES, OK, ABSENT)
SHOWN = (*STATES, UNMET)  # what the page says of an item
OF_STATE = {REFUSED: REFUSED, CHANGED: DRIFT, SHADOWED: SHADOWED, PENDING: PENDING}

UNLIMITED = {"infinity": float("inf"), "unlimited": float("inf")}
_LIMIT = re.compile(r" \(limit [^)]*\)\Z")  # of a link's option, for people
_SEPARATORS = re.compile(r"[\s:,]+")  # of a vector, of a soft and a hard limit, of several processes


def verdict(item: Mapping[str, Any]) -> str:
    """One of VERDICTS for an item of a module."""
    state = item["state"]
    if state in OF_STATE:
        return OF_STATE[state]
    if state == ABSENT:  # a key that the user has named may be misspelt; the catalogues' are for all kernels
        return UNMET if str(item.get("why") or "").startswith(SET_IN) else ABSENT
    met = meets(item.get("wanted"), item.get("before"))
    if (state == READONLY and not met) or (state == KEPT and met is False):
        return UNMET
    return OK


def shown(verdict_of_item: str, state: str) -> str:
    """One of SHOWN for an item with this verdict: its state, unless that hides that the host has something else."""
    return UNMET if verdict_of_item == UNMET else state


def worst(verdicts: Iterable[str]) -> str:
    """The first of these in the order of VERDICTS, OK for none."""
    return min(verdicts, key=VERDICTS.index, default=OK)


def rewrites(layer: Mapping[str, Any]) -> str:
    """What a run would do to a layer of whose items none drifts."""
    return f"a run would rewrite {', '.join(layer['files']) or 'its files'}"


def meets(wanted: Any, value: Any) -> bool | None:
    """Whether a value is as `wanted`, such as `at least 4096`; None if these texts do not say so.

    Each number of a value counts: the fields of a vector, a soft and a hard limit, those of several processes.
    """
    if wanted is None:
        return True
    if value is None:
        return None
    rule, asked = _rule(" ".join(_LIMIT.sub("", str(wanted)).split()))
    given = " ".join(str(value).split())
    if asked == given:
        return True
    bounds, numbers = _numbers(asked), _numbers(given)
    if not bounds or not numbers or len(numbers) % len(bounds):
        return False if rule == EXACT and not bounds else None
    return all(bounded(rule, bound, number) == number for bound, number in zip(cycle(bounds), numbers))


def _rule(wanted: str) -> tuple[str, str]:
    for rule, words in RULE_WORDS.items():
        if words and wanted.startswith(words):
            return rule, wanted[len(words) :]
    return EXACT, wanted


def _numbers(text: str) -> list[Any]:
    """The numbers of a text; none if anything else is in it."""
    try:
        return [UNLIMITED.get(word) or int(word) for word in _SEPARATORS.split(text)]
    except ValueError:
        return []
