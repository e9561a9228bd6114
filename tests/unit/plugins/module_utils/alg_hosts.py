# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with and without a SIP ALG, as observed, and what becomes of them."""

from __future__ import annotations

from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._alg.model import Observed, Request, SipAlg
from ansible_collections.siptune.linux.plugins.module_utils._alg.plan import TEXT
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord

NONE = SipAlg([], False, None, [])
LOADED = SipAlg(["nf_conntrack_sip", "nf_nat_sip"], False, False, [])
BUILT_IN = SipAlg([], True, True, [])
ZONE = "/etc/firewalld/zones/public.xml"
IN_A_ZONE = SipAlg([], False, None, [ZONE])
BLOCK, TELL, BACK = Request(True, True), Request(False, True), Request(False, False)
OURS = FileRecord(TEXT.encode(), 0o644, 0, 0)


def observed(alg: SipAlg = NONE, own: FileRecord | None = None, **more: Any) -> Observed:
    return Observed(alg, own, NOTHING, (0, 0), False)._replace(**more)
