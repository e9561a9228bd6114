# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run and an audit say of a SIP ALG."""

from __future__ import annotations

import pytest
from alg_hosts import BACK, BLOCK, BUILT_IN, IN_A_ZONE, LOADED, NONE, TELL, ZONE, observed
from ansible_collections.siptune.linux.plugins.module_utils._alg.items import WHY, alg_item, described, warnings_of
from ansible_collections.siptune.linux.plugins.module_utils._alg.model import Observed, Request, SipAlg


@pytest.mark.parametrize(
    ("request_", "host", "blocked", "will_be", "expected"),
    [
        (BLOCK, observed(), False, True, ("blocked", "may load", "blocked", "blocked", "changed")),
        (BLOCK, observed(), True, True, ("blocked", "blocked", "blocked", "blocked", "ok")),
        (BLOCK, observed(LOADED), False, True, ("blocked", "loaded", "loaded", "blocked", "pending")),
        (BLOCK, observed(LOADED), True, True, ("blocked", "loaded", "loaded", "blocked", "pending")),
        (BLOCK, observed(BUILT_IN), False, False, ("blocked", "built in", "built in", "may load", "readonly")),
        (BLOCK, observed(container=True), False, False, ("blocked", "may load", "may load", "may load", "readonly")),
        (TELL, observed(LOADED), False, False, (None, "loaded", "loaded", "may load", "kept")),
        (TELL, observed(IN_A_ZONE), False, False, (None, "may load", "may load", "may load", "kept")),
        (TELL, observed(), True, False, (None, "blocked", "may load", "may load", "changed")),
        (BACK, observed(LOADED), True, False, (None, "loaded", "loaded", "may load", "changed")),
    ],
)
def test_the_item(
    request_: Request, host: Observed, blocked: bool, will_be: bool, expected: tuple[str | None, ...]
) -> None:
    item = alg_item(request_, host, blocked, will_be)
    assert item is not None
    assert (item.wanted, item.before, item.after, item.at_boot, item.state) == expected
    assert item.at_boot_before == ("blocked" if blocked else "may load")
    assert item.reason or item.state in ("changed", "ok")


@pytest.mark.parametrize(("request_", "alg"), [(TELL, NONE), (BACK, NONE), (BACK, LOADED)])
def test_nothing_to_say(request_: Request, alg: SipAlg) -> None:
    assert alg_item(request_, observed(alg), False, False) is None
    assert warnings_of(request_, observed(alg)) == []


def test_one_that_is_built_in_and_that_nobody_assigns_is_an_item_without_a_warning() -> None:
    idle = observed(BUILT_IN._replace(automatic=False))
    assert alg_item(TELL, idle, False, False) is not None
    assert warnings_of(TELL, idle) == []


@pytest.mark.parametrize(
    ("alg", "words"),
    [
        (LOADED, "nf_conntrack_sip and nf_nat_sip are loaded; it gets the flows that a rule of a firewall assigns"),
        (LOADED._replace(automatic=True), "every flow of port 5060"),
        (BUILT_IN, "it is built into the kernel"),
        (IN_A_ZONE, f"{ZONE} assigns it"),
    ],
)
def test_a_warning_says_what_it_does_to_calls_and_the_way_out(alg: SipAlg, words: str) -> None:
    (said,) = warnings_of(TELL, observed(alg))
    assert words in described(observed(alg))
    for part in (described(observed(alg)), WHY, "one-way audio", "siptune_network_sip_alg: blocked"):
        assert part in said
    assert warnings_of(BLOCK, observed(alg)) == []
