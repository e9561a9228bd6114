# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses to keep the SIP ALG from loading where a firewall would not load its rules without it."""

from __future__ import annotations

from .._core.errors import ItemError
from .model import Observed

ITEM = "SIP ALG"


class AlgError(ItemError):
    """The SIP ALG cannot be blocked on this host."""


def check_safety(observed: Observed) -> None:
    """Raises AlgError where a firewall's files assign the helper: its whole set of rules would fail at boot."""
    if not observed.alg.used_by:
        return
    raise AlgError(
        ITEM,
        f"{', '.join(observed.alg.used_by)} assigns the helper, so that the firewall would not load its rules at boot "
        "without it. Take it out first: in firewalld replace the service sip by its ports (firewall-cmd --permanent "
        "--remove-service=sip --add-port=5060/udp), in nftables and iptables take out the ct helper of type sip. Or "
        "leave the ALG alone; with the roles, siptune_network_sip_alg: null",
    )
