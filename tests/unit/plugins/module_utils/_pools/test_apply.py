# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Outcome
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._pools.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._pools.model import Observed, Request
from pool_hosts import BOTH, look, text, tree


def carry_out(root: Path, observed: Observed, planned: FilesPlan) -> Outcome:
    return all_or_nothing(lambda log: apply(Host(str(root)), Request([]), observed, planned, log))


def test_the_outcome_is_the_plan(root: Path) -> None:
    observed, planned = look(root, BOTH)
    assert carry_out(root, observed, planned) == Outcome(planned.changes, True)
    assert "S_MEMORY=1024\n" in text(root, "opensips")
    again = look(root, BOTH)
    tuned = tree(root)
    assert not carry_out(root, *again).changed
    assert tree(root) == tuned


def test_a_refused_file_is_named_and_the_others_are_undone(root: Path) -> None:
    observed, planned = look(root, BOTH)
    (root / "etc/default/kamailio-edge").mkdir()
    before = tree(root)
    with pytest.raises(RefusedError) as caught:
        carry_out(root, observed, planned)
    assert caught.value.item == "/etc/default/kamailio-edge"
    assert tree(root) == before


def test_leftovers_of_a_killed_run_are_removed(root: Path) -> None:
    leftover = root / "etc/default/.opensips.siptune-new"
    leftover.write_text("half")
    carry_out(root, *look(root, {"opensips.service": {"shared_mib": {"value": 1, "rule": "at_least"}}}))
    assert not leftover.exists()
