# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._core.change import STATES, Change


def test_an_item_has_what_users_are_promised() -> None:
    change = Change("net.core.somaxconn", "at least 4096", "128", "4096", "4096", "changed", "bursts")
    fields = ["item", "wanted", "before", "after", "at_boot", "state", "why", "reason", "at_boot_before"]
    assert list(change.as_item()) == fields


def test_every_state_has_one_name() -> None:
    assert len(set(STATES)) == len(STATES) == 8
