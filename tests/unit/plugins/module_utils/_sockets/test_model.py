# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import Decision, Plan
from socket_hosts import MIB, SO_RCVBUF, STOCK, socket


def test_a_plan_that_sets_a_socket_changes_the_host() -> None:
    one = socket()
    decision = Decision(one.item, one.key, one.place, STOCK, 6 * MIB, SO_RCVBUF)
    assert Plan([], [decision], NOTHING, (), []).changed
    assert not Plan([], [], NOTHING, ("1 2 3",), []).changed
