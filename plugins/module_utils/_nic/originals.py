# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The originals of interface options: recorded before the first effect, and finalized after the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._engine.originals import LinkOriginal
from .model import Decision, Observed, key_of

UNDER_WAY = ""  # in place of a boot ID: see LinkOriginal


def record(decisions: Sequence[Decision], observed: Observed) -> dict[str, dict[str, LinkOriginal]]:
    """The originals to store before the first effect: those of all options that will change, each once."""
    links = _by_present_keys(observed)
    for decision in decisions:
        if decision.setting is None or decision.before is None or decision.target is None or decision.met:
            continue
        if not decision.write and decision.boot_value is None:
            continue  # nothing changes, now or at boot
        options = links.setdefault(key_of(decision.nic.link), {})
        first = decision.record or LinkOriginal(decision.before, "", None)
        wanted = decision.boot_value or decision.target
        waits = not decision.write and first.written == wanted and first.boot is not None
        if not waits:
            boot = UNDER_WAY if decision.write else observed.boot_id
            options[decision.option.name] = LinkOriginal(first.found, wanted, first.left, boot)
    return links


def finalize(
    recorded: Mapping[str, Mapping[str, LinkOriginal]],
    decisions: Sequence[Decision],
    after: Mapping[tuple[str, str], str],
    refused: frozenset[tuple[str, str]],
    observed: Observed,
) -> dict[str, dict[str, LinkOriginal]]:
    """The originals to store in the end: with the values that were read back, and without options no longer ours.

    `after` are the values read back, `refused` the options that a driver did not take: their records are as before.
    """
    links = {key: dict(options) for key, options in recorded.items()}
    for decision in decisions:
        options = links.get(key_of(decision.nic.link), {})
        mine = options.get(decision.option.name)
        if mine is None:
            continue
        if decision.place in refused and decision.record is not None:
            options[decision.option.name] = decision.record
        elif decision.place in refused or _is_reverted(decision):
            del options[decision.option.name]
        elif decision.setting is not None and (decision.write or (decision.met and mine.boot is not None)):
            left = after.get(decision.place, decision.before)
            options[decision.option.name] = mine._replace(left=left, boot=None)
    for key in observed.gone:
        others = {option: original for option, original in links.get(key, {}).items() if option not in observed.known}
        links[key] = others
    return {key: options for key, options in links.items() if options}


def _is_reverted(decision: Decision) -> bool:
    """Whether an option has its original value again, or one that somebody else has set."""
    if decision.setting is None:
        return decision.met or decision.write
    return decision.floor and decision.boot_value is None and (decision.met or decision.write)


def _by_present_keys(observed: Observed) -> dict[str, dict[str, LinkOriginal]]:
    """The originals by the present keys of the interfaces, as a card may have been renamed."""
    links = {key: dict(options) for key, options in observed.originals.links.items()}
    for name, key in observed.keys.items():
        present = key_of(observed.links[name])
        if key != present:
            for option in observed.recorded[name]:
                links.setdefault(present, {})[option] = links[key].pop(option)
    return {key: options for key, options in links.items() if options}
