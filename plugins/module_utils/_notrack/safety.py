# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses to stop tracking where a rule of the host would then cut calls off, or where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .matching import NEW
from .model import TCP_LOOSE, Observed
from .ports import PROTOCOLS, TCP, UDP, Exempt, Ports, common
from .ruleset import Ruleset
from .settings import ITEMS, NotrackError, item_of
from .table import TABLE, own_table, without_own
from .verdicts import TooMuchError, address_translation, cuts, of_containers

MOST_NAMED = 3  # rules in a message
_VARIABLES = {ITEMS[UDP]: "siptune_network_notrack", ITEMS[TCP]: "siptune_network_notrack_tcp"}


def check_safety(ports: Exempt, observed: Observed) -> None:
    """Raises NotrackError, which names the rule, where calls would be cut off, now or on the way back."""
    item = item_of(ports)
    _check_name(item, observed)
    if observed.opaque:
        raise NotrackError(item, f"{observed.opaque}, {_or_leave(item)}")
    if observed.ruleset is None:
        return
    with _judging(item):
        ruleset = without_own(observed.ruleset)
        _check_connections_needed(item, ports, observed, ruleset)
        for protocol in PROTOCOLS:
            _check_cuts(protocol, ports.of(protocol), observed, ruleset)
    reason = danger_of_tracking(ports.tcp, observed)
    if reason:
        raise NotrackError(ITEMS[TCP], f"on the way back {reason}. Change that first, {_or_leave(ITEMS[TCP])}")


@contextmanager
def _judging(item: str) -> Iterator[None]:
    """Raises NotrackError where the ruleset inside cannot be judged."""
    try:
        yield
    except TooMuchError as error:
        raise NotrackError(
            item, f"the firewall cannot be judged: {error}. Make it simpler, {_or_leave(item)}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        shape = f"nft prints a rule of a shape that is not known ({type(error).__name__}: {error})"
        raise NotrackError(item, f"the firewall cannot be judged: {shape}, {_or_leave(item)}") from error


def danger_of_tracking(ports: Ports, observed: Observed) -> str:
    """Why connections at these TCP ports would be cut off if they were tracked again; empty where they would not be.

    They are picked up in their middle: as new ones, or as invalid ones without nf_conntrack_tcp_loose. Source:
    net/netfilter/nf_conntrack_proto_tcp.c, tcp_new()
    """
    if not ports or observed.ruleset is None:
        return ""
    if not observed.tcp_loose:
        return f"running connections would be invalid, as {TCP_LOOSE} is 0 (and 1 by default)"
    try:
        with _judging(ITEMS[TCP]):
            found = cuts(without_own(observed.ruleset), ports, observed.families, TCP, NEW)
    except NotrackError as error:
        return error.reason
    return f"running connections would be new ones, and {_named([str(cut) for cut in found])}" if found else ""


def _check_connections_needed(item: str, ports: Exempt, observed: Observed, ruleset: Ruleset) -> None:
    """Raises NotrackError where something takes tracked connections, whatever the ports."""
    translating = list(address_translation(ruleset))
    if translating:
        raise NotrackError(
            item,
            f"{_named(translating)} translates addresses, which takes tracked connections. Take it out, "
            f"{_or_leave(item)}",
        )
    containers = [*observed.containers, *of_containers(ruleset)]
    if containers:
        raise NotrackError(
            item,
            f"a network of containers is here ({_named(containers)}), which translates addresses or soon will, and "
            f"that takes tracked connections. Carry calls on a host without it, {_or_leave(item)}",
        )
    balanced = [one for one in observed.balanced if common(one.ports, ports.of(one.protocol))]
    if balanced:
        raise NotrackError(
            item,
            f"IPVS passes on what comes to {_named([str(one) for one in balanced])}, for which it may take tracked "
            f"connections. Carry calls on a host without it, {_or_leave(item)}",
        )


def _check_cuts(protocol: str, ports: Ports, observed: Observed, ruleset: Ruleset) -> None:
    """Raises NotrackError where untracked packets of these ports would be dropped."""
    cut_off = list(map(str, cuts(ruleset, ports, observed.families, protocol))) if ports else []
    if cut_off:
        raise NotrackError(
            ITEMS[protocol],
            f"{_named(cut_off)}. Accept these ports before that, whatever their connection: for example `{protocol} "
            f"dport 5060 accept` for incoming and `{protocol} sport 5060 accept` for outgoing packets. One with "
            f"further conditions counts if it names `ct state untracked`. Or name the ports that are used, "
            f"{_or_leave(ITEMS[protocol])}",
        )


def _check_name(item: str, observed: Observed) -> None:
    """Raises NotrackError where somebody else has a table of our name."""
    if observed.ruleset is not None:
        found = own_table(observed.ruleset)
        if found.foreign:
            raise NotrackError(
                item,
                f"there is a {TABLE} that {found.foreign}: somebody else has made or edited it, and it is left alone. "
                f"Rename it, or delete it (nft delete {TABLE}), and run again",
            )
    if observed.same_name:
        raise NotrackError(
            item,
            f"{_named(observed.same_name)} has a {TABLE} of its own, which ours would replace at boot. Rename it, and "
            "run again",
        )


def _or_leave(item: str) -> str:
    """The way out that is always there."""
    return f"or leave connections tracked; with the roles, {_VARIABLES[item]}: false"


def _named(found: Sequence[str]) -> str:
    more = len(found) - MOST_NAMED
    return "; ".join(found[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
