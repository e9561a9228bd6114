# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from alg_hosts import BUILT_IN, IN_A_ZONE, LOADED, NONE, ZONE, observed
from ansible_collections.siptune.linux.plugins.module_utils._alg.safety import AlgError, check_safety


def test_a_firewall_that_needs_the_helper_keeps_it() -> None:
    with pytest.raises(AlgError) as caught:
        check_safety(observed(IN_A_ZONE))
    assert caught.value.item == "SIP ALG"
    for words in (ZONE, "would not load its rules at boot", "--remove-service=sip", "siptune_network_sip_alg: null"):
        assert words in str(caught.value)


def test_other_hosts_are_let_through() -> None:
    for alg in (NONE, LOADED, BUILT_IN):
        check_safety(observed(alg))
