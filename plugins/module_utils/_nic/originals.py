# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of interface options: what was found before the first change, and what became of it.

Nothing here reads or writes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._engine.originals import LinkOriginal
from .model import Decision, Observed, key_of

UNDER_WAY = ""  # in place of a boot ID: see LinkOriginal


def record(decisions: Sequence[Decision], observed: Observed) -> dict[str, dict[str, LinkOriginal]]:
    """The records as they must stand before the first effect: what will change is recorded, once."""
    links = _by_present_keys(observed)
    for decision in decisions:
        if decision.want is None or decision.before is None or decision.target is None or decision.met:
            continue
        if not decision.write and decision.line is None:
            continue  # nothing is done about it, now or at boot
        options = links.setdefault(key_of(decision.nic.link), {})
        first = decision.record or LinkOriginal(decision.before, "", None)
        waits = not decision.write and first.written == decision.target and first.boot is not None
        if not waits:
            boot = UNDER_WAY if decision.write else observed.boot_id
            options[decision.option.name] = LinkOriginal(first.found, decision.target, first.left, boot)
    return links


def finalize(
    recorded: Mapping[str, Mapping[str, LinkOriginal]],
    decisions: Sequence[Decision],
    after: Mapping[tuple[str, str], str],
    unknown: frozenset[tuple[str, str]],
    observed: Observed,
) -> dict[str, dict[str, LinkOriginal]]:
    """The records once everything is done: what each option was left at, without what is no longer ours.

    `after` is what was read back, `unknown` what a driver turned out not to know.
    """
    links = {key: dict(options) for key, options in recorded.items()}
    for decision in decisions:
        options = links.get(key_of(decision.nic.link), {})
        mine = options.get(decision.option.name)
        if mine is None:
            continue
        if _is_released(decision) or (decision.place in unknown and decision.record is None):
            del options[decision.option.name]
        elif decision.place in unknown and decision.record is not None:
            options[decision.option.name] = decision.record
        elif decision.want is not None and (decision.write or (decision.met and mine.boot is not None)):
            left = after.get(decision.place, decision.before)
            options[decision.option.name] = mine._replace(left=left, boot=None)
    for key in observed.gone:
        others = {option: original for option, original in links.get(key, {}).items() if option not in observed.known}
        links[key] = others
    return {key: options for key, options in links.items() if options}


def _is_released(decision: Decision) -> bool:
    """Whether an option is what it would be without us, or what somebody else has made of it."""
    if decision.want is None:
        return decision.met or decision.write
    return decision.floor and decision.line is None and (decision.met or decision.write)


def _by_present_keys(observed: Observed) -> dict[str, dict[str, LinkOriginal]]:
    """The records, under the key of today where a card has another name by now."""
    links = {key: dict(options) for key, options in observed.originals.links.items()}
    for name, key in observed.keys.items():
        present = key_of(observed.links[name])
        if key != present:
            for option in observed.recorded[name]:
                links.setdefault(present, {})[option] = links[key].pop(option)
    return {key: options for key, options in links.items() if options}
