# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    FileOriginal,
    KeyOriginal,
    Originals,
    digest,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import LiveKey
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.originals import finalize
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from sysctl_hosts import PATH, SETTINGS, applied, observed, request, text


def test_the_line_of_a_floor_survives_the_loss_of_the_originals() -> None:
    wanted = request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}})
    host, _ = applied(observed(), wanted)
    assert not plan(wanted, host._replace(originals=NOTHING)).changed


def test_the_changes_of_a_killed_run_are_reverted() -> None:
    """Originals are recorded before the first effect, so the effects of a killed run can be reverted."""
    start = observed()
    done = plan(request(SETTINGS), start)
    killed = start._replace(originals=done.originals)
    assert applied(killed, request({}))[0] == start
    assert applied(killed, request(SETTINGS))[0] == applied(start, request(SETTINGS))[0]
    half = dict(start.live)
    for write in done.writes[:3]:
        half[write.path] = LiveKey(write.text, True)
    assert applied(killed._replace(live=half), request({}))[0] == start
    with_file = killed._replace(live=half, own=done.files[0].after)
    assert applied(with_file, request({}))[0] == start


def test_originals_are_recorded_once() -> None:
    host, _ = applied(observed(), request({"net.core.rmem_max": 4194304}))
    host, _ = applied(host, request({"net.core.rmem_max": 8388608}))
    assert host.originals.keys["net/core/rmem_max"] == KeyOriginal("212992", "8388608", "8388608", (PATH,))
    assert host.originals.files[PATH] == FileOriginal(None, (digest(text(host).encode()),))


def test_originals_of_another_file_are_not_touched() -> None:
    others = Originals({"net/core/rmem_max": KeyOriginal("1", "2", "2", ("/etc/sysctl.d/80-other.conf",))}, {})
    done = plan(request({}), observed(originals=others))
    assert not done.changed
    assert finalize(request({}), done, {}) == others
