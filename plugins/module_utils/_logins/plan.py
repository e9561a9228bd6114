# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a limits.d file. Reverting a host is the plan for no limits at all."""

from __future__ import annotations

from .._engine.owned_files import FilesPlan, OwnFile, one_file_plan, plan_file, text_of
from .conf import HARD, HEADING, INFINITE
from .effective import Effective, effective
from .items import limit_item, removed_items, warnings_of
from .model import Observed, Request
from .safety import check_limit, check_together, highest_nofile
from .settings import MAX, Limit, render


def plan(request: Request, observed: Observed) -> FilesPlan:
    """The plan that fulfils the request. Raises LimitsError where that is not safe."""
    limits = _with_numbers(request, observed)
    for limit in limits:
        check_limit(limit, observed)
    text = render(limits) if limits else None
    own = OwnFile(request.path, observed.own, HEADING)
    file, left_alone = plan_file(own, text, observed.originals.files, observed.owner)
    now, then = (
        effective(request.path, None if record is None else text_of(record), observed)
        for record in (observed.own, file.after if file else observed.own)
    )
    check_together(request.path, limits, then)
    asked = {limit.name: limit.value for limit in request.limits}
    changes = [limit_item(limit, asked[limit.name], request.path, now, then) for limit in limits]
    changes += removed_items(request.path, limits, now, then)
    warnings = warnings_of(request, changes, then) if limits else []
    return one_file_plan(own, file, [*changes, left_alone], observed.originals, warnings)


def _with_numbers(request: Request, observed: Observed) -> list[Limit]:
    """The limits with a number in place of each `max`: the hard ones first, as a soft one follows from them."""
    ceiling = highest_nofile(observed)
    limits = [
        limit._replace(value=str(ceiling)) if limit.value == MAX and HARD in limit.sides else limit
        for limit in request.limits
    ]
    if not any(limit.value == MAX for limit in limits):
        return limits
    known = render([limit for limit in limits if limit.value != MAX])
    limits_known = effective(request.path, known, observed)
    return [
        limit._replace(value=str(min(ceiling, *_hard_limits(limit, limits_known)))) if limit.value == MAX else limit
        for limit in limits
    ]


def _hard_limits(limit: Limit, known: Effective) -> list[int]:
    """The hard limits in force for those a limit applies to, and INFINITE, so that there is at least one number."""
    hard = (known.hard(limit.item, known.decide(limit.item, account)) for account in known.people(limit))
    return [INFINITE, *(number for number in hard if number is not None)]
