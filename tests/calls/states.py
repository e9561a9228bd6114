# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a host that are compared, in groups: each group gets a fresh host, tuned once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

SAME, RESTART, BOOT = "same process", "after a restart", "after a boot"

CONTRACT_DATAGRAMS_PER_SECOND = 2000


class Tuning(NamedTuple):
    """How a host is tuned: by one of these, or by nothing.

    `site` are variables of the playbook siptune.linux.site, `tuned` is a profile of TuneD, `documents` stands for the
    literal values of the source documents, written as an administrator would.
    """

    site: Mapping[str, Any] | None = None
    tuned: str = ""
    documents: bool = False


class State(NamedTuple):
    """A row of the page. `moment` is what happens to the daemon between the tuning and the measurement.

    A host in a namespace can show it if it is not `whole_machine`: it takes no kernel parameter that is the machine's
    own. A state with `stalls` is measured under load as well.
    """

    key: str
    name: str
    moment: str
    whole_machine: bool = True
    stalls: bool = True


class Group(NamedTuple):
    """States of one host, in the order in which it goes through them."""

    tuning: Tuning
    states: tuple[State, ...]


MODERN, CONTRACT = "siptune modern", f"siptune modern, contract of {CONTRACT_DATAGRAMS_PER_SECOND:,}/s"

GROUPS = (
    Group(Tuning(), (State("stock", "stock", SAME, whole_machine=False),)),
    Group(Tuning(tuned="network-latency"), (State("tuned-latency", "TuneD network-latency", RESTART),)),
    Group(Tuning(tuned="network-throughput"), (State("tuned-throughput", "TuneD network-throughput", RESTART),)),
    Group(Tuning(documents=True), (State("documents", "the documents' values", RESTART),)),
    Group(Tuning(site={"siptune_profile": "classic"}), (State("classic", "siptune classic", RESTART),)),
    Group(
        Tuning(site={"siptune_profile": "modern"}),
        (
            State("modern-live", MODERN, SAME, whole_machine=False),
            State("modern-restart", MODERN, RESTART),
            State("modern-boot", MODERN, BOOT, stalls=False),
        ),
    ),
    Group(
        Tuning(
            site={
                "siptune_profile": "modern",
                "siptune_capacity": {"sip_datagrams_per_second": CONTRACT_DATAGRAMS_PER_SECOND},
            }
        ),
        (
            State("contract-live", CONTRACT, SAME, whole_machine=False),
            State("contract-restart", CONTRACT, RESTART, stalls=False),
        ),
    ),
)


def all_states() -> Iterator[State]:
    """All states, in the order of the page."""
    for group in GROUPS:
        yield from group.states


STOCK = "stock"
# Where a tuned host is to hold at least TARGET_RATIO times what a stock one holds.
HOLDING = ("modern-live", "modern-restart", "modern-boot")
TARGET_RATIO = 10
