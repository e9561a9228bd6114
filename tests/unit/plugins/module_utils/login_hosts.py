# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for the tests of limits of logins, and the plans for them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan
from ansible_collections.siptune.linux.plugins.module_utils._host.accounts import Account
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import INFINITE, LimitsError
from ansible_collections.siptune.linux.plugins.module_utils._logins.model import (
    ROOT,
    Directory,
    Observed,
    Request,
    Start,
)
from ansible_collections.siptune.linux.plugins.module_utils._logins.pam import PamLimits, Service
from ansible_collections.siptune.linux.plugins.module_utils._logins.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._logins.settings import parse_limits
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import KERNEL_NR_OPEN, NrOpen

PATH = "/etc/security/limits.d/90-test.conf"
MAIN = "/etc/security/limits.conf"
LATER = "/etc/security/limits.d/99-local.conf"
EARLIER = "/etc/security/limits.d/10-base.conf"

ASTERISK = Account("asterisk", 4321, 4321, frozenset({4321, 4400}), frozenset({"asterisk", "voip"}))
DEBIAN = PamLimits(spares_root=True)
UPSTREAM = PamLimits()
OLD = PamLimits(maps_nofile=False, spares_root=True, knows_nonewprivs=False, knows_rttime=False)
HARD = {"nofile": 524288, "nproc": 31275, "core": INFINITE, "nice": 0, "rtprio": 0, "memlock": 8388608, "cpu": INFINITE}


def host(**changes: Any) -> Observed:
    """An ordinary host with nothing but an empty limits.conf, and for what is given."""
    found = Observed(
        own=None,
        others={MAIN: "# empty\n"},
        originals=NOTHING,
        owner=(0, 0),
        directory=Directory(
            {"asterisk": ASTERISK, "root": ROOT}, {0: ROOT, 4321: ASTERISK}, {"voip": 4400}, {4400: "voip"}
        ),
        pam=DEBIAN,
        services=[Service("su", True, "/etc/pam.d/su", 3), Service("login", None)],
        nr_open=NrOpen(KERNEL_NR_OPEN, KERNEL_NR_OPEN),
        start=Start(HARD, "process 1"),
    )
    return found._replace(**changes)


def limit(text: str, why: str = "") -> dict[str, Any]:
    domain, kind, item, value = text.split()
    return {"domain": domain, "type": kind, "item": item, "value": value, "why": why}


def request(*texts: str) -> Request:
    return Request(PATH, parse_limits([limit(text) for text in texts]))


def planned(found: Observed, *texts: str) -> FilesPlan:
    return plan(request(*texts), found)


def items(done: FilesPlan) -> dict[str, Change]:
    return {change.item: change for change in done.changes}


def only(found: Observed, *texts: str) -> Change:
    """The item of the last limit that is given."""
    domain, kind, item, _ = texts[-1].split()
    return items(planned(found, *texts))[f"{domain} {kind} {item}"]


def applied(found: Observed, done: FilesPlan) -> Observed:
    own = done.files[0].after if done.files else found.own
    return found._replace(own=own, originals=done.finalized)


def refused(found: Observed, *texts: str) -> str:
    with pytest.raises(LimitsError) as caught:
        planned(found, *texts)
    domain, kind, item, _ = texts[-1].split()
    assert caught.value.item == f"{domain} {kind} {item}"
    return caught.value.reason


LOW_NOW = NrOpen(1000, KERNEL_NR_OPEN)
LOW_AT_BOOT = NrOpen(KERNEL_NR_OPEN, 1000, "/etc/sysctl.d/50.conf line 7")
