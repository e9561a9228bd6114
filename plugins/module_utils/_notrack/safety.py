# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses to stop tracking where a rule of the host would then cut calls off, or where nobody can tell."""

from __future__ import annotations

from .model import Observed
from .ports import Ports
from .ruleset import Ruleset
from .settings import ITEM, NotrackError
from .table import TABLE, own_table, without_own
from .verdicts import TooMuchError, address_translation, cuts, of_containers

MOST_NAMED = 3  # rules in a message
OR_LEAVE = "or leave connections tracked; with the roles, siptune_network_notrack: false"


def check_safety(ports: Ports, observed: Observed) -> None:
    """Raises NotrackError, which names the rule, where calls would be cut off."""
    _check_name(observed)
    if observed.opaque:
        raise NotrackError(ITEM, f"{observed.opaque}, {OR_LEAVE}")
    if observed.ruleset is None:
        return
    try:
        _check_rules(ports, observed, without_own(observed.ruleset))
    except TooMuchError as error:
        raise NotrackError(ITEM, f"the firewall cannot be judged: {error}. Make it simpler, {OR_LEAVE}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        shape = f"nft prints a rule of a shape that is not known ({type(error).__name__}: {error})"
        raise NotrackError(ITEM, f"the firewall cannot be judged: {shape}, {OR_LEAVE}") from error


def _check_rules(ports: Ports, observed: Observed, ruleset: Ruleset) -> None:
    translating = list(address_translation(ruleset))
    if translating:
        raise NotrackError(
            ITEM,
            f"{_named(translating)} translates addresses, which takes tracked connections. Take it out, {OR_LEAVE}",
        )
    containers = [*observed.containers, *of_containers(ruleset)]
    if containers:
        raise NotrackError(
            ITEM,
            f"a network of containers is here ({_named(containers)}), which translates addresses or soon will, and "
            f"that takes tracked connections. Carry calls on a host without it, {OR_LEAVE}",
        )
    cut_off = list(map(str, cuts(ruleset, ports, observed.families)))
    if cut_off:
        raise NotrackError(
            ITEM,
            f"{_named(cut_off)}. Accept these ports before that, whatever their connection: for example `udp dport "
            "5060 accept` for incoming and `udp sport 5060 accept` for outgoing packets. One with further conditions "
            f"counts if it names `ct state untracked`. Or name the ports that are used, {OR_LEAVE}",
        )


def _check_name(observed: Observed) -> None:
    """Raises NotrackError where somebody else has a table of our name."""
    if observed.ruleset is not None:
        found = own_table(observed.ruleset)
        if found.foreign:
            raise NotrackError(
                ITEM,
                f"there is a {TABLE} that {found.foreign}: somebody else has made or edited it, and it is left alone. "
                f"Rename it, or delete it (nft delete {TABLE}), and run again",
            )
    if observed.same_name:
        raise NotrackError(
            ITEM,
            f"{_named(observed.same_name)} has a {TABLE} of its own, which ours would replace at boot. Rename it, and "
            "run again",
        )


def _named(found: list[str] | tuple[str, ...]) -> str:
    more = len(found) - MOST_NAMED
    return "; ".join(found[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
