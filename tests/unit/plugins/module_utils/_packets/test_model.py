# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a look at packets, and their kinds."""

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._packets.model import KINDS, SETTINGS, Queue, Taken


def test_kinds_and_settings_are_told_apart() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert len(set(SETTINGS)) == len(SETTINGS)


def test_the_interrupts_of_a_queue_are_those_of_all_processors() -> None:
    assert Queue("rx-0", 0).interrupts == 0
    assert Queue("rx-0", 0, by_processor=[Taken(0, 3), Taken(5, 4)]).interrupts == 7
