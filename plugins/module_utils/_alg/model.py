# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of sip_alg: the evidence of a SIP ALG on a host, the request and the observed host."""

from __future__ import annotations

from typing import NamedTuple

from .._engine.originals import Originals
from .._host.host import FileRecord

PATH = "/etc/modprobe.d/90-siptune-sip-alg.conf"
TRACKING, NAT = "nf_conntrack_sip", "nf_nat_sip"
MODULES = (TRACKING, NAT)


class SipAlg(NamedTuple):
    """The kernel's SIP ALG, its connection tracking helper: what of it is there, and who asks for it.

    `modules` are those that are loaded. `automatic` says whether the kernel hands it every flow of port 5060 by itself,
    net.netfilter.nf_conntrack_helper; None where the kernel does not have that any more (from 6.0 on), or does not
    track connections. `used_by` are files of firewalls that assign the helper.
    """

    modules: list[str]
    built_in: bool
    automatic: bool | None
    used_by: list[str]

    @property
    def is_there(self) -> bool:
        return bool(self.modules or self.built_in or self.used_by)


class Request(NamedTuple):
    """Whether the ALG is to be kept from loading, and whether it is to be told where nobody asks for that."""

    block: bool
    tell: bool


class Observed(NamedTuple):
    """Everything that the plan depends on."""

    alg: SipAlg
    own: FileRecord | None
    originals: Originals
    owner: tuple[int, int]
    container: bool
